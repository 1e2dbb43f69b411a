"""Reliability of the candidate where each command was asked more than once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from harness.gate.evidence import Result
from harness.gate.rules import Rule, Status, judge, percent
from harness.policy import Policy
from harness.statistics.clusters import Clusters, by_cluster
from harness.statistics.rates import clustered_bounds, pass_hat_k


def reliability_rules(pairs: Sequence[tuple[Result, Result]], policy: Policy) -> list[Rule]:
    """Floors of the worst paraphrase and of pass^k; skipped where there is one sample."""
    cases: dict[str, list[bool]] = defaultdict(list)
    intent_of: dict[str, str] = {}
    for _, row in pairs:
        cases[row.case_id].append(policy.metric in row.held)
        intent_of[row.case_id] = row.intent
    samples = min((len(results) for results in cases.values()), default=0)
    if samples < 2:
        return [
            Rule(name, title, Status.SKIP, "one sample", detail="ask for more with --samples")
            for name, title in (_WORST, _PASS_HAT)
        ]
    intents = [intent_of[case_id] for case_id in cases]
    worst: dict[str, float] = defaultdict(lambda: 1.0)
    for case_id, results in cases.items():
        worst[intent_of[case_id]] = min(worst[intent_of[case_id]], sum(results) / len(results))
    correct = np.array([sum(results) for results in cases.values()], dtype=np.float64)
    asked = np.array([len(results) for results in cases.values()], dtype=np.float64)
    return [
        _floor(_WORST, by_cluster(list(worst.values()), list(worst)), policy.worst_paraphrase, policy, samples),
        _floor(_PASS_HAT, by_cluster(pass_hat_k(correct, asked, samples), intents), policy.pass_hat_k, policy, samples),
    ]


_WORST = ("reliability.worst_paraphrase", "worst wording")
_PASS_HAT = ("reliability.pass_hat_k", "all samples succeed")


def _floor(rule: tuple[str, str], values: Clusters, floor: float, policy: Policy, samples: int) -> Rule:
    lower, upper = clustered_bounds(values, policy.alpha)
    status = judge(lower, upper, floor)
    return Rule(
        *rule,
        status,
        percent(values.mean),
        f"{percent(lower)} to {percent(upper)}",
        f"at least {percent(floor)}",
        f"{samples} samples, {values.count} intents",
        f"more intents than {values.count}, or a policy with a floor further from {percent(values.mean)}"
        if status is Status.WEAK
        else "",
        {"rate": values.mean, "lower": lower, "upper": upper, "floor": floor, "samples": samples},
    )
