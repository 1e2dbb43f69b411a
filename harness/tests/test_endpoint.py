"""Every way in which an endpoint can answer, over a real socket, mapped to one outcome."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from harness.models.connect import Endpoint
from harness.models.endpoint import Client
from harness.models.outcomes import Outcome
from harness.models.replies import Reply
from harness.models.requests import Decoding, Request
from harness.tests.loopback import LoopbackServer
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


def ask(
    server: LoopbackServer,
    *,
    strict: bool = True,
    times: int = 1,
    timeout_s: float = 5.0,
    decoding: Decoding = Decoding(temperature=0.5, max_tokens=7, seed=40),  # noqa: B008  frozen
) -> list[Reply]:
    """Ask one request some times over, with one client."""
    endpoint = Endpoint(server.base_url, "m", KEY, timeout_s=timeout_s, strict=strict)

    async def run() -> list[Reply]:
        async with Client(endpoint, decoding) as client:
            return [await client.ask(REQUEST) for _ in range(times)]

    return asyncio.run(run())


def ask_faulty(fault: Fault, *, strict: bool = True, timeout_s: float = 5.0) -> Reply:
    """The reply to a request that meets a fault."""
    with LoopbackServer(faults=[fault]) as server:
        return ask(server, strict=strict, timeout_s=timeout_s)[0]


def ask_answered(body: dict[str, Any], *, strict: bool) -> Reply:
    """The reply where the server answers with this body."""
    with LoopbackServer(answer=lambda _: body) as server:
        return ask(server, strict=strict)[0]


def test_an_answer_with_its_usage() -> None:
    """Text, usage, served model and finish reason arrive; the request carries decoding, key and sample's seed."""
    with LoopbackServer(answer=lambda _: chat_completion("m-2025", "['x']", usage=(12, 3)), key=KEY) as server:
        (reply,) = ask(server, decoding=Decoding(temperature=0.5, max_tokens=7, seed=40, extra={"top_k": 1}))
        sent = server.received[0].body
    assert reply.outcome is Outcome.ANSWERED
    assert (reply.text, reply.prompt_tokens, reply.completion_tokens) == ("['x']", 12, 3)
    assert (reply.served_model, reply.finish_reason) == ("m-2025", "stop")
    assert reply.latency_s > 0
    assert sent == {
        "model": "m",
        "messages": list(REQUEST.messages),
        "temperature": 0.5,
        "max_tokens": 7,
        "seed": 42,
        "top_k": 1,
    }


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("body", "outcome", "text"),
    [
        (chat_completion("m", "half", finish_reason="length"), Outcome.TRUNCATED, "half"),
        (chat_completion("m", None, finish_reason="length"), Outcome.TRUNCATED, ""),
        (chat_completion("m", "", finish_reason="content_filter"), Outcome.FILTERED, ""),
        (chat_completion("m", None, refusal="I will not."), Outcome.REFUSED, "I will not."),
        (chat_completion("m", ""), Outcome.ANSWERED, ""),
        (chat_completion("m", None), Outcome.ANSWERED, ""),
        (chat_completion("m", "lone \ud800 surrogate"), Outcome.ANSWERED, "lone \ud800 surrogate"),
        (chat_completion("m", "x") | {"choices": []}, Outcome.BAD_RESPONSE, ""),
    ],
)
def test_what_a_model_can_do(body: dict[str, Any], outcome: Outcome, text: str, strict: bool) -> None:
    """Cut, filtered, refused and empty answers are the model's own and told apart; no choices is no answer."""
    reply = ask_answered(body, strict=strict)
    assert (reply.outcome, reply.text) == (outcome, text)


BROKEN = chat_completion("m", "x")


@pytest.mark.parametrize(
    "body",
    [
        {"choices": None},
        {"choices": 5},
        {"choices": [None]},
        {"choices": ["text"]},
        {"choices": [{"message": None}]},
        {"choices": [{"message": {"role": "assistant", "content": [1]}, "finish_reason": "stop", "index": 0}]},
        {"choices": [{"message": {"role": "assistant", "content": None}, "finish_reason": None, "index": 0}]},
        {"choices": [{"message": {"role": "assistant", "content": "['x']"}, "finish_reason": None, "index": 0}]},
    ],
)
def test_shapes_that_no_model_answers_with(body: dict[str, Any]) -> None:
    """Whatever JSON a gateway invents, it is a bad response and never an exception or an answer."""
    assert ask_answered(body, strict=False).outcome is Outcome.BAD_RESPONSE
    assert ask_answered(body, strict=True).outcome is Outcome.BAD_RESPONSE


LIST = '["self.wait(seconds=1.0)"]'


