"""How much more evidence would settle what is undecided, if the figures stay as they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist

from harness.score import Score
from harness.statistics.power import estimate_design
from harness.statistics.power import Design, intents_needed

POWER = 0.8
MOST_INTENTS = 20_000  # beyond, nobody writes them: the estimate stands too near to the limit
MOST_SAMPLES = 50
_SMALLEST = 0.003  # share; a distance to the limit below it is no distance


def for_difference(
    pairs: Sequence[tuple[Score, Score]], change: Sequence[float], limit: float, alpha: float, likeness: float
) -> str:
    """What would show that a difference is on the side of the limit where its estimate is.

    Args:
        pairs: (base, candidate) rows.
        change: Candidate - base of each pair: -1, 0 or 1.
        limit: Minus the margin, or 0.
        alpha: One-sided error.
        likeness: Assumed correlation of two answers to one intent, which the rules do not go below.
    """
    estimate = sum(change) / len(change)
    design = estimate_design(change, [base.intent for base, _ in pairs], [base.case_id for base, _ in pairs])
    have = len({base.intent for base, _ in pairs})
    return _more_intents(estimate, limit, _no_less_alike(design, likeness), have, alpha)


def for_rate(values: Sequence[float], rows: Sequence[Score], limit: float, alpha: float, likeness: float) -> str:
    """What would show that a rate is on the side of the limit where its estimate is."""
    estimate = sum(values) / len(values)
    design = estimate_design(values, [row.intent for row in rows], [row.case_id for row in rows])
    # A rate p has variance p - p^2: the formula of a difference with discordance p and difference p.
    return _more_intents(estimate, limit, _no_less_alike(design, likeness), len({row.intent for row in rows}), alpha)


def _no_less_alike(design: Design, likeness: float) -> Design:
    return replace(
        design,
        between_paraphrases=max(design.between_paraphrases, likeness),
        between_samples=max(design.between_samples, likeness),
    )


def _more_intents(estimate: float, limit: float, design: Design, have: int, alpha: float) -> str:
    distance = abs(estimate - limit)
    if distance < _SMALLEST:
        return "the estimate stands at the limit itself: no practical number of intents would settle it"
    by_variance = intents_needed(distance, design, true_difference=estimate, alpha=alpha, power=POWER)
    # Where hardly anything differs, the score interval (z^2/(n + z^2) wide with nothing differing) asks for more.
    by_score = NormalDist().inv_cdf(1 - alpha) ** 2 * (1 / distance - 1) * design.variance_per_intent
    # The rule was not decided with what there is, whatever the formula says.
    wanted = math.ceil(max(by_variance, by_score, 1.1 * have))
    if wanted > MOST_INTENTS:
        return f"more than {MOST_INTENTS:,} intents would be needed: the estimate is too near to the limit"
    side = "kept" if estimate > limit else "broken"
    text = f"about {wanted - have:,} more intents ({have} now) would show that it is {side}, in 8 of 10 cases"
    samples = _samples(distance, estimate, design, have, alpha)
    return f"{text}; {samples}" if samples else text


def _samples(distance: float, estimate: float, design: Design, have: int, alpha: float) -> str:
    """The same by samples, where there are enough of them to know how alike they are."""
    if design.samples < 2:
        return ""
    for samples in range(design.samples + 1, MOST_SAMPLES + 1):
        more = replace(design, samples=samples)
        if intents_needed(distance, more, true_difference=estimate, alpha=alpha, power=POWER) <= have:
            return f"or {samples} samples of each command ({design.samples} now)"
    return "more samples alone would not"
