"""Servers, gateways and models as their users report them: each is asked, understood, and what differs is declared."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.ask.collect import collect
from harness.config import EndpointSettings
from harness.models.connect import connect
from harness.models.error_bodies import read_error_body
from harness.models.outcomes import Outcome
from harness.models.parameters import first_parameters, refused, without
from harness.models.replies import read_body, read_error, without_reasoning
from harness.models.requests import Decoding
from harness.models.specs import ModelSpec
from harness.tests.collecting import requests
from harness.tests.conftest import Gonogo, Serve
from harness.tests.foreign import DETAIL, KEY, LIST, MESSAGES, MISTRAL, answers, ask, error, refusing, right
from harness.tests.loopback import Answer, LoopbackServer
from harness.tests.loopback_replies import Fault, status

# ---------------------------------------------------------------- what an endpoint refuses by name

LITELLM = "litellm.UnsupportedParamsError: vertex does not support parameters: ['seed']"
O1 = "Unsupported value: 'messages[0].role' does not support 'system' with this model."
NO_SEED = [
    MISTRAL,
    error(422, {"detail": [DETAIL]}),  # FastAPI
    error(400, [{"error": {"code": 400, "message": 'Unknown name "seed": Cannot find field.'}}]),  # Gemini
    status(400, "400", message=LITELLM, type="None", param="None"),
    status(502, message="Provider returned error", metadata={"raw": json.dumps({"detail": [DETAIL]})}),  # a gateway
    error(200, {"error": "Unrecognized key 'seed' in the request"}),  # LM Studio
    error(400, {"error": "got an unexpected keyword argument 'seed'"}),  # Flask
    error(422, "the field `seed` is not supported by this backend"),
]
NO_SYSTEM_ROLE = [
    error(400, {"object": "error", "message": "System role not supported", "type": "BadRequestError", "code": 400}),
    status(400, message="Developer instruction is not enabled for models/gemma-3-27b-it"),
    status(500, message="Only user and assistant roles are supported!"),
    status(400, message="Conversation roles must alternate user/assistant/user/assistant/..."),
    status(400, "unsupported_value", message=O1, param="messages[0].role"),
    error(422, {"detail": [{"loc": ["body", "messages", 0, "role"], "msg": "Input should be 'user'"}]}),
]
OPENAI = {
    name: status(400, "unsupported_parameter", message=f"{name!r}: no", param=name)
    for name in ("max_tokens", "temperature", "seed")
}
TWO_FIELDS = error(422, {"detail": [DETAIL, {**DETAIL, "loc": ["body", "temperature"]}]})


@pytest.mark.parametrize(
    ("refusals", "adapted"),
    [
        *[({"seed": refusal}, ("seed dropped",)) for refusal in NO_SEED],
        *[({"system": refusal}, ("system message sent in front of the user's",)) for refusal in NO_SYSTEM_ROLE],
        ({"seed": TWO_FIELDS}, ("seed dropped", "temperature dropped")),
        (OPENAI, ("max_tokens sent as max_completion_tokens", "temperature dropped", "seed dropped")),
    ],
)
def test_what_is_refused_is_left_out_once_and_declared(refusals: Mapping[str, Fault], adapted: tuple[str, ...]) -> None:
    """Whatever code, status and wrapper the refusal has: a request more for each, remembered, told in every reply."""
    replies, bodies = ask(refusing(refusals, answers), times=2)
    assert [(one.outcome, one.text, one.adapted) for one in replies] == [(Outcome.ANSWERED, LIST, adapted)] * 2
    whole = {"model": "m", "messages": list(MESSAGES), "temperature": 0.0, "max_tokens": 7, "seed": 0}
    for name in adapted:
        if name.endswith(" dropped"):
            del whole[name.removesuffix(" dropped")]
        elif name.startswith("max_tokens"):
            whole["max_completion_tokens"] = whole.pop("max_tokens")
        else:
            whole["messages"] = [{"role": "user", "content": "Be a robot.\n\ngo"}]
    assert bodies[-2:] == [whole] * 2
    assert len(bodies) == 2 + len(refusals)


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (error(422, {"detail": [{**DETAIL, "loc": ["body", "top_k"]}]}), "Extra inputs are not permitted top_k"),
        (status(400, message="max_tokens is too large: 7. This model supports at most 5"), "at most 5"),
        (status(400, message="maximum context length is 8, you asked for 7 with max_tokens"), "maximum context length"),
        (error(400, [{"error": {"message": "The model is tired", "status": "INVALID_ARGUMENT"}}]), "is tired"),
    ],
)
def test_what_cannot_be_adapted_is_told_in_the_servers_words(refusal: Fault, words: str) -> None:
    """A limit is no refusal of the parameter, and a field set by hand is not left out: one request, an error."""
    (reply,), bodies = ask(lambda _: refusal, extra={"top_k": 1})
    assert reply.outcome is Outcome.BAD_REQUEST
    assert words in reply.detail
    assert len(bodies) == 1


def test_nothing_is_adapted_twice() -> None:
    """A refusal of what is not sent any more changes nothing, so that asking again ends."""
    parameters = first_parameters(Decoding())
    for name in ("max_tokens", "temperature", "seed", "system", "responses", "top_k"):
        parameters = without(parameters, name)
        assert without(parameters, name) is parameters


NAMES = st.sampled_from(["error", "message", "detail", "loc", "code", "param", "raw"]) | st.text(max_size=5)


@settings(max_examples=60)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
        max_leaves=20,
    )
)
def test_any_json_can_be_an_error_or_a_reply(body: object) -> None:
    """No shape that a gateway may invent raises anything, scores anything or leaves more than one line."""
    for reply in (read_error(400, body, KEY), read_body(body, KEY), read_body({"choices": [body], "usage": body}, KEY)):
        assert reply.detail.isprintable()
        assert reply.outcome is Outcome.FILTERED or not reply.outcome.scored
    refused(read_error_body(body))


def test_endless_and_deep_errors_end() -> None:
    """A body that nests or repeats without end is read in bounded time."""
    deep: Any = "seed is not supported"
    for _ in range(5_000):
        deep = {"error": [deep]}
    started = time.process_time()
    assert read_error_body(deep).messages == []
    assert len(read_error_body([{"message": f"m{n}"} for n in range(100_000)]).messages) < 1_000
    read_error(400, "system " * 30_000 + "seed not supported")
    assert time.process_time() - started < 2


# ---------------------------------------------------------------- limits by the minute


def limited(count: int, window_s: float, refuse: Callable[[float], Fault]) -> Answer:
    """So many requests in a window of time, refused ones among them; `refuse` is told the seconds to the next."""
    seen: deque[float] = deque()

    def answer(body: dict[str, Any]) -> str | Fault:
        now = time.time()
        seen.append(now)
        if sum(one // window_s == now // window_s for one in seen) > count:
            return refuse(window_s - now % window_s)
        return right(body)

    return answer


@pytest.mark.parametrize(
    "refuse",
    [
        # Gemini: no header, a delay in the details. `test_client` has all forms in which a time is named.
        lambda s: error(
            429, [{"error": {"code": 429, "details": [{"@type": "RetryInfo", "retryDelay": f"{s:.3f}s"}]}}]
        ),
        lambda _: status(429, headers={"retry-after": "0"}),  # which says nothing
    ],
    ids=("gemini", "nothing"),
)
def test_a_limit_is_ridden_out(refuse: Callable[[float], Fault], gonogo: Gonogo, serve: Serve) -> None:
    """More commands than a window has room for: waited for and answered, whether or not the server names the time."""
    serve(limited(6, 1.0, refuse))
    done = gonogo("run", "m1:m", "--limit", 13, "--json")
    assert done.code == 0, done.err
    assert all(row["success"] for row in json.loads(done.out))


def test_requests_per_minute_are_kept(tmp_path: Path) -> None:
    """At 1,200 a minute ten requests take at least 0.45 s, however many may be in flight."""
    with LoopbackServer(answer=answers) as server:
        paced = EndpointSettings(server.base_url, requests_per_minute=1200)
        spec = ModelSpec("lab:m", "endpoint", "m", server.base_url, settings=paced)
        started = time.monotonic()
        assert len(collect(requests(0, 10), spec, Decoding(), tmp_path / "j.jsonl", connect=connect)) == 10
        assert 0.45 <= time.monotonic() - started < 5


# ---------------------------------------------------------------- where the answer stands

THOUGHTS = (
    '<think>["self.stop()"]? no.</think>\n',
    'Perhaps ["self.stop()"]? no.\n</think>\n',
    '["self.stop()"]\n</think>\n',
    "<think>a</think>b<think>c</think>",
    "[THINK]so[/THINK]",  # Magistral
    '<|channel|>analysis<|message|>["self.stop()"]?<|end|><|start|>assistant<|channel|>final<|message|>',
    'analysisThe user wants ["self.stop()"]assistantfinal',  # its marks taken out
)
CUT_OFF = ("<think>still", "<|channel|>analysis<|message|>still", "<think>a</think>")


@pytest.mark.parametrize(
    ("whole", "text"), [*((one + LIST, LIST) for one in THOUGHTS), *((one, "") for one in CUT_OFF)]
)
def test_thoughts_before_the_answer_are_left_out_and_kept(whole: str, text: str) -> None:
    """What stands behind them, perhaps nothing, is the answer; that is declared, and `raw` has the whole."""
    (reply,), _ = ask(lambda _: whole)
    assert (reply.text, reply.raw, reply.adapted) == (text, whole, ("thoughts before the answer left out",))
    (untouched,), _ = ask(lambda _: whole, strip_reasoning=False)
    assert (untouched.text, untouched.raw, untouched.adapted) == (whole, "", ())


@settings(max_examples=50)
@given(st.text(st.sampled_from("ab [](){}'\"<>/|\n"), max_size=60))
def test_a_text_without_marks_is_untouched(text: str) -> None:
    """Nothing but the marks of thoughts changes a text; a command that speaks of one is not cut in two."""
    assert without_reasoning(f'["{text}"]') == f'["{text}"]'
    for mark in ("</think>", "<think>", "[/THINK]", "assistantfinal"):
        assert without_reasoning(f"[\"self.say(text='a {mark} b')\"]") == f"[\"self.say(text='a {mark} b')\"]"
