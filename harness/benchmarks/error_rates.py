"""How often the gate's tests pass what they should not, at the very edge of what is allowed: it should be 5%.

Run: python -m harness.benchmarks.error_rates [--rounds 1000] [--floor-rounds 10000] [--early-rounds 200]

The first table is of a candidate that loses exactly the margin of five points: how often each test says "not worse".
`gate` is the one that decides, the more cautious of the two before it. Differences are drawn by intent (Dirichlet),
alike within an intent by 0.4 or 0.7. The second is of a rate that lies exactly at its floor (beta-binomial): how often
the floor passes. The third is the gate with --early-stop: how often it says GO and NO-GO, and what share of the answers
it asks, for true differences at and beside the margin.
"""

from __future__ import annotations

import argparse
import math
import sys
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import NormalDist

import numpy as np

from harness.cases import Case
from harness.gate.early_stop import decide_early
from harness.gate.evidence import Evidence
from harness.gate.verdict import Verdict
from harness.policy import Policy, load_policy
from harness.statistics.clusters import Clusters, Floats
from harness.statistics.paired import Pairs, clustered_tango, difference
from harness.statistics.rates import clustered_bounds, effective_bounds
from harness.statistics.sign_flips import sign_flip
from harness.tests.gate_rows import NOW, grid, model

ALPHA, LOSS = 0.05, 0.05
SHAPES = ((30, 3), (60, 3), (327, 3), (327, 1))
GAINED = (0.0, 0.01, 0.05, 0.15)
FLOOR_SHAPES = ((45, 5), (30, 10), (100, 5), (327, 3))
FLOORS = (0.6, 0.85, 0.95)
LIKENESSES = (0.0, 0.3, 0.5, 0.6, 0.7)
TRUTHS = ((0.1, 0.15), (0.02, 0.07), (0.1, 0.1), (0.02, 0.02), (0.15, 0.05), (0.3, 0.05), (0.05, 0.2), (0.05, 0.35))


def draw(
    rng: np.random.Generator, shape: tuple[int, int], gained: float, lost: float, likeness: float = 0.4
) -> tuple[Floats, Floats]:
    """(intents, wordings) indicators of items gained and lost, correlated within an intent by `likeness`."""
    concentration = 1 / likeness - 1
    share = rng.dirichlet(np.array([gained, lost, 1 - gained - lost]) * concentration + 1e-9, size=(shape[0], 1))
    u = rng.random(shape)
    wins, losses = u < share[..., 0], (u >= share[..., 0]) & (u < share[..., 0] + share[..., 1])
    return wins.astype(np.float64), losses.astype(np.float64)


def pairs_of(gained: Floats, lost: Floats) -> Pairs:
    """The same as the statistics take them."""
    change = gained - lost
    clusters = Clusters(change.sum(axis=1), np.full(len(change), float(change.shape[1])))
    return Pairs(clusters, int(gained.sum()), int(lost.sum()))


def independent_z(pairs: Pairs) -> bool:
    """Wald test as if wordings were independent."""
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
    print("| intents x wordings | alike | gained, lost | " + " | ".join(TESTS) + " |")
    print("|---|---|---|" + "---|" * len(TESTS))
    for shape in SHAPES:
        for likeness in (0.4, 0.7):
            for gained in GAINED:
                rng = np.random.default_rng(shape[0] * 100 + shape[1])
                wrong = dict.fromkeys(TESTS, 0)
                for _ in range(rounds):
                    pairs = pairs_of(*draw(rng, shape, gained, gained + LOSS, likeness))
                    for name, test in TESTS.items():
                        wrong[name] += test(pairs)
                cells = " | ".join(f"{100 * count / rounds:.1f}" for count in wrong.values())
                rates = f"{100 * gained:.0f}%, {100 * (gained + LOSS):.0f}%"
                print(f"| {shape[0]} x {shape[1]} | {likeness} | {rates} | {cells} |", flush=True)


def floors(rounds: int) -> None:
    """Print the second table."""
    print(f"\na floor passes wrongly, % of {rounds} rounds (nominal 5{_error(rounds)}), by how alike answers are\n")
    print("| intents x wordings | floor | " + " | ".join(str(likeness) for likeness in LIKENESSES) + " |")
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


def early(rounds: int, intents: int = 200) -> None:
    """Print the third table: `--early-stop` on 200 intents of 3 wordings, one category."""
    policy = replace(load_policy(), minimum_cases=0, floors={}, category_drop=1.0, over_refusal_margin=0.9)
    rows = grid(intents, declines=0, categories=("a",))
    cases = [Case(case, intent, category, case, wanted, (("x",),), "s") for case, intent, category, _, wanted in rows]
    print(f"\n--early-stop, {intents} x 3, margin 5 points, {rounds} rounds (at 5%{_error(rounds)})\n")
    print("| gained, lost | true difference | GO % | NO-GO % | answers asked % | full set: GO % |")
    print("|---|---|---|---|---|---|")
    for gained, lost in TRUTHS:
        rng = np.random.default_rng(7)
        verdicts, asked, at_once = [], 0.0, 0
        for _ in range(rounds):
            wins, losses = draw(rng, (intents, 3), gained, lost)
            sides = (
                model(rows, (wins.ravel() == 0).tolist().__getitem__, name="old"),
                model(rows, (losses.ravel() == 0).tolist().__getitem__),
            )
            decision = decide_early(cases, _Collect(*sides), _one_category(policy), NOW, lambda _: None)
            verdicts.append(decision.verdict)
            asked += decision.early.asked / decision.early.planned
            at_once += difference(pairs_of(wins, losses), policy.alpha).lower > -policy.margin
        shares = [100 * verdicts.count(word) / rounds for word in (Verdict.GO, Verdict.NO_GO)]
        print(
            f"| {100 * gained:.0f}%, {100 * lost:.0f}% | {100 * (gained - lost):+.0f} "
            f"| {shares[0]:.1f} | {shares[1]:.1f} | {100 * asked / rounds:.0f} | {100 * at_once / rounds:.1f} |",
            flush=True,
        )


def _one_category(policy: Policy) -> Policy:
    """With one category its guard would ask the primary question once more: leave it out of the simulation."""
    return replace(policy, category_alpha=1e-9)


class _Collect:
    """Hands out parts of two models' answers."""

    def __init__(self, base: Evidence, candidate: Evidence) -> None:
        self._models = (base, candidate)
        self._rows = [{row.case_id: row for row in one.scores} for one in self._models]

    def __call__(self, cases: Sequence[Case]) -> tuple[Evidence, Evidence]:
        base, candidate = (
            replace(one, scores=tuple(rows[case.id] for case in cases))
            for one, rows in zip(self._models, self._rows, strict=True)
        )
        return base, candidate


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1_000)
    parser.add_argument("--floor-rounds", type=int, default=10_000)
    parser.add_argument("--early-rounds", type=int, default=200)
    args = parser.parse_args()
    if args.rounds:
        full_set(args.rounds)
    if args.floor_rounds:
        floors(args.floor_rounds)
    if args.early_rounds:
        early(args.early_rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