@pytest.mark.parametrize("text", [LIST, '["self.nav_publisher.publish(', "", None])
@pytest.mark.parametrize(
    "reason", ["error", "abort", "network_error", "insufficient_system_resource", "ERROR", "something new"]
)
def test_a_finish_reason_that_is_not_the_models_is_never_an_answer(reason: str, text: str | None) -> None:
    """Servers break off with status 200: half a list or a whole one, it is theirs and not the model's."""
    reply = ask_answered(chat_completion("m", text, finish_reason=reason), strict=False)
    assert (reply.outcome, reply.text, reply.finish_reason) == (Outcome.SERVER_ERROR, "", reason)
    assert reason in reply.detail


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        *[(reason, Outcome.ANSWERED) for reason in ("stop", "STOP", "eos", "end_turn", "COMPLETE", "tool_calls")],
        *[(reason, Outcome.TRUNCATED) for reason in ("length", "max_tokens", "MAX_TOKENS", "model_length")],
        *[(reason, Outcome.FILTERED) for reason in ("content_filter", "SAFETY", "content_filter: RECITATION")],
        ("refusal", Outcome.REFUSED),
    ],
)
def test_the_spellings_of_an_end_that_is_the_models(reason: str, outcome: Outcome) -> None:
    """Each vendor has words of its own for a model that ended, ran out of tokens or was filtered."""
    reply = ask_answered(chat_completion("m", LIST, finish_reason=reason), strict=False)
    assert (reply.outcome, reply.text) == (outcome, LIST)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ({"message": "upstream is down", "code": 502}, Outcome.SERVER_ERROR),
        ({"message": "slow down", "code": "429"}, Outcome.RATE_LIMITED),
        ({"message": "no credit", "code": "insufficient_quota"}, Outcome.QUOTA_EXHAUSTED),
        ("the model crashed", Outcome.SERVER_ERROR),
    ],
)
@pytest.mark.parametrize("where", ["body", "choice", "alone"])
def test_an_error_inside_status_200_is_that_error(error: object, outcome: Outcome, where: str) -> None:
    """Gateways put the upstream's error into a reply of status 200, beside an answer or in place of it."""
    body = chat_completion("m", LIST)
    if where == "choice":
        body["choices"][0]["error"] = error
    body = {"error": error} if where == "alone" else body | ({"error": error} if where == "body" else {})
    reply = ask_answered(body, strict=False)
    assert (reply.outcome, reply.text) == (outcome, "")
    assert str(error["message"] if isinstance(error, dict) else error) in reply.detail


def test_json_that_calls_itself_text_is_read() -> None:
    """Some servers send their JSON without a content type that says so."""
    body = json.dumps(chat_completion("m", LIST)).encode()
    reply = ask_faulty(Fault("reply", Http(200, body, content_type="text/plain")), strict=False)
    assert (reply.outcome, reply.text) == (Outcome.ANSWERED, LIST)


def test_an_answer_without_usage_still_counts() -> None:
    """Servers that count no tokens are common; the answer stands and the counts are unknown."""
    reply = ask_answered(BROKEN | {"usage": None}, strict=False)
    assert (reply.outcome, reply.text, reply.prompt_tokens) == (Outcome.ANSWERED, "x", None)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (RESET, Outcome.CONNECTION),
        (CLOSE, Outcome.CONNECTION),
        (SHORT_BODY, Outcome.CONNECTION),
        (HTML_PAGE, Outcome.BAD_RESPONSE),
        (TRUNCATED_JSON, Outcome.BAD_RESPONSE),
        (EMPTY_OBJECT, Outcome.BAD_RESPONSE),
        (Fault("reply", Http(200, b"")), Outcome.BAD_RESPONSE),
        (Fault("reply", Http(200, b"null")), Outcome.BAD_RESPONSE),
        (Fault("reply", Http(200, b"\xff\xfe\x00")), Outcome.BAD_RESPONSE),
        (Fault("reply", Http(200, b"[" * 200_000)), Outcome.BAD_RESPONSE),
        (Fault("reply", Http(200, b"{}", {"Content-Encoding": "gzip"})), Outcome.CONNECTION),
        (Fault("reply", Http(204, b"")), Outcome.BAD_RESPONSE),
    ],
)
def test_what_a_network_can_do(fault: Fault, outcome: Outcome, strict: bool) -> None:
    """Resets, ends in the middle and bodies of every wrong kind are infrastructure, each under its own name."""
    assert ask_faulty(fault, strict=strict).outcome is outcome


@pytest.mark.parametrize("fault", [slow(20), drip(20)])
def test_a_slow_answer_is_a_timeout(fault: Fault) -> None:
    """The limit holds for the whole reply, so that bytes trickling in do not stretch it."""
    reply = ask_faulty(fault, timeout_s=0.3)
    assert reply.outcome is Outcome.TIMEOUT
    assert 0.25 < reply.latency_s < 3


