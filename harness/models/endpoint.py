"""The one client of OpenAI-compatible endpoints: asks once, and maps whatever comes back to an outcome.

Decisions rest on exception types, status codes and error codes, never on the text of an error. What is kept of an
error is one line without the key. Imports openai (0.5 s CPU): import this module only when something is asked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import aiohttp
import httpx2
import openai
from openai.types.chat import ChatCompletion

from harness.models.connect import Endpoint
from harness.models.outcomes import Outcome
from harness.models.parameters import UNSUPPORTED, Parameters, body_of, first_parameters, without
from harness.models.requests import Decoding, Request
from harness.models.scrub import scrub

_FINISH = {"length": Outcome.TRUNCATED, "content_filter": Outcome.FILTERED}
_QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_FILTER_CODES = frozenset({"content_filter", "content_policy_violation", "invalid_prompt"})
_BY_STATUS = {
    401: Outcome.BAD_KEY,
    402: Outcome.QUOTA_EXHAUSTED,
    403: Outcome.BAD_KEY,
    404: Outcome.UNKNOWN_MODEL,
    408: Outcome.SERVER_ERROR,
    409: Outcome.SERVER_ERROR,
    429: Outcome.RATE_LIMITED,
}
_OVERLOADED = frozenset({429, 503, 529})
_CONNECT_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one attempt. Fields as in `harness.models.outcomes.Completion`.

    Attributes:
        retry_after_s: Seconds the endpoint asks to wait, None where it says nothing.
        overloaded: The endpoint says that it gets too much.
    """

    outcome: Outcome
    text: str = ""
    detail: str = ""
    finish_reason: str | None = None
    served_model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    latency_s: float = 0.0
    adapted: tuple[str, ...] = ()
    retry_after_s: float | None = None
    overloaded: bool = False


class Client:
    """Asks one model of one endpoint. An async context manager.

    Args:
        endpoint: Whom to ask.
        decoding: How. Where the model rejects `max_tokens`, `temperature` or `seed`, the request is sent again
            without it (`max_completion_tokens` for `max_tokens`); this is remembered and told in `Reply.adapted`.
    """

    def __init__(self, endpoint: Endpoint, decoding: Decoding) -> None:
        self.proven = False  # has given a reply of the model
        self._endpoint = endpoint
        self._parameters = first_parameters(decoding)
        self._openai = _open(endpoint)

    async def ask(self, request: Request) -> Reply:
        """One attempt (one more for each parameter that the model rejects). Raises only CancelledError."""
        while True:
            parameters = self._parameters
            started = time.perf_counter()
            try:
                async with asyncio.timeout(self._endpoint.timeout_s):
                    body = await self._send(request, parameters)
            except openai.APIStatusError as error:
                if self._adapt(error, parameters):
                    continue
                reply = read_failure(error, self._endpoint)
            except FAILURES as error:
                reply = read_failure(error, self._endpoint)
            else:
                reply = read_body(body, self._endpoint.key)
            self.proven = self.proven or reply.outcome.scored
            return replace(reply, latency_s=time.perf_counter() - started, adapted=parameters.adapted)

    async def _send(self, request: Request, parameters: Parameters) -> object:
        body = body_of(self._endpoint.model, request, parameters)
        # `chat.completions.create` would first walk through the body to convert typed values, of which there are
        # none here: a third of the request's CPU. `post` is the client's own way for such requests.
        return await self._openai.post("/chat/completions", body=body, cast_to=ChatCompletion)

    def _adapt(self, error: openai.APIStatusError, parameters: Parameters) -> bool:
        """True if the request is worth sending again because the decoding has changed since."""
        if error.status_code != 400 or error.code not in UNSUPPORTED:
            return False
        if self._parameters is parameters:  # else a request beside this one has adapted already
            self._parameters = without(parameters, error.param)
        return self._parameters is not parameters

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._openai.close()


def _open(endpoint: Endpoint) -> openai.AsyncOpenAI:
    timeout = httpx2.Timeout(endpoint.timeout_s, connect=_CONNECT_TIMEOUT_S)
    limits = httpx2.Limits(max_connections=endpoint.concurrency, max_keepalive_connections=endpoint.concurrency)
    client = openai.AsyncOpenAI(
        api_key=endpoint.key,
        base_url=endpoint.base_url,
        max_retries=0,  # harness.models.retry is the one retry layer
        timeout=timeout,
        _strict_response_validation=endpoint.strict,
        # A proxy from the environment must not be asked for this machine's own server.
        http_client=openai.DefaultAioHttpClient(
            timeout=timeout, limits=limits, trust_env=not is_loopback(endpoint.base_url)
        ),
    )
    if not endpoint.own_organization:
        client.organization = client.project = None
    return client


