"""How much more evidence would settle what is undecided."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist

from harness.score import Score
from harness.statistics.clusters import Floats
from harness.statistics.power import assurance, estimate_design

ASSURANCE = 0.85  # with which the number does what is said; the tests are a little more cautious than the formula
MOST_TIMES = 10  # as many intents as there are; nobody writes more
_NORMAL = NormalDist()


def more_intents(
    values: Sequence[float] | Floats, scores: Sequence[Score], limit: float, alpha: float, likeness: float
) -> str:
    """What would show that a rate or a difference is on the side of the limit where its estimate is.

    A rate p has variance p - p^2, which is the formula of a difference with discordance p and difference p. The true
    value is not taken to be the estimate: it may be nearer to the limit, as `assurance` reckons.

    Args:
        values: Of each item: 0 or 1 for a rate, candidate - base for a difference.
        scores: The items, for their intents and cases.
        limit: A floor, minus a margin, or 0.
        alpha: One-sided error.
        likeness: Assumed correlation of two answers to one intent, which the rules do not go below.
    """
    estimate = float(sum(values) / len(values))
    distance = abs(estimate - limit)
    design = estimate_design(values, [score.intent for score in scores], [score.case_id for score in scores])
    design = replace(
        design,
        between_paraphrases=max(design.between_paraphrases, likeness),
        between_samples=max(design.between_samples, likeness),
    )
    have = len({score.intent for score in scores})
    # Where hardly anything differs, the score interval (z^2/(n + z^2) wide with nothing differing) asks for more.
    least = _NORMAL.inv_cdf(1 - alpha) ** 2 * (1 / max(distance, 1e-9) - 1) * design.variance_per_intent
    variance = max(design.discordance - estimate**2, distance * (1 - distance)) * design.variance_per_intent
    for percent_more in (*range(10, 100, 5), *range(100, 100 * MOST_TIMES, 20)):
        more = math.ceil(have * percent_more / 100)
        if have + more >= least and assurance(have, more, distance, variance, alpha) >= ASSURANCE:
            side = "passes" if estimate > limit else "fails"
            return f"about {more:,} more intents ({have} now) would show that it {side}, in 8 of 10 cases"
    return f"no practical number of intents would settle it ({have} now): the estimate is too near to the limit"
