"""The one client of OpenAI-compatible endpoints: asks once, and maps whatever comes back to an outcome.

What an endpoint refuses by name is left out or put in another way by one table (`harness.models.parameters`), once, and
told in every reply. What is kept of an error is one line without the key. Imports openai (0.5 s CPU): import this
module only when something is asked.
"""

from __future__ import annotations

import asyncio
import math
import os
import ssl
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from operator import itemgetter
from typing import Any, Self, TypeVar

import aiohttp
import httpx2
import openai

from harness.errors import EndpointError
from harness.models.answer_form import as_list
from harness.models.bodies import RefusedError, hooks
from harness.models.connect import Endpoint, proxy_for, shown_proxy
from harness.models.outcomes import Outcome
from harness.models.parameters import body_of, first_parameters, without
from harness.models.replies import Reply, read_body, read_error
from harness.models.requests import Decoding, Request
from harness.text import redacted_line

CONNECT_TIMEOUT_S = 10.0
LIST_TIMEOUT_S = 20.0
TRANSFER_TIMEOUT_S = 600.0  # 200 MB at 3 Mbit/s

# What a call of the client can raise for something that the endpoint or the network did.
FAILURES = (
    *(openai.OpenAIError, aiohttp.ClientError, httpx2.HTTPError, OSError),
    *(ValueError, TypeError, RecursionError),
)


_Kind = TypeVar("_Kind", openai.OpenAI, openai.AsyncOpenAI)


class Client:
    """Asks one model of one endpoint, many requests at once. An async context manager.

    Where the endpoint refuses a part of the request that it can be asked without, the request is sent again in that
    way; this is remembered and told in `Reply.adapted`.

    Raises:
        EndpointError: the environment's proxy or certificates cannot be used.
    """

    def __init__(self, endpoint: Endpoint, decoding: Decoding) -> None:
        self.proven = False  # has given a reply of the model
        self._endpoint = endpoint
        self._parameters = first_parameters(decoding, endpoint.settings)
        self._answer_form = decoding.answer_form
        timeout = httpx2.Timeout(endpoint.settings.timeout_s, connect=CONNECT_TIMEOUT_S)
        most = endpoint.settings.concurrency
        limits = httpx2.Limits(max_connections=most, max_keepalive_connections=most)
        http = openai.DefaultAioHttpClient(timeout=timeout, limits=limits, **_http_options(endpoint, asynchronous=True))
        self._openai = _opened(openai.AsyncOpenAI, openai.AsyncAzureOpenAI, endpoint, timeout=timeout, http_client=http)

    async def ask(self, request: Request) -> Reply:
        """One attempt (one more for each part that the endpoint refuses). Raises only CancelledError."""
        while True:
            parameters = self._parameters
            started = time.perf_counter()
            try:
                async with asyncio.timeout(self._endpoint.settings.timeout_s):
                    asked = body_of(self._endpoint.model, request, parameters)
                    # `chat.completions.create` would first walk through the body to convert typed values, of which
                    # there are none: a third of the request's CPU. `post` is the client's own way for such requests.
                    body: object = await self._openai.post(parameters.path, body=asked, cast_to=object)
            except FAILURES as error:
                reply = read_failure(error, self._endpoint)
            else:
                strip = self._endpoint.settings.strip_reasoning
                reply = as_list(read_body(body, *self._endpoint.secrets, strip_reasoning=strip), self._answer_form)
            if reply.refused and self._parameters is parameters:  # else a request beside this one has adapted already
                for name in reply.refused:
                    self._parameters = without(self._parameters, name)
            if reply.refused and self._parameters is not parameters:
                continue
            self.proven = self.proven or reply.outcome.scored
            took = time.perf_counter() - started
            return replace(reply, latency_s=took, adapted=(*parameters.adapted, *reply.adapted))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._openai.close()


def open_client(endpoint: Endpoint, timeout_s: float = TRANSFER_TIMEOUT_S) -> openai.OpenAI:
    """A client for calls one by one: lists, files, batches, jobs. Its own retries are off.

    Raises:
        EndpointError: the environment's proxy or certificates cannot be used.
    """
    http = openai.DefaultHttpxClient(timeout=timeout_s, **_http_options(endpoint, timeout_s))
    return _opened(openai.OpenAI, openai.AzureOpenAI, endpoint, timeout=timeout_s, http_client=http)


def _opened(usual: type[_Kind], azure: type[_Kind], endpoint: Endpoint, **options: Any) -> _Kind:
    settings = endpoint.settings
    options |= {"default_headers": dict(settings.headers), "default_query": dict(settings.query), "max_retries": 0}
    options |= {"api_version": settings.query.get("api-version", "")} if endpoint.azure else {}
    client = (azure if endpoint.azure else usual)(api_key=endpoint.key, base_url=endpoint.base_url, **options)
    if not endpoint.own_organization:
        client.organization = client.project = None
    return client


