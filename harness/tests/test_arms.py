"""Arms, as rules: what differs on purpose is shown, what differs by accident is INVALID."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.ask.record import ArmRecord
from harness.gate import output
from harness.gate.output import asked_differently
from harness.gate.verdict import Verdict
from harness.tests.gate_rows import ARM, gate, grid, model, policy

ROWS = grid()
OLD = model(ROWS, lambda at: at % 10 != 0, name="old")
GOOD = model(ROWS, lambda at: at % 20 not in {5, 10})


def arm(**changed: Any) -> ArmRecord:
    """The ordinary arm with other fields, and with other parts of its decoding."""
    decoding = dict(ARM.decoding or {})
    decoding |= {name: changed.pop(name) for name in list(changed) if name in decoding}
    return replace(ARM, decoding=decoding, **changed)


MESSAGE = arm(prompt="", system_message="Answer with a list of one.", as_declared=False)
CARD = arm(prompt="card", system_message="Answer with a list. Calls: ...")
UNDECLARED = replace(CARD, as_declared=False)
DROPPED = arm(adapted=("temperature dropped",))
LARGE = arm(max_tokens=4096, cut_off=50)
MIXED = arm(served={"m-2025-01-01": 60, "m-2025-06-01": 40})
STRICT = {"different_sampling": "forbid"}
INVALID, GO = Verdict.INVALID, Verdict.GO
BOTH_PROMPTS = "prompt: plain for the model in use, card for the candidate"
ALIKE, DECLARE = "ask both with the same value", "say so: MODEL@card"
NOT_TAKEN = "temperature: 0.0 for the model in use, the endpoint's own for the candidate (x:new does not take it)"
TWO_MODELS = "x:new: m-2025-01-01 (60 answers), m-2025-06-01 (40 answers)"
HIGH = {"reasoning_effort": "high"}
EFFORT = "reasoning_effort: the endpoint's own for the model in use, high for the candidate"


TOOLS = replace(ARM, decoding={**(ARM.decoding or {}), "answer_form": "tools"})


def silent(count: int) -> tuple[ArmRecord, tuple[str, ...]]:
    """An arm that was cut off so often while thinking, and what is said of it."""
    words = (
        f"{count} of 100 answers were cut off by max_tokens of 320 before any text",
        "1,780 tokens of thinking: raise --max-tokens, such as --max-tokens 4096",
    )
    return arm(cut_off=count, silent=count, thought=1780), words


# Arm of the model in use and of the candidate, [evidence] keys, verdict, what is said of it; nothing: asked alike
Row = tuple[ArmRecord, ArmRecord, dict[str, Any], Verdict, tuple[str, ...]]
ALLOW = {"different_prompts": "allow"}
SPELLED = arm(adapted=("max_tokens sent as max_completion_tokens",))
SENT_OTHERWISE = arm(adapted=("system message sent otherwise",))
OTHER_MESSAGE = ('plain, "Answer with a list."', 'another message, "Answer with a list of one."', DECLARE)
OWN_WARMTH = arm(temperature=1.0, on_purpose=frozenset({"temperature"}))
DECLARED = "temperature: 0.0 for the model in use, 1.0 for the candidate (declared for x:new)"
FORM = "answer_form: text for the model in use, tools for the candidate"
HERE, THERE = arm(endpoint="http://a/v1"), arm(endpoint="http://b/v1")
WARMER = ("temperature: 0.0 for the model in use, 1.0 for the candidate", ALIKE)
ARMS: dict[str, Row] = {
    "another message": (ARM, MESSAGE, {}, INVALID, OTHER_MESSAGE),
    "temperature": (ARM, arm(temperature=1.0), {}, INVALID, WARMER),
    "seed": (ARM, arm(seed=5), {}, INVALID, ("seed: 0 for the model in use, 5 for the candidate", ALIKE)),
    "a field of the body": (ARM, arm(extra=HIGH), {}, INVALID, (EFFORT, ALIKE)),
    "temperature, declared": (ARM, OWN_WARMTH, {}, GO, (DECLARED,)),
    "temperature, declared, forbidden": (ARM, OWN_WARMTH, STRICT, INVALID, (DECLARED,)),
    "an answer form": (ARM, TOOLS, {}, INVALID, (FORM, ALIKE)),
    "an answer form, declared": (ARM, replace(TOOLS, on_purpose=frozenset({"answer_form"})), {}, GO, (FORM,)),
    "another endpoint": (HERE, THERE, STRICT, GO, ("endpoint: http://a/v1 for the model in use, http://b/v1 for",)),
    "another message, allowed": (ARM, MESSAGE, ALLOW, GO, ("another message",)),
    "temperature, messages allowed": (ARM, arm(temperature=1.0), ALLOW, INVALID, (ALIKE,)),
    "a declared prompt": (ARM, CARD, {}, GO, (f"{BOTH_PROMPTS} (declared)",)),
    "a prompt not declared": (ARM, UNDECLARED, {}, INVALID, (BOTH_PROMPTS, DECLARE)),
    "one prompt for both, not declared": (UNDECLARED, UNDECLARED, {}, GO, ()),
    "max_tokens spelled otherwise": (ARM, SPELLED, {}, GO, ()),
    "temperature not taken": (ARM, DROPPED, {}, GO, (NOT_TAKEN,)),
    "temperature not taken, forbidden": (ARM, DROPPED, STRICT, INVALID, (NOT_TAKEN,)),
    "temperature taken by neither, forbidden": (DROPPED, DROPPED, STRICT, GO, ()),
    "another way of asking": (ARM, SENT_OTHERWISE, {}, GO, ("message sent otherwise",)),
    "larger max_tokens, none cut off": (arm(cut_off=0), LARGE, {}, GO, ("max_tokens",)),
    "larger max_tokens, 2 of 100 cut off": (arm(cut_off=2), LARGE, {}, GO, ("max_tokens",)),
    "larger max_tokens, 3 of 100 cut off": (arm(cut_off=3), LARGE, {}, INVALID, ("max_tokens", ALIKE)),
    "smaller max_tokens, 2 of 100 cut off": (LARGE, arm(cut_off=2), {}, GO, ("max_tokens",)),
    "smaller max_tokens, 3 of 100 cut off": (LARGE, arm(cut_off=3), {}, INVALID, ("max_tokens", ALIKE)),
    "2 of 100 cut off while thinking": (ARM, silent(2)[0], {}, GO, silent(2)[1]),
    "3 of 100 cut off while thinking": (ARM, silent(3)[0], {}, INVALID, silent(3)[1]),
    "two served models": (ARM, MIXED, {}, INVALID, (TWO_MODELS,)),
    "two served models, allowed": (ARM, MIXED, {"several_models": "allow"}, GO, (TWO_MODELS,)),
    "one served model each": (arm(served={"old-2024": 100}), arm(served={"new-2026": 100}), {}, GO, ()),
}


@pytest.mark.parametrize("case", ARMS)
def test_what_differs_is_told_in_words_and_is_invalid_by_accident(case: str) -> None:
    """The field and both values stand there, with what to do; what was declared or cannot be helped is valid."""
    base, candidate, keys, verdict, words = ARMS[case]
    decision = gate(replace(OLD, arm=base), replace(GOOD, arm=candidate), policy(evidence=keys))
    assert decision.verdict is verdict
    text = "\n".join([rule.detail for rule in decision.rules] + [str(one) for one in decision.differences])
    assert all(part in text for part in words), text
    assert words or not decision.differences
    assert verdict is GO or any(words[0] in rule.detail for rule in decision.deciding)
    assert ((DECLARE in text), (ALIKE in text)) == ((DECLARE in words), (ALIKE in words))


def test_a_difference_that_is_allowed_stands_in_the_summary() -> None:
    """Markdown and screen say that the two were asked differently, in one line."""
    taken = gate(OLD, replace(GOOD, arm=MESSAGE), policy(evidence={"different_prompts": "allow"}))
    assert len(asked_differently(taken)) == 1
    assert "asked differently: prompt" in output.to_markdown(taken)
