"""Bounds of a mean from flipping the signs of whole clusters: no variance, and no model of what is in a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from harness.statistics.clusters import Clusters, Floats

EXACT_CLUSTERS = 12  # up to this many, all sign flips are enumerated (4,096)
FLIPS = 4_999  # random sign flips above
_BLOCK = 4_000_000  # signs kept at a time: 32 MB


@dataclass(frozen=True, slots=True)
class Bounds:
    """An estimate with its lower and upper bound, each with one-sided confidence 1 - alpha; `method` in words."""

    estimate: float
    lower: float
    upper: float
    method: str

    def numbers(self, limit: float, alpha: float) -> dict[str, float]:
        """For records: the difference, with what it was compared with."""
        return {"difference": self.estimate, "lower": self.lower, "upper": self.upper, "limit": limit, "alpha": alpha}


def sign_flip(values: Clusters, alpha: float, seed: int = 0) -> Bounds:
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
    return Bounds(values.mean, lower, upper, f"sign flips of {values.count} intents")


def _subset_means(values: Clusters, seed: int) -> Floats:
    """Means over sets of clusters: all non-empty sets, or random ones; NaN never occurs."""
    both = np.column_stack([values.sums, values.sizes])
    if values.count <= EXACT_CLUSTERS:
        totals = [np.indices((2,) * values.count).reshape(values.count, -1).T[1:] @ both]
    else:
        rows = max(1, _BLOCK // values.count)
        starts = range(0, FLIPS, rows)
        totals = [_sets(min(rows, FLIPS - start), values.count, (seed, start)) @ both for start in starts]
    sums, sizes = np.concatenate(totals).T
    means: Floats = sums / sizes
    return means


@lru_cache(maxsize=2)
def _sets(rows: int, count: int, seed: tuple[int, int]) -> Floats:
    """Random sets of clusters as rows of 0 and 1; kept, since several rules ask for the same."""
    drawn = np.frombuffer(np.random.default_rng(seed).bytes(rows * ((count + 7) // 8)), dtype=np.uint8)
    sets = np.unpackbits(drawn.reshape(rows, -1), axis=1, count=count).astype(np.float64)
    sets[sets.sum(axis=1) == 0] = 1.0  # the empty set (one in 2^G) is the identity, which is counted already
    return sets
