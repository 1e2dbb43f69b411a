"""Servers, gateways and models as their users report them: each is asked, understood, and what differs is declared."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.ask.collect import collect
from harness.models.connect import Endpoint, connect
from harness.models.endpoint import Client
from harness.models.endpoint_settings import EndpointSettings
from harness.models.error_bodies import read_said, seconds_of
from harness.models.outcomes import Outcome
from harness.models.parameters import first_parameters, refused, without
from harness.models.reasoning import without_reasoning
from harness.models.replies import Reply, read_body, read_error
from harness.models.requests import Decoding, Request
from harness.models.specs import ModelSpec
from harness.tests.collecting import requests
from harness.tests.foreign import (
    RESPONSES,
    add_responses,
    endpoint,
    error,
    flagging,
    in_turn,
    limited,
    refusing,
    right,
    saying,
    without_system_role,
)
from harness.tests.loopback import CHAT, Answer, LoopbackServer
from harness.tests.loopback_replies import Fault, chat_completion

Gonogo = Callable[..., Any]
KEY = "sk-test-0123456789abcdef"
LIST = '["self.wait(seconds=1.0)"]'
MESSAGES = ({"role": "system", "content": "Be a robot."}, {"role": "user", "content": "go"})


def answers(_: dict[str, Any]) -> str:
    """Always the same list."""
    return LIST


def ask(answer: Answer, times: int = 1, **settings: Any) -> tuple[list[Reply], list[dict[str, Any]]]:
    """Replies to one request, asked some times over by one client, and the bodies that came."""
    with LoopbackServer(answer=answer) as server:
        asked = Endpoint(server.base_url, "m", KEY, settings=EndpointSettings(server.base_url, **settings))

        async def run() -> list[Reply]:
            async with Client(asked, Decoding(max_tokens=7)) as client:
                return [await client.ask(Request("case", 0, MESSAGES)) for _ in range(times)]

        replies = asyncio.run(run())
        return replies, [received.body for received in server.received]


# ---------------------------------------------------------------- what an endpoint refuses by name

DETAIL = {"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted", "input": 0}
REFUSALS = {
    "Mistral": error(422, {"object": "error", "message": {"detail": [DETAIL]}, "type": "invalid_request_error"}),
    "FastAPI": error(422, {"detail": [DETAIL]}),
    "Gemini": error(
        400,
        [{"error": {"code": 400, "message": 'Invalid JSON payload received. Unknown name "seed": Cannot find field.'}}],
    ),
    "OpenAI": error(400, {"error": {"message": "no", "code": "unsupported_parameter", "param": "seed"}}),
    "LiteLLM": error(
        400,
        {
            "error": {
                "message": "litellm.UnsupportedParamsError: vertex does not support parameters: ['seed']",
                "type": "None",
                "param": "None",
                "code": "400",
            }
        },
    ),
    "a gateway around another": error(
        502,
        {"error": {"message": "Provider returned error", "metadata": {"raw": json.dumps({"detail": [DETAIL]})}}},
    ),
    "LM Studio": error(200, {"error": "Unrecognized key 'seed' in the request"}),
    "Flask": error(400, {"error": "got an unexpected keyword argument 'seed'"}),
    "text": error(422, "the field `seed` is not supported by this backend"),
}


@pytest.mark.parametrize("wrapper", REFUSALS)
def test_a_refused_seed_is_left_out_once_and_declared(wrapper: str) -> None:
    """Whatever code, status and wrapper the refusal has: one request more, remembered, told in every reply."""
    replies, bodies = ask(refusing("seed", REFUSALS[wrapper], answers), times=2)
    assert [(one.outcome, one.text, one.adapted) for one in replies] == [
        (Outcome.ANSWERED, LIST, ("seed dropped",))
    ] * 2
    assert ["seed" in body for body in bodies] == [True, False, False]


def test_several_refusals_in_one_reply_are_all_met() -> None:
    """A detail list that names two fields costs one more request, not two."""
    both = error(422, {"detail": [DETAIL, {**DETAIL, "loc": ["body", "temperature"]}]})
    (reply,), bodies = ask(refusing("seed", both, answers))
    assert reply.adapted == ("seed dropped", "temperature dropped")
    assert len(bodies) == 2


@pytest.mark.parametrize(
    "refusal",
    [
        error(400, {"object": "error", "message": "System role not supported", "type": "BadRequestError", "code": 400}),
        error(400, {"error": {"message": "Developer instruction is not enabled for models/gemma-3-27b-it"}}),
        error(500, {"error": {"message": "Only user and assistant roles are supported!"}}),
        error(400, {"error": {"message": "Conversation roles must alternate user/assistant/user/assistant/..."}}),
        error(
            400,
            {
                "error": {
                    "message": "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
                    "param": "messages[0].role",
                    "code": "unsupported_value",
                }
            },
        ),
        error(422, {"detail": [{"loc": ["body", "messages", 0, "role"], "msg": "Input should be 'user'"}]}),
    ],
)
def test_a_model_without_a_system_role_gets_it_from_the_user(refusal: Fault) -> None:
    """The system message moves in front of the command, once, and that is declared."""
    (reply,), bodies = ask(without_system_role(refusal, answers))
    assert (reply.outcome, reply.adapted) == (Outcome.ANSWERED, ("system message sent in front of the user's",))
    assert bodies[-1]["messages"] == [{"role": "user", "content": "Be a robot.\n\ngo"}]
    assert len(bodies) == 2


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (error(422, {"detail": [{**DETAIL, "loc": ["body", "top_k"]}]}), "Extra inputs are not permitted top_k"),
        (error(400, {"error": {"message": "max_tokens is too large: 7. This model supports at most 5"}}), "at most 5"),
        (
            error(400, {"error": {"message": "maximum context length is 8 tokens, you asked for 7 with max_tokens"}}),
            "maximum context length",
        ),
        (error(400, [{"error": {"message": "The model is tired", "status": "INVALID_ARGUMENT"}}]), "is tired"),
    ],
)
def test_what_cannot_be_adapted_is_told_in_the_servers_words(refusal: Fault, words: str) -> None:
    """A limit is no refusal of the parameter, and a field set by hand is not left out: one request, an error."""
    (reply,), bodies = ask(lambda _: refusal, extra={"top_k": 1})
    assert reply.outcome is Outcome.BAD_REQUEST
    assert words in reply.detail
    assert len(bodies) == 1


def test_a_whole_run_with_a_server_that_refuses(tmp_path: Path, gonogo: Gonogo) -> None:
    """From the command line: every answer is had, and the records say what was left out."""
    with LoopbackServer(answer=refusing("seed", REFUSALS["Mistral"], right)) as server:
        endpoint(tmp_path, server.base_url)
        done = gonogo("run", "m1:m", "--sample", 12, "--json")
    assert done.code == 0, done.err
    assert all(row["success"] for row in json.loads(done.out))
    records = [json.loads(line) for line in (tmp_path / "runs" / "go2.jsonl").read_text().splitlines()]
    assert {tuple(one["adapted"]) for one in records} == {("seed dropped",)}


NAMES = st.sampled_from(["error", "message", "detail", "loc", "code", "param", "raw"]) | st.text(max_size=5)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
        max_leaves=30,
    )
)
def test_any_json_can_be_an_error_or_a_reply(body: object) -> None:
    """No shape that a gateway may invent raises anything, scores anything or leaves more than one line."""
    for reply in (read_error(400, body, KEY), read_body(body, KEY), read_body({"choices": [body], "usage": body}, KEY)):
        assert reply.detail.isprintable()
        assert reply.outcome is Outcome.FILTERED or not reply.outcome.scored
    refused(read_said(body))


def test_endless_and_deep_errors_end() -> None:
    """A body that nests or repeats without end is read in bounded time."""
    deep: Any = "seed is not supported"
    for _ in range(5_000):
        deep = {"error": [deep]}
    started = time.process_time()
    assert read_said(deep).messages == []
    assert len(read_said([{"message": f"m{n}"} for n in range(100_000)]).messages) < 1_000
    read_error(400, "system " * 100_000 + "seed not supported")
    assert time.process_time() - started < 2


# ---------------------------------------------------------------- a filter is no bad key

FLAGGED = {
    "OpenRouter": error(
        403, {"error": {"code": 403, "message": "Your input was flagged", "metadata": {"reasons": ["violence"]}}}
    ),
    "MiMo": error(
        400,
        {
            "error": {
                "code": "421",
                "message": "Moderation Block",
                "param": "considered high risk",
                "type": "content_filter",
            }
        },
    ),
    "Azure": error(400, {"error": {"message": "The response was filtered", "code": "content_filter", "status": 400}}),
    "DashScope": error(400, {"error": {"code": "data_inspection_failed", "message": "Input data is inappropriate"}}),
}


@pytest.mark.parametrize("vendor", FLAGGED)
def test_moderation_is_the_answer_to_that_command(vendor: str, tmp_path: Path, gonogo: Gonogo) -> None:
    """A flagged command is scored as filtered and the run goes on."""
    answer = flagging(FLAGGED[vendor], lambda command: len(command) % 3 == 0, right)
    with LoopbackServer(answer=answer) as server:
        endpoint(tmp_path, server.base_url)
        done = gonogo("run", "m1:m", "--sample", 12)
    assert done.code == 0, done.err
    records = [json.loads(line) for line in (tmp_path / "runs" / "go2.jsonl").read_text().splitlines()]
    assert {one["outcome"] for one in records} == {"answered", "filtered"}
    assert len(records) == 12


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "Your account has been flagged for violations of the content policy"}},
        {"error": {"message": "This API key may not use the moderation endpoint"}},
        {"error": {"message": "Forbidden"}},
    ],
)
def test_a_key_that_may_not_is_no_filter(body: object) -> None:
    """An account or key in trouble stops the run, also where the words sound alike."""
    assert read_error(403, body).outcome is Outcome.BAD_KEY


# ---------------------------------------------------------------- limits by the minute


def google(seconds: float) -> Fault:
    """As Gemini says it: no header, a delay in the details."""
    detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds:.3f}s"}
    return error(429, [{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [detail]}}])


def router(seconds: float) -> Fault:
    """As OpenRouter says it: a Unix time in milliseconds, in headers inside the body."""
    at = str(int((time.time() + seconds) * 1000))
    return error(429, {"error": {"code": 429, "metadata": {"headers": {"X-RateLimit-Reset": at}}}}, retry_after="0")


def header(seconds: float) -> Fault:
    """Only a header that says when the count begins anew."""
    return error(429, {"error": {"message": "Too many"}}, x_ratelimit_reset_requests=f"{seconds * 1000:.0f}ms")


def silent(_: float) -> Fault:
    """Nothing but the status, and a Retry-After that says nothing."""
    return error(429, {"error": {"message": "Too many requests"}}, retry_after="0")


@pytest.mark.parametrize("refuse", [google, router, header, silent])
def test_a_limit_is_ridden_out(refuse: Callable[[float], Fault], tmp_path: Path, gonogo: Gonogo) -> None:
    """More commands than a window has room for: waited for and answered, whether or not the server names the time."""
    with LoopbackServer(answer=limited(6, 2.0, refuse, right)) as server:
        endpoint(tmp_path, server.base_url)
        done = gonogo("run", "m1:m", "--sample", 14, "--json")
    assert done.code == 0, done.err
    assert all(row["success"] for row in json.loads(done.out))


def test_requests_per_minute_are_kept(tmp_path: Path) -> None:
    """At 600 a minute ten requests take at least 0.9 s, however many may be in flight."""
    with LoopbackServer(answer=answers) as server:
        settings = EndpointSettings(server.base_url, requests_per_minute=600)
        spec = ModelSpec("lab:m", "endpoint", "m", server.base_url, settings=settings)
        started = time.monotonic()
        assert len(collect(requests(0, 10), spec, Decoding(), tmp_path / "j.jsonl", connect=connect)) == 10
        assert 0.9 <= time.monotonic() - started < 5


# ---------------------------------------------------------------- where the answer stands

THINKING = {"type": "thinking", "thinking": [{"type": "text", "text": '["self.stop()"]?'}]}


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": [THINKING, {"type": "text", "text": LIST}]}, LIST),
        ({"content": [{"type": "text", "text": LIST[:9]}, {"type": "text", "text": LIST[9:]}]}, LIST),
        ({"content": [THINKING]}, ""),
        ({"content": LIST, "reasoning_content": "so"}, LIST),
        ({"content": None, "reasoning_content": LIST}, ""),
        ({"content": "", "reasoning": LIST}, ""),
    ],
)
def test_parts_and_thoughts_beside_the_answer(message: dict[str, Any], text: str) -> None:
    """The text parts are the answer; thoughts in parts or fields of their own never are."""
    (reply,), _ = ask(saying(**message))
    assert (reply.outcome, reply.text) == (Outcome.ANSWERED, text)


THOUGHT = {
    "think": f'<think>["self.stop()"]? no.</think>\n{LIST}',
    "close only": f'Perhaps ["self.stop()"]? no.\n</think>\n{LIST}',
    "a list first": f'["self.stop()"]\n</think>\n{LIST}',
    "twice": f"<think>a</think>b<think>c</think>{LIST}",
    "Magistral": f"[THINK]so[/THINK]{LIST}",
    "harmony": '<|channel|>analysis<|message|>["self.stop()"]?<|end|><|start|>assistant<|channel|>final<|message|>'
    + LIST,
    "harmony bare": f'analysisThe user wants ["self.stop()"]assistantfinal{LIST}',
}


@pytest.mark.parametrize("how", THOUGHT)
def test_thoughts_before_the_answer_are_left_out_and_kept(how: str) -> None:
    """What stands behind them is the answer, that is declared, and `raw` has the whole."""
    (reply,), _ = ask(saying(THOUGHT[how]))
    assert (reply.text, reply.raw) == (LIST, THOUGHT[how])
    assert reply.adapted == ("thoughts before the answer left out",)
    (untouched,), _ = ask(saying(THOUGHT[how]), strip_reasoning=False)
    assert (untouched.text, untouched.raw, untouched.adapted) == (THOUGHT[how], "", ())


@pytest.mark.parametrize("text", ["<think>still", "<|channel|>analysis<|message|>still", "<think>a</think>"])
def test_thoughts_without_an_answer_leave_none(text: str) -> None:
    """A model that was cut off while it thought has said nothing."""
    assert without_reasoning(text) == ""


@given(st.text(st.sampled_from("ab [](){}'\"<>/|\n"), max_size=60))
def test_a_text_without_marks_is_untouched(text: str) -> None:
    """Nothing but the marks of thoughts changes a text."""
    assert without_reasoning(f'["{text}"]') == f'["{text}"]'


@pytest.mark.parametrize("mark", ["</think>", "<think>", "[/THINK]", "assistantfinal"])
def test_a_mark_inside_a_list_is_part_of_it(mark: str) -> None:
    """A command that speaks of a mark is not cut in two."""
    text = f"[\"self.say(text='a {mark} b')\"]"
    assert without_reasoning(text) == text


def test_tokens_of_thinking_are_counted(tmp_path: Path, gonogo: Gonogo) -> None:
    """The endpoint's count reaches the record, and the effort that was set reaches the endpoint."""
    made = chat_completion("m", LIST)
    made["usage"]["completion_tokens_details"] = {"reasoning_tokens": 320}
    with LoopbackServer(answer=lambda _: made) as server:
        endpoint(tmp_path, server.base_url, '[endpoints.m1.extra]\nreasoning_effort = "low"\n')
        assert gonogo("run", "m1:m", "--sample", 3).code == 0
        assert {received.body["reasoning_effort"] for received in server.received} == {"low"}
    records = [json.loads(line) for line in (tmp_path / "runs" / "go2.jsonl").read_text().splitlines()]
    assert {one["reasoning_tokens"] for one in records} == {320}
    assert {tuple(one["adapted"]) for one in records} == {("reasoning_effort = low by the endpoint's settings",)}


