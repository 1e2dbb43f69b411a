"""Ask in batches of intents, and stop as soon as the answer is clear, with the error rates kept.

The primary difference is watched by betting (`harness.statistics.sequential`), which may be looked at after every
batch: it spends `early_stop.alpha` of the policy's alpha, and the test on the full set has the rest, so that the two
together err no more often than one test without looking (union bound). Cases that may hurt are asked first, since one
unsafe execution ends the matter; the others follow in a seeded random order, and the betting goes through
all intents in that order.

The other rules are judged at most three times, each time at a third of their alpha: when the primary rule is shown to
hold and every category has had `early_stop.category_intents`, when twice as many intents were asked, and on the full
set. Asking less means seeing less: a category that got worse is found less often than on the full set.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from harness.cases import Case, cases_hash
from harness.gate.candidate_rules import unsafe_commands
from harness.gate.decide import Context, Decision, Early, decide
from harness.gate.evidence import Evidence, merge
from harness.gate.validity import evidence_rules, pair
from harness.gate.verdict import Status, Verdict, verdict_of
from harness.policy import Policy
from harness.score import Score
from harness.statistics.sequential import capital, lower_bound, random_order
from harness.statistics.sign_flips import Bounds

GUARD_LOOKS = 3  # at most: when the primary rule holds, at twice as many intents, on the full set
_TOLD = {Status.PASS: "shown to hold", Status.FAIL: "shown not to hold", Status.WEAK: "not decided yet"}
Collect = Callable[[Sequence[Case]], tuple[Evidence, Evidence]]


def decide_early(
    cases: Sequence[Case], collect: Collect, policy: Policy, now: Context, tell: Callable[[str], None]
) -> Decision:
    """Ask batch after batch until the verdict is clear.

    Args:
        cases: All that may be asked; at least two intents.
        collect: Evidence of base and candidate for some cases; called with each case once.
        policy: Thresholds; `batch` intents between two looks.
        now: What is known beside the answers.
        tell: Told of each look, in a line.

    Returns:
        The decision on what was asked; `Decision.early` says how much that was. Each model counts.
    """
    order = random_order([case.intent for case in cases], policy.seed)
    by_intent: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_intent[case.intent].append(case)
    first = [intent for intent in order if any(case.may_hurt for case in by_intent[intent])]
    most = max(len(group) for group in by_intent.values())
    guards = replace(policy, alpha=policy.alpha / GUARD_LOOKS, category_alpha=policy.category_alpha / GUARD_LOOKS)
    seen: Bounds | None = None
    shown = False  # the primary rule holds
    guarded: list[int] = []  # intents at which the other rules were judged
    asked: list[str] = []
    gathered: tuple[Evidence, Evidence] | None = None
    ends = [*range(policy.batch, len(order), policy.batch), len(order)]
    for number, end in enumerate(ends, start=1):
        new = [intent for intent in dict.fromkeys([*first, *order[:end]]) if intent not in asked]
        asked += new
        chosen = [case for intent in asked for case in by_intent[intent]]
        if new:
            batch = collect([case for intent in new for case in by_intent[intent]])
            gathered = batch if gathered is None else (merge(gathered[0], batch[0]), merge(gathered[1], batch[1]))
        assert gathered is not None, "the first batch is not empty"
        base, candidate = gathered
        pairs, missing = pair(base, candidate)
        samples = max(1, len(base.scores) // len(chosen))
        counts = (2 * len(chosen) * samples, 2 * len(cases) * samples, number)
        early = Early(policy.alpha - policy.early_alpha, seen if shown else None, *counts)
        found = verdict_of(evidence_rules(base, candidate, missing, now.contamination, policy))[0]
        if found is Verdict.INVALID or end == len(order):
            return _decided(gathered, chosen, guards, now, early)
        if not shown:
            seen = _watch(pairs, order[:end], most * samples, policy, seen)
            status = _status(seen, policy)
            shown = status is Status.PASS
            tell(f"{end} of {len(order)} intents: difference {_interval(seen)}, {_TOLD[status]}")
            if status is Status.FAIL or len(unsafe_commands([row for _, row in pairs])) > policy.unsafe_executions:
                return _decided(gathered, chosen, guards, now, replace(early, bounds=seen))
        due = not guarded or (len(guarded) < GUARD_LOOKS - 1 and len(asked) >= 2 * guarded[-1])
        if shown and due and _enough(asked, by_intent, policy):
            guarded.append(len(asked))
            decision = _decided(gathered, chosen, guards, now, replace(early, bounds=seen))
            if decision.verdict is not Verdict.INCONCLUSIVE:
                return decision
    raise AssertionError("the last batch returns")


def _decided(
    gathered: tuple[Evidence, Evidence], cases: Sequence[Case], policy: Policy, now: Context, early: Early
) -> Decision:
    """Decide on what was asked so far; the hash of the cases is theirs."""
    asked = cases_hash(cases)
    base, candidate = (replace(one, hashes={**one.hashes, "cases_sha256": asked}) for one in gathered)
    return decide(base, candidate, policy, now, early)


def _enough(asked: Sequence[str], by_intent: Mapping[str, Sequence[Case]], policy: Policy) -> bool:
    """Has every category had the policy's number of intents, or all it has?"""
    wanted = Counter(group[0].category for group in by_intent.values())
    had = Counter(by_intent[intent][0].category for intent in asked)
    return all(had[name] >= min(number, policy.category_intents) for name, number in wanted.items())


def _watch(
    pairs: Sequence[tuple[Score, Score]], order: Sequence[str], most: int, policy: Policy, before: Bounds | None
) -> Bounds:
    """Bounds of the difference that hold at all looks so far together, error `early_alpha` on each side.

    Args:
        pairs: (base, candidate) rows, of these intents at least.
        order: The intents of this look.
        most: Largest number of items of an intent.
        policy: Metric, margin and error.
        before: Bounds of the look before; what was shown once stays shown.
    """
    change: dict[str, list[float]] = defaultdict(list)
    for base, candidate in pairs:
        change[base.intent].append(float(candidate.passed(policy.metric)) - float(base.passed(policy.metric)))
    sums = np.array([sum(change[intent]) for intent in order])
    sizes = np.array([float(len(change[intent])) for intent in order])
    limit = _limit(policy)
    before = before or Bounds(0.0, -1.0, 1.0, 1.0, 1.0, "")
    return Bounds(
        float(sums.sum() / sizes.sum()),
        max(before.lower, lower_bound(sums, sizes, policy.early_alpha, most)),
        min(before.upper, -lower_bound(-sums, sizes, policy.early_alpha, most)),
        min(before.p_lower, 1 / capital(sums, sizes, limit, most)),
        min(before.p_upper, 1 / capital(-sums, sizes, -limit, most)),
        f"betting on {len(order)} intents",
    )


def _limit(policy: Policy) -> float:
    return 0.0 if policy.superior else -policy.margin


def _status(bounds: Bounds, policy: Policy) -> Status:
    limit = _limit(policy)
    if bounds.lower > limit:
        return Status.PASS
    return Status.FAIL if bounds.upper <= limit else Status.WEAK


def _interval(bounds: Bounds) -> str:
    return f"{100 * bounds.lower:+.1f} to {100 * bounds.upper:+.1f} points"
