"""The one retry layer (the client's own is off): which outcomes are worth another attempt, and when.

Backoff of 0.5 s doubling to 8 s with jitter, or exactly what the endpoint asks for, as the openai client does it; above
120 s we give up instead of sitting there. A limit of the rate is ridden out for some minutes, also where the endpoint
does not say how long it lasts: most are counted by the minute. Fatal outcomes and rejected requests are never tried
again.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tenacity import AsyncRetrying, RetryCallState, retry_if_result

from harness.models.outcomes import Outcome

if TYPE_CHECKING:
    from harness.models.endpoint import Client
    from harness.models.pace import Pace
    from harness.models.replies import Reply
    from harness.models.requests import Request

ATTEMPTS = 6  # up to 15.5 s of waiting
ATTEMPTS_LIMITED = 12  # up to 4.5 minutes of waiting where the endpoint names no time
ATTEMPTS_TIMEOUT = 3  # each has cost a whole timeout already
ATTEMPTS_UNPROVEN = 3  # while the endpoint has never answered: more likely a wrong address than a bad moment
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 8.0
LONGEST_LIMITED_WAIT_S = 32.0
LONGEST_RETRY_AFTER_S = 120.0

_TRANSIENT = frozenset(
    {Outcome.TIMEOUT, Outcome.CONNECTION, Outcome.RATE_LIMITED, Outcome.SERVER_ERROR, Outcome.BAD_RESPONSE}
)
_PERHAPS_NEVER = frozenset({Outcome.CONNECTION, Outcome.BAD_RESPONSE})


async def ask_with_retries(client: Client, pace: Pace, request: Request) -> tuple[Reply, int]:
    """The last reply and the number of attempts it took. Never raises for what the endpoint does."""
    attempts = 0

    async def attempt() -> Reply:
        nonlocal attempts
        attempts += 1
        entered = await pace.enter()
        overloaded: bool | None = None
        hold_s = 0.0
        try:
            reply = await client.ask(request)
            overloaded = reply.overloaded if reply.overloaded or reply.outcome.scored else None
            if reply.overloaded and _worth_another(reply):
                # A limit belongs to the key, so everybody waits: for what is asked, else for half of our own wait.
                limited = reply.outcome is Outcome.RATE_LIMITED
                hold_s = reply.retry_after_s or (_backoff(attempts, LONGEST_LIMITED_WAIT_S) / 2 if limited else 0.0)
            return reply
        finally:
            pace.leave(entered, overloaded=overloaded, hold_s=hold_s)

    def stop(state: RetryCallState) -> bool:
        return state.attempt_number >= _attempts(_last(state).outcome, proven=client.proven)

    # One object for each request: tenacity keeps the state of an iteration on the object.
    retrying = AsyncRetrying(retry=retry_if_result(_worth_another), wait=_wait, stop=stop, retry_error_callback=_last)
    return await retrying(attempt), attempts


def _attempts(outcome: Outcome, *, proven: bool) -> int:
    if outcome is Outcome.TIMEOUT:
        return ATTEMPTS_TIMEOUT
    if outcome is Outcome.RATE_LIMITED:
        return ATTEMPTS_LIMITED
    return ATTEMPTS_UNPROVEN if outcome in _PERHAPS_NEVER and not proven else ATTEMPTS


def _worth_another(reply: Reply) -> bool:
    return reply.outcome in _TRANSIENT and (reply.retry_after_s or 0.0) <= LONGEST_RETRY_AFTER_S


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
