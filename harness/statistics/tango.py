"""Tango's score interval for the difference of two paired proportions.

Near 100% few pairs differ, and a Wald interval shrinks to nothing just where it should not: as a non-inferiority
test it then errs in 15 to 22% of cases at a nominal 5%. The score interval uses the variance under the hypothesis
tested. Source: T. Tango, Statistics in Medicine 17 (1998) 891-908, eqs. 4-8.
"""

from __future__ import annotations

import math
from statistics import NormalDist

_HALVINGS = 60  # of an interval of length 2: far below the resolution of a float64


def score_statistic(gained: float, lost: float, pairs: float, difference: float) -> float:
    """Tango's z for the hypothesis that the true difference (candidate - base) is `difference`.

    Args:
        gained: Pairs where only the candidate holds.
        lost: Pairs where only the base holds.
        pairs: All pairs; at least gained + lost, above 0. Need not be whole (effective numbers).
        difference: Between -1 and 1, both excluded.

    Returns:
        Approximately standard normal under the hypothesis; positive where the observed difference is larger.
    """
    # q: restricted maximum-likelihood estimate of the probability that only the base holds.
    a = 2 * pairs
    b = -gained - lost + (2 * pairs - gained + lost) * difference
    c = -lost * difference * (1 - difference)
    q = (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
    variance = pairs * (2 * q + difference * (1 - difference))
    distance = gained - lost - pairs * difference
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def tango_bounds(gained: float, lost: float, pairs: float, alpha: float) -> tuple[float, float]:
    """Lower and upper bound of the difference (candidate - base), each with one-sided confidence 1 - alpha.

    Args:
        gained: Pairs where only the candidate holds.
        lost: Pairs where only the base holds.
        pairs: Independent pairs: one result per intent, or an effective number (Rao and Scott, Biometrics 48
            (1992) 577-585: counts divided by the design effect; for paired data Yang, Sun and Hardin,
            Computational Statistics and Data Analysis 56 (2012) 2097-2110).
        alpha: Error on each side, such as 0.05.

    Raises:
        ValueError: negative counts, or more differing pairs than pairs.
    """
    if gained < 0 or lost < 0 or pairs <= 0 or gained + lost > pairs * (1 + 1e-9):
        raise ValueError("counts must be at least 0 and gained + lost at most the number of pairs")
    # The lower bound of the difference is minus the upper bound of the difference the other way round.
    return -_upper(lost, gained, pairs, alpha), _upper(gained, lost, pairs, alpha)


def _upper(gained: float, lost: float, pairs: float, alpha: float) -> float:
    """Largest difference that is not rejected, by bisection: the statistic falls as the difference grows."""
    limit = -NormalDist().inv_cdf(1 - alpha)
    low, high = (gained - lost) / pairs, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if score_statistic(gained, lost, pairs, middle) >= limit:
            low = middle
        else:
            high = middle
    return high
