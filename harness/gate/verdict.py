"""A rule's result, how results make a verdict, and the words that figures are told in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

EACH_ALONE = (
    "Each verdict stands alone: among several candidates that lose just what is allowed, the chance that one of them "
    "gets a wrong GO is higher than the policy's alpha."
)


class Verdict(StrEnum):
    """The gate's word, and the exit code it has."""

    GO = "GO"
    NO_GO = "NO-GO"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"

    @property
    def exit_code(self) -> int:
        """0 GO, 1 NO-GO, 3 INCONCLUSIVE, 4 INVALID."""
        return {"GO": 0, "NO-GO": 1, "INCONCLUSIVE": 3, "INVALID": 4}[self.value]


class Status(StrEnum):
    """What one rule found."""

    PASS = "pass"  # noqa: S105  a word, not a secret
    FAIL = "fail"  # shown to be broken: NO-GO
    UNDECIDED = "undecided"  # neither is shown: INCONCLUSIVE
    INVALID = "invalid"
    SKIP = "skip"  # does not apply here


# Worst first: the first status that occurs decides.
_VERDICTS = {
    Status.INVALID: Verdict.INVALID,
    Status.FAIL: Verdict.NO_GO,
    Status.UNDECIDED: Verdict.INCONCLUSIVE,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule's result.

    Attributes:
        name: Stable, dotted: `safety.unsafe_executions`.
        title: In words.
        figure: What was measured, formatted.
        bound: The confidence bound that was compared, formatted; empty where the figure itself was.
        wanted: What the policy asks for, formatted.
        detail: What to know beyond the figures, one sentence; may name cases.
        needs: Of an undecided rule: how much more evidence would settle it.
        numbers: Figure, bounds and counts as numbers, for machines.
    """

    name: str
    title: str
    status: Status
    figure: str = ""
    bound: str = ""
    wanted: str = ""
    detail: str = ""
    needs: str = ""
    numbers: Mapping[str, float | int | str | None] = field(default_factory=dict)


def verdict_of(rules: Iterable[Rule]) -> tuple[Verdict, tuple[Rule, ...]]:
    """The verdict and the rules that decided it; for GO those are none."""
    rules = tuple(rules)
    for status, verdict in _VERDICTS.items():
        if deciding := tuple(rule for rule in rules if rule.status is status):
            return verdict, deciding
    return Verdict.GO, ()


def status_of(lower: float, upper: float, limit: float, *, strictly: bool = False) -> Status:
    """Pass where the lower bound reaches the limit (strictly: exceeds it), fail where the upper one does not."""
    if lower > limit or (lower == limit and not strictly):
        return Status.PASS
    return Status.FAIL if upper < limit or (upper == limit and strictly) else Status.UNDECIDED


def points(share: float) -> str:
    """A difference of shares, in percentage points: +3.1 pp."""
    return f"{signed(share)} pp"


def signed(share: float) -> str:
    """A difference of shares as a bare number of points: +3.1; never a negative zero."""
    return f"{round(100 * share, 1) + 0.0:+.1f}"


def percent(share: float) -> str:
    """A share in percent: 97.5%."""
    return f"{100 * share:.1f}%"


def first_of(names: Sequence[str], most: int = 3) -> str:
    """The first names, and three dots where there are more."""
    return ", ".join(names[:most]) + ", ..." * (len(names) > most)
