"""One case as the report shows it: answers aligned, findings at their spans, traces against what was expected."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.checks import Finding
from harness.compare import MOVES, Comparison, Row
from harness.report.align import Slots, Span, align, changes, cut
from harness.report.markup import Piece, explained, marked
from harness.score import Score
from harness.simulation.match import TraceDiff, trace_diff

LETTERS = "ABCDE"

# What of one answer is shown; the journal keeps all of it.
MOST_LINES = 16
MOST_COMMAND = 300
MOST_TEXT = 800
MOST_FINDINGS = 6
AROUND = 30  # characters shown at each end of a long stretch of text around the list
MOST_SIBLINGS = 6


@dataclass(frozen=True, slots=True)
class Cell:
    """One command of one model, and what was found in it, as HTML."""

    command: Markup
    findings: Markup


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the aligned lists.

    Attributes:
        sign: "=" all the same, "≠" changed, minus only the base has it, "+" only a candidate.
        cells: One a model, None where it has no command here.
    """

    sign: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """What one model's answer is as a whole.

    Attributes:
        raw: The text itself as HTML: cut at the end where no list could be read, else with the list and other
            unmarked stretches shortened; None where there is nothing to say about the text as a whole.
        around: Findings of the whole answer, as HTML.
        more: Findings that are not shown.
    """

    letter: str
    score: Score
    raw: Markup | None
    around: Markup
    more: int

    @property
    def listed(self) -> bool:
        """Whether a list of commands could be read."""
        return self.score.commands is not None


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another wording of the same intent, or another sample (without its words), and whether each model succeeded."""

    key: str
    command: str
    right: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """A case as it is shown.

    Attributes:
        hidden: Lines left out at the end.
    """

    key: str
    row: Row
    move: str
    sides: tuple[Side, ...]
    lines: tuple[Line, ...]
    hidden: int
    traces: TraceDiff | None
    siblings: tuple[Sibling, ...]

    @property
    def noted(self) -> bool:
        """Whether anything is to be said below the lists: text around a list, or findings left out."""
        return any(side.more or (side.listed and side.raw) for side in self.sides)

    @property
    def labels(self) -> list[str]:
        """First-failure labels of its answers, each once."""
        return sorted({score.first_failure for score in self.row.scores} - {""})


def cards(comparison: Comparison) -> list[Card]:
    """All cases, the gravest moves first, else in the order of the comparison."""
    intents: dict[str, list[Row]] = defaultdict(list)
    for row in comparison.rows:
        intents[row.case.intent].append(row)
    ordered = sorted(comparison.rows, key=lambda row: MOVES.index(row.move))
    return [_card(row, intents[row.case.intent], comparison) for row in ordered]


def _card(row: Row, wordings: Sequence[Row], comparison: Comparison) -> Card:
    expectation = comparison.expectations.get(row.case.id)
    lines, hidden = _lines(row.scores)
    siblings = [
        Sibling(
            other.key,
            "" if other.case is row.case else other.case.command,
            tuple(score.success for score in other.scores),
        )
        for other in wordings
        if other is not row
    ]
    return Card(
        key=row.key,
        row=row,
        move=row.move,
        sides=tuple(_side(LETTERS[k], score) for k, score in enumerate(row.scores)),
        lines=lines,
        hidden=hidden,
        traces=trace_diff([score.trace for score in row.scores], expectation) if expectation else None,
        siblings=tuple(siblings[:MOST_SIBLINGS]),
    )


def _side(letter: str, score: Score) -> Side:
    around = tuple([finding for finding in score.findings if finding.item is None][:MOST_FINDINGS])
    more = max(0, len(score.findings) - MOST_FINDINGS)
    if score.commands is not None:
        raw = marked(_shortened(piece) for piece in _pieces(score.text, around, [])) if around else None
        return Side(letter, score, raw, explained(around), more)
    text = score.text[:MOST_TEXT]
    raw = marked(_pieces(text, around, []), len(score.text) - len(text))
    return Side(letter, score, raw, explained(around), more)


def _shortened(piece: Piece) -> Piece:
    """A long piece with its middle left out."""
    text, code, differs = piece
    if len(text) <= 3 * AROUND:
        return piece
    return f"{text[:AROUND]} [… {len(text) - 2 * AROUND:,} characters …] {text[-AROUND:]}", code, differs


def _lines(scores: Sequence[Score]) -> tuple[tuple[Line, ...], int]:
    lists = [score.commands or () for score in scores]
    aligned = align(lists)
    findings = [_by_item(score) for score in scores]
    lines = tuple(_line(slots, lists, findings) for slots in aligned[:MOST_LINES])
    return lines, len(aligned) - len(lines)


def _by_item(score: Score) -> dict[int, list[Finding]]:
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
        None if at is None else _cell(text or "", findings[k].get(at, []), spans[k])
        for k, (at, text) in enumerate(zip(slots, texts, strict=True))
    )
    present = [text for text in texts if text is not None]
    if len(present) == len(texts):
        sign = "=" if len(set(texts)) == 1 else "≠"
    else:
        sign = "\N{MINUS SIGN}" if present == [base] else "+" if base is None else "≠"
    return Line(sign, cells)


def _cell(command: str, findings: Sequence[Finding], changed: Sequence[Span]) -> Cell:
    text = command[:MOST_COMMAND]
    return Cell(marked(_pieces(text, findings, changed), len(command) - len(text)), explained(findings))


def _pieces(text: str, findings: Sequence[Finding], changed: Sequence[Span]) -> Iterator[Piece]:
    marks = [(finding.span, finding.code) for finding in findings]
    for (start, end), code, differs in cut(len(text), marks, changed):
        yield text[start:end], code, differs
