"""The difference of two models on the same items, clustered by intent.

`difference` is what the gate uses: cluster-robust t from `FEW_CLUSTERS` clusters on, sign flips below, and beside
it Tango's score interval on the effective number of pairs; of each bound the more cautious one. A t interval alone
errs in 8 to 20% of decisions near 100%, where a handful of differing pairs gives too small a variance; the two
together keep to about 5% everywhere (`python -m harness.benchmarks.error_rates` measures both).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from harness.statistics.clusters import Clusters, Floats, by_cluster
from harness.statistics.tango import score_statistic, tango_bounds

FEW_CLUSTERS = 30  # below, the t interval is too narrow: Cameron, Gelbach and Miller, REStat 90 (2008) 414-427
EXACT_CLUSTERS = 16  # up to this many, all sign flips are enumerated (65,536)
FLIPS = 19_999  # random sign flips above
RESAMPLES = 9_999  # of the bootstrap


@dataclass(frozen=True, slots=True)
class Pairs:
    """Results of yes and no of two models on the same items.

    Attributes:
        change: Candidate minus base: 1 gained, -1 lost, 0 the same; by cluster.
        gained: Items where only the candidate holds.
        lost: Items where only the base holds.
        firsts: (gained, lost) when one item of each cluster, drawn by seed, is looked at.
    """

    change: Clusters
    gained: int
    lost: int
    firsts: tuple[int, int]


def pair_up(base: Sequence[bool], candidate: Sequence[bool], labels: Sequence[Hashable], seed: int = 0) -> Pairs:
    """Pair two models' results.

    Args:
        base: (n,) whether each item held for the base.
        candidate: (n,) the same for the candidate, in the same order.
        labels: (n,) the cluster (intent) of each item.
        seed: Draws the one item of each cluster for `Pairs.firsts`.

    Raises:
        ValueError: lengths differ, or there is no item.
    """
    if len(base) != len(candidate):
        raise ValueError("both models need a result for each item")
    change = np.asarray(candidate, dtype=np.float64) - np.asarray(base, dtype=np.float64)
    order = np.random.default_rng(seed).permutation(len(change))
    drawn = {labels[i]: float(change[i]) for i in order}
    return Pairs(
        change=by_cluster(change, labels),
        gained=int((change > 0).sum()),
        lost=int((change < 0).sum()),
        firsts=(sum(d > 0 for d in drawn.values()), sum(d < 0 for d in drawn.values())),
    )


@dataclass(frozen=True, slots=True)
class Bounds:
    """An estimate with its lower and upper bound, each with one-sided confidence 1 - alpha.

    Attributes:
        p_lower: One-sided p-value against "the true value is at most `null`" (small: it is larger).
        p_upper: One-sided p-value against "the true value is at least `null`" (small: it is smaller).
        method: What gave the bounds, in words.
    """

    estimate: float
    lower: float
    upper: float
    p_lower: float
    p_upper: float
    method: str


def difference(pairs: Pairs, alpha: float, null: float = 0.0, seed: int = 0) -> Bounds:
    """Difference candidate - base with the more cautious bounds of two methods; see the module.

    Args:
        pairs: From `pair_up`.
        alpha: Error on each side.
        null: The difference that the p-values are about, such as minus the margin.
        seed: Of the sign flips.
    """
    few = pairs.change.count < FEW_CLUSTERS
    wide = sign_flip(pairs.change, alpha, null, seed) if few else cluster_t(pairs.change, alpha, null)
    score = clustered_tango(pairs, alpha, null)
    return Bounds(
        wide.estimate,
        max(-1.0, min(wide.lower, score.lower)),
        min(1.0, max(wide.upper, score.upper)),
        max(wide.p_lower, score.p_lower),
        max(wide.p_upper, score.p_upper),
        f"{'sign flips' if few else 'cluster-robust t'} and Tango score, {pairs.change.count} intents",
    )


def clustered_tango(pairs: Pairs, alpha: float, null: float = 0.0) -> Bounds:
    """Tango's score interval with counts divided by the design effect; sources in `tango_bounds`.

    The effective number of pairs is also shrunk by (z/t)^2 for the G-1 degrees of freedom that the design effect
    is estimated from (Korn and Graubard, Survey Methodology 24 (1998) 193-201).
    """
    from scipy.special import ndtri, stdtrit

    change = pairs.change
    share = 1 / change.design_effect
    if change.count >= 2:
        share *= float(ndtri(1 - alpha) / stdtrit(change.count - 1, 1 - alpha)) ** 2
    counts = (pairs.gained * share, pairs.lost * share, change.items * share)
    lower, upper = tango_bounds(*counts, alpha)
    below = NormalDist().cdf(score_statistic(*counts, null))
    return Bounds(change.mean, lower, upper, 1 - below, below, f"Tango score, {counts[2]:.0f} effective pairs")


def tango_per_intent(pairs: Pairs, alpha: float, null: float = 0.0) -> Bounds:
    """Tango's score interval on one result of each intent: no model of the clustering, less power."""
    counts = (*pairs.firsts, pairs.change.count)
    lower, upper = tango_bounds(*counts, alpha)
    below = NormalDist().cdf(score_statistic(*counts, null))
    estimate = (counts[0] - counts[1]) / counts[2]
    return Bounds(estimate, lower, upper, 1 - below, below, f"Tango score, one result of each of {counts[2]} intents")


