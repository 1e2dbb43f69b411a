"""The one client of OpenAI-compatible endpoints: asks once, and maps whatever comes back to an outcome.

What an endpoint refuses by name is left out or put in another way by one table (`harness.models.parameters`), once, and
told in every reply. What is kept of an error is one line without the key. Imports openai (0.5 s CPU): import this
module only when something is asked.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Self

import aiohttp
import httpx2
import openai
from openai.types.chat import ChatCompletion

from harness.models.clients import open_async_client, proxy_for, shown_proxy
from harness.models.connect import Endpoint
from harness.models.error_bodies import seconds_of, until
from harness.models.outcomes import Outcome
from harness.models.parameters import Parameters, body_of, first_parameters, without
from harness.models.replies import Reply, read_body, read_error
from harness.models.requests import Decoding, Request
from harness.models.scrub import scrub


class Client:
    """Asks one model of one endpoint. An async context manager.

    Args:
        endpoint: Whom to ask.
        decoding: How. Where the endpoint refuses a part of the request that it can be asked without, the request is
            sent again in that way; this is remembered and told in `Reply.adapted`.
    """

    def __init__(self, endpoint: Endpoint, decoding: Decoding) -> None:
        self.proven = False  # has given a reply of the model
        self._endpoint = endpoint
        self._parameters = first_parameters(decoding, endpoint.settings)
        self._openai = open_async_client(endpoint)

    async def ask(self, request: Request) -> Reply:
        """One attempt (one more for each part that the endpoint refuses). Raises only CancelledError."""
        while True:
            parameters = self._parameters
            started = time.perf_counter()
            try:
                async with asyncio.timeout(self._endpoint.timeout_s):
                    body = await self._send(request, parameters)
            except FAILURES as error:
                reply = read_failure(error, self._endpoint)
            else:
                reply = read_body(
                    body, *self._endpoint.secrets, strip_reasoning=self._endpoint.settings.strip_reasoning
                )
            if self._adapt(reply.refused, parameters):
                continue
            self.proven = self.proven or reply.outcome.scored
            return replace(
                reply, latency_s=time.perf_counter() - started, adapted=(*parameters.adapted, *reply.adapted)
            )

    async def _send(self, request: Request, parameters: Parameters) -> object:
        body = body_of(self._endpoint.model, request, parameters)
        # `chat.completions.create` would first walk through the body to convert typed values, of which there are
        # none here: a third of the request's CPU. `post` is the client's own way for such requests.
        if self._endpoint.strict and parameters.api == "chat":
            typed = await self._openai.post(parameters.path, body=body, cast_to=ChatCompletion)
            return typed.model_dump() if isinstance(typed, ChatCompletion) else typed
        return await self._openai.post(parameters.path, body=body, cast_to=object)

    def _adapt(self, names: tuple[str, ...], parameters: Parameters) -> bool:
        """True if the request is worth sending again because its parameters have changed since."""
        if not names:
            return False
        if self._parameters is parameters:  # else a request beside this one has adapted already
            for name in names:
                self._parameters = without(self._parameters, name)
        return self._parameters is not parameters

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._openai.close()


# What a call of the client can raise for something that the endpoint or the network did.
FAILURES = (
    *(openai.OpenAIError, aiohttp.ClientError, httpx2.HTTPError, OSError),
    *(ValueError, TypeError, RecursionError),
)


def read_failure(error: Exception, endpoint: Endpoint) -> Reply:
    """Outcome of a call that raised one of `FAILURES`."""
    if isinstance(error, openai.APIStatusError):
        reply = read_error(error.status_code, error.body, *endpoint.secrets)
        return replace(reply, retry_after_s=_retry_after(error.response.headers, reply))
    if isinstance(error, openai.OpenAIError | aiohttp.ClientError | httpx2.HTTPError | OSError):
        return _from_transport(error, endpoint)
    if isinstance(error, UnicodeEncodeError):
        return Reply(Outcome.BAD_REQUEST, detail="the messages cannot be sent as UTF-8")
    # Not JSON, cut off, nested too deeply, or of a shape the client's types cannot hold.
    return Reply(Outcome.BAD_RESPONSE, detail=f"unreadable body ({type(error).__name__})")


# Of a limit that is counted anew at a known moment, where there is no Retry-After
_RESETS = ("x-ratelimit-reset-requests", "x-ratelimit-reset-tokens", "x-ratelimit-reset", "ratelimit-reset")


def _retry_after(headers: Mapping[str, str], reply: Reply) -> float | None:
    """Seconds that an endpoint asks to wait, None where it says nothing.

    From retry-after-ms, or Retry-After in seconds or as a date (RFC 9110, 10.2.3), else from the body, else, where it
    limits the rate, from the headers that say when its count begins anew. Nought seconds say nothing.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        seconds = seconds_of(headers.get(name, ""))
        if seconds is not None:
            return seconds * unit
    date = headers.get("retry-after", "")
    if "," in date:
        from email.utils import parsedate_to_datetime

        try:
            return max(0.0, parsedate_to_datetime(date).timestamp() - time.time()) or None
        except (ValueError, TypeError, OverflowError):
            return None
    if reply.retry_after_s is not None or reply.outcome is not Outcome.RATE_LIMITED:
        return reply.retry_after_s
    # Of several counts one is used up, which is not said; the one that begins anew last is safe.
    return max((left for name in _RESETS if (left := until(headers.get(name, "")))), default=None)


def _from_transport(error: Exception, endpoint: Endpoint) -> Reply:
    """No status came. The aiohttp transport reports resets as timeouts, so the root cause decides."""
    if isinstance(error, openai.APIResponseValidationError):
        return Reply(Outcome.BAD_RESPONSE, detail="the reply does not follow OpenAI's schema")
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = cause.__cause__ or cause.__context__  # the HTTP library hides what it wraps
    root = chain[-1]
    timed_out = any(isinstance(link, TimeoutError) for link in chain) or isinstance(root, httpx2.TimeoutException)
    if timed_out:
        return Reply(Outcome.TIMEOUT, detail=f"no whole reply within {endpoint.timeout_s:g} s")
    why = type(root).__name__
    if isinstance(root, ssl.SSLError):
        why = _secure_connection(root)  # its errno is none of the system's
    elif isinstance(root, OSError) and root.errno:
        why = os.strerror(root.errno) if root.errno > 0 else str(root.strerror)  # negative: from name resolution
    proxy = proxy_for(endpoint.base_url)
    if proxy:
        why += f", asked through the proxy {shown_proxy(proxy)}"
    return Reply(Outcome.CONNECTION, detail=scrub(why))


def _secure_connection(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"certificate verify failed: {error.verify_message}; "
            "if it is signed by a CA of your own, name the CA's file in SSL_CERT_FILE"
        )
    return f"no secure connection: {error.reason or error}"
