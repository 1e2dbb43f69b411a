"""Values summed by cluster: all that the clustered formulas need."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Clusters:
    """Sums and numbers of items by cluster, in order of first appearance.

    Attributes:
        sums: (G,) sum of the values of each cluster.
        sizes: (G,) number of items of each cluster, at least 1.
        variance: Variance of the single values about their mean (divisor n), as if items were independent.
    """

    sums: Floats
    sizes: Floats
    variance: float

    @property
    def count(self) -> int:
        """Number of clusters G."""
        return len(self.sums)

    @property
    def items(self) -> int:
        """Number of items n."""
        return round(float(self.sizes.sum()))

    @property
    def mean(self) -> float:
        """Mean over items."""
        return float(self.sums.sum() / self.sizes.sum())

    @property
    def standard_error(self) -> float:
        """Cluster-robust (CR1) standard error of the mean: sqrt(G/(G-1) * sum_g S_g^2) / n.

        S_g is the cluster sum of (value - mean). Liang and Zeger, Biometrika 73 (1986) 13-22, with the
        finite-sample factor G/(G-1); the intercept-only case of Cameron and Miller, J. Human Resources 50 (2015)
        317-372, eq. 11. Infinite for one cluster.
        """
        if self.count < 2:
            return float("inf")
        centred = self.sums - self.sizes * self.mean
        factor = self.count / (self.count - 1)
        return float(np.sqrt(factor * np.square(centred).sum()) / self.sizes.sum())

    @property
    def design_effect(self) -> float:
        """Clustered over independent variance of the mean, between 1 and the largest it can be.

        The largest is sum(m_g^2)/n, a correlation of one within clusters. It is also the answer where nothing
        varies, since then nothing can be estimated. Kish, Survey Sampling (1965), section 5.4.
        """
        most = float(np.square(self.sizes).sum() / self.sizes.sum())
        if self.count < 2 or self.variance <= 0:
            return most
        independent = self.variance / self.items
        return float(np.clip(self.standard_error**2 / independent, 1.0, most))

    @property
    def effective_items(self) -> float:
        """Number of independent items that would tell as much: n over the design effect."""
        return self.items / self.design_effect


def by_cluster(values: Sequence[float] | Floats, labels: Sequence[Hashable]) -> Clusters:
    """Sum values by label.

    Args:
        values: (n,) one value an item.
        labels: (n,) the cluster of each.

    Raises:
        ValueError: no item, or the lengths differ.
    """
    array = np.asarray(values, dtype=np.float64)
    if len(array) != len(labels) or not len(array):
        raise ValueError("values and cluster labels must be as many, and at least one")
    index: dict[Hashable, int] = {}
    positions = np.array([index.setdefault(label, len(index)) for label in labels], dtype=np.intp)
    sums = np.bincount(positions, weights=array, minlength=len(index)).astype(np.float64)
    sizes = np.bincount(positions, minlength=len(index)).astype(np.float64)
    return Clusters(sums, sizes, float(array.var()))
