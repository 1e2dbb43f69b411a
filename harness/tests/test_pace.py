"""Concurrency that adapts: what it does on overload, afterwards, and at its bounds."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harness.models.connect import Endpoint
from harness.models.endpoint import Client
from harness.models.outcomes import Outcome
from harness.models.pace import START, Pace
from harness.models.requests import Decoding, Request
from harness.models.retry import ask_with_retries
from harness.tests.loopback import LoopbackServer
from harness.tests.loopback_replies import Fault, status


def run_rounds(pace: Pace, verdicts: Sequence[bool | None]) -> list[float]:
    """One request after another with these verdicts; the limit after each."""

    async def run() -> list[float]:
        limits = []
        for overloaded in verdicts:
            entered = await pace.enter()
            pace.leave(entered, overloaded=overloaded)
            limits.append(pace.limit)
        return limits

    return asyncio.run(run())


def test_it_starts_small_and_grows_to_the_ceiling() -> None:
    """While all goes well the limit rises from the start to the ceiling and no further."""
    limits = run_rounds(Pace(32), [False] * 100)
    assert limits[0] == START + 1
    assert limits[-1] == 32


def test_overload_halves_and_it_recovers_slowly() -> None:
    """A 429 halves the limit; after that it grows by one a round, not by one an answer."""
    limits = run_rounds(Pace(32, start=16), [True] + [False] * 8)
    assert limits[0] == 8
    assert 8.9 < limits[-1] < 9.1


def test_news_of_one_overload_count_once() -> None:
    """Requests in flight together when the limit is hit bring one cut, not one each."""

    async def run() -> float:
        pace = Pace(16, start=16)
        entered = [await pace.enter() for _ in range(16)]
        for at in entered:
            pace.leave(at, overloaded=True)
        return pace.limit

    assert asyncio.run(run()) == 8


def test_a_fixed_pace_never_changes() -> None:
    """The embedded server answers in turns, whatever it says."""
    assert set(run_rounds(Pace(4, fixed=True), [True, False, None] * 5)) == {4.0}


@given(st.lists(st.sampled_from([True, False, None]), max_size=60), st.integers(1, 20))
def test_the_limit_stays_within_its_bounds(verdicts: list[bool | None], ceiling: int) -> None:
    """Whatever comes, at least one request may be in flight and never more than the ceiling."""
    assert all(1 <= limit <= ceiling for limit in run_rounds(Pace(ceiling), verdicts))


def test_nobody_is_left_waiting() -> None:
    """Many more workers than places, cuts in between: all get through and never too many at once."""

    async def run() -> tuple[int, int]:
        pace = Pace(5)
        done = most = inside = 0

        async def work(number: int) -> None:
            nonlocal done, most, inside
            entered = await pace.enter()
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1
            pace.leave(entered, overloaded=number % 7 == 0, hold_s=0.001 if number % 10 == 0 else 0.0)
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
    inside = 0
    refused = 0
    lock = threading.Lock()

    def answer(body: dict[str, Any]) -> str | Fault:
        nonlocal inside, refused
        with lock:
            if inside >= 4:
                refused += 1
                return status(429, headers={"retry-after-ms": "20"})
            inside += 1
        time.sleep(0.01)
        with lock:
            inside -= 1
        return str(body["model"])

    async def run(server: LoopbackServer) -> list[Outcome]:
        pace = Pace(64)
        outcomes = []
        async with Client(Endpoint(server.base_url, "m", strict=True), Decoding()) as client:

            async def work(numbers: range) -> None:
                for number in numbers:
                    request = Request(f"c{number}", 0, ({"role": "user", "content": "go"},))
                    reply, _ = await ask_with_retries(client, pace, request)
                    outcomes.append(reply.outcome)

            async with asyncio.TaskGroup() as group:
                for first in range(32):
                    group.create_task(work(range(first, 160, 32)))
        return outcomes

    with LoopbackServer(answer=answer) as server:
        outcomes = asyncio.run(run(server))
    assert outcomes == [Outcome.ANSWERED] * 160
    assert refused < 160
