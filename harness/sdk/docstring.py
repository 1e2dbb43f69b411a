"""What a docstring says of a parameter. Prose: what it gives is taken only where an overlay says so."""

from __future__ import annotations

import re
from itertools import takewhile

_NUMBER = r"[-+]?\d+(?:\.\d+)?"
# `20-500`, `-100~100`, `0 to 5`, `between 0 and 84`, `in the range of 1-10`, `range: [0, 1]`, `id (1~7)`.
_RANGE = re.compile(
    rf"(?P<start>^\s*|[(\[]\s*)?(?P<word>\b(?:range|between|from|in)\b(?:\s+(?:of|is))?[\s:=(\[]*)?"
    rf"(?<![\w.])(?P<low>{_NUMBER})\s*(?P<joint>~|-|\u2013|to\b|\.\.+|and\b|,)\s*(?P<high>{_NUMBER})(?![\d/]|\.\d)",
    re.IGNORECASE,
)


def told_of(doc: str, name: str) -> str:
    """What a docstring says of one parameter, in Google, Sphinx or NumPy form, on one line; empty where nothing."""
    lines = iter(doc.split("\n"))
    for line in lines:
        text = line.strip()
        sphinx = text.startswith(":param ")
        head, colon, told = text.removeprefix(":param ").partition(":")
        words = head.split()[-1:] if sphinx else [head.partition("(")[0].strip()]
        if colon and words and words[0].lstrip("*") == name:
            further = takewhile(lambda one: one.strip() and _indent(one) > _indent(line), lines)  # noqa: B023  used at once
            return " ".join([told.strip(), *map(str.strip, further)]).strip()
    return ""


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def range_in(text: str) -> tuple[int | float, int | float] | None:
    """The one range that a text gives; None where it gives none, or several."""
    found = set()
    for match in _RANGE.finditer(text):
        joint, word = match["joint"].lower(), match["word"]
        clear = joint == "~" or word or (match["start"] is not None and joint not in {"and", ","})
        low, high = (float(match[key]) if "." in match[key] else int(match[key]) for key in ("low", "high"))
        if clear and low < high:
            found.add((low, high))
    return found.pop() if len(found) == 1 else None
