"""Training commands stay away from held-out ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import InputError
from harness.overlap import (
    NEAR,
    WORD_RUN,
    is_reserved,
    make_guard,
    normalised,
    overlap,
    overlaps,
    read_reserved,
    similarity,
    training_commands,
)

_WORD = st.sampled_from(["go", "to", "the", "kitchen", "find", "red", "ball", "come", "back", "lab", "and", "ten"])
_WORDS = st.lists(_WORD, min_size=1, max_size=20)


@settings(max_examples=30)
@given(_WORDS, st.sampled_from(["{}", "{}.", "  {} !", "({})"]))
def test_equal_whatever_case_and_punctuation(words: list[str], frame: str) -> None:
    """A held-out command in other capitals and punctuation is caught as equal."""
    guard = make_guard([" ".join(words)])
    assert overlap(frame.format(" ".join(words).upper()), guard) == "equal"


@settings(max_examples=30)
@given(_WORDS, _WORDS, st.data())
def test_shared_run_of_eight_words(before: list[str], after: list[str], data: st.DataObject) -> None:
    """Eight held-out words in a row are found wherever they stand in a training command."""
    held = [f"w{index}" for index in range(12)]
    at = data.draw(st.integers(0, len(held) - WORD_RUN))
    command = " ".join([*before, *held[at : at + WORD_RUN], *after])
    assert overlap(command, make_guard([" ".join(held)])) in ("word_run", "near")


@pytest.mark.parametrize(
    ("held", "command", "why"),
    [
        ("Count the chairs in the meeting room", "Count the chair in the meeting room", "near"),
        ("Count the chairs in the meeting room", "Is there a meeting?", ""),
        (
            "one two three four five six seven eight nine ten",
            "go with one two three four five six seven before lunch",
            "",
        ),
    ],
)
def test_what_is_near_and_what_is_not(held: str, command: str, why: str) -> None:
    """One changed word ending is too near; other words, and a run one word shorter than the limit, are let through."""
    assert overlap(command, make_guard([held])) == why


@settings(max_examples=30)
@given(st.text(max_size=60), st.text(max_size=60))
def test_similarity_is_a_symmetric_share(one: str, other: str) -> None:
    """The score is symmetric, between 0 and 1, and 1 for texts that normalise alike."""
    score = similarity(one, other)
    assert score == similarity(other, one)
    assert 0.0 <= score <= 1.0
    assert similarity(one, one) == 1.0


@given(
    st.lists(st.text(alphabet="abcde ", max_size=40), min_size=1, max_size=8), st.text(alphabet="abcde ", max_size=40)
)
def test_index_agrees_with_pairwise_scores(held: list[str], command: str) -> None:
    """The indexed search finds a near duplicate exactly when some pair scores that high."""
    best = max(similarity(command, other) for other in held)
    found = overlap(command, make_guard(held))
    assert (found != "") == (best >= NEAR or normalised(command) in {normalised(other) for other in held})


def test_each_text_that_a_command_is_too_near_to_is_named() -> None:
    """All held-out texts are told, each with the strongest reason."""
    guard = make_guard(["Count the chairs in the hall", "count the chairs in the halls", "sit down"])
    found = {text: why for why, text in overlaps("Count the chairs in the hall!", guard)}
    assert found == {"count the chairs in the hall": "equal", "count the chairs in the halls": "near"}


def test_training_files_are_cases_or_chats(tmp_path: Path) -> None:
    """The command of a case and every user message of a chat are read, with their line; blank lines are none."""
    path = tmp_path / "train.jsonl"
    said = (("system", "s"), ("user", "a"), ("assistant", "[]"), ("user", "b"))
    chat = json.dumps({"messages": [{"role": role, "content": text} for role, text in said]})
    path.write_text(f'{{"command": "go"}}\n\n{chat}\n')
    assert list(training_commands(path)) == [(1, "go"), (3, "a"), (3, "b")]


@pytest.mark.parametrize("line", ['{"id": 3}', "[]", "go", '{"messages": []}', "[" * 100_000])
def test_bad_line_is_named(line: str, tmp_path: Path) -> None:
    """A line without a command is a user error that names file and line."""
    path = tmp_path / "cases.jsonl"
    path.write_text(f'{{"command": "go"}}\n{line}\n')
    with pytest.raises(InputError, match=r"cases\.jsonl:2: (neither a command nor chat messages|not )"):
        list(training_commands(path))


def test_reserved_words_are_kept_out(tmp_path: Path) -> None:
    """A reserved word counts in either number and as a whole word; words joined by & only count together."""
    path = tmp_path / "reserved.txt"
    path.write_text("boiler room\n\nkitchen & red ball\n")
    reserved = read_reserved(path)
    for text in ("go to the Boiler Room", "room='boiler_room'", "two boiler rooms", "the red balls in my kitchen"):
        assert is_reserved(text, reserved), text
    for text in ("the boiler", "boiler roommate", "go to the kitchen", "a red ball"):
        assert not is_reserved(text, reserved), text
    assert read_reserved(tmp_path / "none.txt") == ()
