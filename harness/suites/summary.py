"""The table at the end of a run: suites by category, then what changed against the baseline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.suites.baseline import Baseline

# The suites in the order in which an answer is judged; those of a user's own come after, by name.
_SUITES = ("format", "syntax", "sdk", "safety", "heldout", "reliability", "dataset")
_ORDER = {f"test_{name}": place for place, name in enumerate(_SUITES)}
_SHOWN = 20  # ids that are named; the rest is counted


class Status(StrEnum):
    """What came of one case in one suite."""

    PASSED = "passed"
    FAILED = "failed"
    KNOWN = "known failures"
    NEWLY_PASSING = "newly passing"
    NO_ANSWER = "no answer"

    @property
    def holds(self) -> bool:
        """Whether the answer was right."""
        return self in (Status.PASSED, Status.NEWLY_PASSING)


@dataclass(frozen=True, slots=True)
class Result:
    """One test of a suite.

    Attributes:
        of_model: It judges the model, not the pack alone.
    """

    suite: str
    case_id: str
    category: str
    status: Status
    of_model: bool


def table(results: Sequence[Result]) -> Iterator[str]:
    """Categories down, suites across: how many of how many hold; then the totals by status."""
    suites = sorted({result.suite for result in results}, key=lambda suite: (_ORDER.get(suite, len(_ORDER)), suite))
    cells: dict[tuple[str, str], list[Status]] = defaultdict(list)
    for result in results:
        for row in (result.category, "all"):
            cells[row, result.suite].append(result.status)
    rows = [*sorted({result.category for result in results}), "all"]
    names = {suite: suite.removeprefix("test_") for suite in suites}
    first = max(len(row) for row in [*rows, *Status])
    width = {suite: max(len(names[suite]), *(len(_share(cells[row, suite])) for row in rows)) for suite in suites}

    def line(head: str, values: Mapping[str, str]) -> str:
        return "  ".join([head.ljust(first), *(values[suite].rjust(width[suite]) for suite in suites)])

    yield line("", names)
    for row in rows:
        yield line(row, {suite: _share(cells[row, suite]) for suite in suites})
    yield ""
    for status in Status:
        counts = {suite: cells["all", suite].count(status) for suite in suites}
        if status is not Status.PASSED and any(counts.values()):
            yield line(status.value, {suite: str(count) for suite, count in counts.items()})


def _share(statuses: Sequence[Status]) -> str:
    """How many hold of those that were answered."""
    answered = [status for status in statuses if status is not Status.NO_ANSWER]
    return f"{sum(status.holds for status in answered)}/{len(answered)}" if answered else "-"


def named(results: Sequence[Result], status: Status) -> str:
    """The tests of one status, by name."""
    found = [f"{result.suite}[{result.case_id}]" for result in results if result.status is status]
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(found[:_SHOWN]) + more


def new_baseline(results: Sequence[Result], model: str, hashes: Mapping[str, str]) -> Baseline:
    """What fails in this run."""
    failing: dict[str, set[str]] = {result.suite: set() for result in results if result.of_model}
    for result in (one for one in results if one.of_model):
        if not result.status.holds:
            failing[result.suite].add(result.case_id)
    return Baseline(model, dict(hashes), {suite: frozenset(ids) for suite, ids in failing.items()})
