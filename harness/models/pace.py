"""How many requests may be in flight: fewer when the endpoint says it is too much, more again while it copes.

Additive increase, multiplicative decrease, as TCP does it (RFC 5681): doubling each round until the first sign of
overload, then one more each round; half at each sign of overload. A Retry-After holds everybody back, since a rate
limit belongs to the key and not to one request.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

START = 8  # a first guess that small tiers bear; doubles each round until the first 429


class Pace:
    """Gate that each attempt passes. Belongs to one event loop.

    Args:
        ceiling: Never more in flight than this.
        fixed: Start at the ceiling and stay there.
        start: Where to start otherwise.
        per_minute: Begun in a minute at most, evenly spread; None for no such limit.
    """

    def __init__(
        self, ceiling: int, *, fixed: bool = False, start: int = START, per_minute: float | None = None
    ) -> None:
        self._apart_s = 60.0 / per_minute if per_minute else 0.0
        self._next_at = 0.0
        self._ceiling = max(1, ceiling)
        self._fixed = fixed
        self.limit = float(self._ceiling if fixed else min(start, self._ceiling))
        self.in_flight = 0
        self._slow_start = True
        self._cut_at = 0.0
        self._resume_at = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> float:
        """Wait for a place; returns the time of entry for `leave`."""
        while True:
            delay = max(self._resume_at, self._next_at if self.in_flight < int(self.limit) else 0.0) - time.monotonic()
            if delay > 0:
                await asyncio.sleep(delay)
            elif self.in_flight < int(self.limit):
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
            hold_s: Seconds for which nobody may enter.
        """
        self.in_flight -= 1
        now = time.monotonic()
        if hold_s > 0:
            self._resume_at = max(self._resume_at, now + hold_s)
        if overloaded and not self._fixed:
            # All that were sent before the last cut tell the same news: count it once.
            if entered >= self._cut_at:
                self.limit = max(1.0, self.limit / 2)
                self._cut_at = now
            self._slow_start = False
        elif overloaded is False and not self._fixed:
            self.limit = min(float(self._ceiling), self.limit + (1.0 if self._slow_start else 1.0 / self.limit))
        for _ in range(int(self.limit) - self.in_flight):
            if not self._wake_one():
                break

    def _wake_one(self) -> bool:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return True
        return False
