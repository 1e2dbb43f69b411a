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
it asks, for true differences at and beside the margin.
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
from harness.statistics.clusters import Clusters, Floats
from harness.statistics.paired import Pairs, clustered_tango, difference
from harness.statistics.rates import clustered_bounds, effective_bounds
from harness.statistics.sequential import capital, stakes
from harness.statistics.sign_flips import sign_flip
from harness.tests.gate_rows import NOW, cases_of, draw, grid, hand_out, policy, two_models

ALPHA, LOSS = 0.05, 0.05
SHAPES = ((30, 3), (60, 3), (327, 3), (327, 1))
GAINED = (0.0, 0.01, 0.05, 0.15)
FLOOR_SHAPES = ((45, 5), (30, 10), (100, 5), (327, 3))
FLOORS = (0.6, 0.85, 0.95)
LIKENESSES = (0.0, 0.3, 0.5, 0.6, 0.7)
TRUTHS = ((0.0, 0.05), (0.02, 0.07), (0.1, 0.15), (0.025, 0.025), (0.05, 0.05), (0.02, 0.12), (0.02, 0.27), (0.1, 0.35))


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


def _error(rounds: int) -> str:
    return f"; standard error {100 * math.sqrt(0.05 * 0.95 / rounds):.1f}"


def early(rounds: int) -> None:
    """Print the third table, `--early-stop` on 560 intents in 14 categories, and what its bet alone shows."""
    rows = grid(500, declines=60, categories=[f"kind {number:02}" for number in range(12)])
    cases, thresholds = cases_of(rows), policy()
    shape, bet_rounds = (len(rows) // 3, 3), 10 * rounds
    print(
        f"\n--early-stop, {shape[0]} x 3, margin 5 points, {rounds} rounds (at 5%{_error(rounds)}); bet: {bet_rounds}\n"
    )
    print("| gained, lost | GO % | NO-GO % | answers asked % | bet shows GO % | NO-GO % | GO without replacement % |")
    print("|---|---|---|---|---|---|---|")
    for gained, lost in TRUTHS:
        rng = np.random.default_rng(7)
        bets = np.mean([_bets(*draw(rng, shape, gained, lost), thresholds) for _ in range(bet_rounds)], axis=0)
        verdicts, asked = [], 0.0
        for _ in range(rounds):
            collect, _asked = hand_out(*two_models(rows, *draw(rng, shape, gained, lost)))
            decision = decide_early(cases, collect, thresholds, NOW, lambda _: None)
            verdicts.append(decision.verdict)
            asked += decision.early.asked / decision.early.planned
        shares = [verdicts.count(word) / rounds for word in (Verdict.GO, Verdict.NO_GO)]
        cells = " | ".join(f"{100 * share:.1f}" for share in (*shares, asked / rounds, *bets))
        print(f"| {100 * gained:g}%, {100 * lost:g}% | {cells} |", flush=True)


def _bets(gained: Floats, lost: Floats, policy: Policy) -> tuple[bool, bool, bool]:
    """Whether bets on all but the last batch show a pass, a failure, and a pass of the set: without replacement."""
    sums, each = (gained - lost).sum(axis=1), float(gained.shape[1])
    limit, alpha, asked = policy.primary.limit, policy.early_stop.alpha, len(sums) - policy.early_stop.batch
    # What the intents left must have on average if the whole set had the limit; no less than all lost.
    left = (limit * each * len(sums) - np.cumsum(sums) + sums) / (each * np.arange(len(sums), 0, -1))
    sizes, staked = np.full(len(sums), each), stakes(sums, each, alpha, len(sums))
    passed, failed, of_the_set = (
        capital(sign * sums[:asked], sizes[:asked], mean, each, staked[:asked]) >= 1 / alpha
        for sign, mean in ((1, limit), (-1, -limit), (1, np.maximum(left, 1e-9 - 1)[:asked]))
    )
    return passed, failed, of_the_set


def several(rounds: int, candidates: int = 4) -> None:
    """Print how often at least one of several candidates passes that all lose exactly the margin."""
    rng, shape = np.random.default_rng(11), (327, 3)
    any_passes = 0
    for _ in range(rounds):
        wrong, _ = draw(rng, shape, 0.2, 0.0)  # of the incumbent, which all are held against
        flips = [(draw(rng, shape, 0.5, 0.0)[0], draw(rng, shape, 0.15 / 0.8, 0.0)[0]) for _ in range(candidates)]
        any_passes += any(TESTS["gate"](pairs_of(wrong * gains, (1 - wrong) * losses)) for gains, losses in flips)
    error = 100 * math.sqrt(0.15 * 0.85 / rounds)
    print(
        f"\nat least one of {candidates} passes wrongly: {100 * any_passes / rounds:.1f}% (standard error {error:.1f})"
    )


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
        several(args.early_rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
