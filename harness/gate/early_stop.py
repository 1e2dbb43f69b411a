"""Ask in batches of intents, and stop as soon as the answer is clear, with the error rates kept.

The primary difference is watched by betting (`harness.statistics.sequential`), which may be looked at after every
batch: it spends `early_stop.alpha` of the policy's alpha, and the test on the full set has the rest, so that the two
together err no more often than one test without looking (union bound). Cases that may hurt are asked first, since one
unsafe execution ends the matter; the others follow in a seeded random order, and the betting goes through
all intents in that order.

The other rules are judged at most three times, each time at a third of their alpha: when the primary rule is shown to
pass and every category has had `early_stop.category_intents`, when twice as many intents were asked, and on the full
set. Asking less means seeing less: a category that got worse is found less often than on the full set.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from harness.cases import Case, cases_hash
from harness.gate.decide import Context, Decision, Early, decide
from harness.gate.evidence import Evidence, merge
from harness.gate.rules import ScorePairs, unsafe_commands
from harness.gate.validity import evidence_rules, pair
from harness.gate.verdict import Status, Verdict, points, signed, status_of, verdict_of
from harness.policy import Policy
from harness.statistics.sequential import capital, lower_bound, random_order
from harness.statistics.sign_flips import Bounds

GUARD_LOOKS = 3  # at most: when the primary rule passes, at twice as many intents, on the full set
_TOLD = {Status.PASS: "shown to pass", Status.FAIL: "shown to fail", Status.UNDECIDED: "not decided yet"}
Collect = Callable[[Sequence[Case]], tuple[Evidence, Evidence]]


def decide_early(
    cases: Sequence[Case], collect: Collect, policy: Policy, now: Context, tell: Callable[[str], None]
) -> Decision:
    """Ask batch after batch until the verdict is clear.

    Args:
        cases: All that may be asked; at least two intents.
        collect: Evidence of base and candidate for some cases; called with each case once.
        policy: Thresholds; `early_stop.batch` intents between two looks.
        now: What is known beside the answers.
        tell: Told of each look, in a line.

    Returns:
        The decision on what was asked; `Decision.early` says how much that was. Each model counts.
    """
    order = random_order([case.intent for case in cases], policy.seed)
    by_intent: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_intent[case.intent].append(case)
    dangerous = [intent for intent in order if any(case.may_hurt for case in by_intent[intent])]
    most = max(map(len, by_intent.values()))
    categories = Counter(group[0].category for group in by_intent.values())
    guards = policy.model_copy(
        update={
            "alpha": policy.alpha / GUARD_LOOKS,
            "categories": policy.categories.model_copy(update={"alpha": policy.categories.alpha / GUARD_LOOKS}),
        }
    )
    seen = Bounds(0.0, -1.0, 1.0, 1.0, 1.0, "")
    shown = False  # the primary rule passes
    guarded: list[int] = []  # intents at which the other rules were judged
    asked: list[str] = []
    gathered: tuple[Evidence, Evidence] | None = None
    for look, end in enumerate([*range(policy.early_stop.batch, len(order), policy.early_stop.batch), len(order)], 1):
        if new := [intent for intent in dict.fromkeys([*dangerous, *order[:end]]) if intent not in asked]:
            asked += new
            batch = collect([case for intent in new for case in by_intent[intent]])
            gathered = batch if gathered is None else (merge(gathered[0], batch[0]), merge(gathered[1], batch[1]))
        assert gathered is not None, "the first batch is not empty"
        chosen = [case for intent in asked for case in by_intent[intent]]
        base, candidate = gathered
        pairs, missing = pair(base, candidate)
        samples = max(1, len(base.scores) // len(chosen))
        counts = (2 * len(chosen) * samples, 2 * len(cases) * samples, look)
        early = Early(policy.alpha - policy.early_stop.alpha, seen if shown else None, *counts)
        valid = (
            verdict_of(evidence_rules(base, candidate, missing, now.contamination, policy))[0] is not Verdict.INVALID
        )
        if not valid or end == len(order):
            return _decided(gathered, chosen, guards, now, early)
        if not shown:
            seen = _watch(pairs, order[:end], most * samples, policy, seen)
            status = status_of(seen.lower, seen.upper, policy.primary.limit, strictly=True)
            shown = status is Status.PASS
            interval = f"{signed(seen.lower)} to {points(seen.upper)}"
            tell(f"{end} of {len(order)} intents: difference {interval}, {_TOLD[status]}")
            early = replace(early, bounds=seen)
            unsafe = len(unsafe_commands([score for _, score in pairs]))
            if status is Status.FAIL or unsafe > policy.safety.unsafe_executions:
                return _decided(gathered, chosen, guards, now, early)
        due = not guarded or (len(guarded) < GUARD_LOOKS - 1 and len(asked) >= 2 * guarded[-1])
        had = Counter(by_intent[intent][0].category for intent in asked)
        enough = all(had[name] >= min(all_, policy.early_stop.category_intents) for name, all_ in categories.items())
        if shown and due and enough:
            guarded.append(len(asked))
            decision = _decided(gathered, chosen, guards, now, early)
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


def _watch(pairs: ScorePairs, order: Sequence[str], most: int, policy: Policy, before: Bounds) -> Bounds:
    """Bounds of the difference that hold at all looks so far together, error `early_stop.alpha` on each side.

    Args:
        pairs: Of these intents at least.
        order: The intents of this look.
        most: Largest number of items of an intent.
        policy: Metric, margin and error.
        before: Bounds of the look before; what was shown once stays shown.
    """
    metric, limit, alpha = policy.primary.metric, policy.primary.limit, policy.early_stop.alpha
    change: dict[str, list[float]] = defaultdict(list)
    for base, candidate in pairs:
        change[base.intent].append(float(candidate.passed(metric)) - float(base.passed(metric)))
    sums = np.array([sum(change[intent]) for intent in order])
    sizes = np.array([float(len(change[intent])) for intent in order])
    return Bounds(
        float(sums.sum() / sizes.sum()),
        max(before.lower, lower_bound(sums, sizes, alpha, most)),
        min(before.upper, -lower_bound(-sums, sizes, alpha, most)),
        min(before.p_lower, 1 / capital(sums, sizes, limit, most)),
        min(before.p_upper, 1 / capital(-sums, sizes, -limit, most)),
        f"betting on {len(order)} intents",
    )
