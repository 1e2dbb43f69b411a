"""One case as the report shows it: command lists side by side, with findings, and traces beside what was expected."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate, zip_longest
from typing import NamedTuple

from harness.checks import Finding
from harness.compare import MOVES, Comparison, Row
from harness.report.markup import MOST_FINDINGS, Span, around
from harness.score import Score
from harness.simulation.match import TraceDiff, trace_diff

MOST_LINES = 16
MOST_SIBLINGS = 6
MOST_CHARACTERS = 400  # of a command that is compared word by word
_ALIKE = 0.5  # below this likeness two commands are shown as different, not as a changed one
_WORDS = re.compile(r"\w+|\W")

Slots = tuple[int | None, ...]


class Cell(NamedTuple):
    """One command of one model, what was found in it, and where it differs from the other model's."""

    command: str
    findings: Sequence[Finding]
    changed: Sequence[Span]


class Line(NamedTuple):
    """One line of the aligned lists."""

    sign: str  # "=" all the same, "≠" changed, minus only the base has it, "+" only a candidate
    cells: tuple[Cell | None, ...]  # one a model, None where it has no command here


@dataclass(frozen=True, slots=True)
class Card:
    """A case as it is shown."""

    row: Row
    lines: tuple[Line, ...]
    hidden: int  # lines left out at the end
    traces: TraceDiff | None  # what each model's robot did beside what was expected, where that is known
    siblings: tuple[Row, ...]  # other paraphrases of the intent, and other samples

    @property
    def noted(self) -> bool:
        """Whether anything is to be said below the lists: text around a list, or findings left out."""
        return any(
            len(score.findings) > MOST_FINDINGS or (score.commands is not None and around(score))
            for score in self.row.scores
        )

    @property
    def labels(self) -> list[str]:
        """First-failure labels of its answers, each once."""
        return sorted({score.first_failure for score in self.row.scores} - {""})


def cards(comparison: Comparison) -> list[Card]:
    """All cases, the gravest moves first, else in the order of the comparison."""
    intents: dict[str, list[Row]] = defaultdict(list)
    for row in comparison.rows:
        intents[row.case.intent].append(row)
    made = []
    for row in sorted(comparison.rows, key=lambda row: MOVES.index(row.move)):
        expectation = comparison.expectations.get(row.case.id)
        traces = trace_diff([score.trace for score in row.scores], expectation) if expectation else None
        lists = [score.commands or () for score in row.scores]
        findings = [_by_command(score) for score in row.scores]
        aligned = align(lists)
        lines = tuple(_line(slots, lists, findings) for slots in aligned[:MOST_LINES])
        siblings = [other for other in intents[row.case.intent] if other is not row]
        made.append(Card(row, lines, len(aligned) - len(lines), traces, tuple(siblings[:MOST_SIBLINGS])))
    return made


def _by_command(score: Score) -> dict[int, list[Finding]]:
    """Findings of each command; of a long row of them only the first, so that a looping answer stays readable."""
    found: dict[int, list[Finding]] = defaultdict(list)
    for finding in score.findings[:MOST_FINDINGS]:
        if finding.item is not None:
            found[finding.item].append(finding)
    return found


def _line(slots: Slots, lists: Sequence[Sequence[str]], findings: Sequence[dict[int, list[Finding]]]) -> Line:
    texts = [None if at is None else lists[k][at] for k, at in enumerate(slots)]
    base = texts[0]
    spans: list[list[Span]] = [[] for _ in texts]
    for k, text in enumerate(texts[1:], start=1):
        if base is not None and text is not None and text != base:
            before, spans[k] = changes(base, text)
            spans[0] = spans[0] or before
    cells = tuple(
        None if text is None or at is None else Cell(text, findings[k].get(at, []), spans[k])
        for k, (at, text) in enumerate(zip(slots, texts, strict=True))
    )
    present = [text for text in texts if text is not None]
    if len(present) == len(texts):
        sign = "=" if len(set(texts)) == 1 else "≠"
    else:
        sign = "\N{MINUS SIGN}" if present == [base] else "+" if base is None else "≠"
    return Line(sign, cells)


def align(lists: Sequence[Sequence[str]]) -> list[Slots]:
    """Align command lists to the first one: a line to show holds the position of each list's command, or None.

    Equal commands share a line; changed ones are paired in order; what only a later list has stands between.
    """
    base = lists[0]
    beside: list[dict[int, int]] = []  # for each later list: position in base -> position in it
    between: list[dict[int, list[int]]] = []  # and what it has before each position of base
    for other in lists[1:]:
        same: dict[int, int] = {}
        extra: dict[int, list[int]] = defaultdict(list)
        for _, start, end, first, last in SequenceMatcher(None, base, other, autojunk=False).get_opcodes():
            paired = min(end - start, last - first)
            same |= {start + i: first + i for i in range(paired)}
            extra[end] += range(first + paired, last)
        beside.append(same)
        between.append(extra)
    lines: list[Slots] = []
    for position in range(len(base) + 1):
        inserted = [extra.get(position, []) for extra in between]
        lines += [(None, *own) for own in zip_longest(*inserted)]
        if position < len(base):
            lines.append((position, *(same.get(position) for same in beside)))
    return lines


def changes(before: str, after: str) -> tuple[list[Span], list[Span]]:
    """Spans that differ, in each of two commands; none where they are too unlike or too long to compare."""
    if before == after or len(before) > MOST_CHARACTERS or len(after) > MOST_CHARACTERS:
        return [], []
    words = [_WORDS.findall(text) for text in (before, after)]
    matcher = SequenceMatcher(None, words[0], words[1], autojunk=False)
    if matcher.quick_ratio() < _ALIKE:
        return [], []
    starts = [list(accumulate(map(len, one), initial=0)) for one in words]
    spans: tuple[list[Span], list[Span]] = ([], [])
    for kind, *ends in matcher.get_opcodes():
        for side in (0, 1):
            first, last = ends[2 * side], ends[2 * side + 1]
            if kind != "equal" and first < last:
                spans[side].append((starts[side][first], starts[side][last]))
    return spans
