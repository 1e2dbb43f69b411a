"""Reads a teacher's reply. It is hostile text: parsed with bounds, never run; every object in it is looked at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST_REPLY = 60_000  # characters read; a right reply has a tenth of it
MOST_OBJECTS = 64  # read of one reply
LONGEST_ANSWER = 60  # calls


@dataclass(frozen=True, slots=True)
class Written:
    """One pair as the teacher wrote it; `brief` is the position of its brief, from 0."""

    brief: int
    command: str
    answer: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A piece of a reply that is no pair, with why."""

    text: str
    why: str


def read_reply(text: str, count: int) -> list[Written | Unreadable]:
    """Every pair of a reply to `count` briefs, and every piece that is none; at most `MOST_OBJECTS` of them."""
    found: list[Written | Unreadable] = []
    for piece in _objects(text[:LONGEST_REPLY]):
        found.append(piece if isinstance(piece, Unreadable) else _pair(piece, count))
        if len(found) == MOST_OBJECTS:
            break
    return found


def _objects(text: str) -> Iterator[object]:
    """Each JSON object in a text, wherever it stands; `Unreadable` where one begins and cannot be read."""
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
            yield value
        except (ValueError, RecursionError) as error:
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            why = "cut off" if end == len(text) else "not JSON"
            yield Unreadable(text[at:end][:2000], f"{why} ({type(error).__name__})")
        at = text.find("{", end)


def _pair(value: object, count: int) -> Written | Unreadable:
    match value:
        case {"command": str(command), "answer": list(answer), "brief": int(brief)} if (
            not isinstance(brief, bool)
            and 1 <= brief <= count
            and len(answer) <= LONGEST_ANSWER
            and all(isinstance(item, str) for item in answer)
        ):
            return Written(brief - 1, command, tuple(answer))
    wanted = f"needs `brief` from 1 to {count}, `command` as a text, `answer` as at most {LONGEST_ANSWER} texts"
    return Unreadable(repr(value)[:2000], wanted)