# ---------------------------------------------------------------- how a server wants to be asked


def test_settings_change_the_request_and_are_declared() -> None:
    """No seed, the developer's role, fields of one's own, and a length in the newer spelling."""
    (reply,), (body,) = ask(
        answers, seed="default", system_role="developer", extra={"max_completion_tokens": 900, "top_p": 0.5}
    )
    assert body == {
        "model": "m",
        "messages": [{"role": "developer", "content": "Be a robot."}, {"role": "user", "content": "go"}],
        "temperature": 0.0,
        "max_completion_tokens": 900,
        "top_p": 0.5,
    }
    assert set(reply.adapted) == {
        "max_completion_tokens = 900 by the endpoint's settings",
        "top_p = 0.5 by the endpoint's settings",
        "seed dropped",
        "system message sent as developer",
    }


def test_other_settings_ask_anew_and_a_recording_still_verifies(tmp_path: Path, gonogo: Gonogo) -> None:
    """What changes the question is part of the key; the manifest tells the gate of it."""
    with LoopbackServer(answer=right, models={"m": None}) as server:
        endpoint(tmp_path, server.base_url)
        gonogo("run", "m1:m", "--sample", 12)
        endpoint(tmp_path, server.base_url, 'seed = "default"\nextra = { top_p = 0.9 }\n')
        assert "0 on file, 12 to ask" in gonogo("run", "m1:m", "--sample", 12, "--record", "m.jsonl").err
        gated = gonogo("gate", "m1:m", "--against", "recorded:m.jsonl", "--sample", 12, "--json")
    rules = {rule["name"]: rule for rule in json.loads(gated.out)["rules"]}
    assert rules["evidence.same"]["status"] == "pass", rules["evidence.same"]
    assert not json.loads(gated.out)["incumbent"]["unverified"]


