"""Result files to completions: joined by custom_id, whatever their order, whatever is missing or broken in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.files import json_object, numbered
from harness.models.outcomes import Outcome
from harness.models.parameters import UNSUPPORTED
from harness.models.replies import Reply, read_body, read_error
from harness.models.scrub import scrub

_OUT_OF_TIME = frozenset({"batch_expired", "batch_cancelled"})


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one request of a batch.

    Attributes:
        rejected: Name of the parameter that the model does not take, if that was the trouble.
    """

    custom_id: str
    reply: Reply
    rejected: str = ""


def read_results(path: Path, key: str = "") -> Iterator[Result]:
    """Results of one output or error file, line by line. Lines that are none are passed over.

    Args:
        path: JSONL file of the provider.
        key: API key, kept out of `detail`.
    """
    with path.open("rb") as file:
        for _, line in numbered(file):
            try:
                record = json_object(line)
                custom_id = record["custom_id"]
                yield _result(custom_id, record, key)
            except (ValueError, TypeError, KeyError, AttributeError):
                continue  # torn or not a result: its request counts as missing and is asked again


def _result(custom_id: str, record: Mapping[str, Any], key: str) -> Result:
    response = record.get("response")
    if not isinstance(response, Mapping):
        error = record.get("error")
        return Result(custom_id, _not_sent(error if isinstance(error, Mapping) else {}, key))
    status, body = response.get("status_code"), response.get("body")
    if status == 200:
        return Result(custom_id, read_body(body, key))
    found = body.get("error") if isinstance(body, Mapping) else None
    error = found if isinstance(found, Mapping) else {}
    rejected = error.get("param") if status == 400 and error.get("code") in UNSUPPORTED else ""
    reply = read_error(status if isinstance(status, int) else 500, error, key)
    return Result(custom_id, reply, rejected if isinstance(rejected, str) else "")


def _not_sent(error: Mapping[str, Any], key: str) -> Reply:
    """The provider never had an answer: the batch ran out of time, or it failed on its side."""
    code, message = error.get("code"), error.get("message")
    detail = scrub(" ".join(part for part in (code, message) if isinstance(part, str)), key)
    if code in _OUT_OF_TIME:
        return Reply(Outcome.TIMEOUT, detail=detail)
    reply = read_error(400, error, key)
    # Nothing says that the request itself is at fault, so it is worth asking again.
    outcome = Outcome.SERVER_ERROR if reply.outcome is Outcome.BAD_REQUEST else reply.outcome
    return replace(reply, outcome=outcome, detail=detail or "no response")
