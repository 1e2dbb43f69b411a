"""Batch input files within the provider's limits: one request a line, its journal key as custom_id."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.batch.folder import Folder, State
from harness.errors import InputError
from harness.models.parameters import Parameters, body_of
from harness.models.requests import Request

# https://developers.openai.com/api/docs/guides/batch and the client's `batches.create`, read 2026-11-22
MOST_REQUESTS = 50_000
MOST_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one input file."""

    requests: int = MOST_REQUESTS
    size: int = MOST_BYTES


def input_line(key: str, model: str, request: Request, parameters: Parameters) -> bytes:
    """One line of an input file: the same body as of an interactive request."""
    body = body_of(model, request, parameters)
    line = {"custom_id": key, "method": "POST", "url": f"/v1{parameters.path}", "body": body}
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Asking:
    """Who is asked, and how.

    Attributes:
        spec_text: Of the model.
        model: Model id to send.
        asked: Hash of endpoint and decoding, for `State.asked`.
        parameters: The decoding as the model takes it.
    """

    spec_text: str
    model: str
    asked: str
    parameters: Parameters


def plan_batches(
    folder: Folder, keyed: Iterable[tuple[str, Request]], asking: Asking, limits: Limits
) -> Iterator[State]:
    """Write requests as batches, one after another as they are drawn; each is on disk when it is given.

    Args:
        folder: Where batches are kept.
        keyed: Journal key and request.
        asking: Who is asked, and how.
        limits: Of one file.

    Raises:
        InputError: one request alone is larger than a file may be.
    """
    waiting = iter(keyed)
    first = next(waiting, None)
    while first is not None:
        name = secrets.token_hex(16)
        with folder.plan(name) as scratch:
            count = size = 0
            with (
                (scratch / "input.jsonl").open("wb") as inputs,
                (scratch / "requests.jsonl").open("w", encoding="utf-8") as requests,
            ):
                while first is not None:
                    key, request = first
                    line = input_line(key, asking.model, request, asking.parameters)
                    if len(line) > limits.size:
                        raise InputError(
                            f"the request of case {request.case_id!r} has {len(line)} bytes, a batch file may have "
                            f"{limits.size}",
                            hint="shorten the system message",
                        )
                    if count == limits.requests or size + len(line) > limits.size:
                        break
                    inputs.write(line)
                    requests.write(json.dumps([key, request.case_id, request.sample]) + "\n")
                    count, size = count + 1, size + len(line)
                    first = next(waiting, None)
            state = State(
                name,
                asking.spec_text,
                asking.asked,
                count,
                size,
                round(time.time(), 3),
                asking.parameters.adapted,
                api=asking.parameters.api,
            )
            folder.commit(scratch, state)
        yield state
