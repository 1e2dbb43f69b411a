"""A bound that stays honest however often it is looked at: betting on whole intents.

To show that the mean difference is above m, bet that it is: each intent multiplies the capital by 1 + l*x, where x is
its sum of (difference - m), and the stake l keeps that above 0. If the mean over items is at most m, x is 0 or less on
average; so the capital ever reaches 1/alpha with a chance of at most alpha (Ville's inequality), and reaching it shows
the mean to be above m with error alpha over all looks together. A stake depends on the intents before it alone: it is
sqrt(2 log(1/alpha) / (n v)), which for variance v gets there soonest with about n intents, half of those planned. At
the edge the capital so reaches 1/alpha in 0.4 to 0.9 times alpha.

Sources: I. Waudby-Smith and A. Ramdas, Estimating means of bounded random variables by betting, J. Royal Statistical
Society B 86 (2024) 1-27, sections 3 and 4 (stakes that are predictable plug-ins).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from harness.statistics.clusters import Floats

_PRIOR_INTENTS, _PRIOR_VARIANCE = 20, 0.1  # the variance starts as if so many intents had shown this one
_AT_MOST = 0.95  # of the capital is at risk on one intent
_HALVINGS = 40


def stakes(sums: Floats, most: float, alpha: float, planned: int) -> Floats:
    """(G,) stakes of a bet that shows something with error `alpha`, out of `planned` intents; see `capital`."""
    seen = np.arange(len(sums))
    before, squares = (np.concatenate([[0.0], np.cumsum(values)[:-1]]) for values in (sums, sums**2))
    spread = squares - before**2 / np.maximum(seen, 1) + _PRIOR_INTENTS * _PRIOR_VARIANCE * most**2
    result: Floats = np.sqrt(4 * np.log(1 / alpha) / planned * (seen + _PRIOR_INTENTS) / spread)
    return result


def capital(sums: Floats, sizes: Floats, mean: float | Floats, most: float, stakes: Floats) -> float:
    """Most capital so far of a bet that the mean difference is above `mean`; 1/alpha or more shows it.

    Args:
        sums: (G,) sum of the differences of each intent, each difference from -1 to 1, in the order asked.
        sizes: (G,) items of each intent.
        mean: The hypothesis, above -1; of each intent where it changes on the way.
        most: Largest number of items that an intent can have; fixed beforehand.
        stakes: (G,) each from the intents before it.
    """
    # In logarithms: hundreds of factors would over- or underflow.
    factors = np.log1p(np.minimum(stakes, _AT_MOST / ((1 + mean) * most)) * (sums - mean * sizes))
    return float(np.exp(min(max(0.0, factors.cumsum().max()), 700.0)))


def lower_bound(sums: Floats, sizes: Floats, most: float, stakes: Floats, alpha: float) -> float:
    """Largest mean that the capital shows the truth to be above, by bisection; -1 where it shows nothing yet."""
    low, high = -1.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        shown = capital(sums, sizes, middle, most, stakes) >= 1 / alpha
        low, high = (middle, high) if shown else (low, middle)
    return low


def stratified_order(strata: Mapping[str, str], seed: int) -> list[str]:
    """Intents in a random order of which every part holds the strata by their shares, to within about one intent.

    The n intents of a stratum come at random places, one in each n-th part of the way, so that each stands anywhere
    with the same chance. That depends on nothing but names and seed.
    """
    members: dict[str, list[str]] = defaultdict(list)
    for intent in sorted(strata):
        members[strata[intent]].append(intent)
    rng, places = np.random.default_rng(seed), dict[str, float]()
    for name in sorted(members):
        count = len(members[name])
        places |= zip(members[name], (rng.permutation(count) + rng.random(count)) / count, strict=True)
    return sorted(places, key=places.__getitem__)
