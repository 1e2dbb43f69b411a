"""The closed set of outcomes and the record kept of a completion."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.models.outcomes import Completion, Outcome

COMPLETIONS = st.builds(
    Completion,
    key=st.text(),
    model=st.text(),
    case_id=st.text(),
    sample=st.integers(0, 99),
    outcome=st.sampled_from(Outcome),
    text=st.text(st.characters(codec=None)),  # lone surrogates too: models do send them
    detail=st.text(),
    finish_reason=st.none() | st.text(),
    served_model=st.none() | st.text(),
    prompt_tokens=st.none() | st.integers(0, 10**6),
    completion_tokens=st.none() | st.integers(0, 10**6),
    latency_s=st.floats(0, 1e4),
    attempts=st.integers(1, 9),
    adapted=st.lists(st.text(), max_size=3).map(tuple),
    at=st.floats(0, 2e9),
)


@given(COMPLETIONS)
def test_a_completion_survives_json(completion: Completion) -> None:
    """Whatever a model says, writing and reading its record gives the same completion."""
    line = json.dumps(completion.to_record()).encode()
    assert b"\n" not in line
    assert Completion.from_record(json.loads(line)) == completion


def test_only_what_the_model_did_is_scored() -> None:
    """Answers, cuts, filters and refusals are evidence; nothing that the network or the account did is."""
    scored = {outcome.value for outcome in Outcome if outcome.scored}
    assert scored == {"answered", "truncated", "filtered", "refused"}


def test_what_stops_a_run_is_never_evidence() -> None:
    """Fatal outcomes are infrastructure."""
    fatal = {outcome for outcome in Outcome if outcome.fatal}
    assert fatal == {Outcome.QUOTA_EXHAUSTED, Outcome.BAD_KEY, Outcome.UNKNOWN_MODEL}
    assert not any(outcome.scored for outcome in fatal)


GOOD = Completion("k", "m", "c", 0, Outcome.ANSWERED).to_record()


@pytest.mark.parametrize(
    "record",
    [
        [],
        "text",
        {},
        GOOD | {"outcome": "invented"},
        GOOD | {"sample": "0"},
        GOOD | {"sample": True},
        GOOD | {"text": None},
        GOOD | {"adapted": "x"},
        {name: value for name, value in GOOD.items() if name != "key"},
    ],
)
def test_a_record_of_another_shape_is_refused(record: object) -> None:
    """A journal line that is not ours never becomes a completion."""
    with pytest.raises(ValueError, match=r"\w"):
        Completion.from_record(record)


def test_fields_of_a_later_version_are_passed_over() -> None:
    """A journal written by a newer version can still be read."""
    assert Completion.from_record(GOOD | {"colour": "red"}) == Completion.from_record(GOOD)
