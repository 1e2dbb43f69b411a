"""An endpoint's files, batches and jobs, one call at a time: what may be repeated is repeated, what is paid for is not.

Uploads, looks and downloads may be repeated. A creation carries a name as metadata, and where its answer is lost, the
endpoint's list is searched for that name, for a while, before anything else is done.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import tenacity

from harness.errors import EndpointError
from harness.models.client import FAILURES, read_failure
from harness.models.connect import Endpoint
from harness.models.outcomes import Outcome

if TYPE_CHECKING:
    import openai

ATTEMPTS = 6
LOOKS = 40  # in a row without an answer: with waits of 16 s, ten minutes of an outage
LONGEST_RETRY_AFTER_S = 120.0
TROUBLES = (*FAILURES, AttributeError)  # the client's pages fall over an HTML page with an AttributeError
# After these a creation may or may not have happened; a refusal with a 4xx means that it has not.
UNCERTAIN = frozenset({Outcome.TIMEOUT, Outcome.CONNECTION, Outcome.SERVER_ERROR, Outcome.BAD_RESPONSE})
_TRANSIENT = UNCERTAIN | {Outcome.RATE_LIMITED}
_TODO = {
    Outcome.BAD_KEY: "check the key",
    Outcome.QUOTA_EXHAUSTED: "add credit or use another key",
    Outcome.UNKNOWN_MODEL: "check the model and the base_url; an endpoint without /v1/batches is asked without --batch",
    Outcome.BAD_REQUEST: "check the model, the options and the base_url",
}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Resources:
    """Calls to one endpoint; the retries of its client are off."""

    endpoint: Endpoint
    client: openai.OpenAI
    pause_s: float = 1.0  # of the first wait between attempts; doubles up to 16 times that
    settle_s: float = 60.0  # after its creation, within which a thing may not be listed yet

    def outcome(self, error: Exception) -> Outcome:
        """Of a call that raised one of `TROUBLES`."""
        return read_failure(error, self.endpoint).outcome

    def trouble(self, what: str, error: Exception, todo: str = "") -> EndpointError:
        """What the endpoint does not do, why, and what to do about it."""
        reply = read_failure(error, self.endpoint)
        todo = todo or _TODO.get(reply.outcome, "run the same command again later: it goes on where it stopped")
        return EndpointError(f"{self.endpoint.base_url} does not {what}: {reply.detail}\n  {todo}")

    def repeat(self, what: str, call: Callable[[], T], *, needs: str = "", attempts: int = ATTEMPTS) -> T:
        """The value of a call that may be repeated; it must have a text in the field that it `needs`.

        Raises:
            EndpointError: it still fails after so many attempts, or there is no use in repeating it.
        """

        def attempt() -> T:
            return _with(call(), needs)

        def transient(error: BaseException) -> bool:
            return isinstance(error, TROUBLES) and self.outcome(error) in _TRANSIENT

        retry, stop = tenacity.retry_if_exception(transient), tenacity.stop_after_attempt(attempts)
        try:
            return tenacity.Retrying(retry=retry, stop=stop, wait=self._wait, reraise=True)(attempt)
        except TROUBLES as error:
            raise self.trouble(what, error) from None

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Seconds before the next attempt: what the endpoint asks for, or ever longer."""
        error = state.outcome.exception() if state.outcome else None
        asked = read_failure(error, self.endpoint).retry_after_s if isinstance(error, TROUBLES) else None
        return self._growing()(state) if asked is None else min(asked, LONGEST_RETRY_AFTER_S)

    def _growing(self) -> tenacity.wait_exponential:
        return tenacity.wait_exponential(self.pause_s, max=16 * self.pause_s)

    def create(self, what: str, send: Callable[[], T], find: Callable[[], T | None], *, attempts: int = ATTEMPTS) -> T:
        """What `send` creates; where its answer is lost, what `find` finds, before it is sent again.

        Raises:
            EndpointError: the endpoint refuses it, or cannot be reached.
        """

        def once() -> T:
            try:
                return _with(send(), "id")
            except TROUBLES as error:
                found = find() if self.outcome(error) in UNCERTAIN else None
                if found is None:
                    raise
                return found

        return self.repeat(what, once, attempts=attempts)

    def search(self, what: str, look: Callable[[], T | None], sent_at: float) -> T | None:
        """What a look finds that was created at this Unix time; looked for until it must be listed, once at least."""
        searching = tenacity.Retrying(
            retry=tenacity.retry_if_result(lambda found: found is None),
            stop=lambda _: time.time() >= sent_at + self.settle_s,
            wait=self._growing(),
            retry_error_callback=lambda _: None,
        )
        found: T | None = searching(self.repeat, what, look)
        return found


def _with(made: T, field: str) -> T:
    """What was made, if it has a text in this field; else a ValueError: it is a page, or of another kind of server."""
    if field and not (isinstance(value := getattr(made, field, None), str) and value):
        raise ValueError(f"no {field!r} in the reply")
    return made
