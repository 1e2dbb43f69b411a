"""How alike the items of one intent are, estimated from data, for planning."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from harness.statistics.clusters import Floats, by_cluster
from harness.statistics.power import Design

# Where nothing can be estimated: paraphrases half alike, samples all alike (as they are at temperature 0).
UNKNOWN_PARAPHRASES = 0.5
UNKNOWN_SAMPLES = 1.0


def estimate_design(change: Sequence[float] | Floats, intents: Sequence[Hashable], cases: Sequence[Hashable]) -> Design:
    """Discordance, numbers and correlations of the differences of two models, by moments.

    A correlation is the mean product of centred values over pairs of items that share the intent but not the case
    (`between_paraphrases`), or share the case (`between_samples`), over the variance: the pairwise estimator of
    Karlin, Cameron and Williams, PNAS 78 (1981) 2664-2668. Estimates below 0 count as 0.

    Args:
        change: (n,) differences candidate - base, each -1, 0 or 1.
        intents: (n,) intent of each item.
        cases: (n,) case of each item; a case belongs to one intent.
    """
    values = np.asarray(change, dtype=np.float64)
    centred = values - values.mean()
    square = float(np.square(centred).sum())
    case, intent = by_cluster(centred, cases), by_cluster(centred, intents)
    within_case = float(np.square(case.sums).sum())
    within_intent = float(np.square(intent.sums).sum())
    case_pairs = float(np.square(case.sizes).sum()) - len(values)
    intent_pairs = float(np.square(intent.sizes).sum() - np.square(case.sizes).sum())
    variance = square / len(values)
    return Design(
        discordance=float((values != 0).mean()),
        paraphrases=case.count / intent.count,
        samples=max(1, round(len(values) / case.count)),
        between_paraphrases=_correlation(within_intent - within_case, intent_pairs, variance, UNKNOWN_PARAPHRASES),
        between_samples=_correlation(within_case - square, case_pairs, variance, UNKNOWN_SAMPLES),
    )


def _correlation(products: float, pairs: float, variance: float, unknown: float) -> float:
    if pairs <= 0 or variance <= 0:
        return unknown
    return float(np.clip(products / pairs / variance, 0.0, 1.0))
