"""The figures of a report: rates with intervals for each model, and each candidate's paired difference to the base.

Everything is clustered by intent (`harness.statistics`); intervals are two-sided with confidence 95%.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.compare import Comparison, Row
from harness.score import METRIC_NAMES

ALPHA = 0.025  # on each side: a two-sided interval of 95%

METRIC_TITLES = {
    "format_strict": "Format, strict",
    "format_valid": "Format",
    "syntax_valid": "Syntax",
    "api_valid": "API",
    "safe": "Safe",
    "runs": "Runs",
    "success": "Success",
}


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of answers with its interval, 0 to 1."""

    held: int
    total: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Held over total."""
        return self.held / self.total


@dataclass(frozen=True, slots=True)
class Difference:
    """Candidate minus base, paired, with its interval; shares, -1 to 1.

    Attributes:
        method: What gave the interval, in words.
    """

    estimate: float
    low: float
    high: float
    gained: int
    lost: int
    method: str

    @property
    def known(self) -> bool:
        """False where there are too few intents for any bound."""
        return self.low > -1 or self.high < 1

    @property
    def shown(self) -> str:
        """What the interval shows: `better`, `worse` or `open`."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "open"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a table of figures.

    Attributes:
        name: Metric or category.
        title: For people.
        note: What it means; may be empty.
        intents: Number of clusters.
        rates: One a model, the base first.
        differences: One a candidate.
    """

    name: str
    title: str
    note: str
    intents: int
    rates: tuple[Rate, ...]
    differences: tuple[Difference, ...]


def by_metric(comparison: Comparison) -> list[Figure]:
    """One figure for each metric, over all rows."""
    return [
        _figure(METRIC_TITLES[name], name, note.partition(": ")[2], name, comparison.rows)
        for name, note in METRIC_NAMES.items()
    ]


def by_category(comparison: Comparison) -> list[Figure]:
    """Success in each category."""
    return [
        _figure(name.replace("_", " "), name, "", "success", [r for r in comparison.rows if r.case.category == name])
        for name in comparison.categories
    ]


def _figure(title: str, name: str, note: str, metric: str, rows: Sequence[Row]) -> Figure:
    from harness.statistics.clusters import by_cluster
    from harness.statistics.paired import difference, pair_up
    from harness.statistics.rates import clustered_bounds

    labels = [row.case.intent for row in rows]
    held = [[bool(getattr(score, metric)) for score in side] for side in zip(*(r.scores for r in rows), strict=True)]
    rates = tuple(
        Rate(sum(side), len(side), *clustered_bounds(by_cluster([float(one) for one in side], labels), ALPHA))
        for side in held
    )
    differences = []
    for side in held[1:]:
        pairs = pair_up(held[0], side, labels)
        bounds = difference(pairs, ALPHA)
        differences.append(
            Difference(bounds.estimate, bounds.lower, bounds.upper, pairs.gained, pairs.lost, bounds.method)
        )
    return Figure(name, title, note, len(set(labels)), rates, tuple(differences))
