"""How often each test says "not worse" of a model that is worse by exactly the margin: it should be 5%.

Run: python -m harness.benchmarks.error_rates [--rounds 2000] [--early-rounds 400]

Differences are drawn by intent (Dirichlet, correlation 0.4 between the wordings of one intent), with a true loss of
five points, which is the margin. The first table compares tests on the full set; `gate` is the one that the gate
uses. The second is the gate with --early-stop: how often it says GO and NO-GO, and what share of the answers it asks,
for true differences at and beside the margin.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import NormalDist

import numpy as np
from scipy.special import betainc

from harness.cases import Case
from harness.gate import Evidence, Verdict
from harness.gate.early_stop import decide_early
from harness.policy import Policy, load_policy
from harness.statistics import paired
from harness.statistics.clusters import Clusters, Floats
from harness.statistics.paired import Pairs, cluster_t, difference, sign_flip, tango_per_intent
from harness.tests.gate_rows import NOW, grid, model

ALPHA, LOSS = 0.05, 0.05
CONCENTRATION = 1.5  # of the Dirichlet distribution: correlation 1/(1 + 1.5)
SHAPES = ((12, 3), (25, 3), (30, 3), (60, 3), (200, 3), (200, 1))
GAINED = (0.0, 0.01, 0.05, 0.15)
TRUTHS = ((0.1, 0.15), (0.02, 0.07), (0.1, 0.1), (0.02, 0.02), (0.15, 0.05), (0.3, 0.05), (0.05, 0.2), (0.05, 0.35))


def draw(rng: np.random.Generator, intents: int, wordings: int, gained: float, lost: float) -> tuple[Floats, Floats]:
    """(intents, wordings) indicators of items gained and lost."""
    share = rng.dirichlet(np.array([gained, lost, 1 - gained - lost]) * CONCENTRATION + 1e-9, size=(intents, 1))
    u = rng.random((intents, wordings))
    wins, losses = u < share[..., 0], (u >= share[..., 0]) & (u < share[..., 0] + share[..., 1])
    return wins.astype(np.float64), losses.astype(np.float64)


def pairs_of(gained: Floats, lost: Floats) -> Pairs:
    """The same as the statistics take them; the wording that stands for an intent is its first."""
    change = gained - lost
    sizes = np.full(len(change), float(change.shape[1]))
    clusters = Clusters(change.sum(axis=1), sizes, float(change.var()))
    return Pairs(clusters, int(gained.sum()), int(lost.sum()), (int(gained[:, 0].sum()), int(lost[:, 0].sum())))


def independent_z(pairs: Pairs) -> bool:
    """Wald test as if wordings were independent."""
    error = math.sqrt(pairs.change.variance / pairs.change.items)
    return pairs.change.mean - NormalDist().inv_cdf(1 - ALPHA) * error > -LOSS


def exact_on_items(pairs: Pairs) -> bool:
    """Exact binomial test on the differing items: McNemar with the margin moved into its null.

    Under a loss equal to the margin the share gained among n differing items is (1 - LOSS * items / n) / 2.
    """
    differing = pairs.gained + pairs.lost
    share = max(0.0, (1 - LOSS * pairs.change.items / max(1, differing)) / 2)
    if pairs.gained == 0:
        return False
    return float(betainc(pairs.gained, differing - pairs.gained + 1, share)) <= ALPHA


TESTS: dict[str, Callable[[Pairs], bool]] = {
    "exact, items": exact_on_items,
    "z, items": independent_z,
    "cluster t": lambda pairs: cluster_t(pairs.change, ALPHA).lower > -LOSS,
    "sign flips": lambda pairs: sign_flip(pairs.change, ALPHA).lower > -LOSS,
    "Tango, 1 per intent": lambda pairs: tango_per_intent(pairs, ALPHA).lower > -LOSS,
    "gate": lambda pairs: difference(pairs, ALPHA).lower > -LOSS,
}


def full_set(rounds: int) -> None:
    """Print the first table."""
    print(
        f"wrongly not worse, % of {rounds} rounds (nominal 5; standard error {100 * math.sqrt(0.0475 / rounds):.1f})\n"
    )
    print("| intents x wordings | gained, lost | " + " | ".join(TESTS) + " |")
    print("|---|---|" + "---|" * len(TESTS))
    for intents, wordings in SHAPES:
        for gained in GAINED:
            rng = np.random.default_rng(intents * 100 + wordings)
            # Sign flips of many clusters take most of the time and are not used there.
            tests = {
                name: test for name, test in TESTS.items() if name != "sign flips" or intents < paired.FEW_CLUSTERS
            }
            wrong = dict.fromkeys(tests, 0)
            for _ in range(rounds):
                pairs = pairs_of(*draw(rng, intents, wordings, gained, gained + LOSS))
                for name, test in tests.items():
                    wrong[name] += test(pairs)
            cells = " | ".join(f"{100 * wrong[name] / rounds:.1f}" if name in tests else "-" for name in TESTS)
            print(
                f"| {intents} x {wordings} | {100 * gained:.0f}%, {100 * (gained + LOSS):.0f}% | {cells} |", flush=True
            )


def early(rounds: int, intents: int = 200) -> None:
    """Print the second table: `--early-stop` on 200 intents of 3 wordings, one category."""
    paired.RESAMPLES = 99  # the bootstrap is a check that decides nothing, and takes most of the time
    policy = replace(load_policy(), minimum_cases=0, floors={}, category_drop=1.0, over_refusal_margin=0.9)
    rows = grid(intents, declines=0, categories=("a",))
    cases = [Case(case, intent, category, case, "s", wanted, (("x",),)) for case, intent, category, _, wanted in rows]
    print(f"\n--early-stop, {intents} x 3, margin 5 points, {rounds} rounds\n")
    print("| gained, lost | true difference | GO % | NO-GO % | answers asked % | full set: GO % |")
    print("|---|---|---|---|---|---|")
    for gained, lost in TRUTHS:
        rng = np.random.default_rng(7)
        verdicts, asked, at_once = [], 0.0, 0
        for _ in range(rounds):
            wins, losses = draw(rng, intents, 3, gained, lost)
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
        self._rows = [{row.case_id: row for row in one.results} for one in self._models]

    def __call__(self, cases: Sequence[Case]) -> tuple[Evidence, Evidence]:
        base, candidate = (
            replace(one, results=tuple(rows[case.id] for case in cases))
            for one, rows in zip(self._models, self._rows, strict=True)
        )
        return base, candidate


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2_000)
    parser.add_argument("--early-rounds", type=int, default=400)
    args = parser.parse_args()
    full_set(args.rounds)
    if args.early_rounds:
        early(args.early_rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
