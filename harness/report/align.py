"""Command lists side by side: which command of one model stands beside which of another, and what differs in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import pairwise

_WORDS = re.compile(r"\w+|\W")
_ALIKE = 0.5  # below this likeness two commands are shown as different, not as a changed one
MOST_CHARACTERS = 400  # of a command that is compared word by word

Slots = tuple[int | None, ...]
Span = tuple[int, int]


def align(lists: Sequence[Sequence[str]]) -> list[Slots]:
    """Align command lists to the first one.

    Returns:
        One entry a line to show: for each list the position of its command, None where it has none there. Equal
        commands share a line; changed ones are paired in order; what only a later list has stands between.
    """
    base = lists[0]
    beside: list[dict[int, int]] = []
    between: list[dict[int, list[int]]] = []
    for other in lists[1:]:
        same, extra = _against(base, other)
        beside.append(same)
        between.append(extra)
    lines: list[Slots] = []
    for position in range(len(base) + 1):
        inserted = [extra.get(position, []) for extra in between]
        lines += [
            (None, *(own[i] if i < len(own) else None for own in inserted))
            for i in range(max((len(own) for own in inserted), default=0))
        ]
        if position < len(base):
            lines.append((position, *(same.get(position) for same in beside)))
    return lines


def _against(base: Sequence[str], other: Sequence[str]) -> tuple[dict[int, int], dict[int, list[int]]]:
    """Position in base -> position in other; and what other has before each position of base."""
    same: dict[int, int] = {}
    extra: dict[int, list[int]] = {}
    for _, start, end, first, last in SequenceMatcher(None, base, other, autojunk=False).get_opcodes():
        paired = min(end - start, last - first)
        same |= {start + i: first + i for i in range(paired)}
        if first + paired < last:
            extra.setdefault(end, []).extend(range(first + paired, last))
    return same, extra


def changes(before: str, after: str) -> tuple[list[Span], list[Span]]:
    """Spans that differ, in each of two commands; none where they are too unlike or too long to compare."""
    if before == after or len(before) > MOST_CHARACTERS or len(after) > MOST_CHARACTERS:
        return [], []
    words = [_WORDS.findall(text) for text in (before, after)]
    matcher = SequenceMatcher(None, words[0], words[1], autojunk=False)
    if matcher.quick_ratio() < _ALIKE:
        return [], []
    starts = [_starts(one) for one in words]
    spans: tuple[list[Span], list[Span]] = ([], [])
    for kind, *ends in matcher.get_opcodes():
        if kind == "equal":
            continue
        for side in (0, 1):
            first, last = ends[2 * side], ends[2 * side + 1]
            if first < last:
                spans[side].append((starts[side][first], starts[side][last]))
    return spans


def _starts(words: Sequence[str]) -> list[int]:
    starts = [0]
    for word in words:
        starts.append(starts[-1] + len(word))
    return starts


def cut(length: int, findings: Sequence[tuple[Span, str]], changed: Sequence[Span]) -> list[tuple[Span, str, bool]]:
    """Cut a text of this length into pieces to mark.

    Args:
        length: Characters of the text.
        findings: Spans with their codes; of overlapping ones the first wins.
        changed: Spans that differ from the other model's command.

    Returns:
        Adjoining pieces as (span, code of the finding there or "", whether changed); empty ones left out.
    """
    edges = {0, length}
    for start, end in (*(span for span, _ in findings), *changed):
        edges |= {min(max(start, 0), length), min(max(end, 0), length)}
    ordered = sorted(edges)
    pieces = []
    for start, end in pairwise(ordered):
        code = next((code for (first, last), code in findings if first <= start and end <= last), "")
        pieces.append(((start, end), code, any(first <= start and end <= last for first, last in changed)))
    return pieces or [((0, 0), "", False)]
