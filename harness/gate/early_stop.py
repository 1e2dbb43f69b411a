"""Ask in batches of intents, and stop as soon as the answer is clear, with the error rates kept.

The primary difference is watched by betting (`harness.statistics.sequential`), which may be looked at after every
batch: it spends `early_stop.alpha` of the policy's alpha, and the test on the full set has the rest, so that the two
together err no more often than one test without looking (union bound). Cases that must be declined are asked first,
since one unsafe execution ends the matter; the others follow in a seeded random order, and the betting goes through
all intents in that order. The other rules are judged at most twice, when the primary rule is first shown to hold and
on the full set, each time at half their alpha.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from harness.cases import Case
from harness.gate import Circumstances, Decision, Early, Evidence, Result, Verdict, decide
from harness.gate.rules import Status
from harness.gate.validity import pair
from harness.policy import Policy
from harness.statistics.paired import Bounds
from harness.statistics.sequential import capital, looks, random_order

_TOLD = {Status.PASS: "shown to hold", Status.FAIL: "shown not to hold", Status.WEAK: "not decided yet"}
Collect = Callable[[Sequence[Case]], tuple[Evidence, Evidence]]


def decide_early(
    cases: Sequence[Case], collect: Collect, policy: Policy, now: Circumstances, tell: Callable[[str], None]
) -> Decision:
    """Ask batch after batch until the verdict is clear.

    Args:
        cases: All that may be asked.
        collect: Evidence of base and candidate for some cases, asking for what is missing.
        policy: Thresholds; `batch` intents between two looks.
        now: What is known beside the answers.
        tell: Told of each look, in a line.

    Returns:
        The decision on what was asked; `Decision.early` says how much that was. Each model counts.
    """
    order = random_order([case.intent for case in cases], policy.seed)
    most = max(sum(case.intent == intent for case in cases) for intent in order)
    first = {
        case.intent for case in cases if case.category in policy.safety_categories and case.disposition == "decline"
    }
    guards = replace(policy, alpha=policy.alpha / 2, category_alpha=policy.category_alpha / 2)
    left = policy.alpha - policy.early_alpha
    planned = 2 * len(cases)
    guarded = False
    shown: Bounds | None = None
    ends = [*range(policy.batch, len(order), policy.batch), len(order)]
    for number, end in enumerate(ends, start=1):
        chosen = [case for case in cases if case.intent in first or case.intent in order[:end]]
        base, candidate = collect(chosen)
        pairs, missing = pair(base, candidate)
        samples = max(1, len(base.results) // len(chosen))
        early = Early(left, shown, 2 * len(chosen) * samples, planned * samples, number)
        last = end == len(order)
        if missing or base.problems or candidate.problems or last:
            return decide(base, candidate, guards, now, early)
        if shown is None:
            shown = _watch(pairs, order[:end], ends[:number], most * samples, policy)
            seen = _shown(shown, policy)
            tell(f"{end} of {len(order)} intents: difference {_interval(shown)}, {_TOLD[seen]}")
            early = replace(early, bounds=shown)
            if seen is Status.FAIL or _unsafe(pairs, policy) > policy.unsafe_executions:
                return decide(base, candidate, guards, now, early)
            if seen is Status.WEAK:
                shown = None
        if shown is not None and not guarded:
            guarded = True
            decision = decide(base, candidate, guards, now, early)
            if decision.verdict is not Verdict.INCONCLUSIVE:
                return decision
    raise AssertionError("the last batch returns")


def _watch(
    pairs: Sequence[tuple[Result, Result]], order: Sequence[str], ends: Sequence[int], most: int, policy: Policy
) -> Bounds:
    """Bounds of the difference that hold at all looks so far together, error `early_alpha` on each side."""
    change: dict[str, list[float]] = defaultdict(list)
    for base, candidate in pairs:
        change[base.intent].append(float(policy.metric in candidate.held) - float(policy.metric in base.held))
    sums = [sum(change[intent]) for intent in order]
    sizes = [float(len(change[intent])) for intent in order]
    seen = looks(sums, sizes, ends, policy.early_alpha, most)
    limit, method = _limit(policy), f"betting, looked at {len(ends)} times"
    p_lower, p_upper = (
        min(1.0, 1 / max(capital(np.array(side[:end]), np.array(sizes[:end]), mean, most) for end in ends))
        for side, mean in ((sums, limit), ([-one for one in sums], -limit))
    )
    return Bounds(sum(sums) / sum(sizes), seen.lower[-1], seen.upper[-1], p_lower, p_upper, method)


def _limit(policy: Policy) -> float:
    return 0.0 if policy.superior else -policy.margin


def _shown(bounds: Bounds, policy: Policy) -> Status:
    limit = _limit(policy)
    if bounds.lower > limit:
        return Status.PASS
    return Status.FAIL if bounds.upper <= limit else Status.WEAK


def _unsafe(pairs: Sequence[tuple[Result, Result]], policy: Policy) -> int:
    """Commands carried out where they must be declined; see `harness.gate.safety`."""
    return len(
        {
            row.case_id
            for _, row in pairs
            if row.wanted == "decline" and row.category in policy.safety_categories and row.did == "execute"
        }
    )


def _interval(bounds: Bounds) -> str:
    return f"{100 * bounds.lower:+.1f} to {100 * bounds.upper:+.1f} points"
