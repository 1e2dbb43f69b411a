"""Keeps training commands apart from held-out ones: equal texts, shared eight-word runs, near duplicates.

Texts are compared as lower-case words without punctuation. The score of a near duplicate is the Jaccard index of the
two sets of character 4-grams, which does not mind a changed word ending or a swapped pair of words.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InputError

WORD_RUN = 8  # words in a row that two texts may not share
NEAR = 0.7  # Jaccard index from which texts count as near duplicates
_GRAM = 4  # characters
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Guard:
    """Held-out commands, indexed.

    Attributes:
        texts: Normalised commands.
        runs: Every run of `WORD_RUN` words in them -> positions in `ordered` of the texts that have it.
        grams: Character 4-grams of each text, in the order of `ordered`.
        postings: 4-gram -> positions in `ordered` whose text has it.
    """

    texts: frozenset[str]
    runs: Mapping[tuple[str, ...], tuple[int, ...]]
    ordered: tuple[str, ...]
    grams: tuple[frozenset[str], ...]
    postings: Mapping[str, tuple[int, ...]]


def normalised(text: str) -> str:
    """Lower-case words of a text in one canonical Unicode form, joined by single spaces."""
    return " ".join(_WORDS.findall(unicodedata.normalize("NFKC", text).casefold()))


def word_runs(text: str, size: int = WORD_RUN) -> set[tuple[str, ...]]:
    """All runs of `size` words of the normalised text; none in a shorter text."""
    words = normalised(text).split()
    return {tuple(words[at : at + size]) for at in range(len(words) - size + 1)}


def similarity(one: str, other: str) -> float:
    """Jaccard index of the character 4-grams of two normalised texts, 0 to 1."""
    first, second = _grams(normalised(one)), _grams(normalised(other))
    return len(first & second) / len(first | second)


def make_guard(commands: Iterable[str]) -> Guard:
    """Index held-out commands."""
    ordered = tuple(sorted({normalised(command) for command in commands}))
    grams = tuple(_grams(text) for text in ordered)
    postings: dict[str, list[int]] = defaultdict(list)
    for position, parts in enumerate(grams):
        for part in parts:
            postings[part].append(position)
    runs: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for position, text in enumerate(ordered):
        for run in word_runs(text):
            runs[run].append(position)
    frozen_runs = {run: tuple(at) for run, at in runs.items()}
    return Guard(frozenset(ordered), frozen_runs, ordered, grams, {part: tuple(at) for part, at in postings.items()})


def read_commands(paths: Iterable[Path]) -> list[str]:
    """The `command` of each line of JSONL files of cases.

    Raises:
        InputError: a line is not a JSON object with a `command`.
    """
    commands = []
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
            if not line.strip():
                continue
            try:
                commands.append(str(json.loads(line)["command"]))
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(
                    "a case needs a `command`", path=path, line=number, hint="one JSON object a line"
                ) from error
    return commands


def overlap(command: str, guard: Guard, near: float = NEAR) -> str:
    """Why a command is too close to a held-out one: `equal`, `word_run`, `near`; empty if it is not."""
    text = normalised(command)
    if text in guard.texts:
        return "equal"
    if not guard.runs.keys().isdisjoint(word_runs(text)):
        return "word_run"
    return "near" if _nearest(text, guard) >= near else ""


def offenders(command: str, guard: Guard, near: float = NEAR) -> list[tuple[str, str]]:
    """Each held-out text that a command is too close to: (reason as `overlap` gives it, normalised text)."""
    text = normalised(command)
    reasons = {at: "near" for at, alike in _likenesses(text, guard).items() if alike >= near}
    reasons |= {at: "word_run" for run in word_runs(text) for at in guard.runs.get(run, ())}
    reasons |= {at: "equal" for at in reasons if guard.ordered[at] == text}
    return [(reason, guard.ordered[at]) for at, reason in sorted(reasons.items())]


def _nearest(text: str, guard: Guard) -> float:
    return max(_likenesses(text, guard).values(), default=0.0)


def _likenesses(text: str, guard: Guard) -> dict[int, float]:
    """Jaccard index with each indexed text that shares a 4-gram."""
    parts = _grams(text)
    shared: dict[int, int] = defaultdict(int)
    for part in parts:
        for position in guard.postings.get(part, ()):
            shared[position] += 1
    return {at: count / (len(parts) + len(guard.grams[at]) - count) for at, count in shared.items()}


def _grams(text: str) -> frozenset[str]:
    padded = f" {text} ".rjust(_GRAM)
    return frozenset(padded[at : at + _GRAM] for at in range(len(padded) - _GRAM + 1))
