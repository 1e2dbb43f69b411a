"""Does the candidate's training file hold held-out commands?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.cases import Case
from harness.gate.validity import Contamination
from harness.overlap import make_guard, overlap, training_commands


def check_training(path: Path, cases: Sequence[Case]) -> Contamination:
    """Compare held-out commands with a training file: equal texts, shared runs of words, near duplicates.

    Args:
        path: JSONL; each line has a `command`, or chat `messages` whose user messages are taken.
        cases: The held-out commands.

    Raises:
        InputError: the file cannot be read, or a line is neither.
    """
    guard = make_guard(command for _, command in training_commands(path))
    overlaps = tuple(f"{case.id} ({why})" for case in cases if (why := overlap(case.command, guard)))
    return Contamination(str(path), overlaps)
