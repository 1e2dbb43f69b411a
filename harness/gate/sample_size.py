"""How much more evidence would settle what is undecided, if the figures stay as they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist

from harness.score import Score
from harness.statistics.clusters import Floats
from harness.statistics.power import estimate_design, intents_needed

POWER = 0.8
MOST_INTENTS = 20_000  # beyond, nobody writes them: the estimate stands too near to the limit
MOST_SAMPLES = 50
_SMALLEST = 0.003  # share; a distance to the limit below it is no distance


def more_intents(
    values: Sequence[float] | Floats, scores: Sequence[Score], limit: float, alpha: float, likeness: float
) -> str:
    """What would show that a rate or a difference is on the side of the limit where its estimate is.

    A rate p has variance p - p^2, which is the formula of a difference with discordance p and difference p.

    Args:
        values: Of each item: 0 or 1 for a rate, candidate - base for a difference.
        scores: The items, for their intents and cases.
        limit: A floor, minus a margin, or 0.
        alpha: One-sided error.
        likeness: Assumed correlation of two answers to one intent, which the rules do not go below.
    """
    estimate = float(sum(values) / len(values))
    distance = abs(estimate - limit)
    if distance < _SMALLEST:
        return "the estimate stands at the limit itself: no practical number of intents would settle it"
    design = estimate_design(values, [score.intent for score in scores], [score.case_id for score in scores])
    design = replace(
        design,
        between_paraphrases=max(design.between_paraphrases, likeness),
        between_samples=max(design.between_samples, likeness),
    )
    have = len({score.intent for score in scores})
    by_variance = intents_needed(distance, design, true_difference=estimate, alpha=alpha, power=POWER)
    # Where hardly anything differs, the score interval (z^2/(n + z^2) wide with nothing differing) asks for more.
    by_score = NormalDist().inv_cdf(1 - alpha) ** 2 * (1 / distance - 1) * design.variance_per_intent
    # The rule was not decided with what there is, whatever the formula says.
    wanted = math.ceil(max(by_variance, by_score, 1.1 * have))
    if wanted > MOST_INTENTS:
        return f"more than {MOST_INTENTS:,} intents would be needed: the estimate is too near to the limit"
    side = "passes" if estimate > limit else "fails"
    text = f"about {wanted - have:,} more intents ({have} now) would show that it {side}, in 8 of 10 cases"
    if design.samples < 2:  # how alike samples are is not known
        return text
    for samples in range(design.samples + 1, MOST_SAMPLES + 1):
        more = replace(design, samples=samples)
        if intents_needed(distance, more, true_difference=estimate, alpha=alpha, power=POWER) <= have:
            return f"{text}; or {samples} samples of each command ({design.samples} now)"
    return f"{text}; more samples alone would not"
