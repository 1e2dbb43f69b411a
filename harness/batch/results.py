"""Result files to completions: joined by custom_id, whatever their order, whatever is missing or broken in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.files import json_object, numbered
from harness.models.error_bodies import read_error_body
from harness.models.outcomes import Outcome
from harness.models.replies import Reply, read_body, read_error
from harness.text import redacted_line

_OUT_OF_TIME = frozenset({"batch_expired", "batch_cancelled"})


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one request of a batch."""

    custom_id: str
    reply: Reply


def read_results(path: Path, *secrets: str, strip_reasoning: bool = True) -> Iterator[Result]:
    """Results of one output or error file, line by line. Lines that are none are passed over.

    Args:
        path: JSONL file of the provider.
        secrets: Keys, kept out of `detail`.
        strip_reasoning: As of `harness.models.replies.read_body`.
    """
    with path.open("rb") as file:
        for _, line in numbered(file):
            try:
                record = json_object(line)
                custom_id = record["custom_id"]
                yield Result(custom_id, _reply(record, *secrets, strip_reasoning=strip_reasoning))
            except (ValueError, TypeError, KeyError, AttributeError):
                continue  # torn or not a result: its request counts as missing and is asked again


def _reply(record: Mapping[str, Any], *secrets: str, strip_reasoning: bool) -> Reply:
    response = record.get("response")
    if not isinstance(response, Mapping):
        return _not_sent(record.get("error"), *secrets)
    status, body = response.get("status_code"), response.get("body")
    if status == 200:
        return read_body(body, *secrets, strip_reasoning=strip_reasoning)
    return read_error(status if isinstance(status, int) else 500, body, *secrets)


def _not_sent(error: object, *secrets: str) -> Reply:
    """The provider never had an answer: the batch ran out of time, or it failed on its side."""
    said = read_error_body(error)
    detail = redacted_line(" ".join((*sorted(said.codes), said.text)), *secrets)
    if said.codes & _OUT_OF_TIME:
        return Reply(Outcome.TIMEOUT, detail=detail)
    reply = read_error(400, error, *secrets)
    # Nothing says that the request itself is at fault, so it is worth asking again.
    outcome = Outcome.SERVER_ERROR if reply.outcome is Outcome.BAD_REQUEST else reply.outcome
    return replace(reply, outcome=outcome, detail=detail or "no response")