def test_headers_and_query_are_sent_and_their_secrets_never_shown(tmp_path: Path, gonogo: Gonogo) -> None:
    """A gateway's own key header comes from the environment, and an error that repeats it does not show it."""
    hush = "hush-0123456789"
    echo = error(400, {"error": {"message": f"no model for {hush} and {hush[::-1]}"}})
    with LoopbackServer(answer=in_turn(answers, lambda _: echo)) as server:
        extra = f'headers = {{ X-Key = "$GATEWAY" }}\nquery = {{ sig = "{hush[::-1]}" }}\nconcurrency = 1\n'
        endpoint(tmp_path, server.base_url + "?a=1", extra)
        done = gonogo("run", "m1:m", "--sample", 3, GATEWAY=hush)
        received = server.received[0]
    assert (received.path, received.headers["x-key"]) == (CHAT, hush)
    assert received.query == {"a": "1", "sig": hush[::-1]}
    kept = done.err + done.out + (tmp_path / "runs" / "go2.jsonl").read_text()
    assert done.code == 4, done.err
    assert "no model for" in kept
    assert hush not in kept
    assert hush[::-1] not in kept


AZURE = "/openai/deployments/gpt41/chat/completions"


@pytest.mark.parametrize(
    ("path", "extra"),
    [
        ("/openai/deployments/gpt41?api-version=2024-10-21", ""),
        ("", 'kind = "azure"\nquery = { api-version = "2024-10-21" }\n'),
        ("/openai", 'kind = "azure"\nquery = { api-version = "2024-10-21" }\n'),
    ],
)
def test_azures_classic_address(path: str, extra: str, tmp_path: Path, gonogo: Gonogo) -> None:
    """The query stays behind the path, the deployment is in it, and the key goes into Azure's own header."""
    with LoopbackServer(answer=right) as server:
        server.routes = {("POST", AZURE): server._chat}
        endpoint(tmp_path, server.base_url.removesuffix("/v1") + path, f'{extra}api_key_env = "AZURE"\n')
        done = gonogo("run", "m1:gpt41", "--sample", 3, AZURE="azure-0123456789")
        received = server.received[0]
    assert done.code == 0, done.err
    assert (received.path, received.query) == (AZURE, {"api-version": "2024-10-21"})
    assert received.headers["api-key"] == "azure-0123456789"
    assert "authorization" not in received.headers


