"""What it costs and gains to share alpha among the looks at one question, as the record does (`[looks]` of a policy).

Run: python -m harness.benchmarks.looks [--rounds 400]

A user gates 327 intents of 3 paraphrases, and as long as the primary rule is open asks twice as many, two times. First
a candidate that loses exactly the margin: how often it has passed by then, which should be at most 5%; then one as good
as the model in use. `1` is the share of looks without a record: each has the whole of alpha.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from harness.benchmarks.error_rates import pairs_of
from harness.policy import load_policy
from harness.statistics.clusters import Floats
from harness.statistics.paired import difference
from harness.tests.gate_rows import draw

SIZES, FIRSTS = (327, 654, 1308), (1.0, 0.5, 0.8, 0.9)


def passed(
    drawn: Sequence[tuple[Floats, Floats]], sizes: Sequence[int], alphas: Sequence[float], limit: float
) -> list[float]:
    """Share of candidates that have passed after each look; those shown to fail are not looked at again.

    Args:
        drawn: Gained and lost items of each candidate, with as many intents as the last look has.
        sizes: Intents at each look.
        alphas: Error of each look.
        limit: What the difference must exceed.
    """
    shares, so_far, going = [], 0, list(range(len(drawn)))
    for size, alpha in zip(sizes, alphas, strict=True):
        bounds = {k: difference(pairs_of(*(side[:size] for side in drawn[k])), alpha) for k in going}
        so_far += sum(one.lower > limit for one in bounds.values())
        going = [k for k, one in bounds.items() if one.lower <= limit <= one.upper]
        shares.append(so_far / len(drawn))
    return shares


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=400)
    rounds, policy = parser.parse_args().rounds, load_policy()
    limit = policy.primary.limit
    error = 100 * (0.05 * 0.95 / rounds) ** 0.5
    print(f"passed after 1, 2, 3 looks, % of {rounds} rounds (standard error at 5%: {error:.1f})\n")
    print("| gained, lost | first = " + " | ".join(map(str, FIRSTS)) + " |")
    print("|---|" + "---|" * len(FIRSTS))
    for gained, lost in ((0.0, -limit), (0.05, 0.05 - limit), (0.15, 0.15 - limit), (0.08, 0.08)):
        rng = np.random.default_rng(5)
        drawn = [draw(rng, (SIZES[-1], 3), gained, lost, 0.45) for _ in range(rounds)]
        cells = []
        for first in FIRSTS:
            alphas = [policy.alpha * (first * (1 - first) ** k if first < 1 else 1) for k in range(len(SIZES))]
            shares = passed(drawn, SIZES, alphas, limit)
            cells.append(", ".join(f"{100 * share:.1f}" for share in shares))
        print(f"| {100 * gained:.0f}%, {100 * lost:.0f}% | {' | '.join(cells)} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
