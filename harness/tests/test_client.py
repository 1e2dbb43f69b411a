"""The client: whatever an endpoint, a gateway or a network does, over a real socket, becomes one outcome."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.config import EndpointSettings
from harness.models.client import Client
from harness.models.connect import Endpoint
from harness.models.outcomes import Outcome
from harness.models.replies import Reply, read_body, read_error
from harness.models.requests import Decoding, Request
from harness.tests.loopback import CHAT, LoopbackServer
from harness.tests.loopback_replies import (
    CLOSE,
    EMPTY_OBJECT,
    HTML_PAGE,
    RESET,
    SHORT_BODY,
    TRUNCATED_JSON,
    Fault,
    chat_completion,
    drip,
    slow,
    status,
)
from harness.tests.loopback_replies import Reply as Http

KEY = "sk-test-0123456789abcdef"
REQUEST = Request("case", 2, ({"role": "system", "content": "s"}, {"role": "user", "content": "go"}))
DECODING = Decoding(temperature=0.5, max_tokens=7, seed=40, extra={"top_k": 1})
LIST = '["self.wait(seconds=1.0)"]'


def ask(server: LoopbackServer, *, times: int = 1, timeout_s: float = 5.0) -> list[Reply]:
    """Ask one request some times over, with one client."""
    endpoint = Endpoint(server.base_url, "m", KEY, EndpointSettings("", timeout_s=timeout_s))

    async def run() -> list[Reply]:
        async with Client(endpoint, DECODING) as client:
            return [await client.ask(REQUEST) for _ in range(times)]

    return asyncio.run(run())


@pytest.fixture(scope="module")
def reply_to() -> Iterator[Callable[[Fault], Reply]]:
    """What one client, whose connection stays open, makes of one fault after another."""
    with LoopbackServer() as server, asyncio.Runner() as runner:

        async def opened() -> Client:
            return Client(Endpoint(server.base_url, "m", KEY), DECODING)

        client = runner.run(opened())

        def ask_once(fault: Fault) -> Reply:
            server.faults[CHAT].append(fault)
            return runner.run(client.ask(REQUEST))

        yield ask_once
        runner.run(client.__aexit__(None, None, None))


def test_an_answer_with_its_usage() -> None:
    """Text, usage, served model and finish reason arrive; the request carries decoding, key and sample's seed."""
    with LoopbackServer(answer=lambda _: chat_completion("m-2025", "['x']", usage=(12, 3)), key=KEY) as server:
        (reply,) = ask(server)
        sent = server.received[0].body
    assert reply.outcome is Outcome.ANSWERED
    assert (reply.text, reply.prompt_tokens, reply.completion_tokens) == ("['x']", 12, 3)
    assert (reply.served_model, reply.finish_reason) == ("m-2025", "stop")
    assert reply.latency_s > 0
    asked = {"model": "m", "messages": list(REQUEST.messages)}
    assert sent == asked | {"temperature": 0.5, "max_tokens": 7, "seed": 42, "top_k": 1}


def chat(text: str | None, reason: str = "stop", refusal: str | None = None) -> dict[str, Any]:
    """The body of a chat completion."""
    return chat_completion("m", text, finish_reason=reason, refusal=refusal)


def choice(**changes: object) -> dict[str, Any]:
    """A body with one choice that is not as it should be."""
    return {"choices": [{"message": {"role": "assistant", "content": LIST}, "finish_reason": "stop"} | changes]}


def response(**changes: object) -> dict[str, Any]:
    """A body of the Responses API."""
    message = {"type": "message", "content": [{"type": "output_text", "text": LIST}]}
    return {"object": "response", "status": "completed", "error": None, "output": [message], **changes}


THINKING = {"type": "thinking", "thinking": [{"type": "text", "text": '["self.stop()"]?'}]}
TEXT = {"type": "text", "text": LIST}
ANSWERED, TRUNCATED, FILTERED, REFUSED = Outcome.ANSWERED, Outcome.TRUNCATED, Outcome.FILTERED, Outcome.REFUSED
BAD = Outcome.BAD_RESPONSE
BROKE_OFF = Outcome.SERVER_ERROR