def test_azure_without_a_version_is_told_so(tmp_path: Path, gonogo: Gonogo) -> None:
    """Its classic API answers nothing without one; the newer, whose path ends in v1, needs none."""
    endpoint(tmp_path, "http://127.0.0.1:9", 'kind = "azure"\n')
    done = gonogo("run", "m1:gpt41", "--sample", 3)
    assert (done.code, "api-version" in done.err) == (2, True)
    with LoopbackServer(answer=right) as server:
        server.routes = {("POST", "/openai/v1/chat/completions"): server._chat}
        endpoint(tmp_path, server.base_url.replace("/v1", "/openai/v1"), 'kind = "azure"\n')
        assert gonogo("run", "m1:gpt41", "--sample", 3).code == 0


ONLY_RESPONSES = error(
    404,
    {
        "error": {
            "message": "This model is only supported in v1/responses and not in v1/chat/completions.",
            "type": "invalid_request_error",
            "param": "model",
            "code": None,
        }
    },
)


@pytest.mark.parametrize("extra", ["", 'kind = "responses"\n'])
def test_a_model_of_the_responses_api_only(extra: str, tmp_path: Path, gonogo: Gonogo) -> None:
    """Found by itself from the server's hint, or set: asked by the other API, declared, with its counts."""
    with LoopbackServer(answer=lambda _: ONLY_RESPONSES) as server:
        add_responses(server, right)
        endpoint(tmp_path, server.base_url, f'{extra}[endpoints.m1.extra]\nreasoning_effort = "low"\n')
        done = gonogo("run", "m1:m", "--sample", 12, "--json")
        bodies = [received.body for received in server.received if received.path == RESPONSES]
    assert done.code == 0, done.err
    assert all(row["success"] for row in json.loads(done.out))
    assert len(bodies) == 12
    assert {"model", "input", "max_output_tokens", "temperature", "store", "reasoning"} == set(bodies[0])
    assert bodies[0]["reasoning"] == {"effort": "low"}
    records = [json.loads(line) for line in (tmp_path / "runs" / "go2.jsonl").read_text().splitlines()]
    assert {(one["completion_tokens"], one["reasoning_tokens"]) for one in records} == {(305, 300)}
    assert all({"asked by the Responses API", "seed dropped"} < set(one["adapted"]) for one in records)


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, Outcome.TRUNCATED),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, Outcome.FILTERED),
        ({"status": "failed", "error": {"code": "server_error", "message": "oh"}}, Outcome.SERVER_ERROR),
        ({"status": "cancelled"}, Outcome.SERVER_ERROR),
        ({"status": "in_progress"}, Outcome.SERVER_ERROR),
        (
            {"output": [{"type": "message", "content": [{"type": "refusal", "refusal": "I will not."}]}]},
            Outcome.REFUSED,
        ),
        ({"output": []}, Outcome.ANSWERED),
    ],
)
def test_how_a_response_can_end(changes: dict[str, Any], outcome: Outcome) -> None:
    """Cut, filtered, refused and empty are the model's own; failed and unfinished are not."""
    message = {"type": "message", "content": [{"type": "output_text", "text": LIST}]}
    body = {"object": "response", "status": "completed", "error": None, "output": [message], **changes}
    assert read_body(body).outcome is outcome


