"""Bounds for one rate, and pass^k over samples."""

from __future__ import annotations

import numpy as np

from harness.statistics.clusters import LIKENESS, Clusters, Floats
from harness.statistics.sign_flips import sign_flip


def exact_bounds(successes: float, trials: float, alpha: float) -> tuple[float, float]:
    """Clopper-Pearson lower and upper bound of a rate, each with one-sided confidence 1 - alpha.

    C. Clopper and E. Pearson, Biometrika 26 (1934) 404-413, by the beta quantiles of scipy. The numbers need not
    be whole, so that effective numbers of clustered data may be given (`clustered_bounds`). With no failure in n
    trials the lower bound is alpha^(1/n): 59 trials show 95%, 299 show 99%.
    """
    from scipy.special import betaincinv

    failures = trials - successes
    lower = 0.0 if successes == 0 else float(betaincinv(successes, failures + 1, alpha))
    upper = 1.0 if failures == 0 else float(betaincinv(successes + 1, failures, 1 - alpha))
    return lower, upper


def clustered_bounds(
    rates: Clusters, alpha: float, *, likeness: float = LIKENESS, seed: int = 0
) -> tuple[float, float]:
    """Bounds of a rate whose trials come in clusters: the more cautious of two.

    Clopper-Pearson on the effective number of trials (E. Korn and B. Graubard, Survey Methodology 24 (1998) 193-201,
    with an assumed design effect in place of an estimated one), and sign flips of whole clusters, which notice where
    trials are more alike than assumed. With too few clusters to flip, Clopper-Pearson on their number.
    """
    flips = sign_flip(rates, alpha, seed=seed)
    if not np.isfinite(flips.lower):  # under five clusters at 0.05: no flips could show anything, so each counts as one
        return effective_bounds(rates, alpha, likeness=1.0)
    lower, upper = effective_bounds(rates, alpha, likeness)
    return max(0.0, min(lower, flips.lower)), min(1.0, max(upper, flips.upper))


def effective_bounds(rates: Clusters, alpha: float, likeness: float = LIKENESS) -> tuple[float, float]:
    """Clopper-Pearson on the effective number of trials."""
    effective = rates.effective_items(likeness)
    return exact_bounds(min(1.0, max(0.0, rates.mean)) * effective, effective, alpha)


def pass_hat_k(correct: Floats, samples: Floats, k: int) -> Floats:
    """Probability by case that all of k samples are right, "pass^k": C(c, k)/C(n, k).

    Unbiased; S. Yao et al., tau-bench, arXiv 2406.12045 (2024), section 4.

    Args:
        correct: (cases,) right samples c of each case.
        samples: (cases,) samples n of each case, at least k.
        k: At least 1.
    """
    correct, samples = np.asarray(correct, dtype=np.float64), np.asarray(samples, dtype=np.float64)
    if k < 1 or (samples < k).any() or (correct < 0).any() or (correct > samples).any():
        raise ValueError(f"k={k} needs at least as many samples of each case, and 0 to that many right ones")
    probability = np.ones_like(correct)
    for i in range(k):
        probability *= np.maximum(0.0, correct - i) / (samples - i)
    return probability
