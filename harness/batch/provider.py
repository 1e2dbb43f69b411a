"""The provider's side of batches: upload, create once, look, download, read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.batch.folder import State
from harness.files import json_object, numbered
from harness.models.replies import Reply, read_result
from harness.models.resources import LOOKS, Resources

if TYPE_CHECKING:
    from openai.types import Batch, FileObject

METADATA = "gonogo"
CLOCK_SKEW_S = 86_400.0  # by which provider and this machine may differ when a list is searched


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How batches are made and followed; tests make everything small."""

    look_every_s: float = 30.0  # at what is under way
    settle_s: float = 30.0  # as of `Resources`, and so is `pause_s`
    pause_s: float = 1.0
    # Of one input file: https://developers.openai.com/api/docs/guides/batch and the client's `batches.create`, read
    # 2026-11-22
    most_requests: int = 50_000
    most_bytes: int = 200_000_000


def upload(calls: Resources, path: Path, name: str) -> str:
    """Upload an input file; its id. A second upload after a lost answer costs nothing and expires by itself."""

    def send() -> FileObject:
        with path.open("rb") as file:
            return calls.client.files.create(file=(f"gonogo-{name}.jsonl", file), purpose="batch")

    return calls.repeat("take the input file", send, needs="id").id


def create(calls: Resources, state: State, sending: Callable[[], object]) -> Batch:
    """Create a batch of an uploaded input, unless it is there already; `sending` writes each attempt down before it."""

    def send() -> Batch:
        sending()
        return calls.client.batches.create(
            completion_window="24h",
            endpoint="/v1/responses" if state.api == "responses" else "/v1/chat/completions",
            input_file_id=state.file_id,
            metadata={METADATA: state.name},
        )

    return calls.create("create a batch", send, lambda: find(calls, state, time.time()))


def find(calls: Resources, state: State, sent_at: float) -> Batch | None:
    """The batch of this name, which was sent at a Unix time; the oldest if there should be several."""

    def look() -> Batch | None:
        found = None
        for batch in calls.client.batches.list(limit=100):  # newest first; the client turns the pages
            if (batch.metadata or {}).get(METADATA) == state.name:
                found = batch
            if batch.created_at and batch.created_at < state.planned_at - CLOCK_SKEW_S:
                break
        return found

    return calls.search("list its batches", look, sent_at)


def look_at(calls: Resources, batch_id: str) -> Batch:
    """The batch as it stands."""
    retrieve = calls.client.batches.retrieve
    return calls.repeat(f"show the batch {batch_id}", lambda: retrieve(batch_id), needs="status", attempts=LOOKS)


def results(calls: Resources, batch: Batch, scratch: Path) -> Iterator[tuple[str, Reply]]:
    """Everything that an ended batch brought: each custom_id with its reply.

    `scratch` is a file for one result file at a time, so that none is held in memory.
    """
    endpoint = calls.endpoint
    for file_id in filter(None, (batch.output_file_id, batch.error_file_id)):

        def fetch(file_id: str = file_id) -> None:
            with calls.client.files.with_streaming_response.content(file_id) as response:
                response.stream_to_file(scratch)
            with scratch.open("rb") as file:
                if not file.read(64).lstrip().startswith(b"{"):
                    raise ValueError("a page instead of results")

        calls.repeat("give the results", fetch)
        yield from read_results(scratch, *endpoint.secrets, strip_reasoning=endpoint.settings.strip_reasoning)


def read_results(path: Path, *secrets: str, strip_reasoning: bool = True) -> Iterator[tuple[str, Reply]]:
    """custom_id and reply of each line of an output or error file, whatever its order. Lines that are none are skipped.

    Secrets are kept out of `detail`; `strip_reasoning` is that of `harness.models.replies.read_body`.
    """
    with path.open("rb") as file:
        for _, line in numbered(file):
            try:
                record = json_object(line)
                yield record["custom_id"], read_result(record, *secrets, strip_reasoning=strip_reasoning)
            except (ValueError, TypeError, KeyError, AttributeError):
                continue  # torn or not a result: its request counts as missing and is asked again
