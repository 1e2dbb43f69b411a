"""How the answers of two models vary, and what more of them would show. Normal approximation, clustered.

One item is one answer to one command; its difference candidate - base is -1, 0 or 1 with variance D - d^2, where D
is the discordance (share of items on which the two models differ) and d the true difference. How
much of it is left in the mean over the items of an intent is `Design.variance_per_intent`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from harness.statistics.clusters import Floats, by_cluster

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Design:
    """What is asked, and how the answers of two models vary.

    Attributes:
        discordance: Share of items on which the two models differ, 0 to 1.
        paraphrases: Commands of each intent, on average; at least 1.
        samples: Answers to each command, at least 1.
        between_paraphrases: Correlation of the differences of two paraphrases of an intent, 0 to 1.
        between_samples: Correlation of the differences of two samples of a command, 0 to 1; 1 at temperature 0,
            where asking again gives the same answer.
    """

    discordance: float = 0.2
    paraphrases: float = 3.0
    samples: int = 1
    between_paraphrases: float = 0.5
    between_samples: float = 1.0

    def __post_init__(self) -> None:
        shares = (self.discordance, self.between_paraphrases, self.between_samples)
        if not all(0 <= share <= 1 for share in shares) or self.paraphrases < 1 or self.samples < 1:
            raise ValueError("shares and correlations lie in 0 to 1; paraphrases and samples are at least 1")

    @property
    def design_effect(self) -> float:
        """Variance of the mean over that of as many independent items.

        1 + (K-1) r_s + K (m-1) r_p for m paraphrases and K samples: the sum of an intent's m*K items has that many
        item variances over m*K. Two-stage form of Kish, Survey Sampling (1965), section 5.4.
        """
        return (
            1
            + (self.samples - 1) * self.between_samples
            + self.samples * (self.paraphrases - 1) * self.between_paraphrases
        )

    @property
    def variance_per_intent(self) -> float:
        """Variance of an intent's mean, for items of variance 1: tends to `between_paraphrases` as m grows."""
        return self.design_effect / (self.paraphrases * self.samples)


def estimate_design(change: Sequence[float] | Floats, intents: Sequence[Hashable], cases: Sequence[Hashable]) -> Design:
    """Discordance, numbers and correlations of the differences of two models, by moments.

    A correlation is the mean product of centred values over pairs of items that share the intent but not the case
    (`between_paraphrases`), or share the case (`between_samples`), over the variance: the pairwise estimator of
    Karlin, Cameron and Williams, PNAS 78 (1981) 2664-2668. Estimates below 0 count as 0; where nothing can be
    estimated a correlation is that of `Design()`.

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

    def correlation(products: float, pairs: float, unknown: float) -> float:
        if pairs <= 0 or variance <= 0:
            return unknown
        return float(np.clip(products / pairs / variance, 0.0, 1.0))

    return Design(
        discordance=float((values != 0).mean()),
        paraphrases=case.count / intent.count,
        samples=max(1, round(len(values) / case.count)),
        between_paraphrases=correlation(within_intent - within_case, intent_pairs, Design().between_paraphrases),
        between_samples=correlation(within_case - square, case_pairs, Design().between_samples),
    )


def assurance(have: int, more: int, distance: float, variance: float, alpha: float) -> float:
    """Chance that a one-sided test on all intents shows a side of the limit, given what the first of them showed.

    The true value is as uncertain as the estimate (a flat prior): it is normal about it with variance v/n. The mean of
    n + m intents is then normal about today's with variance v m / (n (n + m)), and has to be z sqrt(v / (n + m)) beyond
    the limit. O'Hagan, Stevens and Campbell, Pharmaceutical Statistics 4 (2005) 187-201.

    Args:
        have: Intents n that were asked.
        more: Intents m to be asked, at least 1.
        distance: From the limit to the estimate, above 0.
        variance: v of the mean of one intent.
        alpha: One-sided error of the test.
    """
    if variance <= 0:
        return float(distance > 0)
    spread = math.sqrt(variance * more / (have * (have + more)))
    needed = _NORMAL.inv_cdf(1 - alpha) * math.sqrt(variance / (have + more))
    return _NORMAL.cdf((distance - needed) / spread)
