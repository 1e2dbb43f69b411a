"""Arms: what differs on purpose is shown, what differs by accident is INVALID; as rules, and through the commands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.gate import Verdict
from harness.policy import load_policy
from harness.tests.gate_rows import ARM, gate, grid, model

ROWS = grid()
DECODING = dict(ARM.decoding or {})
OLD = model(ROWS, lambda at: at % 10 != 0, name="old")
GOOD = model(ROWS, lambda at: at % 10 != 5)

ASKED_OTHERWISE = {
    "another message": replace(ARM, prompt="", system_message="Answer with a list of one.", as_declared=False),
    "temperature": replace(ARM, decoding={**DECODING, "temperature": 1.0}),
    "seed": replace(ARM, decoding={**DECODING, "seed": 5}),
    "reasoning_effort": replace(ARM, decoding={**DECODING, "extra": {"reasoning_effort": "high"}}),
}


@pytest.mark.parametrize("field", ASKED_OTHERWISE)
def test_what_differs_by_accident_is_invalid_and_told_in_words(field: str) -> None:
    """Another system message or parameter is INVALID; the field and both values stand there, and no hash."""
    decision = gate(OLD, replace(GOOD, arm=ASKED_OTHERWISE[field]))
    assert decision.verdict is Verdict.INVALID
    detail = decision.deciding[0].detail
    both = {
        "another message": ('plain, "Answer with a list."', 'another message, "Answer with a list of one."'),
        "temperature": ("temperature: 0.0 for the model in use, 1.0 for the candidate",),
        "seed": ("seed: 0 for the model in use, 5 for the candidate",),
        "reasoning_effort": ("reasoning_effort: the endpoint's own for the model in use, high for the candidate",),
    }
    assert all(words in detail for words in both[field]), detail


def test_the_policy_may_allow_different_prompts_but_never_different_decoding() -> None:
    """`different_prompts = "allow"` is about the system message alone."""
    policy = replace(load_policy(), allow_different_prompts=True)
    assert gate(OLD, replace(GOOD, arm=ASKED_OTHERWISE["another message"]), policy).verdict is Verdict.GO
    assert gate(OLD, replace(GOOD, arm=ASKED_OTHERWISE["temperature"]), policy).verdict is Verdict.INVALID


def test_a_declared_prompt_is_shown_and_valid_only_where_it_was_used() -> None:
    """Both arms with the prompt that was declared for them: GO with the difference; one with another: INVALID."""
    card = replace(ARM, prompt="card", system_message="Answer with a list. Calls: ...")
    decision = gate(OLD, replace(GOOD, arm=card))
    assert decision.verdict is Verdict.GO
    assert [str(one) for one in decision.differences] == [
        "prompt: plain for the model in use, card for the candidate (declared)"
    ]
    undeclared = gate(OLD, replace(GOOD, arm=replace(card, as_declared=False)))
    assert undeclared.verdict is Verdict.INVALID
    assert "prompt: plain for the model in use, card for the candidate" in undeclared.deciding[0].detail
    assert "--candidate-prompt" in undeclared.deciding[0].detail
    both = replace(card, as_declared=False)
    assert gate(replace(OLD, arm=both), replace(GOOD, arm=both)).verdict is Verdict.GO


def test_a_respelled_parameter_is_no_difference() -> None:
    """max_tokens sent as max_completion_tokens is the same request."""
    decision = gate(OLD, replace(GOOD, arm=replace(ARM, adapted=("max_tokens sent as max_completion_tokens",))))
    assert decision.verdict is Verdict.GO
    assert decision.differences == []


def test_what_an_endpoint_does_not_take_is_shown_and_may_be_forbidden() -> None:
    """Temperature dropped for one: GO with the difference in words, INVALID by policy; dropped for both: equal."""
    dropped = replace(ARM, adapted=("temperature dropped",))
    decision = gate(OLD, replace(GOOD, arm=dropped))
    assert decision.verdict is Verdict.GO
    words = "temperature: 0.0 for the model in use, the endpoint's own for the candidate (x:new does not take it)"
    assert [str(one) for one in decision.differences] == [words]
    assert words in next(rule.detail for rule in decision.rules if rule.name == "evidence.same")
    strict = replace(load_policy(), allow_different_sampling=False)
    assert gate(OLD, replace(GOOD, arm=dropped), strict).verdict is Verdict.INVALID
    assert gate(replace(OLD, arm=dropped), replace(GOOD, arm=dropped), strict).verdict is Verdict.GO
    odd = gate(OLD, replace(GOOD, arm=replace(ARM, adapted=("the system message sent as a user message",))))
    assert "the system message sent as a user message" in str(odd.differences[0])


def test_a_larger_max_tokens_is_fair_where_the_smaller_cut_off_hardly_anything() -> None:
    """320 against 4,096: shown with 2 of 100 answers cut off at 320, INVALID with 3; the other way round alike."""
    large = replace(ARM, decoding={**DECODING, "max_tokens": 4096}, cut_off=50)
    for count, verdict in ((0, Verdict.GO), (2, Verdict.GO), (3, Verdict.INVALID)):
        small = replace(ARM, cut_off=count)
        assert gate(replace(OLD, arm=small), replace(GOOD, arm=large)).verdict is verdict
        assert gate(replace(OLD, arm=large), replace(GOOD, arm=small)).verdict is verdict


def test_answers_cut_off_while_thinking_are_not_scored_in_silence() -> None:
    """2 of 100 answers without any text pass, 3 are INVALID, and the setting to raise is named."""
    for count, verdict in ((2, Verdict.GO), (3, Verdict.INVALID)):
        arm = replace(ARM, cut_off=count, silent=count, thought=1780)
        decision = gate(OLD, replace(GOOD, arm=arm))
        assert decision.verdict is verdict
        detail = next(rule.detail for rule in decision.rules if rule.name == "evidence.cut_off")
        assert f"{count} of 100 answers were cut off by max_tokens of 320 before any text" in detail
        assert "1,780 tokens of thinking: raise --max-tokens, such as --max-tokens 4096" in detail


def test_two_served_models_in_one_arm_are_invalid_unless_allowed() -> None:
    """Both ids with their numbers of answers are told; `several_models = "allow"` lets them pass, still told."""
    mixed = replace(GOOD, arm=replace(ARM, served={"m-2025-01-01": 60, "m-2025-06-01": 40}))
    decision = gate(OLD, mixed)
    assert decision.verdict is Verdict.INVALID
    assert "x:new: m-2025-01-01 (60 answers), m-2025-06-01 (40 answers)" in decision.deciding[0].detail
    allowed = gate(OLD, mixed, replace(load_policy(), allow_several_models=True))
    assert allowed.verdict is Verdict.GO
    assert "m-2025-06-01" in next(rule.detail for rule in allowed.rules if rule.name == "evidence.served")
    old, new = (replace(ARM, served={name: 100}) for name in ("old-2024", "new-2026"))
    assert gate(replace(OLD, arm=old), replace(GOOD, arm=new)).verdict is Verdict.GO
