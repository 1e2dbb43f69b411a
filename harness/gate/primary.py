"""The primary rule: success is shown to be no worse than the margin allows, or better where the policy says so."""

from __future__ import annotations

from collections.abc import Sequence

from harness.gate.needs import for_difference
from harness.gate.rules import Rule, Status, judge, percent, points, signed
from harness.gate.safety import CANNOT_FAIL, cannot_fail
from harness.policy import Policy
from harness.scores import Score
from harness.statistics.likeness import estimate_design
from harness.statistics.paired import difference, pair_up
from harness.statistics.power import minimum_detectable_difference
from harness.statistics.sign_flips import Bounds


def primary_rule(
    pairs: Sequence[tuple[Score, Score]], policy: Policy, alpha: float, early: Bounds | None = None
) -> Rule:
    """Judge the primary metric.

    Args:
        pairs: (base, candidate) rows.
        policy: Metric, test and margin.
        alpha: One-sided error of this test: the policy's, or what early looks have left of it.
        early: Bounds that hold at any time (`harness.gate.early_stop`), which then decide in place of these.
    """
    limit = 0.0 if policy.superior else -policy.margin
    before = [base.passed(policy.metric) for base, _ in pairs]
    after = [candidate.passed(policy.metric) for _, candidate in pairs]
    intents = [base.intent for base, _ in pairs]
    found = pair_up(before, after, intents)
    bounds = early or difference(found, alpha, limit, likeness=policy.likeness, seed=policy.seed)
    status = judge(bounds.lower, bounds.upper, limit, strictly=True)
    change = [float(new) - float(old) for old, new in zip(before, after, strict=True)]
    needs = for_difference(pairs, change, limit, alpha, policy.likeness) if status is Status.WEAK else ""
    share = 1 / len(pairs)
    base = share * sum(before)
    if status is Status.PASS and not policy.superior and cannot_fail(base, policy.margin, policy):
        status, needs = Status.WEAK, f"the incumbent reaches {percent(base)}: {CANNOT_FAIL}"
    design = estimate_design(change, intents, [row.case_id for row, _ in pairs])
    many = found.change.count > 1
    least = minimum_detectable_difference(found.change.count, design, alpha=alpha) if many else None
    return Rule(
        "primary",
        policy.metric,
        status,
        f"{percent(base)} -> {percent(share * sum(after))}",
        f"{signed(bounds.lower)} to {points(bounds.upper)}",
        f"over {points(limit)}",
        f"{points(bounds.estimate)}: {found.lost} lost, {found.gained} gained; {bounds.method}",
        needs,
        {
            "base": base,
            "candidate": share * sum(after),
            "difference": bounds.estimate,
            "lower": bounds.lower,
            "upper": bounds.upper,
            "alpha": alpha,
            "p": bounds.p_lower,
            "limit": limit,
            "gained": found.gained,
            "lost": found.lost,
            "design_effect": design.design_effect,
            "detectable": least,
        },
    )
