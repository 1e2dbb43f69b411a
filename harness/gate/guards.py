"""Guards beside the primary rule: floors of the candidate alone, and no category given up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from harness.gate.needs import for_difference, for_rate
from harness.gate.rules import Rule, Status, judge, percent, points, signed
from harness.policy import Policy
from harness.scores import Score
from harness.statistics.clusters import Clusters, by_cluster
from harness.statistics.multiplicity import holm
from harness.statistics.paired import difference, pair_up
from harness.statistics.rates import clustered_bounds, pass_hat_k
from harness.statistics.sign_flips import Bounds

_SHOWN = 3  # categories told in full; the figures of all are in the JSON
_WORST = ("reliability.worst_paraphrase", "worst wording")
_PASS_HAT = ("reliability.pass_hat_k", "all samples succeed")


def floor_rules(pairs: Sequence[tuple[Score, Score]], policy: Policy) -> list[Rule]:
    """One rule for each floor: fails where the upper bound is below it, weak where only the lower one is."""
    return [_floor([row for _, row in pairs], metric, floor, policy) for metric, floor in policy.floors.items()]


def _floor(rows: Sequence[Score], metric: str, floor: float, policy: Policy) -> Rule:
    values = [float(row.passed(metric)) for row in rows]
    rates = by_cluster(values, [row.intent for row in rows])
    effective = rates.effective_items(policy.likeness)
    detail = f"{sum(values):.0f} of {len(values)}; sign flips and exact bounds on {effective:.0f} effective answers"
    needs = for_rate(values, rows, floor, policy.alpha, policy.likeness)
    return _at_least((f"floor.{metric}", f"{metric} floor"), rates, floor, policy, (detail, needs))


def reliability_rules(pairs: Sequence[tuple[Score, Score]], policy: Policy) -> list[Rule]:
    """Floors of the worst paraphrase and of pass^k; skipped where there is one sample."""
    cases: dict[str, list[bool]] = defaultdict(list)
    intent_of: dict[str, str] = {}
    for _, row in pairs:
        cases[row.case_id].append(row.passed(policy.metric))
        intent_of[row.case_id] = row.intent
    samples = min((len(results) for results in cases.values()), default=0)
    if samples < 2:
        return [
            Rule(name, title, Status.SKIP, "one sample", detail="ask for more with --samples")
            for name, title in (_WORST, _PASS_HAT)
        ]
    worst: dict[str, float] = defaultdict(lambda: 1.0)
    for case_id, results in cases.items():
        worst[intent_of[case_id]] = min(worst[intent_of[case_id]], sum(results) / len(results))
    correct = np.array([sum(results) for results in cases.values()], dtype=np.float64)
    asked = np.array([len(results) for results in cases.values()], dtype=np.float64)
    every = pass_hat_k(correct, asked, samples)
    return [
        _reliable(_WORST, by_cluster(list(worst.values()), list(worst)), policy.worst_paraphrase, policy, samples),
        _reliable(_PASS_HAT, by_cluster(every, list(intent_of.values())), policy.pass_hat_k, policy, samples),
    ]


def _reliable(names: tuple[str, str], rates: Clusters, floor: float, policy: Policy, samples: int) -> Rule:
    needs = f"more intents than {rates.count}, or a policy with a floor further from {percent(rates.mean)}"
    return _at_least(names, rates, floor, policy, (f"{samples} samples, {rates.count} intents", needs))


def _at_least(names: tuple[str, str], rates: Clusters, floor: float, policy: Policy, told: tuple[str, str]) -> Rule:
    """A rate of the candidate against a floor; `told` is the detail, and what would settle it."""
    lower, upper = clustered_bounds(rates, policy.alpha, likeness=policy.likeness, seed=policy.seed)
    status = judge(lower, upper, floor)
    return Rule(
        *names,
        status,
        percent(rates.mean),
        f"{percent(lower)} to {percent(upper)}",
        f"at least {percent(floor)}",
        told[0],
        told[1] if status is Status.WEAK else "",
        {"rate": rates.mean, "lower": lower, "upper": upper, "floor": floor},
    )


def category_rules(pairs: Sequence[tuple[Score, Score]], policy: Policy) -> list[Rule]:
    """No category significantly worse (fails), none fallen far, with or without significance (weak)."""
    names = sorted({base.category for base, _ in pairs})
    groups = {name: [(base, new) for base, new in pairs if base.category == name] for name in names}
    bounds = {name: _change(group, policy) for name, group in groups.items()}
    adjusted = dict(zip(names, holm([bounds[name].p_upper for name in names]), strict=True))
    worse = [name for name in names if adjusted[name] <= policy.category_alpha and bounds[name].estimate < 0]
    fallen = [name for name in names if bounds[name].estimate < -policy.category_drop]
    lowest = min(names, key=lambda name: bounds[name].estimate)
    firmest = min(names, key=lambda name: adjusted[name])
    numbers = {
        **{f"{name}.difference": bounds[name].estimate for name in names},
        **{f"{name}.p_holm": adjusted[name] for name in names},
    }
    open_ones = [name for name in fallen if name not in worse]
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
            f"without significance: {', '.join(open_ones)}" if open_ones else "",
            "; ".join(f"{name}: {_category_needs(groups[name], policy, len(names))}" for name in open_ones[:_SHOWN]),
        ),
    ]


def _change(group: Sequence[tuple[Score, Score]], policy: Policy) -> Bounds:
    found = pair_up(
        [base.passed(policy.metric) for base, _ in group],
        [new.passed(policy.metric) for _, new in group],
        [base.intent for base, _ in group],
    )
    return difference(found, policy.category_alpha, likeness=policy.likeness, seed=policy.seed)


def _category_needs(group: Sequence[tuple[Score, Score]], policy: Policy, categories: int) -> str:
    change = [float(new.passed(policy.metric)) - float(base.passed(policy.metric)) for base, new in group]
    return for_difference(group, change, 0.0, policy.category_alpha / categories, policy.likeness)
