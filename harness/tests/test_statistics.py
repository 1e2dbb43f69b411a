"""Statistics: figures against published ones and other implementations, error rates and coverage by simulation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from harness.benchmarks.error_rates import floor_passes, pairs_of
from harness.statistics.clusters import Clusters, by_cluster
from harness.statistics.paired import Pairs, clustered_tango, difference, score_statistic, tango_bounds
from harness.statistics.power import estimate_design
from harness.statistics.rates import clustered_bounds, exact_bounds, pass_hat_k
from harness.statistics.sign_flips import sign_flip
from harness.tests.gate_rows import draw


def test_effective_items_are_the_design_effects_of_kish() -> None:
    """Alike by 0.5, three paraphrases of 40 intents are 60 items; by 0 all 120, by 1 one an intent."""
    values = by_cluster([1.0] * 120, np.repeat(np.arange(40), 3).tolist())
    assert [values.effective_items(likeness) for likeness in (0, 0.5, 1)] == pytest.approx([120, 60, 40])


def test_effective_items_give_the_variance_of_a_mean() -> None:
    """Of normal items that correlate by 0.5 in clusters of unlike sizes the mean varies as that of so many."""
    rng = np.random.default_rng(7)
    sizes = np.array([1, 2, 3, 6] * 5)
    shared = np.repeat(rng.normal(size=(20_000, 20)), sizes, axis=1)
    means = (np.sqrt(0.5) * shared + np.sqrt(0.5) * rng.normal(size=shared.shape)).mean(axis=1)
    effective = by_cluster([0.0] * 60, np.repeat(np.arange(20), sizes).tolist()).effective_items(0.5)
    assert means.var() == pytest.approx(1 / effective, rel=0.04)


def test_exact_sign_flips_equal_brute_force() -> None:
    """The bounds by subset means are those of the test that flips every sign and compares sums."""
    rng = np.random.default_rng(11)
    sums, sizes = rng.integers(-3, 4, size=8).astype(float), rng.integers(1, 5, size=8).astype(float)
    values = Clusters(sums, sizes)

    def p_value(mean: float) -> float:
        centred = sums - sizes * mean
        flips = np.array(list(itertools.product([1, -1], repeat=8)))
        return float((flips @ centred >= centred.sum() - 1e-9).mean())

    bounds = sign_flip(values, 0.05)
    assert p_value(bounds.lower - 1e-6) <= 0.05 < p_value(bounds.lower + 1e-6)


def test_random_sign_flips_come_close_to_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the exact limit a seeded sample of flips gives nearly the exact bounds, the same each time."""
    values = by_cluster(np.random.default_rng(2).normal(0.2, 1, size=12), range(12))
    exact = sign_flip(values, 0.05)
    monkeypatch.setattr("harness.statistics.sign_flips.EXACT_CLUSTERS", 0)
    sampled = sign_flip(values, 0.05, seed=4)
    assert sampled == sign_flip(values, 0.05, seed=4)
    assert sampled.lower == pytest.approx(exact.lower, abs=0.03)


def test_sign_flips_of_too_few_clusters_have_no_bound() -> None:
    """Four clusters have 16 flips: no test at 5% can reject, so the bounds are infinite."""
    bounds = sign_flip(by_cluster([1.0] * 4, range(4)), 0.05)
    assert (bounds.lower, bounds.upper) == (-math.inf, math.inf)


def test_tango_equals_published_values() -> None:
    """The interval of airway data, McNemar's z at no difference, and z^2/(n + z^2) where no pair differs.

    Data of Bentur et al. (1, 1, 7, 12) in Fagerland, Lydersen and Laake, Statistics in Medicine 33 (2014) 2850-2875.
    """
    assert tango_bounds(gained=1, lost=7, pairs=21, alpha=0.025) == pytest.approx((-0.517, -0.026), abs=5e-4)
    assert score_statistic(18, 7, 90, 0.0) == pytest.approx((18 - 7) / math.sqrt(18 + 7))
    z2 = 1.6448536269514722**2
    assert tango_bounds(0, 0, 100, 0.05) == pytest.approx((-z2 / (100 + z2), z2 / (100 + z2)), abs=1e-9)


