"""The bound that may be looked at after every batch: error over all looks, coverage and what it saves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from harness.statistics.clusters import Floats
from harness.statistics.sequential import capital, lower_bound, random_order


def _intents(rng: np.random.Generator, intents: int, gained: float, lost: float) -> tuple[Floats, Floats]:
    """Sums and sizes of clustered differences, sizes 2 to 4, correlation 0.4 within an intent."""
    share = rng.dirichlet(np.array([gained, lost, 1 - gained - lost]) * 1.5 + 1e-9, size=(intents, 1))
    sizes = rng.integers(2, 5, size=intents)
    u, asked = rng.random((intents, 4)), np.arange(4) < sizes[:, None]
    change = (u < share[..., 0]) * 1.0 - ((u >= share[..., 0]) & (u < share[..., 0] + share[..., 1]))
    return (change * asked).sum(axis=1), sizes.astype(float)


def _looks(sums: Floats, sizes: Floats, ends: Sequence[int], most: float) -> tuple[list[float], list[float]]:
    """Lower and upper bounds after each look, each kept once reached, error 5% on each side over all looks."""
    lower, upper = [-1.0], [1.0]
    for end in ends:
        lower.append(max(lower[-1], lower_bound(sums[:end], sizes[:end], 0.05, most)))
        upper.append(min(upper[-1], -lower_bound(-sums[:end], sizes[:end], 0.05, most)))
    return lower[1:], upper[1:]


@pytest.mark.parametrize(("gained", "lost"), [(0.0, 0.05), (0.05, 0.1), (0.2, 0.25)])
def test_error_over_all_looks_together(gained: float, lost: float) -> None:
    """At a true loss equal to the margin, looking after every fifth of 200 intents errs in at most 5% of runs."""
    rng, rounds = np.random.default_rng(31), 400
    runs = (_intents(rng, 200, gained, lost) for _ in range(rounds))
    wrong = sum(
        any(capital(sums[:n], sizes[:n], gained - lost, 4.0) >= 20 for n in range(5, 201, 5)) for sums, sizes in runs
    )
    assert wrong / rounds <= 0.05


def test_the_fixed_sample_test_cannot_be_looked_at_so_often() -> None:
    """The same looks with a plain z test err far more often: what the betting bound is there for."""
    rng, looks = np.random.default_rng(31), np.arange(20, 201, 5)
    wrong = 0
    for _ in range(150):
        sums, sizes = _intents(rng, 200, 0.1, 0.15)
        above = sums + 0.05 * sizes
        means = np.array([above[:n].mean() / above[:n].std(ddof=1) * np.sqrt(n) for n in looks])
        wrong += bool((means > 1.65).any())
    assert wrong / 150 > 0.12


def test_capital_never_grows_on_average_under_the_hypothesis() -> None:
    """The mean of the final capital over many runs at the hypothesis is at most 1, up to noise."""
    rng = np.random.default_rng(13)
    finals = [capital(*_intents(rng, 30, 0.1, 0.15), -0.05, 4.0) for _ in range(4_000)]
    assert np.mean(finals) <= 1 + 3 * np.std(finals) / np.sqrt(len(finals))


def test_bounds_cover_at_every_look() -> None:
    """The interval holds the true difference at all looks at once in at least 90% of runs (5% on each side)."""
    rng, rounds = np.random.default_rng(14), 100
    held = 0
    for _ in range(rounds):
        lower, upper = _looks(*_intents(rng, 120, 0.15, 0.1), ends=range(20, 121, 20), most=4)
        held += lower[-1] <= 0.05 <= upper[-1]
    assert held / rounds >= 0.9


def test_a_clear_case_is_decided_early_and_a_true_regression_is_not_passed() -> None:
    """An equal model passes a 5-point margin before all are asked; one that loses 20 points fails."""
    rng = np.random.default_rng(15)
    ends = range(20, 221, 20)
    lower, _ = _looks(*_intents(rng, 220, 0.005, 0.005), ends=ends, most=4)
    assert any(bound > -0.05 for bound in lower[:-3])
    lower, upper = _looks(*_intents(rng, 220, 0.02, 0.22), ends=ends, most=4)
    assert any(bound < -0.05 for bound in upper[:-1])
    assert not any(bound > -0.05 for bound in lower)


def test_one_intent_shows_next_to_nothing() -> None:
    """A single gain moves the lower bound by little, and a mixed bag decides nothing."""
    assert lower_bound(np.array([1.0]), np.array([1.0]), 0.05, 1.0) < -0.5
    lower, upper = _looks(np.array([1.0, -1.0, 1.0, 0.0] * 10), np.ones(40), ends=[40], most=1)
    assert lower[0] < 0.25 < upper[0]


def test_the_order_depends_on_names_and_seed_alone() -> None:
    """Repeats and the order given do not matter; another seed gives another order."""
    names = [f"i{n}" for n in range(30)]
    assert random_order([*reversed(names), "i3"], 5) == random_order(names, 5)
    assert random_order(names, 5) != random_order(names, 6)
    assert sorted(random_order(names, 5)) == sorted(names)
