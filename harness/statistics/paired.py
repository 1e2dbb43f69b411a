"""The difference of two models on the same items, clustered by intent.

Of each bound `difference` takes the more cautious of two: sign flips of whole intents, and Tango's score interval on
the effective number of pairs. Sign flips alone err in 10 to 20% of decisions near 100%, where a handful of intents
differ; Tango alone errs where items of an intent are more alike than assumed. The two together keep to about 5%
(`python -m harness.benchmarks.error_rates` measures all three).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from harness.statistics.clusters import LIKENESS, Clusters, by_cluster
from harness.statistics.sign_flips import Bounds, sign_flip
from harness.statistics.tango import score_statistic, tango_bounds


@dataclass(frozen=True, slots=True)
class Pairs:
    """Results of yes and no of two models on the same items.

    Attributes:
        change: Candidate minus base: 1 gained, -1 lost, 0 the same; by cluster.
        gained: Items where only the candidate holds.
        lost: Items where only the base holds.
    """

    change: Clusters
    gained: int
    lost: int


def pair_up(base: Sequence[bool], candidate: Sequence[bool], labels: Sequence[Hashable]) -> Pairs:
    """Pair two models' results.

    Args:
        base: (n,) whether each item held for the base.
        candidate: (n,) the same for the candidate, in the same order.
        labels: (n,) the cluster (intent) of each item.

    Raises:
        ValueError: lengths differ, or there is no item.
    """
    if len(base) != len(candidate):
        raise ValueError("both models need a result for each item")
    change = np.asarray(candidate, dtype=np.float64) - np.asarray(base, dtype=np.float64)
    return Pairs(by_cluster(change, labels), int((change > 0).sum()), int((change < 0).sum()))


def difference(pairs: Pairs, alpha: float, null: float = 0.0, *, likeness: float = LIKENESS, seed: int = 0) -> Bounds:
    """Difference candidate - base with the more cautious bounds of two methods; see the module.

    Args:
        pairs: From `pair_up`.
        alpha: Error on each side.
        null: The difference that the p-values are about, such as minus the margin.
        likeness: Assumed correlation of two items of one intent.
        seed: Of the sign flips.
    """
    flips = sign_flip(pairs.change, alpha, null, seed)
    score = clustered_tango(pairs, alpha, null, likeness=likeness)
    return Bounds(
        flips.estimate,
        max(-1.0, min(flips.lower, score.lower)),
        min(1.0, max(flips.upper, score.upper)),
        max(flips.p_lower, score.p_lower),
        max(flips.p_upper, score.p_upper),
        f"sign flips and Tango score, {pairs.change.count} intents",
    )


def clustered_tango(pairs: Pairs, alpha: float, null: float = 0.0, *, likeness: float = LIKENESS) -> Bounds:
    """Tango's score interval with counts scaled to the effective number of pairs; sources in `tango_bounds`."""
    effective = pairs.change.effective_items(likeness)
    share = effective / pairs.change.items
    counts = (pairs.gained * share, pairs.lost * share, effective)
    lower, upper = tango_bounds(*counts, alpha)
    below = NormalDist().cdf(score_statistic(*counts, null))
    return Bounds(pairs.change.mean, lower, upper, 1 - below, below, f"Tango score, {effective:.0f} effective pairs")
