"""What a check found wrong, and what it read: the two records that leave `harness.checks`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check found wrong."""

    code: str  # stable, registered in `harness.checks.codes`; its first letter names the stage
    message: str  # what is wrong, with the part of the command that is; control characters escaped
    item: int | None  # index of the command in the list, or None where the whole answer is meant
    span: Span  # character offsets (start, end): inside the command, or inside the answer where `item` is None
    hint: str = ""  # what would be right, where that is known


@dataclass(frozen=True, slots=True)
class Call:
    """One bound command: path below `self`, and the arguments by name, defaults filled in.

    Numbers stand as they were given (an int where a float is expected stays an int); an optional argument
    without a default is absent where it was left out; a builder call is a nested `Call`; a list is a tuple.
    """

    path: str
    args: Mapping[str, Value]


Value: TypeAlias = "str | int | float | bool | tuple[str | int | float | bool, ...] | Call"


def shown(value: object, limit: int = 60) -> str:
    """`repr` of a value from a model, cut short; repr escapes what does not print."""
    text = repr(value[: limit + 1] if isinstance(value, str) else value)
    if len(text) <= limit + 2:
        return text
    return text[:limit] + "..." + (text[0] if isinstance(value, str) else "")


_LOOK_ALIKES = {
    "[\u2018-\u201f\xab\xbb\u2039\u203a\u2032\u2033\uff02\uff07]": "a typographic quote: write straight ones, ' or \"",
    "[`\xb4]": "no Python quote: write ' or \"",
    "[\uff3b\uff3d\uff08\uff09\u300c-\u3011\u3014\u3015\uff5b\uff5d]": "no Python bracket: write [ ] or ( )",
    "[\uff0c\u3001\ufe50]": "no Python comma: write ,",
}


def look_alike(text: str) -> str:
    """A hint on a quote, bracket or comma that is not Python's own, such as one from a word processor."""
    for pattern, what in _LOOK_ALIKES.items():
        if found := re.search(pattern, text):
            return f"{found.group()} (U+{ord(found.group()):04X}) is {what}."
    return ""


def name_shown(name: str, limit: int = 60) -> str:
    """An identifier from a model, quoted and cut short."""
    return repr(name) if len(name) <= limit else repr(name[:limit] + "...")


_THOUGHTS = re.compile(r"</?[\w:]{0,5}(?:think|thought|reasoning)|\[/?THINK\]|<\|channel\|>", re.IGNORECASE)


def one_list(text: str) -> str:
    """What to do about an answer with several lists."""
    told = " gonogo check --strip-reasoning leaves out what was thought before it."
    return "Give one list." + (told if _THOUGHTS.search(text) else "")
