"""The table at the end of a run: suites by category, then the totals by what came of the tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

# The suites in the order in which an answer is judged; those of a user's own come after, by name.
_SUITES = ("test_format", "test_syntax", "test_sdk", "test_safety", "test_heldout", "test_reliability", "test_dataset")
_SHOWN = 20  # ids that are named; the rest is counted


class Status(StrEnum):
    """What came of one case in one suite."""

    PASSED = "passed"
    FAILED = "failed"
    KNOWN = "known failures"
    NEWLY_PASSING = "newly passing"
    NO_ANSWER = "no answer"


RIGHT = (Status.PASSED, Status.NEWLY_PASSING)


class Result(NamedTuple):
    """One test of a suite; `of_model` where it judges the model, not the pack alone."""

    suite: str
    case_id: str
    category: str
    status: Status
    of_model: bool


def table(results: Sequence[Result]) -> Iterator[str]:
    """Categories down, suites across: how many of how many are right; then the totals by status."""
    found = {result.suite for result in results}
    suites = [suite for suite in _SUITES if suite in found] + sorted(found.difference(_SUITES))
    rows = [*sorted({result.category for result in results}), "all"]
    counts = Counter((row, one.suite, one.status) for one in results for row in (one.category, "all"))

    def share(row: str, suite: str) -> str:
        right = sum(counts[row, suite, status] for status in RIGHT)
        answered = right + counts[row, suite, Status.FAILED] + counts[row, suite, Status.KNOWN]
        return f"{right}/{answered}" if answered else "-"

    lines = [("", *(suite.removeprefix("test_") for suite in suites))]
    lines += [(row, *(share(row, suite) for suite in suites)) for row in rows]
    lines += [("",) * len(lines[0])]
    for status in Status:
        totals = [counts["all", suite, status] for suite in suites]
        if status is not Status.PASSED and any(totals):
            lines.append((status.value, *map(str, totals)))
    first = max(map(len, (*rows, *Status)))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)][1:]
    for head, *cells in lines:
        line = [head.ljust(first), *(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))]
        yield "  ".join(line) if any((head, *cells)) else ""


def named(results: Sequence[Result], status: Status) -> str:
    """The tests of one status, by name."""
    found = [f"{result.suite}[{result.case_id}]" for result in results if result.status is status]
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(found[:_SHOWN]) + more
