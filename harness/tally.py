"""What many scores add up to, in a size that does not grow with them: sums by model, and two bits an answer.

The bits, one for "there is an answer" and one for "it succeeded", are what a paired comparison needs: which of two
models held on the same case and sample. Tallies of partitions merge in the order of the partitions, and any grouping
gives the same: everything in a tally is a whole number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.cases import Case
from harness.errors import EvidenceError
from harness.scores import COLUMNS, Totals

if TYPE_CHECKING:
    from harness.statistics.sign_flips import Bounds

_MODEL, _CASE, _SAMPLE, _OUTCOME, _SUCCESS = (
    COLUMNS.index(name) for name in ("model", "case_id", "sample", "outcome", "success")
)


class Tally:
    """Sums of rows of the long table.

    Attributes:
        totals: Counts of the metrics by model.
        seen: (model, sample) -> bit i is set where case i has an answer.
        held: The same where its first answer succeeded.
        repeated: Further answers to a case and sample; `totals` counts them, a paired comparison takes the first.
    """

    def __init__(self) -> None:
        self.totals = Totals()
        self.seen: dict[tuple[str, int], int] = {}
        self.held: dict[tuple[str, int], int] = {}
        self.repeated = 0

    def add(self, rows: Sequence[Sequence[Any]], index: Mapping[str, int]) -> None:
        """Count rows of the long table, columns `COLUMNS`.

        Args:
            rows: In the order of the lines.
            index: Case id -> its number, the same for all tallies that are merged.
        """
        self.totals.add(rows)
        for row in rows:
            if row[_OUTCOME] == "unreadable":
                continue
            place, bit = (row[_MODEL], row[_SAMPLE]), 1 << index[row[_CASE]]
            seen = self.seen.get(place, 0)
            if seen & bit:
                self.repeated += 1
                continue
            self.seen[place] = seen | bit
            self.held[place] = self.held.get(place, 0) | (bit if row[_SUCCESS] else 0)

    def merge(self, later: Tally) -> Tally:
        """This tally with that of later rows added; itself."""
        self.totals.merge(later.totals)
        self.repeated += later.repeated
        for place, seen in later.seen.items():
            before = self.seen.get(place, 0)
            self.repeated += (before & seen).bit_count()
            self.seen[place] = before | seen
            self.held[place] = self.held.get(place, 0) | later.held[place] & ~before
        return self


def merge(tallies: Iterable[Tally]) -> Tally:
    """All tallies as one; give them in the order of their rows."""
    merged = Tally()
    for tally in tallies:
        merged.merge(tally)
    return merged


@dataclass(frozen=True, slots=True)
class Difference:
    """Success of one model against another on the same cases and samples.

    Attributes:
        bounds: Of candidate - base, each with one-sided confidence 1 - alpha (`harness.statistics.paired`).
        gained: Answers that only the candidate got right.
        lost: Answers that only the base got right.
    """

    base: str
    candidate: str
    answers: int
    intents: int
    bounds: Bounds
    gained: int
    lost: int


def difference(tally: Tally, cases: Sequence[Case], base: str, candidate: str, alpha: float = 0.05) -> Difference:
    """The paired difference in success, clustered by intent, from bits alone.

    Args:
        tally: Of both models' answers.
        cases: In the order of the bits.
        base: The model in use, as rows name it.
        candidate: The model that may replace it.
        alpha: Error on each side.

    Raises:
        EvidenceError: an answer of one model has no counterpart, or there is none.
    """
    from harness.statistics.paired import difference as paired_difference  # noqa: PLC0415  numpy, only where compared
    from harness.statistics.paired import pair_up  # noqa: PLC0415  the same

    samples = sorted({sample for model, sample in tally.seen if model in (base, candidate)})
    unpaired = sum((_bits(tally, base, s) ^ _bits(tally, candidate, s)).bit_count() for s in samples)
    before: list[bool] = []
    after: list[bool] = []
    intents: list[str] = []
    for sample in samples:
        seen = _bits(tally, base, sample)
        for i, case in enumerate(cases):
            if seen >> i & 1:
                before.append(bool(tally.held[base, sample] >> i & 1))
                after.append(bool(tally.held.get((candidate, sample), 0) >> i & 1))
                intents.append(case.intent)
    if unpaired or not before:
        raise EvidenceError(
            f"the comparison is INVALID: {unpaired or 'all'} answers of {base} and {candidate} have no counterpart\n"
            "  a comparison is paired: score journals that hold the same cases and samples of both"
        )
    pairs = pair_up(before, after, intents)
    return Difference(
        *(base, candidate, len(before), len(set(intents))),
        *(paired_difference(pairs, alpha), pairs.gained, pairs.lost),
    )


def _bits(tally: Tally, model: str, sample: int) -> int:
    return tally.seen.get((model, sample), 0)
