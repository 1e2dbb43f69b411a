"""The one retry layer: what is tried again, how often and when, over a real socket."""

from __future__ import annotations

import asyncio
import time

import pytest

from harness.models.connect import Endpoint
from harness.models.endpoint import Client
from harness.models.outcomes import Outcome
from harness.models.pace import Pace
from harness.models.replies import Reply
from harness.models.requests import Decoding, Request
from harness.models.retry import ATTEMPTS, ATTEMPTS_TIMEOUT, ATTEMPTS_UNPROVEN, ask_with_retries
from harness.tests.loopback import LoopbackServer
from harness.tests.loopback_replies import HTML_PAGE, RESET, Fault, slow, status

REQUEST = Request("case", 0, ({"role": "user", "content": "go"},))
AT_ONCE = {"retry-after-ms": "1"}


def ask(server: LoopbackServer, *, proven: bool = True, timeout_s: float = 5.0) -> tuple[Reply, int]:
    """Ask once with all retries."""

    async def run() -> tuple[Reply, int]:
        async with Client(Endpoint(server.base_url, "m", timeout_s=timeout_s, strict=True), Decoding()) as client:
            client.proven = proven
            return await ask_with_retries(client, Pace(4), REQUEST)

    return asyncio.run(run())


@pytest.mark.parametrize("code", [408, 409, 429, 500, 502, 503])
def test_passing_trouble_is_tried_again(code: int) -> None:
    """Two failures of a kind that passes, then the answer."""
    with LoopbackServer(faults=[status(code, headers=AT_ONCE)] * 2) as server:
        reply, attempts = ask(server)
        assert server.count() == attempts == 3
    assert reply.outcome is Outcome.ANSWERED


@pytest.mark.parametrize(
    "fault",
    [
        status(400),
        status(401),
        status(402),
        status(403),
        status(404),
        status(422),
        status(429, "insufficient_quota", headers=AT_ONCE),
    ],
)
def test_hopeless_trouble_is_not(fault: Fault) -> None:
    """A wrong key, an unknown model, a spent quota, a rejected request: one attempt, no waiting."""
    with LoopbackServer(faults=[fault] * 9) as server:
        reply, attempts = ask(server)
        assert server.count() == attempts == 1
    assert not reply.outcome.scored


def test_attempts_are_bounded() -> None:
    """An endpoint that only ever fails is given up after a fixed number of attempts."""
    with LoopbackServer(faults=[status(503, headers=AT_ONCE)] * 50) as server:
        reply, attempts = ask(server)
        assert server.count() == attempts == ATTEMPTS
    assert reply.outcome is Outcome.SERVER_ERROR


def test_a_wrong_address_is_noticed_sooner() -> None:
    """Web pages from an endpoint that has never answered: a few attempts, since the address is probably wrong."""
    with LoopbackServer(faults=[HTML_PAGE] * 50) as server:
        reply, attempts = ask(server, proven=False)
    assert (reply.outcome, attempts) == (Outcome.BAD_RESPONSE, ATTEMPTS_UNPROVEN)


def test_timeouts_are_tried_less_often() -> None:
    """Each attempt costs the whole limit, so a hanging endpoint is given up sooner."""
    with LoopbackServer(faults=[slow(60)] * 9) as server:
        reply, attempts = ask(server, timeout_s=0.2)
    assert (reply.outcome, attempts) == (Outcome.TIMEOUT, ATTEMPTS_TIMEOUT)


def test_retry_after_is_waited_for() -> None:
    """No attempt comes before the time the endpoint asked for, and not much later."""
    with LoopbackServer(faults=[status(429, headers={"retry-after": "0.7"})]) as server:
        started = time.monotonic()
        reply, attempts = ask(server)
        took = time.monotonic() - started
    assert (reply.outcome, attempts) == (Outcome.ANSWERED, 2)
    assert 0.7 <= took < 2.5


def test_a_retry_after_beyond_patience_gives_up_at_once() -> None:
    """Told to come back in ten minutes, we say so rather than sit there."""
    with LoopbackServer(faults=[status(429, headers={"retry-after": "600"})] * 3) as server:
        started = time.monotonic()
        reply, attempts = ask(server)
        took = time.monotonic() - started
    assert (reply.outcome, attempts) == (Outcome.RATE_LIMITED, 1)
    assert took < 2


def test_backoff_doubles_with_jitter() -> None:
    """Without a Retry-After the waits are about 0.5 s and 1 s, never longer, never the half of it."""
    with LoopbackServer(faults=[RESET, RESET]) as server:
        started = time.monotonic()
        reply, attempts = ask(server)
        took = time.monotonic() - started
    assert (reply.outcome, attempts) == (Outcome.ANSWERED, 3)
    assert 0.375 + 0.75 <= took < 1.5 + 1.0