def test_a_slow_server_is_given_its_time(tmp_path: Path, gonogo: Gonogo) -> None:
    """`timeout_s` decides, and its name is told where it was too short."""
    with LoopbackServer(answer=lambda _: time.sleep(1.0) or LIST) as server:  # type: ignore[func-returns-value]
        endpoint(tmp_path, server.base_url, "timeout_s = 0.2\n")
        short = gonogo("run", "m1:m", "--sample", 3)
        assert short.code in (4, 5), short.err
        assert "no whole reply within 0.2 s" in short.err
        endpoint(tmp_path, server.base_url, "timeout_s = 60\n")
        assert gonogo("run", "m1:m", "--sample", 3).code == 0


@pytest.mark.parametrize("command", [("run", "m1:m", "--sample", "3"), ("models", "m1")])
def test_a_certificate_error_is_named_as_one(command: tuple[str, ...], tmp_path: Path, gonogo: Gonogo) -> None:
    """A CA that is not known here: what failed and the variable that helps; with it the endpoint is reached."""
    key, certificate = tmp_path / "key.pem", tmp_path / "ca.pem"
    assert shutil.which("openssl"), "this test makes its certificate with the openssl command"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    with LoopbackServer(answer=right, models={"m": None}) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server._server.socket = context.wrap_socket(server._server.socket, server_side=True)
        endpoint(tmp_path, server.base_url.replace("http:", "https:"))
        unknown = gonogo(*command)
        known = gonogo(*command, SSL_CERT_FILE=str(certificate))
    assert unknown.code == 5
    assert "certificate verify failed" in unknown.err
    assert "SSL_CERT_FILE" in unknown.err
    assert known.code == 0, known.err