def _quartic(gained: int, lost: int, pairs: int, alpha: float) -> tuple[float, float]:
    """The interval without iteration: roots of the quartic of Yang, Sun and Hardin.

    Statistics in Medicine 32 (2013) 1336-1342.
    """
    g, d, s = ndtri(1 - alpha) ** 2, gained - lost, gained + lost
    roots = np.roots(
        [
            pairs**2 * (pairs / g + 1) ** 2,
            -pairs * d * (pairs / g + 1) * (4 * pairs / g + 1),
            2 * pairs * d**2 * (3 * pairs / g + 2) / g - pairs**2 * (s / g + 1),
            pairs * d * (2 * s / g + 1) - d**3 * (4 * pairs / g + 1) / g,
            d**2 * (d**2 / g - s) / g,
        ]
    )
    real = sorted(float(root.real) for root in roots if abs(root.imag) < 1e-6)
    return real[0], real[-1]


@pytest.mark.parametrize("counts", [(40, 20, 160), (1, 7, 21), (3, 9, 100), (14, 2, 50), (30, 31, 650), (5, 0, 60)])
def test_tango_equals_the_closed_form(counts: tuple[int, int, int]) -> None:
    """Bisection of the score equation and the roots of its quartic are two ways to one interval."""
    assert tango_bounds(*counts, 0.05) == pytest.approx(_quartic(*counts, 0.05), abs=1e-6)


@given(pairs=st.integers(1, 400), gained=st.integers(0, 400), lost=st.integers(0, 400), alpha=st.floats(0.001, 0.4))
@settings(max_examples=100, deadline=None)
def test_tango_bounds_hold_the_estimate(pairs: int, gained: int, lost: int, alpha: float) -> None:
    """For any counts: -1 <= lower <= estimate <= upper <= 1, mirrored when the models change places."""
    gained = min(gained, pairs)
    lost = min(lost, pairs - gained)
    lower, upper = tango_bounds(gained, lost, pairs, alpha)
    assert -1 <= lower <= (gained - lost) / pairs + 1e-12
    assert (gained - lost) / pairs - 1e-12 <= upper <= 1
    assert tango_bounds(lost, gained, pairs, alpha) == pytest.approx((-upper, -lower), abs=1e-12)


def wrongly_not_worse(lower: Callable[[Pairs], float], shape: tuple[int, int], gained: float, rounds: int) -> float:
    """In what share of rounds a lower bound says "not worse" of a candidate that loses exactly the margin, 0.05."""
    rng = np.random.default_rng(shape[0] * 100 + shape[1])
    drawn = (pairs_of(*draw(rng, shape, gained, gained + 0.05, 0.4)) for _ in range(rounds))
    return sum(lower(pairs) > -0.05 for pairs in drawn) / rounds


def by_items(pairs: Pairs) -> float:
    """The lower bound of a Wald test, as if paraphrases were independent."""
    variance = (pairs.gained + pairs.lost) / pairs.change.items - pairs.change.mean**2
    return float(pairs.change.mean + ndtri(0.05) * math.sqrt(variance / pairs.change.items))


@pytest.mark.parametrize(("intents", "gained"), [(12, 0.01), (12, 0.15), (30, 0.05), (60, 0.0), (60, 0.1), (120, 0.01)])
def test_the_gates_bound_keeps_its_error_rate(intents: int, gained: float) -> None:
    """At a true loss equal to the margin, non-inferiority is claimed in 5% of cases: within 3 standard errors."""
    rate = wrongly_not_worse(lambda pairs: difference(pairs, 0.05).lower, (intents, 3), gained, 600)
    assert rate <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 600)


def test_the_gates_bound_is_neither_idle_nor_needless() -> None:
    """With ample data its error is near 5%; sign flips alone err far above near 100%, a z test of items anywhere."""
    error = 3 * math.sqrt(0.05 * 0.95 / 500)
    assert wrongly_not_worse(lambda pairs: difference(pairs, 0.05).lower, (60, 3), 0.15, 500) >= 0.05 - error
    assert wrongly_not_worse(by_items, (60, 3), 0.15, 500) > 0.05 + error
    assert wrongly_not_worse(lambda pairs: sign_flip(pairs.change, 0.05).lower, (30, 3), 0.0, 400) > 0.12


def test_sign_flips_cover() -> None:
    """On correlated normal data with unequal clusters each one-sided 95% bound holds the truth 95 times in 100."""
    rng = np.random.default_rng(8)
    rounds, intents = 600, 20
    sizes = np.tile([1, 2, 3, 6], 5)
    labels = np.repeat(np.arange(intents), sizes).tolist()
    covered = np.zeros(2)
    for _ in range(rounds):
        values = np.repeat(rng.normal(size=intents), sizes) + rng.normal(size=len(labels))
        bounds = sign_flip(by_cluster(values, labels), 0.05)
        covered += [bounds.lower <= 0, bounds.upper >= 0]
    assert all(0.925 <= share <= 0.98 for share in covered / rounds), covered / rounds