def is_loopback(base_url: str) -> bool:
    """True for this machine's own addresses."""
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_body(body: object, key: str = "") -> Reply:
    """Outcome of a body that came with status 200; of any shape, since servers differ and proxies interfere.

    Args:
        body: What the client parsed: a ChatCompletion, perhaps with holes, or the text of an HTML page.
        key: API key, kept out of `detail`.
    """
    choices = getattr(body, "choices", None)
    if not isinstance(choices, list) or not choices:
        return Reply(Outcome.BAD_RESPONSE, detail=scrub(_complaint(body), key))
    message = getattr(choices[0], "message", None)
    content = getattr(message, "content", None)
    refusal = getattr(message, "refusal", None)
    finish = _text(getattr(choices[0], "finish_reason", None))
    usage = getattr(body, "usage", None)
    details = getattr(usage, "completion_tokens_details", None)
    reply = Reply(
        _FINISH.get(finish or "", Outcome.ANSWERED),
        text=content if isinstance(content, str) else "",
        finish_reason=finish,
        served_model=_text(getattr(body, "model", None)),
        prompt_tokens=_count(getattr(usage, "prompt_tokens", None)),
        completion_tokens=_count(getattr(usage, "completion_tokens", None)),
        reasoning_tokens=_count(getattr(details, "reasoning_tokens", None)),
    )
    if isinstance(refusal, str) and refusal:
        return replace(reply, outcome=Outcome.REFUSED, text=reply.text or refusal)
    # No content is the model's own where the endpoint says that the model had finished; else the reply is broken.
    if not isinstance(content, str) and (content is not None or finish not in _FINISHED):
        return replace(reply, outcome=Outcome.BAD_RESPONSE, detail="the message has no text")
    return reply


_FINISHED = frozenset({"stop", "length", "content_filter", "tool_calls", "function_call"})


def _complaint(body: object) -> str:
    if isinstance(body, str):
        return "a page or text instead of JSON"
    error = getattr(body, "error", None)  # some gateways answer 200 with an error inside
    message = error.get("message") if isinstance(error, Mapping) else None
    return f"no choices: {message}" if isinstance(message, str) else "no choices in the reply"


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


# What a call of the client can raise for something that the endpoint or the network did.
FAILURES = (
    *(openai.OpenAIError, aiohttp.ClientError, httpx2.HTTPError, OSError),
    *(ValueError, TypeError, RecursionError),
)


def read_failure(error: Exception, endpoint: Endpoint) -> Reply:
    """Outcome of a call that raised one of `FAILURES`."""
    if isinstance(error, openai.APIStatusError):
        return _from_status(error, endpoint.key)
    if isinstance(error, openai.OpenAIError | aiohttp.ClientError | httpx2.HTTPError | OSError):
        return _from_transport(error, endpoint.timeout_s)
    if isinstance(error, UnicodeEncodeError):
        return Reply(Outcome.BAD_REQUEST, detail="the messages cannot be sent as UTF-8")
    # Not JSON, cut off, nested too deeply, or of a shape the client's types cannot hold.
    return Reply(Outcome.BAD_RESPONSE, detail=f"unreadable body ({type(error).__name__})")


def _from_status(error: openai.APIStatusError, key: str) -> Reply:
    body = error.body if isinstance(error.body, Mapping) else {}
    reply = read_error(error.status_code, {**body, "code": error.code, "type": error.type}, key)
    return replace(reply, retry_after_s=_retry_after(error.response.headers))


def read_error(status: int, error: Mapping[str, object], key: str = "") -> Reply:
    """Outcome of an HTTP error.

    Args:
        status: HTTP status, 400 or above.
        error: OpenAI's error object: `code`, `type` and `message`, as far as they are there.
        key: API key, kept out of `detail`.
    """
    code = _text(error.get("code"))
    if {code, _text(error.get("type"))} & _QUOTA_CODES:
        outcome = Outcome.QUOTA_EXHAUSTED
    elif code == "model_not_found":
        outcome = Outcome.UNKNOWN_MODEL
    elif status < 500 and code in _FILTER_CODES:
        outcome = Outcome.FILTERED
    else:
        outcome = _BY_STATUS.get(status, Outcome.SERVER_ERROR if status >= 500 else Outcome.BAD_REQUEST)
    # Messages about a wrong key quote it, more or less masked.
    said = _text(error.get("message")) if status != 401 else None
    return Reply(
        outcome,
        detail=scrub(" ".join(part for part in (f"HTTP {status}", code, said) if part), key),
        overloaded=status in _OVERLOADED and outcome is not Outcome.QUOTA_EXHAUSTED,
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from retry-after-ms, or Retry-After in seconds or as a date (RFC 9110, 10.2.3)."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    date = headers.get("retry-after")
    if date is None:
        return None
    from email.utils import parsedate_to_datetime  # noqa: PLC0415  rarely needed

    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _from_transport(error: Exception, timeout_s: float) -> Reply:
    """No status came. The aiohttp transport reports resets as timeouts, so the root cause decides."""
    if isinstance(error, openai.APIResponseValidationError):
        return Reply(Outcome.BAD_RESPONSE, detail="the reply does not follow OpenAI's schema")
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = cause.__cause__
    root = chain[-1]
    timed_out = any(isinstance(link, TimeoutError) for link in chain) or isinstance(root, httpx2.TimeoutException)
    if timed_out:
        return Reply(Outcome.TIMEOUT, detail=f"no whole reply within {timeout_s:g} s")
    why = type(root).__name__
    if isinstance(root, OSError) and root.errno:
        why = os.strerror(root.errno) if root.errno > 0 else str(root.strerror)  # negative: from name resolution
    return Reply(Outcome.CONNECTION, detail=scrub(why))
