"""The one retry layer (the client's own is off): what is worth another attempt, when, and how many go at a time.

Backoff of 0.5 s doubling to 8 s with jitter, or exactly what the endpoint asks for; above 120 s we give up instead of
sitting there. A limit of the rate is ridden out for some minutes, also where the endpoint does not say how long it
lasts: most are counted by the minute. Fatal outcomes and rejected requests are never tried again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from typing import TYPE_CHECKING

from tenacity import AsyncRetrying, RetryCallState, retry_if_result

from harness.models.outcomes import Outcome

if TYPE_CHECKING:
    from harness.models.client import Client
    from harness.models.replies import Reply
    from harness.models.requests import Request

ATTEMPTS = {
    Outcome.SERVER_ERROR: 6,  # up to 15.5 s of waiting
    Outcome.CONNECTION: 6,
    Outcome.BAD_RESPONSE: 6,
    Outcome.RATE_LIMITED: 12,  # up to 4.5 minutes of waiting where the endpoint names no time
    Outcome.TIMEOUT: 3,  # each has cost a whole timeout already
}
ATTEMPTS_UNPROVEN = 3  # while the endpoint has never answered: more likely a wrong address than a bad moment
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 8.0
LONGEST_LIMITED_WAIT_S = 32.0
LONGEST_RETRY_AFTER_S = 120.0
START = 8  # requests in flight: a first guess that small tiers bear


class ConcurrencyLimit:
    """How many requests may be in flight: fewer when the endpoint says it is too much, more again while it copes.

    Additive increase, multiplicative decrease, as TCP does it (RFC 5681): doubling each round until the first sign of
    overload, then one more each round; half at each sign of overload. Belongs to one event loop.

    Args:
        ceiling: Never more in flight than this; at least 1.
        per_minute: Begun in a minute at most, evenly spread; None for no such limit.
    """

    def __init__(self, ceiling: int, per_minute: float | None = None) -> None:
        self._apart_s = 60.0 / per_minute if per_minute else 0.0
        self._next_at = 0.0
        self._ceiling = ceiling
        self.limit = float(min(START, ceiling))
        self.in_flight = 0
        self._slow_start = True
        self._cut_at = 0.0
        self._resume_at = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> float:
        """Wait for a place; returns the time of entry for `leave`."""
        while True:
            free = self.in_flight < int(self.limit)
            delay = max(self._resume_at, self._next_at if free else 0.0) - time.monotonic()
            if delay > 0:
                await asyncio.sleep(delay)
            elif free:
                self.in_flight += 1
                now = time.monotonic()
                self._next_at = now + self._apart_s
                return now
            else:
                place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiting.append(place)
                await place

    def leave(self, entered: float, *, overloaded: bool | None, hold_s: float = 0.0) -> None:
        """Give the place back and learn from what came.

        Args:
            entered: What `enter` returned.
            overloaded: True for a 429 or the like, False for a reply, None where nothing can be learnt.
            hold_s: Seconds for which nobody may enter: a rate limit belongs to the key and not to one request.
        """
        self.in_flight -= 1
        now = time.monotonic()
        if hold_s > 0:
            self._resume_at = max(self._resume_at, now + hold_s)
        if overloaded:
            # All that were sent before the last cut tell the same news: count it once.
            if entered >= self._cut_at:
                self.limit = max(1.0, self.limit / 2)
                self._cut_at = now
            self._slow_start = False
        elif overloaded is False:
            self.limit = min(float(self._ceiling), self.limit + (1.0 if self._slow_start else 1.0 / self.limit))
        free = int(self.limit) - self.in_flight
        while free > 0 and self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                free -= 1


async def ask_with_retries(client: Client, limit: ConcurrencyLimit, request: Request) -> tuple[Reply, int]:
    """The last reply and the number of attempts it took. Never raises for what the endpoint does."""
    attempts = 0

    async def attempt() -> Reply:
        nonlocal attempts
        attempts += 1
        entered = await limit.enter()
        overloaded: bool | None = None
        hold_s = 0.0
        try:
            reply = await client.ask(request)
            overloaded = reply.overloaded if reply.overloaded or reply.outcome.scored else None
            if reply.overloaded and _worth_another(reply):
                # Everybody waits: for what is asked, else for half of our own wait.
                limited = reply.outcome is Outcome.RATE_LIMITED
                hold_s = reply.retry_after_s or (_backoff(attempts, LONGEST_LIMITED_WAIT_S) / 2 if limited else 0.0)
            return reply
        finally:
            limit.leave(entered, overloaded=overloaded, hold_s=hold_s)

    def stop(state: RetryCallState) -> bool:
        outcome = _last(state).outcome
        unproven = not client.proven and outcome in (Outcome.CONNECTION, Outcome.BAD_RESPONSE)
        return state.attempt_number >= (ATTEMPTS_UNPROVEN if unproven else ATTEMPTS[outcome])

    # One object for each request: tenacity keeps the state of an iteration on the object.
    retrying = AsyncRetrying(retry=retry_if_result(_worth_another), wait=_wait, stop=stop, retry_error_callback=_last)
    return await retrying(attempt), attempts


def _worth_another(reply: Reply) -> bool:
    return reply.outcome in ATTEMPTS and (reply.retry_after_s or 0.0) <= LONGEST_RETRY_AFTER_S


def _wait(state: RetryCallState) -> float:
    """Seconds before the next attempt."""
    last = _last(state)
    if last.retry_after_s is not None:
        return last.retry_after_s
    longest = LONGEST_LIMITED_WAIT_S if last.outcome is Outcome.RATE_LIMITED else LONGEST_WAIT_S
    return _backoff(state.attempt_number, longest) * random.uniform(0.75, 1.0)  # noqa: S311  spreads the load


def _backoff(attempt: int, longest_s: float) -> float:
    return float(min(longest_s, FIRST_WAIT_S * 2.0 ** (attempt - 1)))


def _last(state: RetryCallState) -> Reply:
    assert state.outcome is not None, "called after an attempt"
    reply: Reply = state.outcome.result()
    return reply