def test_the_cautious_bound_is_never_the_narrower_one() -> None:
    """`difference` is at most as bold as either of its two methods, on each side."""
    for seed in range(20):
        pairs = pairs_of(*draw(np.random.default_rng(seed), (40, 3), 0.05, 0.05))
        both = difference(pairs, 0.05)
        for one in (sign_flip(pairs.change, 0.05), clustered_tango(pairs, 0.05)):
            assert both.lower <= one.lower + 1e-12
            assert both.upper >= one.upper - 1e-12


def test_exact_bounds_equal_published_values() -> None:
    """81 of 263 and 0 of 20; 59 clean trials bound the failure rate below 5%, 299 below 1%, one fewer does not.

    Table I of Newcombe, Statistics in Medicine 17 (1998) 857-872.
    """
    assert exact_bounds(81, 263, 0.025) == pytest.approx((0.2527, 0.3676), abs=5e-5)
    assert exact_bounds(0, 20, 0.025) == pytest.approx((0.0, 0.1684), abs=5e-5)
    for trials, rate in ((59, 0.95), (299, 0.99)):
        assert exact_bounds(trials, trials, 0.05)[0] >= rate > exact_bounds(trials - 1, trials - 1, 0.05)[0]


@pytest.mark.parametrize("shape", [(45, 5), (30, 10), (100, 5)])
@pytest.mark.parametrize("floor", [0.6, 0.95])
@pytest.mark.parametrize("likeness", [0.5, 0.7])
def test_a_floor_seldom_passes_wrongly(shape: tuple[int, int], floor: float, likeness: float) -> None:
    """A true rate exactly at its floor passes in at most 5.5%, within 2 standard errors, alike as assumed or more."""
    rounds = 1_200
    assert floor_passes(shape, floor, likeness, rounds) / rounds <= 0.055 + 2 * math.sqrt(0.055 * 0.945 / rounds)


def test_a_perfect_clustered_rate_counts_what_is_taken_to_be_unlike() -> None:
    """With nothing but successes the number of effective answers counts: of intents, where those are all alike."""
    labels = np.repeat(np.arange(30), 5).tolist()
    for likeness, effective in ((1.0, 30), (0.5, 50), (0.0, 150)):
        lower = clustered_bounds(by_cluster([1.0] * 150, labels), 0.05, likeness=likeness)[0]
        assert lower == pytest.approx(0.05 ** (1 / effective))


def test_pass_hat_k_equals_counting() -> None:
    """It is the share of all k-subsets of the samples that are all right; of fewer than k samples it is not defined."""
    for n, c in [(5, 0), (5, 2), (5, 5), (6, 3)]:
        for k in range(1, n + 1):
            subsets = list(itertools.combinations([1] * c + [0] * (n - c), k))
            correct, samples = np.array([float(c)]), np.array([float(n)])
            assert pass_hat_k(correct, samples, k)[0] == pytest.approx(np.mean([all(s) for s in subsets]))
    with pytest.raises(ValueError, match="k=3"):
        pass_hat_k(np.array([1.0]), np.array([2.0]), 3)


def test_likeness_is_found_again() -> None:
    """Correlations put into simulated differences come out of `estimate_design`."""
    rng = np.random.default_rng(4)
    intents, paraphrases, samples = 3_000, 3, 2
    shared = rng.random((intents, 1, 1)) < 0.5  # half of the intents: all items alike
    common = rng.choice([-1, 0, 1], p=[0.1, 0.8, 0.1], size=(intents, 1, 1))
    own = rng.choice([-1, 0, 1], p=[0.1, 0.8, 0.1], size=(intents, paraphrases, samples))
    change = np.where(shared, common, own).astype(float)
    case = np.broadcast_to(np.arange(intents * paraphrases).reshape(intents, paraphrases, 1), change.shape)
    design = estimate_design(change.ravel(), np.repeat(np.arange(intents), 6).tolist(), case.ravel().tolist())
    assert design.discordance == pytest.approx(0.2, abs=0.02)
    assert (design.paraphrases, design.samples) == (3, 2)
    assert design.between_paraphrases == pytest.approx(0.5, abs=0.05)
    assert design.between_samples == pytest.approx(0.5, abs=0.05)
