"""Bounds for one rate, and pass@k and pass^k over samples."""

from __future__ import annotations

import math

import numpy as np

from harness.statistics.clusters import Clusters, Floats


def exact_bounds(successes: float, trials: float, alpha: float) -> tuple[float, float]:
    """Clopper-Pearson lower and upper bound of a rate, each with one-sided confidence 1 - alpha.

    C. Clopper and E. Pearson, Biometrika 26 (1934) 404-413, by the beta quantiles of scipy. The numbers need not
    be whole, so that effective numbers of clustered data may be given (`clustered_bounds`). With no failure in n
    trials the lower bound is alpha^(1/n): 59 trials show 95%, 299 show 99%.

    Raises:
        ValueError: fewer than 0 successes, more than trials, or no trial.
    """
    from scipy.special import betaincinv

    if not 0 <= successes <= trials or trials <= 0:
        raise ValueError("successes lie between 0 and the number of trials, which is above 0")
    failures = trials - successes
    lower = 0.0 if successes == 0 else float(betaincinv(successes, failures + 1, alpha))
    upper = 1.0 if failures == 0 else float(betaincinv(successes + 1, failures, 1 - alpha))
    return lower, upper


def wilson_bounds(successes: int, trials: int, alpha: float) -> tuple[float, float]:
    """Wilson score lower and upper bound of a rate, each with one-sided confidence 1 - alpha, as scipy has them.

    E. Wilson, JASA 22 (1927) 209-212. Narrower than `exact_bounds`; errs a little on either side.
    """
    from scipy.stats import binomtest

    interval = binomtest(successes, trials).proportion_ci(confidence_level=1 - 2 * alpha, method="wilson")
    return float(interval.low), float(interval.high)


def clustered_bounds(rates: Clusters, alpha: float) -> tuple[float, float]:
    """Bounds of a rate whose trials come in clusters: Clopper-Pearson on the effective number of trials.

    E. Korn and B. Graubard, Survey Methodology 24 (1998) 193-201, with their correction for the degrees of freedom
    (G - 1). Where all trials have the same result the number of clusters counts, not the number of trials.

    Args:
        rates: Of values 0 and 1, or shares between.
        alpha: Error on each side.
    """
    from scipy.special import stdtrit

    effective = rates.effective_items
    if rates.count >= 2 and rates.variance > 0:
        quantile = 1 - alpha
        effective *= float(stdtrit(rates.items - 1, quantile) / stdtrit(rates.count - 1, quantile)) ** 2
    mean = min(1.0, max(0.0, rates.mean))
    return exact_bounds(mean * effective, effective, alpha)


def pass_at_k(correct: Floats, samples: Floats, k: int) -> Floats:
    """Probability by case that at least one of k samples is right: 1 - C(n-c, k)/C(n, k).

    Unbiased; M. Chen et al., arXiv 2107.03374 (2021), eq. 1.

    Args:
        correct: (cases,) right samples c of each case.
        samples: (cases,) samples n of each case, at least k.
        k: At least 1.
    """
    return 1 - _drawn(np.asarray(samples) - np.asarray(correct), samples, k)


def pass_hat_k(correct: Floats, samples: Floats, k: int) -> Floats:
    """Probability by case that all of k samples are right, "pass^k": C(c, k)/C(n, k).

    Unbiased; S. Yao et al., tau-bench, arXiv 2406.12045 (2024), section 4.

    Args:
        correct: (cases,) right samples c of each case.
        samples: (cases,) samples n of each case, at least k.
        k: At least 1.
    """
    return _drawn(correct, samples, k)


def _drawn(chosen: Floats, samples: Floats, k: int) -> Floats:
    """Probability that k draws without replacement all fall among `chosen` of `samples`."""
    chosen, samples = np.asarray(chosen, dtype=np.float64), np.asarray(samples, dtype=np.float64)
    if k < 1 or (samples < k).any() or (chosen < 0).any() or (chosen > samples).any():
        raise ValueError(f"k={k} needs at least as many samples of each case, and 0 to that many right ones")
    probability = np.ones_like(chosen)
    for i in range(k):
        probability *= np.maximum(0.0, chosen - i) / (samples - i)
    return probability


def trials_without_failure(rate: float, alpha: float) -> int:
    """Trials that must all pass to bound the failure rate below `rate` with confidence 1 - alpha.

    (1 - rate)^n <= alpha: 59 for 5% and 299 for 1% at alpha 0.05.
    """
    return math.ceil(math.log(alpha) / math.log1p(-rate))
