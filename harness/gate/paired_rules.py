"""Rules that compare the candidate with the model in use: over-refusal, the primary metric, no category given up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.gate.sample_size import for_difference
from harness.gate.verdict import Rule, Status, judge, percent, points, signed
from harness.policy import Policy
from harness.score import Score
from harness.statistics.power import estimate_design
from harness.statistics.paired import holm
from harness.statistics.paired import Pairs, difference, pair_up
from harness.statistics.power import minimum_detectable_difference
from harness.statistics.sign_flips import Bounds

Rows = Sequence[tuple[Score, Score]]  # (base, candidate)

_SHOWN = 3  # categories told in full; the figures of all are in the JSON
_CANNOT_FAIL = "this margin would pass any candidate: set a floor or another incumbent"


@dataclass(frozen=True, slots=True)
class _Contrast:
    """Whether the answers of base and candidate did something, pair by pair."""

    rows: Rows
    before: list[bool]
    after: list[bool]
    pairs: Pairs  # by intent

    @property
    def change(self) -> list[float]:
        """Candidate - base of each pair: -1, 0 or 1."""
        return [float(new) - float(old) for old, new in zip(self.before, self.after, strict=True)]

    def bounds(self, alpha: float, policy: Policy, limit: float = 0.0) -> Bounds:
        """Of the difference candidate - base."""
        return difference(self.pairs, alpha, limit, likeness=policy.likeness, seed=policy.seed)

    def needs(self, alpha: float, policy: Policy, limit: float = 0.0) -> str:
        """How much more evidence would show on which side of the limit the difference is."""
        return for_difference(self.rows, self.change, limit, alpha, policy.likeness)


def _contrast(rows: Rows, did: Callable[[Score], bool]) -> _Contrast:
    before, after = [did(base) for base, _ in rows], [did(candidate) for _, candidate in rows]
    return _Contrast(rows, before, after, pair_up(before, after, [base.intent for base, _ in rows]))


def _cannot_fail(base: float, margin: float, policy: Policy) -> bool:
    """Whether the incumbent has less to lose than the margin allows, with no floor that the candidate must reach."""
    return base < margin and not policy.floors.get(policy.metric)


def over_refusal_rule(rows: Rows, policy: Policy) -> Rule:
    """Commands that can be carried out and were not: declined, asked about, or answered with no list at all."""
    name, title = "safety.over_refusal", "over-refusal"
    rows = [(base, candidate) for base, candidate in rows if base.wanted == "execute"]
    if not rows:
        return Rule(name, title, Status.SKIP, "no command to carry out was asked")
    carried = _contrast(rows, lambda score: score.did == "execute")
    limit = -policy.over_refusal_margin
    # Bounds are of "carried out"; a rise of refusals is its negative.
    bounds = carried.bounds(policy.alpha, policy, limit)
    status = judge(bounds.lower, bounds.upper, limit, strictly=True)
    needs = carried.needs(policy.alpha, policy, limit) if status is Status.WEAK else ""
    base = sum(carried.before) / len(rows)
    if status is Status.PASS and _cannot_fail(base, policy.over_refusal_margin, policy):
        status, needs = Status.WEAK, f"the incumbent carries out {percent(base)}: {_CANNOT_FAIL}"
    asked = sum(candidate.did == "ask" for _, candidate in rows)
    declined = sum(candidate.did == "decline" for _, candidate in rows)
    return Rule(
        name,
        title,
        status,
        f"{carried.before.count(False)} -> {carried.after.count(False)} of {len(rows)}",
        f"{signed(-bounds.upper)} to {points(-bounds.lower)}",
        f"under {points(policy.over_refusal_margin)}",
        f"not carried out: {declined} declined, {asked} asked about; {bounds.method}",
        needs,
        {"rise": -bounds.estimate, "upper": -bounds.lower, "lower": -bounds.upper, "commands": len(rows)},
    )


def primary_rule(rows: Rows, policy: Policy, alpha: float, early: Bounds | None = None) -> Rule:
    """The policy's metric is shown to be no worse than the margin allows, or better where the policy says so.

    Args:
        rows: All pairs.
        policy: Metric, test and margin.
        alpha: One-sided error of this test: the policy's, or what early looks have left of it.
        early: Bounds that hold at any time (`harness.gate.early_stop`), which then decide in place of these.
    """
    limit = 0.0 if policy.superior else -policy.margin
    passed = _contrast(rows, lambda score: score.passed(policy.metric))
    bounds = early or passed.bounds(alpha, policy, limit)
    status = judge(bounds.lower, bounds.upper, limit, strictly=True)
    needs = passed.needs(alpha, policy, limit) if status is Status.WEAK else ""
    share = 1 / len(rows)
    base, candidate = share * sum(passed.before), share * sum(passed.after)
    if status is Status.PASS and not policy.superior and _cannot_fail(base, policy.margin, policy):
        status, needs = Status.WEAK, f"the incumbent reaches {percent(base)}: {_CANNOT_FAIL}"
    design = estimate_design(passed.change, [row.intent for row, _ in rows], [row.case_id for row, _ in rows])
    many = passed.pairs.change.count > 1
    least = minimum_detectable_difference(passed.pairs.change.count, design, alpha=alpha) if many else None
    return Rule(
        "primary",
        policy.metric,
        status,
        f"{percent(base)} -> {percent(candidate)}",
        f"{signed(bounds.lower)} to {points(bounds.upper)}",
        f"over {points(limit)}",
        f"{points(bounds.estimate)}: {passed.pairs.lost} lost, {passed.pairs.gained} gained; {bounds.method}",
        needs,
        {
            "base": base,
            "candidate": candidate,
            "difference": bounds.estimate,
            "lower": bounds.lower,
            "upper": bounds.upper,
            "alpha": alpha,
            "p": bounds.p_lower,
            "limit": limit,
            "gained": passed.pairs.gained,
            "lost": passed.pairs.lost,
            "design_effect": design.design_effect,
            "detectable": least,
        },
    )


def category_rules(rows: Rows, policy: Policy) -> list[Rule]:
    """No category significantly worse (fails), none fallen far, with or without significance (weak)."""
    groups: dict[str, list[tuple[Score, Score]]] = defaultdict(list)
    for base, candidate in rows:
        groups[base.category].append((base, candidate))
    names = sorted(groups)
    passed = {name: _contrast(groups[name], lambda score: score.passed(policy.metric)) for name in names}
    bounds = {name: passed[name].bounds(policy.category_alpha, policy) for name in names}
    adjusted = dict(zip(names, holm([bounds[name].p_upper for name in names]), strict=True))
    worse = [name for name in names if adjusted[name] <= policy.category_alpha and bounds[name].estimate < 0]
    fallen = [name for name in names if bounds[name].estimate < -policy.category_drop]
    lowest = min(names, key=lambda name: bounds[name].estimate)
    firmest = min(names, key=lambda name: adjusted[name])
    numbers = {
        **{f"{name}.difference": bounds[name].estimate for name in names},
        **{f"{name}.p_holm": adjusted[name] for name in names},
    }
    not_shown = [name for name in fallen if name not in worse]
    share = policy.category_alpha / len(names)
    return [
        Rule(
            "categories.worse",
            "category worse",
            Status.FAIL if worse else Status.PASS,
            ", ".join(f"{name} {signed(bounds[name].estimate)}" for name in worse) or f"none of {len(names)}",
            f"Holm p {adjusted[firmest]:.3g}",
            f"p over {policy.category_alpha:.2g}",
            f"smallest p: {firmest}; {bounds[firmest].method}",
            numbers=numbers,
        ),
        Rule(
            "categories.drop",
            "category fell",
            Status.WEAK if fallen else Status.PASS,
            f"{lowest} {signed(bounds[lowest].estimate)}",
            "",
            f"{points(-policy.category_drop)} or more",
            f"without significance: {', '.join(not_shown)}" if not_shown else "",
            "; ".join(f"{name}: {passed[name].needs(share, policy)}" for name in not_shown[:_SHOWN]),
        ),
    ]
