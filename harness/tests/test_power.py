"""How answers vary and what more of them would show: against a formula's limits and against simulation."""

from __future__ import annotations

import numpy as np
import pytest

from harness.statistics.power import Design, assurance


def test_the_assurance_is_how_often_the_larger_mean_shows_it() -> None:
    """Truth and later mean drawn as the formula says: the share of tests that succeed is the assurance."""
    rng, rounds, have, more, variance = np.random.default_rng(3), 20_000, 60, 140, 0.2
    for distance in (0.03, 0.06, 0.12):
        truth = rng.normal(distance, np.sqrt(variance / have), rounds)
        later = rng.normal(truth, np.sqrt(variance / more))
        mean = (have * distance + more * later) / (have + more)
        shown = mean > 1.645 * np.sqrt(variance / (have + more))
        assert assurance(have, more, distance, variance, 0.05) == pytest.approx(shown.mean(), abs=0.012)


def test_no_number_makes_an_estimate_surer_than_it_is() -> None:
    """However many intents are added, the assurance stays below the certainty that there is now."""
    certainty = 0.8413  # one standard error from the limit
    found = [assurance(100, more, 0.05, 0.25, 0.05) for more in (10, 100, 1_000, 100_000)]
    assert found == sorted(found)
    assert found[-1] == pytest.approx(certainty, abs=0.02)
    assert found[-1] < certainty
    assert assurance(100, 100, 0.05, 0.0, 0.05) == 1.0


def test_the_design_effect_of_equal_answers_is_their_number() -> None:
    """Three paraphrases of correlation 0.5 double the variance; samples that never differ add nothing."""
    assert Design(paraphrases=3, between_paraphrases=0.5).variance_per_intent() == pytest.approx(2 / 3)
    once, again = (Design(samples=n, between_samples=1.0).variance_per_intent() for n in (1, 5))
    assert again == pytest.approx(once)
