"""Power and sample size: against tabled values, each other, and simulation of the test that the gate runs."""

from __future__ import annotations

import numpy as np
import pytest

from harness.benchmarks.error_rates import pairs_of
from harness.statistics.power import Design, intents_needed, minimum_detectable_difference, power_of
from harness.statistics.sign_flips import sign_flip
from harness.tests.gate_rows import draw

SINGLE = Design(discordance=0.2, paraphrases=1)


@pytest.mark.parametrize(("items", "points"), [(100, 10.8), (300, 6.4), (1000, 3.5)])
def test_detectable_differences_of_independent_items(items: int, points: float) -> None:
    """The figures of the paired-proportion formula at 20% discordance, alpha 0.05 one-sided, power 0.8."""
    assert 100 * minimum_detectable_difference(items, SINGLE) == pytest.approx(points, abs=0.05)


@pytest.mark.parametrize(("items", "points"), [(100, 14.8), (300, 8.9), (1000, 4.9)])
def test_detectable_differences_with_a_design_effect_of_two(items: int, points: float) -> None:
    """Three paraphrases with correlation 0.5 double the variance."""
    design = Design(discordance=0.2, paraphrases=3, between_paraphrases=0.5)
    assert design.design_effect == pytest.approx(2)
    assert 100 * minimum_detectable_difference(items / 3, design) == pytest.approx(points, abs=0.06)


def test_sample_size_and_power_are_inverse() -> None:
    """The number of intents asked for has the power asked for."""
    design = Design(discordance=0.25, paraphrases=3.3, samples=2, between_paraphrases=0.3, between_samples=0.7)
    needed = intents_needed(0.05, design, power=0.9)
    assert power_of(needed, 0.05, design) == pytest.approx(0.9)


def test_equal_answers_to_repeated_questions_add_nothing() -> None:
    """At temperature 0 (correlation 1 between samples) five samples need as many intents as one."""
    once = intents_needed(0.05, Design(samples=1, between_samples=1.0))
    assert intents_needed(0.05, Design(samples=5, between_samples=1.0)) == pytest.approx(once * 1.0, rel=1e-9)
    assert intents_needed(0.05, Design(samples=5, between_samples=0.5)) < once


def test_a_true_difference_at_the_bound_needs_no_number() -> None:
    """No sample size shows what is not so: an error, not a huge figure."""
    with pytest.raises(ValueError, match="no number of intents"):
        intents_needed(0.0, SINGLE)


def test_promised_power_is_reached_in_simulation() -> None:
    """With the intents of `intents_needed`, sign flips find non-inferiority in 80% of runs."""
    rng, rounds = np.random.default_rng(6), 400
    design = Design(discordance=0.2, paraphrases=3, between_paraphrases=0.4)
    intents = round(intents_needed(0.05, design, power=0.8))
    draws = (pairs_of(*draw(rng, (intents, 3), 0.1, 0.1, likeness=0.4)) for _ in range(rounds))
    found = sum(sign_flip(pairs.change, 0.05).lower > -0.05 for pairs in draws)
    assert found / rounds == pytest.approx(0.8, abs=3 * np.sqrt(0.8 * 0.2 / rounds))


@pytest.mark.parametrize("bad", [{"discordance": 1.2}, {"paraphrases": 0.5}, {"between_samples": -0.1}])
def test_impossible_designs_are_refused(bad: dict[str, float]) -> None:
    """Shares outside 0 to 1 and less than one paraphrase are errors."""
    with pytest.raises(ValueError, match="lie in 0 to 1"):
        Design(**bad)  # type: ignore[arg-type]
