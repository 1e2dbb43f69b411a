"""The primary rule: success is shown to be no worse than the margin allows, or better where the policy says so."""

from __future__ import annotations

from collections.abc import Sequence

from harness.gate.evidence import Result
from harness.gate.needs import for_difference
from harness.gate.rules import Rule, Status, judge, percent, points, signed
from harness.policy import Policy
from harness.statistics.likeness import estimate_design
from harness.statistics.paired import Bounds, Pairs, cluster_bootstrap, difference, pair_up, tango_per_intent
from harness.statistics.power import minimum_detectable_difference

BOOTSTRAP_APART = 0.02  # share; the bootstrap is a check: bounds further apart than this are told


def primary_rule(
    pairs: Sequence[tuple[Result, Result]], policy: Policy, alpha: float, early: Bounds | None = None
) -> Rule:
    """Judge the primary metric.

    Args:
        pairs: (base, candidate) rows.
        policy: Metric, test and margin.
        alpha: One-sided error of this test: the policy's, or what early looks have left of it.
        early: Bounds that hold at any time (`harness.gate.early_stop`), which then decide in place of these.
    """
    limit = 0.0 if policy.superior else -policy.margin
    before = [policy.metric in base.held for base, _ in pairs]
    after = [policy.metric in candidate.held for _, candidate in pairs]
    intents = [base.intent for base, _ in pairs]
    found = pair_up(before, after, intents, policy.seed)
    fixed = difference(found, alpha, limit, policy.seed)
    bounds = early or fixed
    status = judge(bounds.lower, bounds.upper, limit, strictly=True)
    change = [float(new) - float(old) for old, new in zip(before, after, strict=True)]
    checks = _checks(found, alpha, limit, policy.seed)
    apart = abs(checks["bootstrap_lower"] - fixed.lower) > BOOTSTRAP_APART
    told = f"; the bootstrap's lower bound is {points(checks['bootstrap_lower'])}" if apart else ""
    design = estimate_design(change, intents, [base.case_id for base, _ in pairs])
    many = found.change.count > 1
    least = minimum_detectable_difference(found.change.count, design, alpha=alpha) if many else None
    share = 1 / len(pairs)
    return Rule(
        "primary",
        policy.metric,
        status,
        f"{percent(share * sum(before))} -> {percent(share * sum(after))}",
        f"{signed(bounds.lower)} to {points(bounds.upper)}",
        f"over {points(limit)}",
        f"{points(bounds.estimate)}: {found.lost} lost, {found.gained} gained; {bounds.method}{told}",
        for_difference(pairs, change, limit, alpha) if status is Status.WEAK else "",
        {
            "base": share * sum(before),
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
            **checks,
        },
    )


def _checks(found: Pairs, alpha: float, limit: float, seed: int) -> dict[str, float]:
    """Other methods beside the one that decides, for the record."""
    bootstrap = cluster_bootstrap(found.change, alpha, seed)
    single = tango_per_intent(found, alpha, limit)
    return {
        # One intent has no bootstrap; a difference of shares lies within -1 and 1 all the same.
        "bootstrap_lower": max(-1.0, bootstrap.lower),
        "bootstrap_upper": min(1.0, bootstrap.upper),
        "tango_per_intent_lower": single.lower,
        "tango_per_intent_upper": single.upper,
    }
