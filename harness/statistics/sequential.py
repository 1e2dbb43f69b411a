"""A bound that stays honest however often it is looked at: betting on whole intents.

To show that the mean difference is above m, bet that it is: each intent multiplies the capital by 1 + l*x, where x
is its sum of ((difference + 1)/(m + 1) - 1), divided by the largest number of items of an intent. x is at least -1
and, if the mean over items is at most m, x is 0 or less on average; so the capital grows tenfold with a chance of
at most one in ten, at any time (Ville's inequality), and capital above 1/alpha shows the mean to be above m with
error alpha over all looks together. The capital is the mean over a fixed grid of stakes l, so nothing need be
tuned and the order of the intents within a look does not matter.

Sources: I. Waudby-Smith and A. Ramdas, Estimating means of bounded random variables by betting, J. Royal
Statistical Society B 86 (2024) 1-27, section 4; the mixture over stakes: H. Robbins, Annals of Math. Statistics 41
(1970) 1397-1409. Valid where intents come in random order, which the seeded order of `random_order` provides.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.statistics.clusters import Floats

STAKES = np.concatenate([np.geomspace(0.002, 0.5, 40), np.linspace(0.55, 0.95, 9)])
_HALVINGS = 40


def capital(sums: Floats, sizes: Floats, mean: float, most: float) -> float:
    """Capital after betting that the mean difference is above `mean`; above 1/alpha shows it.

    Args:
        sums: (G,) sum of the differences of each intent, each difference from -1 to 1.
        sizes: (G,) items of each intent.
        mean: The hypothesis, above -1.
        most: Largest number of items that an intent can have; fixed beforehand.
    """
    gain = ((sums + sizes) / (1 + mean) - sizes) / most
    # In logarithms: hundreds of factors would over- or underflow.
    logs = np.log1p(np.outer(STAKES, gain)).sum(axis=1)
    peak = float(logs.max())
    return float(np.exp(min(peak, 700.0)) * np.exp(logs - peak).mean())


def lower_bound(sums: Floats, sizes: Floats, alpha: float, most: float) -> float:
    """Largest mean that the capital shows the truth to be above, by bisection; -1 where it shows nothing yet."""
    low, high = -1.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if capital(sums, sizes, middle, most) >= 1 / alpha:
            low = middle
        else:
            high = middle
    return low


def random_order(intents: Sequence[str], seed: int) -> list[str]:
    """The intents in a random order that depends on nothing but their names and the seed."""
    names = sorted(set(intents))
    return [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