@pytest.mark.parametrize(
    ("body", "outcome", "text"),
    [
        # Cut, filtered, refused and empty answers are the model's own and told apart.
        (chat("half", "length"), TRUNCATED, "half"),
        (chat(None, "length"), TRUNCATED, ""),
        (chat("", "content_filter"), FILTERED, ""),
        (chat(None, refusal="I will not."), REFUSED, "I will not."),
        (chat(""), ANSWERED, ""),
        (chat(None), ANSWERED, ""),
        (chat("lone \ud800 surrogate"), ANSWERED, "lone \ud800 surrogate"),
        (chat(LIST) | {"usage": None}, ANSWERED, LIST),
        (json.dumps(chat(LIST)), ANSWERED, LIST),  # without a content type that says so
        # Each vendor has words of its own for a model that ended, ran out of tokens or was filtered.
        *[(chat(LIST, r), ANSWERED, LIST) for r in ("STOP", "eos", "end_turn", "COMPLETE", "tool_calls")],
        *[(chat(LIST, r), TRUNCATED, LIST) for r in ("max_tokens", "MAX_TOKENS", "model_length")],
        *[(chat(LIST, r), FILTERED, LIST) for r in ("SAFETY", "content_filter: RECITATION")],
        (chat(LIST, "refusal"), REFUSED, LIST),
        # Servers break off with status 200: half a list or a whole one, it is theirs and not the model's.
        *[
            (chat(text, reason), BROKE_OFF, "")
            for text in (LIST, '["self.nav_publisher.publish(', "", None)
            for reason in ("error", "abort", "network_error", "insufficient_system_resource", "ERROR", "something new")
        ],
        # Whatever JSON a gateway invents, it is a bad response and never an exception or an answer.
        *[({"choices": choices}, BAD, "") for choices in (None, 5, [], [None], ["text"], [{"message": None}])],
        (choice(message=None), ANSWERED, ""),
        # The text parts are the answer; thoughts in parts or fields of their own never are.
        (choice(message={"content": [THINKING, TEXT]}), ANSWERED, LIST),
        (choice(message={"content": [TEXT | {"text": LIST[:9]}, TEXT | {"text": LIST[9:]}]}), ANSWERED, LIST),
        (choice(message={"content": [THINKING]}), ANSWERED, ""),
        (choice(message={"content": LIST, "reasoning_content": "so"}), ANSWERED, LIST),
        (choice(message={"content": None, "reasoning_content": LIST}), ANSWERED, ""),
        (choice(message={"content": "", "reasoning": LIST}), ANSWERED, ""),
        (choice(message={"content": [1]}), BAD, ""),
        (choice(message={"content": {"type": "text", "text": LIST}}), BAD, ""),
        (choice(message={"content": None}, finish_reason=None), BAD, ""),
        (choice(finish_reason=None), BAD, ""),
        # The Responses API: cut, filtered, refused and empty are the model's own; failed and unfinished are not.
        (response(), ANSWERED, LIST),
        (response(output=[]), ANSWERED, ""),
        (response(status="incomplete", incomplete_details={"reason": "max_output_tokens"}), TRUNCATED, LIST),
        (response(status="incomplete", incomplete_details={"reason": "content_filter"}), FILTERED, LIST),
        (response(output=[{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}]), REFUSED, "No."),
        *[(response(status=word), BROKE_OFF, "") for word in ("cancelled", "in_progress")],
    ],
)
def test_what_a_body_means(body: object, outcome: Outcome, text: str) -> None:
    """Only a finish reason that is known to be the model's makes an answer; the reason is kept."""
    reply = read_body(body)
    assert (reply.outcome, reply.text) == (outcome, text)
    if outcome is BROKE_OFF:
        assert str(reply.finish_reason) in reply.detail


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ({"message": "upstream is down", "code": 502}, Outcome.SERVER_ERROR),
        ({"message": "slow down", "code": "429"}, Outcome.RATE_LIMITED),
        ({"message": "no credit", "code": "insufficient_quota"}, Outcome.QUOTA_EXHAUSTED),
        ("the model crashed", Outcome.SERVER_ERROR),
    ],
)
def test_an_error_inside_status_200_is_that_error(error: object, outcome: Outcome) -> None:
    """Gateways put the upstream's error into a reply of status 200, beside an answer or in place of it."""
    failed = response(status="failed", error=error)
    for body in (chat(LIST) | {"error": error}, choice(error=error), {"error": error}, failed):
        reply = read_body(body)
        assert (reply.outcome, reply.text) == (outcome, "")
        assert str(error["message"] if isinstance(error, dict) else error) in reply.detail


OPEN_ROUTER = {"error": {"code": 403, "message": "Your input was flagged", "metadata": {"reasons": ["violence"]}}}
MIMO = {"code": "421", "message": "Moderation Block", "param": "considered high risk", "type": "content_filter"}