def test_openai_base_url_is_honoured_and_said(gonogo: Gonogo) -> None:
    """The request and the gateway's key go to the gateway, the organisation does not, and the user is told."""
    with LoopbackServer(answer=right, key="gateway-key-0123") as server:
        variables = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "gateway-key-0123"}
        done = gonogo("run", "openai:gpt-4.1", "--sample", 3, OPENAI_ORG_ID="org-secret", **variables)
        assert done.code == 0, done.err
        assert server.count() == 3
        assert "org-secret" not in str(server.received[0].headers)
    assert f"openai:gpt-4.1: asked at {server.base_url}, which OPENAI_BASE_URL names" in done.err
    bad = gonogo("run", "openai:gpt-4.1", "--sample", 3, OPENAI_BASE_URL="nonsense", OPENAI_API_KEY="k")
    assert (bad.code, "OPENAI_BASE_URL" in bad.err) == (2, True)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("timeout_s = 0", "timeout_s in [endpoints.m1] must be a number above 0"),
        ("seed = 5", 'seed in [endpoints.m1] must be "default" or "sent"'),
        ('system_role = "tool"', '"system" or "developer" or "user"'),
        ("headers = { A = 1 }", "a table of texts"),
        ("timeout = 5", "unknown key 'timeout'"),
    ],
)
def test_a_setting_that_cannot_be_used_is_told(line: str, words: str, tmp_path: Path, gonogo: Gonogo) -> None:
    """The key, what it must be, and the file."""
    endpoint(tmp_path, "http://127.0.0.1:9/v1", line + "\n")
    done = gonogo("models")
    assert done.code == 2
    assert words in done.err
    assert "gonogo.toml" in done.err


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("38s", 38.0), ("1m2.5s", 62.5), ("250ms", 0.25), ("7", 7.0), ("1h1m", 3660.0), ("0s", None), ("soon", None)],
)
def test_durations_as_servers_write_them(text: str, seconds: float | None) -> None:
    """Minutes, seconds and milliseconds; nought and nonsense say nothing."""
    assert seconds_of(text) == seconds


def test_nothing_is_adapted_twice() -> None:
    """A refusal of what is not sent any more changes nothing, so that asking again ends."""
    parameters = first_parameters(Decoding())
    for name in ("max_tokens", "temperature", "seed", "system", "responses", "top_k"):
        parameters = without(parameters, name)
        assert without(parameters, name) is parameters
