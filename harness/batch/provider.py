"""The provider's side: upload, create exactly once, look, download, read. The one retry layer of batches.

Uploads, look-ups and downloads may be repeated. A creation may not: each batch would be paid for. So a creation
carries the batch's name as metadata, and where its answer is lost the provider's list is searched for that name,
for a while, before it is sent again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import tenacity

from harness.batch.folder import State
from harness.errors import EndpointError
from harness.files import json_object, numbered
from harness.models.client import FAILURES, read_failure
from harness.models.connect import Endpoint
from harness.models.outcomes import Outcome
from harness.models.replies import Reply, read_result

if TYPE_CHECKING:
    import openai
    from openai.types import Batch, FileObject

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


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How batches are made and followed; tests make everything small.

    Attributes:
        look_every_s: Seconds between two looks at what is under way.
        settle_s: Seconds for which a batch whose creation was not answered is searched for.
        pause_s: Seconds of the first wait between attempts; doubles up to 16 times that.
        most_requests: In one input file.
        most_bytes: Of one input file.
    """

    look_every_s: float = 30.0
    settle_s: float = 30.0
    pause_s: float = 1.0
    # https://developers.openai.com/api/docs/guides/batch and the client's `batches.create`, read 2026-11-22
    most_requests: int = 50_000
    most_bytes: int = 200_000_000


class _Failed(Exception):  # noqa: N818  not an error of the user's: it carries one reply to the retry layer
    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.detail)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Provider:
    """Batches of one endpoint; the retries of its client are off."""

    endpoint: Endpoint
    client: openai.OpenAI
    options: BatchOptions

    def upload(self, path: Path, name: str) -> str:
        """Upload an input file; its id. A second upload after a lost answer costs nothing and expires by itself."""

        def send() -> FileObject:
            with path.open("rb") as file:
                return self.client.files.create(file=(f"gonogo-{name}.jsonl", file), purpose="batch")

        return self._call("take the input file", send, needs="id").id

    def create(self, state: State, sending: Callable[[], object]) -> Batch:
        """Create a batch of an uploaded input, unless it is there already.

        Args:
            state: Its name becomes the batch's metadata.
            sending: Called just before each attempt, to write down that there was one.

        Raises:
            EndpointError: the provider refuses it, or cannot be reached.
        """

        def send() -> Batch:
            try:
                batch = self.client.batches.create(
                    completion_window="24h",
                    endpoint="/v1/responses" if state.api == "responses" else "/v1/chat/completions",
                    input_file_id=state.file_id,
                    metadata={METADATA: state.name},
                )
                return _with(batch, "id")
            except FAILURES as error:
                if read_failure(error, self.endpoint).outcome in _UNCERTAIN:
                    found = self.find(state, until=time.time() + self.options.settle_s)
                    if found is not None:
                        return found
                raise

        return self._call("create a batch", send, before=sending)

    def find(self, state: State, until: float) -> Batch | None:
        """The batch of this name, searched for until a Unix time; the oldest if there should be several."""

        def search() -> Batch | None:
            found = None
            for batch in self.client.batches.list(limit=100):  # newest first; the client turns the pages
                if (batch.metadata or {}).get(METADATA) == state.name:
                    found = batch
                if batch.created_at and batch.created_at < state.planned_at - CLOCK_SKEW_S:
                    break
            return found

        searching = tenacity.Retrying(
            retry=tenacity.retry_if_result(lambda found: found is None),
            stop=lambda _: time.time() >= until,
            wait=self._growing(),
            retry_error_callback=lambda _: None,
        )
        found: Batch | None = searching(self._call, "list its batches", search)
        return found

    def look(self, batch_id: str) -> Batch:
        """The batch as it stands."""
        what = f"show the batch {batch_id}"
        return self._call(what, lambda: self.client.batches.retrieve(batch_id), needs="status", attempts=LOOKS)

    def results(self, batch: Batch, scratch: Path) -> Iterator[tuple[str, Reply]]:
        """Everything that an ended batch brought: each custom_id with its reply.

        Args:
            batch: Ended.
            scratch: A file for one result file at a time, so that none is held in memory.
        """
        for file_id in filter(None, (batch.output_file_id, batch.error_file_id)):

            def fetch(file_id: str = file_id) -> None:
                with self.client.files.with_streaming_response.content(file_id) as response:
                    response.stream_to_file(scratch)
                with scratch.open("rb") as file:
                    if not file.read(64).lstrip().startswith(b"{"):
                        raise ValueError("a page instead of results")

            self._call("give the results", fetch)
            settings = self.endpoint.settings
            yield from read_results(scratch, *self.endpoint.secrets, strip_reasoning=settings.strip_reasoning)

    def _call(
        self,
        what: str,
        call: Callable[[], T],
        *,
        needs: str = "",
        attempts: int = ATTEMPTS,
        before: Callable[[], object] = lambda: None,
    ) -> T:
        """The value of a call that may be repeated; it must have a field that it `needs`.

        Raises:
            EndpointError: it still fails after so many attempts, or there is no use in repeating it.
        """

        def attempt() -> T:
            try:
                return _with(call(), needs)
            except FAILURES as error:
                raise _Failed(read_failure(error, self.endpoint)) from None

        def begin(_: tenacity.RetryCallState) -> None:
            before()

        retrying = tenacity.Retrying(
            before=begin,
            retry=tenacity.retry_if_exception(
                lambda error: isinstance(error, _Failed) and error.reply.outcome in _TRANSIENT
            ),
            stop=tenacity.stop_after_attempt(attempts),
            wait=self._wait,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except _Failed as failed:
            todo = {
                Outcome.BAD_KEY: "check the key",
                Outcome.QUOTA_EXHAUSTED: "add credit or use another key",
                Outcome.UNKNOWN_MODEL: "an endpoint without /v1/batches is asked without --batch",
            }.get(failed.reply.outcome, "run the same command later: it goes on where it stopped")
            raise EndpointError(f"{self.endpoint.base_url} does not {what}: {failed.reply.detail}\n  {todo}") from None

    def _growing(self) -> tenacity.wait_exponential:
        return tenacity.wait_exponential(self.options.pause_s, max=16 * self.options.pause_s)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        failed = state.outcome.exception() if state.outcome else None
        asked = failed.reply.retry_after_s if isinstance(failed, _Failed) else None
        return self._growing()(state) if asked is None else min(asked, 120.0)


def _with(made: T, field: str) -> T:
    """What was made, if it has a text in this field.

    Raises:
        ValueError: it has none: it is a page, an empty object, from another server altogether.
    """
    if field and not (isinstance(value := getattr(made, field, None), str) and value):
        raise ValueError(f"no {field!r} in the reply")
    return made


def read_results(path: Path, *secrets: str, strip_reasoning: bool = True) -> Iterator[tuple[str, Reply]]:
    """custom_id and reply of each line of an output or error file, whatever its order. Lines that are none are skipped.

    Args:
        path: JSONL file of the provider.
        secrets: Keys, kept out of `detail`.
        strip_reasoning: As of `harness.models.replies.read_body`.
    """
    with path.open("rb") as file:
        for _, line in numbered(file):
            try:
                record = json_object(line)
                yield record["custom_id"], read_result(record, *secrets, strip_reasoning=strip_reasoning)
            except (ValueError, TypeError, KeyError, AttributeError):
                continue  # torn or not a result: its request counts as missing and is asked again