def http(code: int, body: object, content_type: str = "application/json", **headers: str) -> Fault:
    """A reply with any body."""
    return Fault("reply", Http(code, body, headers, content_type))


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        # Resets, ends in the middle and bodies of every wrong kind.
        *[(fault, Outcome.CONNECTION) for fault in (RESET, CLOSE, SHORT_BODY)],
        (http(200, b"{}", **{"Content-Encoding": "gzip"}), BAD),
        *[(fault, BAD) for fault in (HTML_PAGE, TRUNCATED_JSON, EMPTY_OBJECT, http(204, b""))],
        *[(http(200, body), BAD) for body in (b"", b"null", b"\xff\xfe\x00", b"[" * 200_000)],
        (http(200, json.dumps(chat(LIST)).encode(), "text/plain"), ANSWERED),
        # Status and error code decide, whatever the message says or the body looks like.
        *[(status(code), Outcome.BAD_REQUEST) for code in (400, 422)],
        (http(418, {"error": ["a", "list"]}), Outcome.BAD_REQUEST),
        (status(400, "context_length_exceeded"), Outcome.BAD_REQUEST),
        (status(400, "content_filter"), FILTERED),
        (status(401, "invalid_api_key"), Outcome.BAD_KEY),
        (status(403, "model_not_found"), Outcome.UNKNOWN_MODEL),
        (status(404, "model_not_found"), Outcome.UNKNOWN_MODEL),
        (http(404, b"<h1>404</h1>", "text/html"), Outcome.UNKNOWN_MODEL),
        *[(status(429, code), Outcome.RATE_LIMITED) for code in (None, "rate_limit_exceeded")],
        (status(402), Outcome.QUOTA_EXHAUSTED),
        (status(429, "insufficient_quota"), Outcome.QUOTA_EXHAUSTED),
        (status(429, None, type="insufficient_quota"), Outcome.QUOTA_EXHAUSTED),
        *[(status(code), Outcome.SERVER_ERROR) for code in (409, 500, 503)],
        (http(502, b"<h1>Bad gateway</h1>", "text/html"), Outcome.SERVER_ERROR),
        (http(500, {"error": "a string"}), Outcome.SERVER_ERROR),
        # Moderation is the answer to one command; an account or key in trouble is not, where the words are alike, too.
        (http(403, OPEN_ROUTER), FILTERED),
        (http(400, {"error": MIMO}), FILTERED),
        (http(400, {"error": {"message": "It was filtered", "code": "content_filter", "status": 400}}), FILTERED),
        (http(400, {"error": {"code": "data_inspection_failed", "message": "Input is inappropriate"}}), FILTERED),
        (status(403, message="Your account has been flagged: content policy"), Outcome.BAD_KEY),
        (status(403, message="This API key may not use the moderation endpoint"), Outcome.BAD_KEY),
        (status(403, message="Forbidden"), Outcome.BAD_KEY),
    ],
)
def test_what_a_network_and_a_status_mean(reply_to: Callable[[Fault], Reply], fault: Fault, outcome: Outcome) -> None:
    """What is not the model's is infrastructure, each under its own name."""
    assert reply_to(fault).outcome is outcome


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5", "retry-after-ms": "20"}, 0.02),
        ({"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}, None),
        ({"retry-after": "0"}, None),
        ({"retry-after": "0", "x-ratelimit-reset-requests": "1m2.5s"}, 62.5),
        ({"x-ratelimit-reset-requests": "20ms", "x-ratelimit-reset-tokens": "6s"}, 6.0),
        ({"x-ratelimit-reset-requests": "1h1m"}, 3660.0),
        ({"x-ratelimit-reset-requests": "250ms"}, 0.25),
        ({"ratelimit-reset": "17"}, 17.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-5"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait_is_read_wherever_it_stands(headers: dict[str, str], seconds: float | None) -> None:
    """Milliseconds come before seconds, a date counts from now, nonsense is as if nothing was said.

    In the body: as Gemini says it, a duration in the details; as OpenRouter does, a moment in milliseconds.
    """
    assert read_error(429, {}, headers=headers).retry_after_s == seconds
    assert read_error(429, {"details": [{"retryDelay": "38s"}]}).retry_after_s == 38.0
    moment = str(int((time.time() + 60) * 1000))
    found = read_error(429, {"metadata": {"headers": {"X-RateLimit-Reset": moment}}}).retry_after_s
    assert 50 < (found or 0.0) <= 60


@pytest.mark.parametrize("fault", [slow(20), drip(20)])
def test_a_slow_answer_is_a_timeout(fault: Fault) -> None:
    """The limit holds for the whole reply, so that bytes trickling in do not stretch it."""
    with LoopbackServer(faults=[fault]) as server:
        (reply,) = ask(server, timeout_s=0.3)
    assert (reply.outcome, "no whole reply within 0.3 s" in reply.detail) == (Outcome.TIMEOUT, True)
    assert 0.25 < reply.latency_s < 3


def test_no_key_in_what_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    """An endpoint that repeats the key leaves no trace of it in detail or log; a detail is one harmless line."""
    caplog.set_level(logging.DEBUG)
    odd = "a\x1b[31mred\nb\u202ec" + "z" * 5000
    words = f"key {KEY} (sk-test-****cdef) of Bearer {KEY} no good {odd}"
    faults = [status(code, message=words) for code in (400, 401, 500)]
    with LoopbackServer(faults=faults) as server:
        replies = ask(server, times=3)
    kept = f"{replies!r} {caplog.text}"
    assert "no good" in replies[0].detail
    assert KEY not in kept
    assert "cdef" not in kept
    assert all(len(reply.detail) <= 300 and reply.detail.isprintable() for reply in replies)


def test_strangers_do_not_learn_the_organisation(monkeypatch: pytest.MonkeyPatch) -> None:
    """OPENAI_ORG_ID and a base URL in the environment are for OpenAI, not for another endpoint."""
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with LoopbackServer() as server:
        (reply,) = ask(server)
        (received,) = server.received
    assert reply.outcome is Outcome.ANSWERED
    assert "secret" not in str(received.headers)
