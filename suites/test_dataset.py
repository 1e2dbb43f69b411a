"""Dataset: the pack itself is fit to judge by. Nothing here depends on a model, so nothing can be a known failure."""

import json

import pytest

from harness.cases import Case
from harness.datacheck import PackCheck


def test_dataset(held_out_case: Case, pack_check: PackCheck) -> None:
    """Every reference of the case succeeds, and doing nothing does not."""
    for reference in held_out_case.references:
        score = pack_check.score(held_out_case, json.dumps(list(reference)))
        assert score.success, f"a reference fails, {score.first_failure}: {score.reason}\n  {reference}"
    assert not pack_check.score(held_out_case, "[]").success, "an empty list succeeds"


def test_paraphrases_agree(pack_check: PackCheck) -> None:
    """The paraphrases of one intent want the same disposition, in one category."""
    assert not pack_check.torn_intents()


def test_no_command_is_in_the_training_data(pack_check: PackCheck) -> None:
    """No held-out command is one that the shipped adapter was trained on, or quotes one."""
    if not pack_check.training:
        pytest.skip("the pack has no training data")
    assert not pack_check.overlaps()
