"""How the answers of two models vary, and what more of them would show. Normal approximation, clustered.

One item is one answer to one command; its difference candidate - base is -1, 0 or 1 with variance D - d^2, where D is
the discordance and d the true difference. A rate p is taken as a difference p with discordance p.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from harness.statistics.clusters import Floats, by_cluster

ASSURANCE = 0.85  # with which the number does what is said; the tests are a little more cautious than the formula
MOST_TIMES = 10  # as many intents as there are; nobody writes more
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Design:
    """What was asked, and how the answers of two models vary.

    Attributes:
        discordance: Share of items on which the two models differ.
        paraphrases: Commands of each intent, on average.
        samples: Answers to each command.
        between_paraphrases: Correlation of the differences of two paraphrases of an intent, 0 to 1.
        between_samples: The same of two samples of a command; 1 where asking again gives the same answer.
        intents: How many.
    """

    discordance: float = 0.2
    paraphrases: float = 3.0
    samples: int = 1
    between_paraphrases: float = 0.5
    between_samples: float = 1.0
    intents: int = 1

    def variance_per_intent(self, likeness: float = 0.0) -> float:
        """Variance of an intent's mean, for items of variance 1 that correlate by at least `likeness`.

        (1 + (K-1) r_s + K (m-1) r_p) / (m K) for m paraphrases and K samples: the two-stage form of Kish, Survey
        Sampling (1965), section 5.4.
        """
        samples = (self.samples - 1) * max(self.between_samples, likeness)
        paraphrases = self.samples * (self.paraphrases - 1) * max(self.between_paraphrases, likeness)
        return (1 + samples + paraphrases) / (self.paraphrases * self.samples)


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
    case, intent = by_cluster(centred, cases), by_cluster(centred, intents)
    square, within_case, within_intent = (float(np.square(of).sum()) for of in (centred, case.sums, intent.sums))
    in_case, in_intent = (float(np.square(of.sizes).sum()) for of in (case, intent))  # ordered pairs of items
    variance = square / len(values)

    def correlation(products: float, pairs: float, unknown: float) -> float:
        known = pairs > 0 and variance > 0
        return float(np.clip(products / pairs / variance, 0.0, 1.0)) if known else unknown

    return Design(
        discordance=float((values != 0).mean()),
        paraphrases=case.count / intent.count,
        samples=max(1, round(len(values) / case.count)),
        between_paraphrases=correlation(within_intent - within_case, in_intent - in_case, Design().between_paraphrases),
        between_samples=correlation(within_case - square, in_case - len(values), Design().between_samples),
        intents=intent.count,
    )


def more_intents(design: Design, mean: float, limit: float, alpha: float, likeness: float) -> int:
    """How many more would show that a rate or a difference is on the side of the limit where its mean is.

    The true value is not taken to be the mean: it may be nearer to the limit, as `assurance` reckons. The rules take
    answers to one intent to correlate by `likeness` at least. 0 where no practical number would do.
    """
    distance, have = abs(mean - limit), design.intents
    of_item = design.variance_per_intent(likeness)
    # Where hardly anything differs, the score interval (z^2/(n + z^2) wide with nothing differing) asks for more.
    least = _NORMAL.inv_cdf(1 - alpha) ** 2 * (1 / max(distance, 1e-9) - 1) * of_item
    variance = max(design.discordance - mean**2, distance * (1 - distance)) * of_item
    for percent_more in itertools.chain(range(10, 100, 5), range(100, 100 * MOST_TIMES, 20)):
        more = math.ceil(have * percent_more / 100)
        if have + more >= least and assurance(have, more, distance, variance, alpha) >= ASSURANCE:
            return more
    return 0


def assurance(have: int, more: int, distance: float, variance: float, alpha: float) -> float:
    """Chance that a one-sided test on all intents shows a side of the limit, given what the first of them showed.

    The true value is as uncertain as the estimate (a flat prior): it is normal about it with variance v/n. The mean of
    n + m intents is then normal about today's with variance v m / (n (n + m)), and has to be z sqrt(v / (n + m)) beyond
    the limit. O'Hagan, Stevens and Campbell, Pharmaceutical Statistics 4 (2005) 187-201. Here n is `have`, m is `more`,
    at least 1, and `distance`, above 0, is that of the estimate from the limit.
    """
    if variance <= 0:
        return float(distance > 0)
    spread = math.sqrt(variance * more / (have * (have + more)))
    needed = _NORMAL.inv_cdf(1 - alpha) * math.sqrt(variance / (have + more))
    return _NORMAL.cdf((distance - needed) / spread)
