"""Two to five models on the same cases, the base first: how each case moved, and every figure with its interval.

A comparison is paired: every case and sample of one model needs its counterpart in all others, and anything missing
makes the comparison invalid rather than smaller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from harness.cases import Case
from harness.errors import EvidenceError
from harness.score import METRIC_NAMES, Score
from harness.simulation import Expectation
from harness.statistics.clusters import LIKENESS, by_cluster
from harness.statistics.paired import difference, pair_up
from harness.statistics.rates import clustered_bounds

# Gravest first: with several candidates a case is filed under the gravest move that any of them made.
MOVES = ("regression", "fix", "both fail", "both pass")
ALPHA = 0.05  # on each side of an interval, as the shipped policy has it: report and gate show the same bounds


@dataclass(frozen=True, slots=True)
class Row:
    """What every model did with one case and sample.

    Attributes:
        scores: One a model, the base first.
    """

    case: Case
    sample: int
    scores: tuple[Score, ...]

    @property
    def key(self) -> str:
        """The case's id, with the sample's number where it is not the first: what links and tables name it by."""
        return f"{self.case.id}~{self.sample}" if self.sample else self.case.id

    def move_of(self, candidate: int) -> str:
        """One of `MOVES`: how success changed from the base to the model at this position."""
        before, after = self.scores[0].success, self.scores[candidate].success
        if before == after:
            return "both pass" if before else "both fail"
        return "regression" if before else "fix"

    @property
    def move(self) -> str:
        """The gravest move of any candidate."""
        return min((self.move_of(k) for k in range(1, len(self.scores))), key=MOVES.index)


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of answers with its interval, 0 to 1."""

    passed: int
    total: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Passed over total."""
        return self.passed / self.total


@dataclass(frozen=True, slots=True)
class Difference:
    """Candidate minus base, paired, with its interval; shares, -1 to 1.

    Attributes:
        gained: Answers that only the candidate got right; `lost`, that only the base did.
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
    """A metric over all answers, or success in one category; everything is clustered by intent.

    Attributes:
        name: Of the metric or category.
        title: For people; `note` says what it means and may be empty.
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


@dataclass(frozen=True)
class Comparison:
    """A finished comparison.

    Attributes:
        models: Spec texts, the base first, then one to four candidates.
        rows: In the order of the cases, then samples.
        provenance: What the result was made from: hashes, versions, prompt, decoding, dates.
        expectations: What is right of each case, by case id; may be empty.
        alpha: Error on each side of every interval.
        likeness: Assumed correlation of two answers to one intent.
    """

    models: tuple[str, ...]
    rows: tuple[Row, ...]
    provenance: Mapping[str, object]
    expectations: Mapping[str, Expectation] = field(default_factory=dict)
    alpha: float = ALPHA
    likeness: float = LIKENESS

    @property
    def base(self) -> str:
        """The model in use."""
        return self.models[0]

    @property
    def candidate(self) -> str:
        """The first model that may replace it."""
        return self.models[1]

    @property
    def categories(self) -> tuple[str, ...]:
        """In alphabetical order."""
        return tuple(sorted({row.case.category for row in self.rows}))

    def moves(self, candidate: int = 1) -> dict[str, int]:
        """How many rows made each move, for the candidate at this position."""
        made = [row.move_of(candidate) for row in self.rows]
        return {move: made.count(move) for move in MOVES}

    @cached_property
    def by_metric(self) -> tuple[Figure, ...]:
        """One figure for each metric of `harness.score.METRICS`, in their order: success is the last."""
        titles = {name: words.partition(": ") for name, words in METRIC_NAMES.items()}
        return tuple(self._figure(name, title, note, name) for name, (title, _, note) in titles.items())

    @cached_property
    def by_category(self) -> tuple[Figure, ...]:
        """Success in each category."""
        rows = {name: [row for row in self.rows if row.case.category == name] for name in self.categories}
        return tuple(self._figure(name, name.replace("_", " "), rows=own) for name, own in rows.items())

    @cached_property
    def by_scene(self) -> Figure:
        """Success as if only the scenes were independent, not the intents in them: how sensitive the intervals are."""
        return self._figure("success", "success", clusters=[row.case.scene for row in self.rows])

    def _figure(
        self,
        name: str,
        title: str,
        note: str = "",
        metric: str = "success",
        *,
        rows: Sequence[Row] = (),
        clusters: Sequence[str] = (),
    ) -> Figure:
        rows = rows or self.rows
        labels = clusters or [row.case.intent for row in rows]
        sides = [[score.passed(metric) for score in side] for side in zip(*(row.scores for row in rows), strict=True)]
        rates = []
        for side in sides:
            values = by_cluster([float(one) for one in side], labels)
            rates.append(Rate(sum(side), len(side), *clustered_bounds(values, self.alpha, likeness=self.likeness)))
        differences = []
        for side in sides[1:]:
            pairs = pair_up(sides[0], side, labels)
            bounds = difference(pairs, self.alpha, likeness=self.likeness)
            differences.append(
                Difference(bounds.estimate, bounds.lower, bounds.upper, pairs.gained, pairs.lost, bounds.method)
            )
        return Figure(name, title, note, len(set(labels)), tuple(rates), tuple(differences))


def compare(
    cases: Sequence[Case],
    scores: Sequence[Sequence[Score]],
    provenance: Mapping[str, object],
    expectations: Mapping[str, Expectation] | None = None,
    *,
    alpha: float = ALPHA,
    likeness: float = LIKENESS,
) -> Comparison:
    """Pair the scores of two to five models, the base first: of each every sample of every case.

    `alpha` and `likeness` are those of `Comparison`: a policy's, where one judges the same scores.

    Raises:
        EvidenceError: a case or sample lacks its counterpart.
    """
    sides = [{score.key: score for score in one} for one in scores]
    samples = sorted({sample for side in sides for _, sample in side})
    wanted = [(case, sample) for case in cases for sample in samples]
    missing = [
        f"{case.id} sample {sample} of {'the base' if k == 0 else f'candidate {k}'}"
        for case, sample in wanted
        for k, side in enumerate(sides)
        if (case.id, sample) not in side
    ]
    if missing or not wanted:
        raise EvidenceError(
            f"the comparison is INVALID: {len(missing) or 'all'} answers are missing"
            + (f", the first is {missing[0]}" if missing else "")
            + "\n  run the same command again to ask for them"
        )
    rows = tuple(Row(case, sample, tuple(side[case.id, sample] for side in sides)) for case, sample in wanted)
    models = tuple(one[0].model for one in scores)
    return Comparison(models, rows, provenance, expectations or {}, alpha, likeness)