def _http_options(endpoint: Endpoint, seconds: float = math.inf, *, asynchronous: bool = False) -> dict[str, Any]:
    """Proxy, certificates and bounds; what the HTTP library would read of the environment by itself is off."""
    try:
        certificates = httpx2.create_ssl_context(trust_env=True)  # reads SSL_CERT_FILE and SSL_CERT_DIR
    except OSError as error:
        raise EndpointError(
            f"the certificates of SSL_CERT_FILE or SSL_CERT_DIR cannot be read ({error.strerror or error})\n"
            "  name a file of certificates in PEM form, or unset the variable"
        ) from None
    options = {"proxy": proxy_for(endpoint.base_url), "verify": certificates, "trust_env": False}
    # Brotli and others are not asked for: they cannot be unpacked in pieces of a known size.
    headers = {"Accept-Encoding": "gzip, deflate"}
    return {**options, "headers": headers, "event_hooks": hooks(seconds, asynchronous=asynchronous)}


def read_failure(error: Exception, endpoint: Endpoint) -> Reply:
    """Outcome of a call that raised one of `FAILURES`."""
    if refused := next((one for one in _chain(error) if isinstance(one, RefusedError)), None):
        return Reply(Outcome.BAD_RESPONSE, detail=redacted_line(str(refused), *endpoint.secrets))
    if isinstance(error, openai.APIStatusError):
        return read_error(error.status_code, error.body, *endpoint.secrets, headers=error.response.headers)
    if isinstance(error, openai.OpenAIError | aiohttp.ClientError | httpx2.HTTPError | OSError):
        return _from_transport(error, endpoint)
    if isinstance(error, UnicodeEncodeError):
        return Reply(Outcome.BAD_REQUEST, detail="the messages cannot be sent as UTF-8")
    # Not JSON, cut off, nested too deeply, or of a shape the client's types cannot hold.
    return Reply(Outcome.BAD_RESPONSE, detail=f"unreadable body ({type(error).__name__})")


def _chain(error: Exception) -> list[BaseException]:
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = cause.__cause__ or cause.__context__  # the HTTP library hides what it wraps
    return chain


def _from_transport(error: Exception, endpoint: Endpoint) -> Reply:
    """No status came. The aiohttp transport reports resets as timeouts, so the root cause decides."""
    chain = _chain(error)
    root = chain[-1]
    if any(isinstance(link, TimeoutError) for link in chain) or isinstance(root, httpx2.TimeoutException):
        return Reply(Outcome.TIMEOUT, detail=f"no whole reply within {endpoint.settings.timeout_s:g} s")
    why = type(root).__name__
    if isinstance(root, ssl.SSLCertVerificationError):
        why = (
            f"certificate verify failed: {root.verify_message}; "
            "if it is signed by a CA of your own, name the CA's file in SSL_CERT_FILE"
        )
    elif isinstance(root, ssl.SSLError):  # its errno is none of the system's
        why = f"no secure connection: {root.reason or root}"
    elif isinstance(root, OSError) and root.errno:
        why = os.strerror(root.errno) if root.errno > 0 else str(root.strerror)  # negative: from name resolution
    proxy = proxy_for(endpoint.base_url)
    if proxy:
        why += f", asked through the proxy {shown_proxy(proxy)}"
    return Reply(Outcome.CONNECTION, detail=redacted_line(why))


def list_models(endpoint: Endpoint) -> dict[str, date | str | None]:
    """The ids of the models that `GET /v1/models` lists, sorted, each with its end as `shutdown_of` reads it.

    Raises:
        EndpointError: it cannot be reached, rejects the key, or does not answer as an OpenAI-compatible endpoint.
    """
    try:
        resource = endpoint.base_url.partition("/deployments/")[0]  # Azure lists them for all deployments together
        with open_client(replace(endpoint, base_url=resource), LIST_TIMEOUT_S) as client:
            body: Any = client.get("/models", cast_to=object)
        entries = body.get("data", body.get("models")) if isinstance(body, dict) else body
        if not isinstance(entries, list):
            raise ValueError("no list of models")  # noqa: TRY004  one kind of error for one kind of fault
    except FAILURES as error:
        reply = read_failure(error, endpoint)
        todo = "check the key" if reply.outcome is Outcome.BAD_KEY else "check the address and the network"
        raise EndpointError(f"{endpoint.base_url} cannot list its models ({reply.detail})\n  {todo}") from None
    named = [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("id"), str)]
    return {entry["id"]: shutdown_of(entry.get("shutdown_date")) for entry in sorted(named, key=itemgetter("id"))}


def shutdown_of(stated: object) -> date | str | None:
    """The day on which a model ends, from a date, a date with a time, or Unix seconds or milliseconds.

    Returns:
        None where none is stated, and as text what is stated and cannot be read.
    """
    if stated in (None, "", False):
        return None
    try:
        if isinstance(stated, str) and not stated.isdecimal():
            return datetime.fromisoformat(stated.strip()).date()
        seconds = float(str(stated))
        return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC).date()
    except (ValueError, OverflowError, OSError):
        return redacted_line(str(stated)[:100])
