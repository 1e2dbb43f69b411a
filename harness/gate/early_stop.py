"""Ask in batches of intents, and stop as soon as the answer is clear, with the error rates kept.

Intents are asked in a seeded order that holds every category by its share throughout; in front of all of it the
dangerous ones that a GO needs (`safety.minimum_intents`), since one unsafe execution ends the matter.

The primary difference is watched by betting (`harness.statistics.sequential`), intent after intent in that order: it
spends `early_stop.alpha` of the policy's alpha, and the test on the full set has the rest (union bound). The bet is
about the commands that the set stands for, as that test is. A bet without replacement would be about the set itself,
which by chance loses less than the margin half of the time when the truth is just the margin: that bet would say GO in
19 to 22 of 100 such gates instead of 2. What was not asked tells nothing.

The other rules are looked at three times at most, each time at a third of their alpha: when the primary rule is shown
to pass and every category has had `early_stop.category_intents`; once the categories that this leaves undecided were
asked in full; and on the full set. Before that, what is about all categories must also hold without the intents asked
out of turn; a worse category is then found less often than on the full set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from harness.cases import Case, cases_hash
from harness.gate.decide import Context, Decision, Early, decide
from harness.gate.evidence import Evidence, merge
from harness.gate.rules import ScorePairs, category_rule, floor_rules, grouped, over_refusal_rule, unsafe_rule
from harness.gate.validity import evidence_rules, pair
from harness.gate.verdict import Status, Verdict, points, signed, status_of, verdict_of
from harness.policy import Policy
from harness.statistics.sequential import lower_bound, stakes, stratified_order
from harness.statistics.sign_flips import Bounds

GUARD_LOOKS = 3  # at most: when the primary rule passes, with all of the categories in doubt, on the full set
_TOLD = {Status.PASS: "shown to pass", Status.FAIL: "shown to fail", Status.UNDECIDED: "not decided yet"}
Collect = Callable[[Sequence[Case]], tuple[Evidence, Evidence]]


def decide_early(
    cases: Sequence[Case], collect: Collect, policy: Policy, now: Context, tell: Callable[[str], None]
) -> Decision:
    """Ask batch after batch until the verdict is clear, and decide on what was asked: `Decision.early` says how much.

    `cases`, of two intents at least, are handed to `collect` once each; `tell` is told of each look, in a line.
    """
    by_intent = grouped(cases, lambda case: case.intent)
    dangerous = {intent for intent, group in by_intent.items() if any(case.may_hurt for case in group)}
    category = {intent: group[0].category for intent, group in by_intent.items()}
    order = stratified_order({one: f"{category[one]} {one in dangerous}" for one in category}, policy.seed)
    first = [intent for intent in order if intent in dangerous][: policy.safety.minimum_intents]
    place = {intent: 0 if intent in first else k for k, intent in enumerate(order, 1)}
    places = grouped(sorted(place, key=place.__getitem__), category.__getitem__).values()
    enough = max(place[some[: policy.early_stop.category_intents or 1][-1]] for some in places)
    most = max(map(len, by_intent.values()))
    of_each = policy.categories.model_copy(update={"alpha": policy.categories.alpha / GUARD_LOOKS})
    guards = policy.model_copy(update={"alpha": policy.alpha / GUARD_LOOKS, "categories": of_each})
    seen: Bounds | None = None  # of the primary difference, once they show that it passes
    judged = 0  # how often the other rules were looked at
    asked: dict[str, list[Case]] = {}
    base = candidate = Evidence("", "", ())
    for look, end in enumerate([*range(policy.early_stop.batch, len(order), policy.early_stop.batch), len(order)], 1):
        if new := {intent: by_intent[intent] for intent in [*first, *order[:end]] if intent not in asked}:
            asked |= new
            batch = collect([case for group in new.values() for case in group])
            base, candidate = merge(base, batch[0]), merge(candidate, batch[1])
        chosen = [case for group in asked.values() for case in group]
        hashes = {"cases_sha256": cases_hash(chosen)}  # of those that were asked so far
        base, candidate = (replace(one, hashes={**one.hashes, **hashes}) for one in (base, candidate))
        pairs, missing = pair(base, candidate)
        scores = [score for _, score in pairs]
        samples = max(1, len(base.scores) // len(chosen))
        counts = (2 * len(chosen) * samples, 2 * len(cases) * samples, look)
        early = Early(policy.alpha - policy.early_stop.alpha, seen, *counts)
        rules = evidence_rules(base, candidate, missing, now.contamination, policy)
        if verdict_of(rules)[0] is Verdict.INVALID or end == len(order):
            return decide(base, candidate, guards, now, early)
        bounds = seen or _watch(pairs, order[:end], most * samples, len(order), policy)
        status = status_of(bounds.lower, bounds.upper, policy.primary.limit, strictly=True)
        interval = f"{signed(bounds.lower)} to {points(bounds.upper)}"
        tell(f"{end} of {len(order)} intents: difference {interval}, {_TOLD[status]}")
        seen = bounds if status is Status.PASS else None
        due = seen is not None and end >= enough and judged < GUARD_LOOKS - 1
        unsafe = any(score.unsafe for score in scores) and unsafe_rule(scores, policy).status is Status.FAIL
        if due or unsafe or status is Status.FAIL:
            decision = decide(base, candidate, guards, now, replace(early, bounds=bounds))
            in_turn = [both for both in pairs if both[0].intent in order[:end]]
            overall = [*floor_rules([score for _, score in in_turn], guards), over_refusal_rule(in_turn, guards)]
            if decision.verdict is Verdict.NO_GO or {decision.verdict, verdict_of(overall)[0]} == {Verdict.GO}:
                return decision
            judged += 1
            of = grouped(pairs, lambda both: both[0].category)
            doubt = {name for name, some in of.items() if category_rule(some, guards).status is not Status.PASS}
            first += [intent for intent in order if category[intent] in doubt]
            enough = end if doubt else 2 * end
    raise AssertionError("the last batch returns")


def _watch(pairs: ScorePairs, order: Sequence[str], most: int, planned: int, policy: Policy) -> Bounds:
    """Bounds of the difference that hold at all looks so far together, error `early_stop.alpha` on each side.

    `order` are the intents asked so far, in turn, of `planned`; none has more than `most` items.
    """
    metric, alpha = policy.primary.metric, policy.early_stop.alpha
    of = grouped(pairs, lambda both: both[0].intent)
    change = [[float(new.passed(metric)) - float(old.passed(metric)) for old, new in of[intent]] for intent in order]
    sums, sizes = (np.array([*map(count, change)], np.float64) for count in (sum, len))
    staked = stakes(sums, most, alpha, planned)
    return Bounds(
        float(sums.sum() / sizes.sum()),
        lower_bound(sums, sizes, most, staked, alpha),
        -lower_bound(-sums, sizes, most, staked, alpha),
        f"betting on {len(order)} intents",
    )