def test_nobody_listens() -> None:
    """A refused connection is told as such, not as a timeout."""
    with LoopbackServer() as server:
        pass
    (reply,) = ask(server)
    assert reply.outcome is Outcome.CONNECTION
    assert "refused" in reply.detail.lower()


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (status(400), Outcome.BAD_REQUEST),
        (status(400, "context_length_exceeded"), Outcome.BAD_REQUEST),
        (status(400, "content_filter"), Outcome.FILTERED),
        (status(401, "invalid_api_key"), Outcome.BAD_KEY),
        (status(402), Outcome.QUOTA_EXHAUSTED),
        (status(403), Outcome.BAD_KEY),
        (status(403, "model_not_found"), Outcome.UNKNOWN_MODEL),
        (status(404, "model_not_found"), Outcome.UNKNOWN_MODEL),
        (Fault("reply", Http(404, b"<h1>404</h1>", content_type="text/html")), Outcome.UNKNOWN_MODEL),
        (status(409), Outcome.SERVER_ERROR),
        (status(422), Outcome.BAD_REQUEST),
        (status(429), Outcome.RATE_LIMITED),
        (status(429, "rate_limit_exceeded"), Outcome.RATE_LIMITED),
        (status(429, "insufficient_quota"), Outcome.QUOTA_EXHAUSTED),
        (status(429, None, type="insufficient_quota"), Outcome.QUOTA_EXHAUSTED),
        (status(500), Outcome.SERVER_ERROR),
        (Fault("reply", Http(502, b"<h1>Bad gateway</h1>", content_type="text/html")), Outcome.SERVER_ERROR),
        (status(503), Outcome.SERVER_ERROR),
        (Fault("reply", Http(500, {"error": "a string"})), Outcome.SERVER_ERROR),
        (Fault("reply", Http(418, {"error": ["a", "list"]})), Outcome.BAD_REQUEST),
    ],
)
def test_what_a_status_means(fault: Fault, outcome: Outcome) -> None:
    """Status and error code decide, whatever the message says or the body looks like."""
    assert ask_faulty(fault).outcome is outcome


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
        ({"ratelimit-reset": "17"}, 17.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-5"}, None),
        ({}, None),
    ],
)
def test_retry_after_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    """Milliseconds come before seconds, a date counts from now, nonsense is as if nothing was said."""
    assert ask_faulty(status(429, headers=headers)).retry_after_s == seconds


def test_no_key_in_what_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    """An endpoint that repeats the key in its error leaves no trace of it in the detail or the log."""
    caplog.set_level(logging.DEBUG)
    faults = [status(code, message=f"key {KEY} (sk-test-****cdef) of Bearer {KEY} no good") for code in (400, 401, 500)]
    with LoopbackServer(faults=faults) as server:
        replies = ask(server, times=3)
    kept = f"{replies!r} {caplog.text}"
    assert "no good" in replies[0].detail
    assert KEY not in kept
    assert "cdef" not in kept


def test_details_are_one_harmless_line() -> None:
    """Escape codes, line ends and endless messages of an endpoint do not reach a terminal or a record."""
    reply = ask_faulty(status(400, message="a\x1b[31mred\nb\u202ec" + "z" * 5000))
    assert len(reply.detail) <= 300
    assert reply.detail.isprintable()


def rejecting(*names: str) -> Callable[[dict[str, Any]], str | Fault]:
    """A model that takes none of these parameters, and says so as OpenAI does."""

    def answer(body: dict[str, Any]) -> str | Fault:
        for name in names:
            if name in body:
                return status(400, "unsupported_parameter", param=name, message=f"{name!r} is not supported")
        return "ok"

    return answer


def test_parameters_that_a_model_rejects_are_changed_once_and_told() -> None:
    """Newer hosted models take no max_tokens or temperature: adapted, remembered, recorded in each reply."""
    with LoopbackServer(answer=rejecting("max_tokens", "temperature", "seed")) as server:
        first, second = ask(server, times=2)
        bodies = [received.body for received in server.received]
    assert len(bodies) == 5  # three rejections, then one request each
    assert bodies[-1] == {"model": "m", "messages": list(REQUEST.messages), "max_completion_tokens": 7}
    assert first.outcome is second.outcome is Outcome.ANSWERED
    assert set(first.adapted) == {
        "max_tokens sent as max_completion_tokens",
        "temperature dropped",
        "seed dropped",
    }
    assert second.adapted == first.adapted


def test_an_unknown_parameter_is_not_dropped_silently() -> None:
    """A rejected parameter that the user set by hand is an error, not something to leave out."""
    with LoopbackServer(answer=rejecting("top_k")) as server:
        (reply,) = ask(server, decoding=Decoding(extra={"top_k": 1}))
        assert server.count() == 1
    assert reply.outcome is Outcome.BAD_REQUEST


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
