"""Two to five models on the same cases, the base first: how each case moved, and counts per metric and category.

A comparison is paired: every case and sample of one model needs its counterpart in all others, and anything missing
makes the comparison invalid rather than smaller.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from harness.cases import Case
from harness.errors import EvidenceError, InputError
from harness.score import METRICS, Score
from harness.simulation import Expectation

# Gravest first: with several candidates a case is filed under the gravest move that any of them made.
MOVES = ("regression", "fix", "both fail", "both pass")
MOST_MODELS = 5


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
class Count:
    """How often something held for base and candidate, out of `total` pairs, and how many pairs changed."""

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
        models: Spec texts, the base first, then one to four candidates.
        rows: In the order of the cases, then samples.
        provenance: What the result was made from: hashes, versions, prompt, decoding, dates.
        expectations: What is right of each case, by case id; may be empty.
    """

    models: tuple[str, ...]
    rows: tuple[Row, ...]
    provenance: Mapping[str, object]
    expectations: Mapping[str, Expectation] = field(default_factory=dict)

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

    def by_metric(self, candidate: int = 1) -> tuple[Count, ...]:
        """One count for each metric of `harness.score.METRICS`, in their order."""
        return tuple(count(metric, metric, self.rows, candidate) for metric in METRICS)

    def by_category(self, candidate: int = 1) -> tuple[Count, ...]:
        """Success in each category."""
        return tuple(
            count(name, "success", [row for row in self.rows if row.case.category == name], candidate)
            for name in self.categories
        )


def compare(
    cases: Sequence[Case],
    scores: Sequence[Sequence[Score]],
    provenance: Mapping[str, object],
    expectations: Mapping[str, Expectation] | None = None,
) -> Comparison:
    """Pair the scores of two to five models.

    Args:
        cases: The cases asked, in the order to show.
        scores: For each model, the base first, every sample of every case.
        provenance: Passed through to reports.
        expectations: What is right of each case, for reports that show traces beside it.

    Raises:
        InputError: fewer than two models or more than `MOST_MODELS`.
        EvidenceError: a case or sample lacks its counterpart.
    """
    if not 2 <= len(scores) <= MOST_MODELS:
        raise InputError(
            f"a comparison takes two to {MOST_MODELS} models, not {len(scores)}", hint="the base first, then candidates"
        )
    rows = tuple(_rows(cases, scores))
    return Comparison(tuple(one[0].model for one in scores), rows, provenance, expectations or {})


def _rows(cases: Sequence[Case], scores: Sequence[Sequence[Score]]) -> Iterator[Row]:
    sides = [{(score.case_id, score.sample): score for score in one} for one in scores]
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
    for case, sample in wanted:
        yield Row(case, sample, tuple(side[case.id, sample] for side in sides))


def count(name: str, metric: str, rows: Sequence[Row], candidate: int = 1) -> Count:
    """Count a metric over rows, for the base and the candidate at this position."""
    before = [bool(getattr(row.scores[0], metric)) for row in rows]
    after = [bool(getattr(row.scores[candidate], metric)) for row in rows]
    return Count(
        name=name,
        base=sum(before),
        candidate=sum(after),
        total=len(rows),
        gained=sum(new and not old for old, new in zip(before, after, strict=True)),
        lost=sum(old and not new for old, new in zip(before, after, strict=True)),
    )


def to_record(comparison: Comparison) -> dict[str, object]:
    """The comparison as JSON values.

    `metrics`, `categories` and `moves` are those of the first candidate; `contrasts` holds them for each.
    """
    contrasts = [
        {
            "base": comparison.base,
            "candidate": comparison.models[k],
            "metrics": [asdict(one) for one in comparison.by_metric(k)],
            "categories": [asdict(one) for one in comparison.by_category(k)],
            "moves": comparison.moves(k),
        }
        for k in range(1, len(comparison.models))
    ]
    return {
        **contrasts[0],
        "models": list(comparison.models),
        "contrasts": contrasts,
        "cases": [
            {
                "id": row.case.id,
                "sample": row.sample,
                "intent": row.case.intent,
                "category": row.case.category,
                "command": row.case.command,
                "move": row.move,
                "answers": [_answer(score) for score in row.scores],
            }
            for row in comparison.rows
        ],
        "provenance": dict(comparison.provenance),
    }


def _answer(score: Score) -> dict[str, object]:
    """A score as JSON values; its trace as lines, so that what a field means stands beside its value."""
    from harness.simulation.trace import describe_event

    record = {name: getattr(score, name) for name in score.__dataclass_fields__ if name not in ("findings", "trace")}
    record["findings"] = [asdict(finding) for finding in score.findings]
    record["trace"] = None if score.trace is None else [describe_event(event) for event in score.trace.events]
    return record
