"""The provider's side: upload, create exactly once, look, download. The one retry layer of batches.

Uploads, look-ups and downloads may be repeated. A creation may not: each batch would be paid for. So a creation
carries the batch's name as metadata, and where its answer is lost the provider's list is searched for that name,
for a while, before it is sent again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception

from harness.batch.folder import State
from harness.errors import EndpointError
from harness.models.client import FAILURES, read_failure
from harness.models.connect import Endpoint
from harness.models.outcomes import Outcome
from harness.models.replies import Reply

if TYPE_CHECKING:
    import openai
    from openai.types import Batch

METADATA = "gonogo"
ATTEMPTS = 6
LOOKS = 40  # in a row without an answer: with waits of 16 s, ten minutes of an outage
CLOCK_SKEW_S = 86_400.0  # by which provider and this machine may differ when a list is searched
_TRANSIENT = frozenset(
    {Outcome.TIMEOUT, Outcome.CONNECTION, Outcome.RATE_LIMITED, Outcome.SERVER_ERROR, Outcome.BAD_RESPONSE}
)
# After these a creation may or may not have happened; a refusal with a 4xx means that it has not.
_UNCERTAIN = _TRANSIENT - {Outcome.RATE_LIMITED}
T = TypeVar("T")


class _Failed(Exception):  # noqa: N818  not an error of the user's: it carries one reply to the retry layer
    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.detail)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Provider:
    """Batches of one endpoint.

    Attributes:
        client: Its own retries are off.
        settle_s: Seconds for which a batch whose creation was not answered is searched for.
        pause_s: Seconds of the first wait between attempts; doubles up to 16 times that.
    """

    endpoint: Endpoint
    client: openai.OpenAI
    settle_s: float
    pause_s: float

    def upload(self, path: Path, name: str) -> str:
        """Upload an input file; its id. A second upload after a lost answer costs nothing and expires by itself."""

        def send() -> str:
            with path.open("rb") as file:
                made = self.client.files.create(file=(f"gonogo-{name}.jsonl", file), purpose="batch")
            return _text(made, "id")

        return self._call("take the input file", send)

    def create(self, state: State, sending: Callable[[], None]) -> Batch:
        """Create a batch, unless it is there already.

        Args:
            state: Its input is uploaded; its name is told to the provider as metadata.
            sending: Called just before each attempt, to write down that there was one.

        Raises:
            EndpointError: the provider refuses it, or cannot be reached.
        """
        for attempt in range(ATTEMPTS):
            sending()
            try:
                batch = self.client.batches.create(
                    completion_window="24h",
                    endpoint="/v1/responses" if state.api == "responses" else "/v1/chat/completions",
                    input_file_id=state.file_id,
                    metadata={METADATA: state.name},
                )
                _text(batch, "id")
            except FAILURES as error:
                reply = read_failure(error, self.endpoint)
            else:
                return batch
            if reply.outcome in _UNCERTAIN:
                found = self.find(state.name, state.planned_at, until=time.time() + self.settle_s)
                if found is not None:
                    return found
            elif reply.outcome is Outcome.RATE_LIMITED:
                time.sleep(reply.retry_after_s or self._wait(attempt))
            else:
                break
        raise self._trouble("create a batch", reply)

    def find(self, name: str, planned_at: float, until: float) -> Batch | None:
        """The batch of this name, searched for until a Unix time; the oldest if there should be several."""
        attempt = 0
        while True:
            found = self._call("list its batches", lambda: self._search(name, planned_at))
            left = until - time.time()
            if found is not None or left <= 0:
                return found
            time.sleep(min(left, self._wait(attempt)))
            attempt += 1

    def _search(self, name: str, planned_at: float) -> Batch | None:
        found = None
        for batch in self.client.batches.list(limit=100):  # newest first; the client turns the pages
            if (batch.metadata or {}).get(METADATA) == name:
                found = batch
            if batch.created_at and batch.created_at < planned_at - CLOCK_SKEW_S:
                break
        return found

    def look(self, batch_id: str) -> Batch:
        """The batch as it stands."""

        def retrieve() -> Batch:
            batch = self.client.batches.retrieve(batch_id)
            _text(batch, "status")
            return batch

        return self._call(f"tell of the batch {batch_id}", retrieve, LOOKS)

    def download(self, file_id: str, into: Path) -> None:
        """Fetch a result file whole, without holding it in memory."""

        def fetch() -> None:
            with self.client.files.with_streaming_response.content(file_id) as response:
                response.stream_to_file(into)
            with into.open("rb") as file:
                if not file.read(64).lstrip().startswith(b"{"):
                    raise ValueError("a page instead of results")

        self._call("give the results", fetch)

    def _call(self, what: str, call: Callable[[], T], attempts: int = ATTEMPTS) -> T:
        """The value of a call that may be repeated.

        Raises:
            EndpointError: it still fails after so many attempts, or there is no use in repeating it.
        """

        def attempt() -> T:
            try:
                return call()
            except FAILURES as error:
                raise _Failed(read_failure(error, self.endpoint)) from None

        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, _Failed) and error.reply.outcome in _TRANSIENT),
            stop=lambda state: state.attempt_number >= attempts,
            wait=self._wait_after,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except _Failed as failed:
            raise self._trouble(what, failed.reply) from None

    def _wait_after(self, state: RetryCallState) -> float:
        failed = state.outcome.exception() if state.outcome else None
        asked = failed.reply.retry_after_s if isinstance(failed, _Failed) else None
        return self._wait(state.attempt_number - 1) if asked is None else min(asked, 120.0)

    def _wait(self, attempt: int) -> float:
        return float(self.pause_s * 2 ** min(attempt, 4))

    def _trouble(self, what: str, reply: Reply) -> EndpointError:
        todo = {
            Outcome.BAD_KEY: "check the key",
            Outcome.QUOTA_EXHAUSTED: "add credit or use another key",
            Outcome.UNKNOWN_MODEL: "an endpoint without /v1/batches is asked without --batch",
        }.get(reply.outcome, "run the same command later: it goes on where it stopped")
        return EndpointError(f"{self.endpoint.base_url} does not {what}: {reply.detail}\n  {todo}")


def _text(made: object, field: str) -> str:
    """A field that must be there.

    Raises:
        ValueError: it is not: a page, an empty object, another server altogether.
    """
    value = getattr(made, field, None)
    if not isinstance(value, str) or not value:
        raise ValueError(f"no {field!r} in the reply")
    return value
