"""The record of an answer, and recordings: answers of a retired model or another tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import EvidenceError, InputError
from harness.models.outcomes import Completion, Outcome
from harness.models.recorded import load_recording
from harness.models.requests import Request

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


@settings(max_examples=50)
@given(COMPLETIONS)
def test_a_completion_survives_json(completion: Completion) -> None:
    """Whatever a model says, writing and reading its record gives the same completion; later fields are passed over."""
    line = json.dumps(completion.to_record() | {"colour": "red"}).encode()
    assert b"\n" not in line
    assert Completion.from_record(json.loads(line)) == completion


def test_only_what_the_model_did_is_scored() -> None:
    """Answers, cuts, filters and refusals are evidence; what the network or the account did is not."""
    assert {outcome.value for outcome in Outcome if outcome.scored} == {"answered", "truncated", "filtered", "refused"}
    assert {outcome.value for outcome in Outcome if outcome.fatal} == {"quota_exhausted", "bad_key", "unknown_model"}


RECORD = Completion("k", "m", "c", 0, Outcome.ANSWERED).to_record()


@pytest.mark.parametrize(
    "record",
    [
        [],
        "text",
        {},
        *(RECORD | {"sample": value} for value in ("0", True)),
        *(RECORD | change for change in ({"outcome": "invented"}, {"fresh": 1}, {"text": None}, {"adapted": "x"})),
        {name: value for name, value in RECORD.items() if name != "key"},
    ],
)
def test_a_record_of_another_shape_is_refused(record: object) -> None:
    """A journal line that is not ours never becomes a completion."""
    with pytest.raises(ValueError, match=r"\w"):
        Completion.from_record(record)


REQUESTS = [Request(case_id, sample, ()) for case_id in ("a", "b") for sample in (0, 1)]
GOOD = [{"id": r.case_id, "output": f"['{r.case_id}{r.sample}']", "sample": r.sample} for r in REQUESTS]


def write(path: Path, lines: list[Any]) -> Path:
    """A JSONL file; strings are written as they are."""
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")
    return path


def test_answers_come_in_the_order_asked(tmp_path: Path) -> None:
    """Lines in any order, blank ones between: joined on case and sample; a part of them, or all as they stand."""
    path = write(tmp_path / "r.jsonl", [*reversed(GOOD), ""])
    completions = load_recording(path, "recorded:r.jsonl", REQUESTS)
    assert [c.text for c in completions] == ["['a0']", "['a1']", "['b0']", "['b1']"]
    assert {(c.model, c.outcome) for c in completions} == {("recorded:r.jsonl", Outcome.ANSWERED)}
    assert load_recording(path, "recorded:r.jsonl", REQUESTS[:1], {"a", "b"}) == completions[:1]
    assert load_recording(path, "recorded:r.jsonl", None, {"a", "b"}) == completions[::-1]


def test_a_journal_of_ours_is_a_recording(tmp_path: Path) -> None:
    """Outcomes are kept, and trouble that was asked again later is passed over."""
    trouble = Completion("k", "openai:old", "a", 0, Outcome.TIMEOUT)
    cut = Completion("k", "openai:old", "a", 0, Outcome.TRUNCATED, "half")
    path = write(tmp_path / "r.jsonl", [trouble.to_record(), cut.to_record()])
    (completion,) = load_recording(path, "recorded:r.jsonl", REQUESTS[:1])
    assert (completion.outcome, completion.text) == (Outcome.TRUNCATED, "half")
    assert completion.model == "recorded:r.jsonl"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not a JSON object"),
        ({"id": "a"}, "'output' is missing"),
        ({"output": "x"}, "'id' is missing"),
        ({"id": "a", "output": "x", "colour": 1}, "unknown field 'colour'"),
        ({"id": 1, "output": "x"}, "must be strings"),
        ({"id": "a", "output": None}, "must be strings"),
        ({"id": "a", "output": "x", "sample": -1}, "`sample`"),
        ({"id": "a", "output": "x", "sample": True}, "`sample`"),
        ({"id": "zz", "output": "x"}, "no case has the id 'zz'"),
        (GOOD[0], "a second answer to case 'a', sample 0: the first is line 1"),
        ({"outcome": "invented", "key": "", "model": "m", "case_id": "a", "sample": 0}, "invented"),
    ],
)
def test_a_bad_line_is_named(line: Any, message: str, tmp_path: Path) -> None:
    """One message with file, line and what is wrong."""
    path = write(tmp_path / "r.jsonl", [GOOD[0], line, *GOOD[1:]])
    with pytest.raises(InputError) as caught:
        load_recording(path, "m", REQUESTS, {"a", "b"})
    assert f"{path}:2: " in str(caught.value)
    assert message in str(caught.value)


def test_evidence_of_two_models_or_too_little_of_it_is_refused(tmp_path: Path) -> None:
    """A journal of two models does not say which is meant; what is missing is counted, never made smaller."""
    records = [Completion("k", model, "a", 0, Outcome.ANSWERED).to_record() for model in ("one", "two")]
    with pytest.raises(InputError, match="two models"):
        load_recording(write(tmp_path / "r.jsonl", records), "m", REQUESTS[:1])
    path = write(tmp_path / "r.jsonl", GOOD[1:2])
    with pytest.raises(EvidenceError, match=r"3 of 4 requests are missing: a \(sample 0\), b \(sample 0\)"):
        load_recording(path, "m", REQUESTS)
