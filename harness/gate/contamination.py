"""Does the candidate's training file hold held-out commands?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.cases import Case
from harness.errors import InputError
from harness.files import read_jsonl
from harness.gate.validity import Contamination
from harness.training.overlap import make_guard, overlap


def check_training(path: Path, cases: Sequence[Case]) -> Contamination:
    """Compare held-out commands with a training file: equal texts, shared runs of words, near duplicates.

    Args:
        path: JSONL; each line has a `command`, or chat `messages` whose user messages are taken.
        cases: The held-out commands.

    Raises:
        InputError: the file cannot be read, or a line is neither.
    """
    guard = make_guard(_commands(path))
    overlaps = tuple(f"{case.id} ({why})" for case in cases if (why := overlap(case.command, guard)))
    return Contamination(str(path), overlaps)


def _commands(path: Path) -> Iterator[str]:
    hint = 'one JSON object a line, with "command" or "messages"'
    for number, record in read_jsonl(path, "the training file", line_hint=hint, path_hint="check --training"):
        try:
            if "command" in record:
                yield str(record["command"])
            else:
                yield from (str(one["content"]) for one in record["messages"] if one["role"] == "user")
        except (KeyError, TypeError):
            raise InputError("neither a command nor chat messages", path=path, line=number, hint=hint) from None
