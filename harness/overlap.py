"""Keeps training text apart from held-out commands: equal texts, eight words in a row, near duplicates, reserved words.

Texts are compared as lower-case words without punctuation. Near duplicates are told by the Jaccard index of the two
sets of character 4-grams, which does not mind a changed word ending or a swapped pair of words.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from harness.cases import Case
from harness.errors import InputError
from harness.files import read_jsonl, read_whole

WORD_RUN = 8  # words in a row that two texts may not share
NEAR = 0.7  # Jaccard index from which texts count as near duplicates
_GRAM = 4  # characters
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Guard:
    """Commands to keep away from, indexed.

    Attributes:
        texts: Normalised commands, sorted; the numbers below are positions in it.
        sizes: Number of 4-grams of each text.
        runs: Each run of `WORD_RUN` words -> the texts that have it.
        postings: Each 4-gram -> the texts that have it.
    """

    texts: tuple[str, ...]
    sizes: tuple[int, ...]
    runs: Mapping[tuple[str, ...], Sequence[int]]
    postings: Mapping[str, Sequence[int]]


def normalised(text: str) -> str:
    """Lower-case words of a text in one canonical Unicode form, joined by single spaces."""
    return " ".join(_WORDS.findall(unicodedata.normalize("NFKC", text).casefold()))


def word_runs(text: str) -> set[tuple[str, ...]]:
    """All runs of `WORD_RUN` words of the normalised text; none in a shorter text."""
    words = normalised(text).split()
    return {tuple(words[at : at + WORD_RUN]) for at in range(len(words) - WORD_RUN + 1)}


def grams(text: str) -> frozenset[str]:
    """Character 4-grams of a normalised text, a space around it."""
    padded = f" {text} ".rjust(_GRAM)
    return frozenset(padded[at : at + _GRAM] for at in range(len(padded) - _GRAM + 1))


def similarity(one: str, other: str) -> float:
    """Jaccard index of the character 4-grams of two texts, 0 to 1."""
    first, second = grams(normalised(one)), grams(normalised(other))
    return len(first & second) / len(first | second)


def make_guard(commands: Iterable[str]) -> Guard:
    """Index commands."""
    texts = tuple(sorted({normalised(command) for command in commands}))
    runs: dict[tuple[str, ...], list[int]] = defaultdict(list)
    postings: dict[str, list[int]] = defaultdict(list)
    for position, text in enumerate(texts):
        for run in word_runs(text):
            runs[run].append(position)
        for gram in grams(text):
            postings[gram].append(position)
    return Guard(texts, tuple(len(grams(text)) for text in texts), dict(runs), dict(postings))


def overlaps(command: str, guard: Guard) -> list[tuple[str, str]]:
    """Each indexed text that a command is too close to: (`equal`, `word_run` or `near`; the normalised text)."""
    text = normalised(command)
    mine = grams(text)
    shared = Counter(chain.from_iterable(guard.postings.get(gram, ()) for gram in mine))
    least = NEAR * len(mine)  # fewer grams in common are too few for a text of any size
    near_ones = (at for at, n in shared.items() if n >= least and n >= NEAR * (len(mine) + guard.sizes[at] - n))
    reasons = dict.fromkeys(near_ones, "near")
    reasons |= {at: "word_run" for run in word_runs(text) for at in guard.runs.get(run, ())}
    return [("equal" if guard.texts[at] == text else why, guard.texts[at]) for at, why in sorted(reasons.items())]


def overlap(command: str, guard: Guard) -> str:
    """Why a command is too close to an indexed one: `equal`, `word_run`, `near`; empty if it is not."""
    reasons = {reason for reason, _ in overlaps(command, guard)}
    return next((reason for reason in ("equal", "word_run", "near") if reason in reasons), "")


def training_commands(path: Path) -> Iterator[tuple[int, str]]:
    """Line number and command of each line of a JSONL file: its `command`, or the user messages of a chat.

    Raises:
        InputError: the file cannot be read, or a line is neither.
    """
    hint = 'one JSON object a line, with "command" or "messages"'
    for number, record in read_jsonl(path, "the training file", line_hint=hint):
        try:
            messages = [{"role": "user", "content": record["command"]}] if "command" in record else record["messages"]
            commands = [str(message["content"]) for message in messages if message["role"] == "user"]
        except (KeyError, TypeError):
            commands = []
        if not commands:
            raise InputError("neither a command nor chat messages", path=path, line=number, hint=hint)
        yield from ((number, command) for command in commands)


@dataclass(frozen=True, slots=True)
class Contamination:
    """A training file, if one was given, and the ids of the held-out cases that occur in it, each with how."""

    checked: str = ""
    overlaps: tuple[str, ...] = ()


def check_training(path: Path, cases: Sequence[Case]) -> Contamination:
    """Compare held-out commands with a training file: equal texts, shared runs of words, near duplicates.

    Raises:
        InputError: as `training_commands`.
    """
    guard = make_guard(command for _, command in training_commands(path))
    overlaps = tuple(f"{case.id} ({why})" for case in cases if (why := overlap(case.command, guard)))
    return Contamination(str(path), overlaps)


def read_reserved(path: Path) -> tuple[tuple[str, ...], ...]:
    """Reserved words, one a line: a word or a group of words; with `&` several that may not come together.

    A file that is not there reserves nothing.
    """
    if not path.exists():
        return ()
    lines = read_whole(path).lower().splitlines()
    return tuple(tuple(part.strip() for part in line.split("&")) for line in lines if line.strip())


def is_reserved(text: str, reserved: Iterable[Sequence[str]]) -> bool:
    """Whether reserved words stand in a text, singular or with a plural s."""
    padded = " " + re.sub(r"[^a-z0-9]+", " ", text.lower()) + " "
    # That a word occurs at all is asked first: it hardly ever does.
    return any(
        all(w in padded and any(f" {w}{end} " in padded for end in ("", "s", "es")) for w in words)
        for words in reserved
    )
