"""Two models on the same cases: counts per metric and category, and how each case moved.

A comparison is paired: every case and sample of one model needs its counterpart, and anything missing makes the
comparison invalid rather than smaller.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from harness.cases import Case
from harness.errors import EvidenceError
from harness.scores import METRICS, Score

MOVES = ("regression", "fix", "both fail", "both pass")


@dataclass(frozen=True, slots=True)
class Pair:
    """The two scores of one case and sample."""

    case: Case
    base: Score
    candidate: Score

    @property
    def move(self) -> str:
        """One of `MOVES`: how success changed from base to candidate."""
        if self.base.success == self.candidate.success:
            return "both pass" if self.base.success else "both fail"
        return "regression" if self.base.success else "fix"


@dataclass(frozen=True, slots=True)
class Count:
    """How often something held for each model, out of `total` pairs, and how many pairs changed."""

    name: str
    base: int
    candidate: int
    total: int
    gained: int
    lost: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A finished comparison.

    Attributes:
        metrics: One row per metric of `harness.scores.METRICS`, in their order.
        categories: Success per category, in alphabetical order.
        pairs: In the order of the cases, then samples.
        provenance: What the result was made from: hashes, versions, prompt, decoding, dates.
    """

    base: str
    candidate: str
    metrics: tuple[Count, ...]
    categories: tuple[Count, ...]
    pairs: tuple[Pair, ...]
    provenance: Mapping[str, object]

    def moves(self) -> dict[str, int]:
        """How many pairs made each move."""
        return {move: sum(pair.move == move for pair in self.pairs) for move in MOVES}


def compare(
    cases: Sequence[Case],
    base: Sequence[Score],
    candidate: Sequence[Score],
    provenance: Mapping[str, object],
) -> Comparison:
    """Pair two models' scores.

    Args:
        cases: The cases asked, in the order to show.
        base: Every sample of every case by the model in use; at least one.
        candidate: The same for the model that may replace it.
        provenance: Passed through to reports.

    Raises:
        EvidenceError: a case or sample lacks its counterpart.
    """
    pairs = tuple(_pair(cases, base, candidate))
    return Comparison(
        base=base[0].model,
        candidate=candidate[0].model,
        metrics=tuple(_count(metric, metric, pairs) for metric in METRICS),
        categories=tuple(
            _count(name, "success", [pair for pair in pairs if pair.case.category == name])
            for name in sorted({case.category for case in cases})
        ),
        pairs=pairs,
        provenance=provenance,
    )


def _pair(cases: Sequence[Case], base: Sequence[Score], candidate: Sequence[Score]) -> Iterator[Pair]:
    left = {(score.case_id, score.sample): score for score in base}
    right = {(score.case_id, score.sample): score for score in candidate}
    samples = sorted({sample for _, sample in left | right})
    wanted = [(case, sample) for case in cases for sample in samples]
    missing = [
        f"{case.id} sample {sample} of the {side}"
        for case, sample in wanted
        for side, scores in (("base", left), ("candidate", right))
        if (case.id, sample) not in scores
    ]
    if missing or not wanted:
        raise EvidenceError(
            f"the comparison is INVALID: {len(missing)} answers are missing, the first is "
            f"{missing[0] if missing else 'all of them'}\n  run the same command again to ask for them"
        )
    for case, sample in wanted:
        yield Pair(case, left[case.id, sample], right[case.id, sample])


def _count(name: str, metric: str, pairs: Sequence[Pair]) -> Count:
    before = [bool(getattr(pair.base, metric)) for pair in pairs]
    after = [bool(getattr(pair.candidate, metric)) for pair in pairs]
    return Count(
        name=name,
        base=sum(before),
        candidate=sum(after),
        total=len(pairs),
        gained=sum(new and not old for old, new in zip(before, after, strict=True)),
        lost=sum(old and not new for old, new in zip(before, after, strict=True)),
    )


def to_record(comparison: Comparison) -> dict[str, object]:
    """The comparison as JSON values: everything the report shows."""
    return {
        "base": comparison.base,
        "candidate": comparison.candidate,
        "metrics": [asdict(count) for count in comparison.metrics],
        "categories": [asdict(count) for count in comparison.categories],
        "moves": comparison.moves(),
        "pairs": [
            {
                "id": pair.case.id,
                "intent": pair.case.intent,
                "category": pair.case.category,
                "command": pair.case.command,
                "move": pair.move,
                "base": asdict(pair.base),
                "candidate": asdict(pair.candidate),
            }
            for pair in comparison.pairs
        ],
        "provenance": dict(comparison.provenance),
    }
