"""Guards beside the primary rule: floors of the candidate alone, and no category given up."""

from __future__ import annotations

from collections.abc import Sequence

from harness.gate.evidence import Result
from harness.gate.needs import for_difference, for_rate
from harness.gate.rules import Rule, Status, judge, percent, points, signed
from harness.policy import Policy
from harness.statistics.clusters import by_cluster
from harness.statistics.multiplicity import holm
from harness.statistics.paired import Bounds, difference, pair_up
from harness.statistics.rates import clustered_bounds

_SHOWN = 3  # categories told in full; the figures of all are in the JSON


def floor_rules(pairs: Sequence[tuple[Result, Result]], policy: Policy) -> list[Rule]:
    """One rule for each floor: fails where the upper bound is below it, weak where only the lower one is."""
    return [_floor([row for _, row in pairs], metric, floor, policy) for metric, floor in policy.floors.items()]


def _floor(rows: Sequence[Result], metric: str, floor: float, policy: Policy) -> Rule:
    values = [float(metric in row.held) for row in rows]
    rates = by_cluster(values, [row.intent for row in rows])
    lower, upper = clustered_bounds(rates, policy.alpha)
    status = judge(lower, upper, floor)
    return Rule(
        f"floor.{metric}",
        metric,
        status,
        percent(rates.mean),
        f"{percent(lower)} to {percent(upper)}",
        f"at least {percent(floor)}",
        f"{sum(values):.0f} of {len(values)}; exact bounds on {rates.effective_items:.0f} effective answers",
        for_rate(values, rows, floor, policy.alpha) if status is Status.WEAK else "",
        {"rate": rates.mean, "lower": lower, "upper": upper, "floor": floor},
    )


def category_rules(pairs: Sequence[tuple[Result, Result]], policy: Policy) -> list[Rule]:
    """No category significantly worse (fails), none fallen far without significance (weak)."""
    names = sorted({base.category for base, _ in pairs})
    groups = {name: [(base, new) for base, new in pairs if base.category == name] for name in names}
    bounds = {name: _change(group, policy) for name, group in groups.items()}
    adjusted = dict(zip(names, holm([bounds[name].p_upper for name in names]), strict=True))
    worse = [name for name in names if adjusted[name] <= policy.category_alpha and bounds[name].estimate < 0]
    fallen = [name for name in names if bounds[name].estimate < -policy.category_drop and name not in worse]
    lowest = min(names, key=lambda name: bounds[name].estimate)
    firmest = min(names, key=lambda name: adjusted[name])
    numbers = {
        **{f"{name}.difference": bounds[name].estimate for name in names},
        **{f"{name}.p_holm": adjusted[name] for name in names},
    }
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
            f"without significance: {', '.join(fallen)}" if fallen else "",
            "; ".join(f"{name}: {_category_needs(groups[name], policy, len(names))}" for name in fallen[:_SHOWN]),
        ),
    ]


def _change(group: Sequence[tuple[Result, Result]], policy: Policy) -> Bounds:
    found = pair_up(
        [policy.metric in base.held for base, _ in group],
        [policy.metric in new.held for _, new in group],
        [base.intent for base, _ in group],
        policy.seed,
    )
    return difference(found, policy.category_alpha, 0.0, policy.seed)


def _category_needs(group: Sequence[tuple[Result, Result]], policy: Policy, categories: int) -> str:
    change = [float(policy.metric in new.held) - float(policy.metric in base.held) for base, new in group]
    return for_difference(group, change, 0.0, policy.category_alpha / categories)
