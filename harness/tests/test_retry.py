"""The one retry layer: what is tried again, how often and when, and how many go at a time, over a real socket."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config import EndpointSettings
from harness.models.client import Client
from harness.models.connect import Endpoint
from harness.models.outcomes import Outcome
from harness.models.replies import Reply
from harness.models.requests import Decoding, Request
from harness.models.retry import ATTEMPTS, ATTEMPTS_UNPROVEN, START, ConcurrencyLimit, ask_with_retries
from harness.tests.loopback import LoopbackServer
from harness.tests.loopback_replies import HTML_PAGE, RESET, Fault, slow, status

REQUEST = Request("case", 0, ({"role": "user", "content": "go"},))
AT_ONCE = {"retry-after-ms": "1"}


def ask(*faults: Fault, proven: bool = True, timeout_s: float = 5.0) -> tuple[Outcome, int, float]:
    """Ask a server once, with all retries: outcome, attempts and seconds."""

    async def run(server: LoopbackServer) -> tuple[Reply, int]:
        endpoint = Endpoint(server.base_url, "m", settings=EndpointSettings("", timeout_s=timeout_s))
        async with Client(endpoint, Decoding()) as client:
            client.proven = proven
            return await ask_with_retries(client, ConcurrencyLimit(4), REQUEST)

    with LoopbackServer(faults=faults) as server:
        started = time.monotonic()
        reply, attempts = asyncio.run(run(server))
        assert server.count() == attempts
    return reply.outcome, attempts, time.monotonic() - started


@pytest.mark.parametrize(
    ("fault", "attempts"),
    [
        *[(status(code, headers=AT_ONCE), 3) for code in (408, 409, 429, 500, 502, 503)],
        *[(status(code, headers=AT_ONCE), 1) for code in (400, 401, 402, 403, 404, 422)],
        (status(429, "insufficient_quota", headers=AT_ONCE), 1),
    ],
)
def test_passing_trouble_is_tried_again_and_hopeless_trouble_is_not(fault: Fault, attempts: int) -> None:
    """Two failures and an answer where it passes; a wrong key, a spent quota, a rejected request: one attempt."""
    outcome, made, _ = ask(fault, fault)
    assert (made, outcome.scored) == (attempts, attempts == 3)


@pytest.mark.parametrize(
    ("fault", "outcome", "attempts"),
    [
        (status(503, headers=AT_ONCE), Outcome.SERVER_ERROR, ATTEMPTS[Outcome.SERVER_ERROR]),
        (HTML_PAGE, Outcome.BAD_RESPONSE, ATTEMPTS_UNPROVEN),  # the address is probably wrong
        (slow(60), Outcome.TIMEOUT, ATTEMPTS[Outcome.TIMEOUT]),  # each costs the whole limit
        (status(429, headers={"retry-after": "600"}), Outcome.RATE_LIMITED, 1),  # beyond patience: said at once
    ],
)
def test_attempts_are_bounded(fault: Fault, outcome: Outcome, attempts: int) -> None:
    """An endpoint that only ever fails is given up, the sooner the less hope there is."""
    ended = ask(*[fault] * 50, proven=False, timeout_s=0.2)
    assert ended[:2] == (outcome, attempts)
    assert ended[2] < 5


@pytest.mark.parametrize(
    ("faults", "least", "most"),
    [
        ([status(429, headers={"retry-after": "0.7"})], 0.7, 2.5),
        ([RESET, RESET], 0.375 + 0.75, 1.5 + 1.0),  # 0.5 s doubled, with jitter: never longer, never the half of it
    ],
)
def test_an_attempt_waits_for_what_is_asked_else_ever_longer(faults: list[Fault], least: float, most: float) -> None:
    """No attempt comes before the time the endpoint asked for, or else the backoff, and not much later."""
    outcome, attempts, took = ask(*faults)
    assert (outcome, attempts) == (Outcome.ANSWERED, 1 + len(faults))
    assert least <= took < most


def limits_after(ceiling: int, overloads: Sequence[bool | None]) -> list[float]:
    """The limit after each of these replies, one request after another."""

    async def run() -> list[float]:
        limit = ConcurrencyLimit(ceiling)
        limits = []
        for overloaded in overloads:
            limit.leave(await limit.enter(), overloaded=overloaded)
            limits.append(limit.limit)
        return limits

    return asyncio.run(run())


def test_concurrency_starts_small_grows_to_the_ceiling_and_is_halved_by_overload() -> None:
    """After a cut it grows by one a round, not by one an answer."""
    limits = limits_after(2 * START, [False] * 100 + [True] + [False] * START)
    assert (limits[0], limits[99], limits[100]) == (START + 1, 2 * START, START)
    assert START + 0.9 < limits[-1] < START + 1.1


def test_news_of_one_overload_count_once() -> None:
    """Requests in flight together when the limit is hit bring one cut, not one each."""

    async def run() -> float:
        limit = ConcurrencyLimit(START)
        for entered in [await limit.enter() for _ in range(START)]:
            limit.leave(entered, overloaded=True)
        return limit.limit

    assert asyncio.run(run()) == START / 2


@settings(max_examples=30)
@given(st.lists(st.sampled_from([True, False, None]), max_size=60), st.integers(1, 20))
def test_the_limit_stays_within_its_bounds(overloads: list[bool | None], ceiling: int) -> None:
    """Whatever comes, at least one request may be in flight and never more than the ceiling."""
    assert all(1 <= limit <= ceiling for limit in limits_after(ceiling, overloads))


def test_nobody_is_left_waiting() -> None:
    """Many more workers than places, cuts in between: all get through and never too many at once."""

    async def run() -> tuple[int, int]:
        limit = ConcurrencyLimit(5)
        done = most = 0

        async def work(number: int) -> None:
            nonlocal done, most
            entered = await limit.enter()
            most = max(most, limit.in_flight)
            await asyncio.sleep(0)
            limit.leave(entered, overloaded=number % 7 == 0, hold_s=0.001 if number % 10 == 0 else 0.0)
            done += 1

        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            for number in range(200):
                group.create_task(work(number))
        return done, most

    done, most = asyncio.run(run())
    assert done == 200
    assert most <= 5


def test_a_limited_endpoint_is_met_at_its_limit() -> None:
    """An endpoint that takes four at a time and says 429 above: everything is answered, with few refusals."""
    places = threading.Semaphore(4)
    refused: list[object] = []

    def answer(body: dict[str, Any]) -> str | Fault:
        if not places.acquire(blocking=False):
            refused.append(body)
            return status(429, headers={"retry-after-ms": "20"})
        time.sleep(0.01)
        places.release()
        return "done"

    async def run(server: LoopbackServer) -> list[Outcome]:
        limit = ConcurrencyLimit(64)
        async with Client(Endpoint(server.base_url, "m"), Decoding()) as client:
            asked = await asyncio.gather(*(ask_with_retries(client, limit, REQUEST) for _ in range(96)))
        return [reply.outcome for reply, _ in asked]

    with LoopbackServer(answer=answer) as server:
        outcomes = asyncio.run(run(server))
    assert outcomes == [Outcome.ANSWERED] * 96
    assert len(refused) < 96
