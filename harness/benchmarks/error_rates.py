"""How often the gate's tests pass what they should not, at the very edge of what is allowed: it should be 5%.

Run: python -m harness.benchmarks.error_rates [--gate-rounds 400] [--rounds 1000] [--floor-rounds 10000]
[--early-rounds 200]

The tables of whole gates, by the shipped policy on the held-out commands of the go2 pack, are what users get: verdicts
for candidates that are equal, at the margin, or worse in one category, with the rule that most often stood in the way;
the same loss at more evidence; and what became of following "N more intents".

The next is of single tests, for a candidate that loses exactly the margin of five points: how often each says "not
worse". `gate` is the one that decides, the more cautious of the two before it. Differences are drawn by intent
(Dirichlet), alike within an intent by 0.4 or 0.7. Then a rate that lies exactly at its floor (beta-binomial): how often
the floor passes. The last is the gate with --early-stop: how often it says GO and NO-GO, and what share of the answers
it asks, for true differences at and beside the margin; and how often its bet, and one without replacement, would.

Each candidate is judged on its own. Of four that all lose exactly the margin, against one incumbent, at least one
passes the primary test in 10% (the last line): a GO picked from several is not wrong in one of twenty only.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from statistics import NormalDist

import numpy as np

from harness.gate.early_stop import decide_early
from harness.gate.rules import primary_rule
from harness.gate.simulate import Chances, Truth, answers, chances
from harness.gate.verdict import Status, Verdict
from harness.pack import load_pack
from harness.plan import times_as_many
from harness.policy import Policy
from harness.score import Score
from harness.statistics.clusters import Clusters, Floats, by_cluster
from harness.statistics.paired import Pairs, clustered_tango, difference
from harness.statistics.rates import clustered_bounds, effective_bounds
from harness.statistics.sequential import capital, stakes, stratified_order
from harness.statistics.sign_flips import sign_flip
from harness.tests.gate_rows import NOW, cases_of, draw, grid, hand_out, policy

ALPHA, LOSS = 0.05, 0.05
SHAPES = ((30, 3), (60, 3), (327, 3), (327, 1))
GAINED = (0.0, 0.01, 0.05, 0.15)
FLOOR_SHAPES = ((45, 5), (30, 10), (100, 5), (327, 3))
FLOORS = (0.6, 0.85, 0.95)
LIKENESSES = (0.0, 0.3, 0.5, 0.6, 0.7)
EARLY = (  # base, discordance as below, change
    *(
        (0.95, 0.25, -0.05),
        (0.95, 0.9, -0.05),
        (0.8, 0.5, -0.05),
        (0.95, 0.25, 0.0),
        (0.95, 0.5, 0.0),
        (0.95, 0.9, 0.0),
    ),
    *((0.8, 0.5, 0.0), (0.95, 0.5, -0.25), (0.8, 0.5, -0.25)),
)


# Discordance as a share of what two models with unrelated failures would have: they tend to fail on the same commands.
DISCORDANCE = {"low": 0.25, "typical": 0.5, "high": 0.9}


def whole_gates(rounds: int) -> None:
    """Print the verdicts of whole gates, a line a truth."""
    cases = load_pack("go2").cases()
    intents = Counter(category for _, category in {(case.intent, case.category) for case in cases})
    smallest = min(intents, key=lambda name: intents[name])
    print(f"whole gates on {len(cases)} commands, % of {rounds}, standard error at most {50 / math.sqrt(rounds):.1f}\n")
    print("| base | discordance | candidate | GO | NO-GO | INCONCLUSIVE | most in the way |")
    print("|---|---|---|---|---|---|---|")
    for base, (name, share) in product((0.5, 0.8, 0.95, 0.99), DISCORDANCE.items()):
        truth = Truth(base, discordance=share * 2 * base * (1 - base))
        kinds = {"5 points lost": replace(truth, change=-LOSS)}
        if name == "typical":
            kinds |= {"equal": truth}
            kinds |= {
                f"{lost} lost in {smallest}": replace(truth, categories={smallest: -lost / 100}) for lost in (20, 30)
            }
        for kind, one in kinds.items():
            # Below the success floor nothing could pass, so that nothing would be learned of the other rules.
            rules = policy(floors={"success": 0.0}) if base <= policy().floors["success"] else policy()
            _print_row(f"{base} | {name} | {kind}", chances(cases, one, rules, rounds))
    for times in (1, 3, 10, 30):
        loss = Truth(0.8, -0.8 * LOSS, 0.16)
        found = chances(times_as_many(cases, times), loss, policy(), max(20, rounds // (4 * times)))
        _print_row(f"0.8 | typical | 4 points lost, {times} x the intents ({found.rounds} gates)", found)


def _print_row(name: str, found: Chances) -> None:
    shares = " | ".join(f"{100 * share:.1f}" for share in (found.go, found.no_go, found.inconclusive))
    worst = next((f"{rule} {100 * share:.0f}" for rule, share in found.costs.items()), "")
    print(f"| {name} | {shares} | {worst} |", flush=True)


def advice_followed(rounds: int, intents: int = 100, seed: int = 0) -> Counter[str]:
    """What became of undecided primary rules whose "N more intents" was followed: as said, otherwise; or no advice.

    The true difference is anything from ten points lost to five gained, the other intents are new draws of it.
    """
    rng, told = np.random.default_rng(seed), Counter[str]()
    rules = policy()
    for k in range(rounds):
        truth = Truth(0.8, rng.uniform(-0.1, 0.05), 0.16)
        asked = next(answers(cases_of(grid(intents, declines=0)), truth, 1, seed + 2 * k))
        pairs = [*zip(*(side.scores for side in asked), strict=True)]
        rule = primary_rule(pairs, rules, rules.alpha)
        advice = re.match(r"about ([\d,]+) more .* that it (pass|fail)es", rule.needs)
        if advice is None:
            told["none"] += rule.status is Status.UNDECIDED
            continue
        more = cases_of(grid(intents + int(advice[1].replace(",", "")), declines=0))[3 * intents :]
        asked = next(answers(more, truth, 1, seed + 2 * k + 1))
        pairs += zip(*(side.scores for side in asked), strict=True)
        settled = primary_rule(pairs, rules, rules.alpha).status
        told["as said" if settled.value == advice[2] else "otherwise"] += 1
    return told


def pairs_of(gained: Floats, lost: Floats) -> Pairs:
    """The same as the statistics take them."""
    change = gained - lost
    clusters = Clusters(change.sum(axis=1), np.full(len(change), float(change.shape[1])))
    return Pairs(clusters, int(gained.sum()), int(lost.sum()))


def independent_z(pairs: Pairs) -> bool:
    """Wald test as if paraphrases were independent."""
    variance = (pairs.gained + pairs.lost) / pairs.change.items - pairs.change.mean**2
    error = math.sqrt(variance / pairs.change.items)
    return pairs.change.mean - NormalDist().inv_cdf(1 - ALPHA) * error > -LOSS


TESTS: dict[str, Callable[[Pairs], bool]] = {
    "z, items": independent_z,
    "sign flips": lambda pairs: sign_flip(pairs.change, ALPHA).lower > -LOSS,
    "Tango": lambda pairs: clustered_tango(pairs, ALPHA).lower > -LOSS,
    "gate": lambda pairs: difference(pairs, ALPHA).lower > -LOSS,
}


def full_set(rounds: int) -> None:
    """Print the first table."""
    print(f"wrongly not worse, % of {rounds} rounds (nominal 5{_error(rounds)})\n")
    print("| intents x paraphrases | alike | gained, lost | " + " | ".join(TESTS) + " |")
    print("|---|---|---|" + "---|" * len(TESTS))
    for shape in SHAPES:
        for likeness in (0.4, 0.7):
            for gained in GAINED:
                shares = wrongly_not_worse(list(TESTS), shape, gained, likeness, rounds)
                cells = " | ".join(f"{100 * share:.1f}" for share in shares)
                rates = f"{100 * gained:.0f}%, {100 * (gained + LOSS):.0f}%"
                print(f"| {shape[0]} x {shape[1]} | {likeness} | {rates} | {cells} |", flush=True)


def wrongly_not_worse(
    tests: Sequence[str], shape: tuple[int, int], gained: float, likeness: float, rounds: int
) -> list[float]:
    """In what share of rounds each test says "not worse" of a candidate that loses exactly the margin."""
    rng = np.random.default_rng(shape[0] * 100 + shape[1])
    wrong = dict.fromkeys(tests, 0)
    for _ in range(rounds):
        pairs = pairs_of(*draw(rng, shape, gained, gained + LOSS, likeness))
        for name in tests:
            wrong[name] += TESTS[name](pairs)
    return [count / rounds for count in wrong.values()]


def floors(rounds: int) -> None:
    """Print the second table."""
    print(f"\na floor passes wrongly, % of {rounds} rounds (nominal 5{_error(rounds)}), by how alike answers are\n")
    print("| intents x paraphrases | floor | " + " | ".join(str(likeness) for likeness in LIKENESSES) + " |")
    print("|---|---|" + "---|" * len(LIKENESSES))
    for shape in FLOOR_SHAPES:
        for floor in FLOORS:
            cells = [f"{100 * floor_passes(shape, floor, likeness, rounds) / rounds:.1f}" for likeness in LIKENESSES]
            print(f"| {shape[0]} x {shape[1]} | {floor} | {' | '.join(cells)} |", flush=True)


def floor_passes(shape: tuple[int, int], floor: float, likeness: float, rounds: int) -> int:
    """In how many rounds a floor passes that the true rate only just meets."""
    rng = np.random.default_rng(shape[0] * 100 + shape[1])
    size = (rounds, shape[0])
    concentration = 1 / max(likeness, 1e-9) - 1
    rates = (
        rng.beta(floor * concentration, (1 - floor) * concentration, size=size) if likeness else np.full(size, floor)
    )
    sizes = np.full(shape[0], float(shape[1]))
    drawn = rng.binomial(shape[1], rates).astype(np.float64)
    # The gate's bound is never above the exact one, so only rounds where that passes are looked at in full.
    totals = range(shape[0] * shape[1] + 1)
    least = bisect_left(totals, floor, key=lambda total: effective_bounds(Clusters(np.array([total]), sizes), ALPHA)[0])
    return sum(clustered_bounds(Clusters(sums, sizes), ALPHA)[0] >= floor for sums in drawn if sums.sum() >= least)


def _error(rounds: int, share: float = ALPHA) -> str:
    return f"; standard error {100 * math.sqrt(share * (1 - share) / rounds):.1f}"


def early(rounds: int) -> None:
    """Print the third table: `--early-stop` on the shipped pack, and what its bet alone shows before the last batch."""
    cases, rules = load_pack("go2").cases(), policy()
    print(f"\n--early-stop, % of {rounds} gates (at 5%{_error(rounds)}); its bet alone, and a bet without replacement,")
    print(f"before the last batch, % of {10 * rounds} (nominal 2{_error(10 * rounds, 0.02)})\n")
    print("| base | discordance | change | GO | NO-GO | asked | bet: GO | bet: NO-GO | without replacement: GO |")
    print("|---|---|---|---|---|---|---|---|---|")
    for base, share, change in EARLY:
        truth = Truth(base, change, share * 2 * base * (1 - base))
        verdicts, asked, bets = Counter[Verdict](), 0.0, np.zeros(3)
        for k, (old, new) in enumerate(answers(cases, truth, 10 * rounds)):
            bets += _bets(old.scores, new.scores, rules)
            if k < rounds:
                decision = decide_early(cases, hand_out(old, new)[0], rules, NOW, lambda _: None)
                verdicts[decision.verdict] += 1
                asked += decision.early.asked / decision.early.planned
        shares = [verdicts[Verdict.GO] / rounds, verdicts[Verdict.NO_GO] / rounds, asked / rounds, *bets / 10 / rounds]
        cells = " | ".join(f"{100 * one:.1f}" for one in shares)
        print(f"| {base} | {100 * truth.discordance:.1f}% | {100 * change:+.0f} | {cells} |", flush=True)


def _bets(old: Sequence[Score], new: Sequence[Score], rules: Policy) -> tuple[bool, bool, bool]:
    """Whether a bet shows a pass, a failure, and, without replacement, a pass of the set."""
    change = [float(after.success) - float(before.success) for before, after in zip(old, new, strict=True)]
    found = by_cluster(change, [score.intent for score in old])
    number = {intent: n for n, intent in enumerate(dict.fromkeys(score.intent for score in old))}
    order = [number[one] for one in stratified_order({score.intent: score.category for score in old}, rules.seed)]
    sums, sizes = found.sums[order], found.sizes[order]
    limit, alpha, most, asked = rules.primary.limit, rules.early_stop.alpha, sizes.max(), slice(-rules.early_stop.batch)
    staked = stakes(sums, most, alpha, len(sums))
    # What the items left must have on average if the whole set has the limit; no less than all lost.
    left = (limit * sizes.sum() - np.cumsum(sums) + sums) / np.cumsum(sizes[::-1])[::-1]
    hypotheses = ((1, limit), (-1, -limit), (1, np.maximum(left, 1e-9 - 1)[asked]))
    passed, failed, of_the_set = (
        capital(sign * sums[asked], sizes[asked], mean, most, staked[asked]) >= 1 / alpha for sign, mean in hypotheses
    )
    return passed, failed, of_the_set


def several(rounds: int, candidates: int = 4) -> None:
    """Print how often at least one of several candidates passes the primary test that all lose exactly the margin."""
    rng, shape, any_passes = np.random.default_rng(11), (327, 3), 0
    for _ in range(rounds):
        wrong, _ = draw(rng, shape, 0.2, 0.0)  # of the incumbent, which all are held against
        flips = [(draw(rng, shape, 0.5, 0.0)[0], draw(rng, shape, 0.15 / 0.8, 0.0)[0]) for _ in range(candidates)]
        any_passes += any(TESTS["gate"](pairs_of(wrong * gains, (1 - wrong) * losses)) for gains, losses in flips)
    share = any_passes / rounds
    print(f"\none of {candidates} passes wrongly: {100 * share:.1f}%{_error(rounds, share)}")


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gate-rounds", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=1_000)
    parser.add_argument("--floor-rounds", type=int, default=10_000)
    parser.add_argument("--early-rounds", type=int, default=200)
    args = parser.parse_args()
    if args.gate_rounds:
        whole_gates(args.gate_rounds)
        print(f"\n'N more intents', followed, of {args.gate_rounds} gates: {dict(advice_followed(args.gate_rounds))}\n")
    if args.rounds:
        full_set(args.rounds)
    if args.floor_rounds:
        floors(args.floor_rounds)
    if args.early_rounds:
        early(args.early_rounds)
        several(5 * args.early_rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