def cluster_t(values: Clusters, alpha: float, null: float = 0.0) -> Bounds:
    """Mean with cluster-robust (CR1) standard error and Student's t with G-1 degrees of freedom.

    Formula and sources: `Clusters.standard_error`. One cluster has no bounds: they are infinite, the p-values 1.
    """
    from scipy.special import stdtr, stdtrit

    mean, error, method = values.mean, values.standard_error, f"cluster-robust t, {values.count} intents"
    if values.count < 2:
        return Bounds(mean, -np.inf, np.inf, 1.0, 1.0, method)
    half = float(stdtrit(values.count - 1, 1 - alpha)) * error
    distance = mean - null
    statistic = distance / error if error > 0 else np.sign(distance) * np.inf if distance else 0.0
    below = float(stdtr(values.count - 1, statistic))
    return Bounds(mean, mean - half, mean + half, 1 - below, below, method)


def sign_flip(values: Clusters, alpha: float, null: float = 0.0, seed: int = 0) -> Bounds:
    """Mean with bounds from flipping the signs of whole clusters; exact for clusters symmetric about it.

    Under "the mean is m" each cluster's sum of (value - m) is as likely with the other sign. Flipping the clusters
    of a set F turns the test around exactly where the mean over F is at most m, so the test's p-value at m is the
    share of sets F with a mean of at most m, and its confidence bounds are order statistics of the means over
    sets: J. Hartigan, JASA 64 (1969) 1303-1317. All sets are taken up to `EXACT_CLUSTERS` clusters, else `FLIPS`
    random ones, with the identity counted in (B. Phipson and G. Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010) art. 39).

    Returns:
        Bounds; infinite where the clusters are too few for alpha (under 5 at 0.05).
    """
    means = _subset_means(values, seed)
    total = len(means) + 1  # with the identity, which every m rejects nothing by
    rank = int(alpha * total + 1e-9)
    lower, upper = -np.inf, np.inf
    if rank:
        ordered = np.partition(means, (rank - 1, len(means) - rank))
        lower, upper = float(ordered[rank - 1]), float(ordered[len(means) - rank])
    return Bounds(
        values.mean,
        lower,
        upper,
        (1 + int((means <= null + 1e-12).sum())) / total,
        (1 + int((means >= null - 1e-12).sum())) / total,
        f"sign flips of {values.count} intents",
    )


def _subset_means(values: Clusters, seed: int) -> Floats:
    """Means over sets of clusters: all non-empty sets, or random ones; NaN never occurs."""
    if values.count <= EXACT_CLUSTERS:
        sums, sizes = np.zeros(1), np.zeros(1)
        for one_sum, one_size in zip(values.sums, values.sizes, strict=True):
            sums = np.concatenate([sums, sums + one_sum])
            sizes = np.concatenate([sizes, sizes + one_size])
        return sums[1:] / sizes[1:]
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, 2, size=(FLIPS, values.count), dtype=np.int8).astype(np.float64)
    chosen[chosen.sum(axis=1) == 0] = 1.0  # the empty set (one in 2^G) is the identity, which is counted already
    return (chosen @ values.sums) / (chosen @ values.sizes)


def cluster_bootstrap(values: Clusters, alpha: float, seed: int = 0) -> Bounds:
    """Percentile bootstrap over clusters, as a check on the others: scipy's `bootstrap`, seeded.

    C. Field and A. Welsh, J. Royal Statistical Society B 69 (2007) 369-390. A little too narrow for few clusters.
    The p-values are those of the percentile interval.
    """
    from scipy.stats import bootstrap

    if values.count < 2:
        return Bounds(values.mean, -np.inf, np.inf, 1.0, 1.0, "cluster bootstrap")
    result = bootstrap(
        (values.sums, values.sizes),
        lambda sums, sizes, axis: sums.sum(axis=axis) / sizes.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=1_000,
        confidence_level=1 - 2 * alpha,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    means = result.bootstrap_distribution
    return Bounds(
        values.mean,
        float(result.confidence_interval.low),
        float(result.confidence_interval.high),
        (1 + int((means <= 0).sum())) / (RESAMPLES + 1),
        (1 + int((means >= 0).sum())) / (RESAMPLES + 1),
        f"cluster bootstrap, {values.count} intents",
    )
