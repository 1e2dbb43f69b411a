"""The bound that may be looked at after every batch: error over all looks, coverage and what it saves."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from harness.statistics.clusters import Floats
from harness.statistics.sequential import capital, lower_bound, stakes, stratified_order


def _intents(rng: np.random.Generator, intents: int, gained: float, lost: float) -> tuple[Floats, Floats]:
    """Sums and sizes of clustered differences, sizes 2 to 4, correlation 0.4 within an intent."""
    share = rng.dirichlet(np.array([gained, lost, 1 - gained - lost]) * 1.5 + 1e-9, size=(intents, 1))
    sizes = rng.integers(2, 5, size=intents)
    u, asked = rng.random((intents, 4)), np.arange(4) < sizes[:, None]
    change = (u < share[..., 0]) * 1.0 - ((u >= share[..., 0]) & (u < share[..., 0] + share[..., 1]))
    return (change * asked).sum(axis=1), sizes.astype(float)


def _ever(sums: Floats, sizes: Floats, mean: float | Floats, most: float = 4.0, planned: int | None = None) -> float:
    """The most that a bet at 5% comes to on its way."""
    return capital(sums, sizes, mean, most, stakes(sums, most, 0.05, planned or len(sums)))


def _bounds(sums: Floats, sizes: Floats, most: float = 4.0, planned: int | None = None) -> tuple[float, float]:
    """Lower and upper bound over all looks so far, error 5% on each side."""
    staked = stakes(sums, most, 0.05, planned or len(sums))
    return lower_bound(sums, sizes, most, staked, 0.05), -lower_bound(-sums, sizes, most, staked, 0.05)


@pytest.mark.parametrize(
    ("gained", "lost", "side"), [(0.0, 0.05, 1), (0.02, 0.07, 1), (0.02, 0.07, -1), (0.2, 0.25, 1), (0.2, 0.25, -1)]
)
def test_error_over_all_looks_together(gained: float, lost: float, side: int) -> None:
    """At a loss of the margin, looks after each of 327 intents err in at most 5% (2 errors), and over a third of it."""
    rng, rounds = np.random.default_rng(31), 1_000
    runs = (_intents(rng, 327, gained, lost) for _ in range(rounds))
    wrong = sum(_ever(side * sums, sizes, side * (gained - lost)) >= 20 for sums, sizes in runs)
    assert 0.05 / 3 <= wrong / rounds <= 0.05 + 2 * (0.05 * 0.95 / rounds) ** 0.5


def test_error_where_categories_differ() -> None:
    """Half of the categories gain 20 points and half lose 30: in the stratified order 5% at most are passed."""
    rng, wrong = np.random.default_rng(32), 0
    strata = {f"i{number:03}": f"kind {number % 8}" for number in range(200)}
    at = {name: number for number, name in enumerate(strata)}
    for seed in range(300):
        up, down = _intents(rng, 200, 0.25, 0.05), _intents(rng, 200, 0.05, 0.35)
        places = np.array([at[name] for name in stratified_order(strata, seed)])
        sums, sizes = (np.where(places % 2, one, other) for one, other in zip(up, down, strict=True))
        wrong += _ever(sums, sizes, -0.05) >= 20
    assert 0 < wrong / 300 <= 0.05


def test_a_bet_without_replacement_is_about_the_set_alone() -> None:
    """At a true loss equal to the margin it passes far more often: half of the sets lose less."""
    rng, wrong = np.random.default_rng(33), 0
    for _ in range(200):
        sums, sizes = _intents(rng, 200, 0.1, 0.15)
        items = np.cumsum(sizes[::-1])[::-1]  # that are left, before each intent
        left = (-0.05 * sizes.sum() - np.cumsum(sums) + sums) / items
        staked, asked = stakes(sums, 4.0, 0.05, 200), slice(0, 180)
        wrong += capital(sums[asked], sizes[asked], np.maximum(left, 1e-9 - 1)[asked], 4.0, staked[asked]) >= 20
    assert wrong / 200 > 0.12


def test_a_stake_knows_only_what_came_before() -> None:
    """Whatever an intent and those after it show, its stake is the same."""
    sums, _ = _intents(np.random.default_rng(12), 60, 0.1, 0.15)
    other = np.concatenate([sums[:30], -4 * np.ones(30)])
    before, after = (stakes(one, 4.0, 0.05, 60) for one in (sums, other))
    assert np.array_equal(before[:31], after[:31])
    assert not np.isclose(before[31:], after[31:]).any()


def test_capital_never_grows_on_average_under_the_hypothesis() -> None:
    """The mean of the final capital over many runs at the hypothesis is 1, up to noise."""
    rng = np.random.default_rng(13)
    finals = []
    for _ in range(4_000):
        sums, sizes = _intents(rng, 30, 0.1, 0.15)
        factors = np.minimum(stakes(sums, 4.0, 0.05, 100), 0.95 / (0.95 * 4)) * (sums + 0.05 * sizes)
        finals.append(np.prod(1 + factors))
        assert _ever(sums, sizes, -0.05, planned=100) == pytest.approx(max(1.0, np.cumprod(1 + factors).max()))
    assert abs(np.mean(finals) - 1) <= 3 * np.std(finals) / np.sqrt(len(finals))


def test_bounds_cover_at_every_look() -> None:
    """The interval holds the true difference at all looks at once in at least 90% of runs (5% on each side)."""
    rng, rounds = np.random.default_rng(14), 200
    bounds = [_bounds(*_intents(rng, 120, 0.15, 0.1)) for _ in range(rounds)]
    assert 0.9 <= sum(lower <= 0.05 <= upper for lower, upper in bounds) / rounds < 1


def test_a_clear_case_is_decided_early_and_a_true_regression_is_not_passed() -> None:
    """Of 220 intents, 120 show that an equal model passes, and 80 that one which loses 20 points fails."""
    rng = np.random.default_rng(15)
    sums, sizes = _intents(rng, 220, 0.005, 0.005)
    assert _bounds(sums[:120], sizes[:120], planned=220)[0] > -0.05
    sums, sizes = _intents(rng, 220, 0.02, 0.22)
    assert _bounds(sums[:80], sizes[:80], planned=220)[1] < -0.05
    assert _bounds(sums, sizes)[0] < -0.05


def test_one_intent_shows_next_to_nothing() -> None:
    """A single gain moves the lower bound by little, and a mixed bag decides nothing."""
    assert _bounds(np.array([1.0]), np.array([1.0]), 1.0)[0] < -0.5
    lower, upper = _bounds(np.array([1.0, -1.0, 1.0, 0.0] * 10), np.ones(40), 1.0)
    assert lower < 0.25 < upper


def test_every_part_of_the_order_holds_the_strata_by_their_shares() -> None:
    """Strata of 10, 40 and 150: each prefix has of each what is due, to within two; by names and seed alone."""
    strata = {
        f"i{number:03}": "small" if number < 10 else "middle" if number < 50 else "large" for number in range(200)
    }
    share = {"small": 0.05, "middle": 0.2, "large": 0.75}
    places = []
    for seed in range(200):
        order = stratified_order(strata, seed)
        places.append(order.index("i000"))
        for end in range(1, 201):
            had = Counter(strata[intent] for intent in order[:end])
            assert all(abs(had[name] - share[name] * end) <= 2 for name in share)
    assert stratified_order(dict(reversed(strata.items())), 199) == order
    assert sorted(order) == sorted(strata)
    assert 85 < np.mean(places) < 115
    assert min(places) < 10
    assert max(places) > 190
