"""What is asked of a model: the request and the decoding. Nothing heavy is imported here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from harness.config import AnswerForm
from harness.models.specs import ModelSpec


@dataclass(frozen=True, slots=True)
class Request:
    """One answer wanted to the chat messages; `sample` is its 0-based number among the answers to the case."""

    case_id: str
    sample: int
    messages: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class Decoding:
    """How a model is to choose its words; None leaves a parameter to the endpoint.

    Attributes:
        seed: Sample k of a case is asked with seed + k, or several samples would be one answer repeated.
        extra: Further fields of the request body, JSON values only.
        answer_form: How the answer is to come (`harness.models.answer_form`).
    """

    temperature: float | None = 0.0
    max_tokens: int | None = 384
    seed: int | None = 0
    extra: Mapping[str, Any] = field(default_factory=dict)
    answer_form: AnswerForm = "text"

    def to_record(self) -> dict[str, Any]:
        """JSON-ready dict, for hashes and reports; without the usual answer form, which older ones do not name."""
        return {name: value for name, value in asdict(self).items() if (name, value) != ("answer_form", "text")}


def request_keys(requests: tuple[Request, ...], spec: ModelSpec, decoding: Decoding) -> list[str]:
    """One key for each request: sha256 over canonical JSON of all that may change the answer.

    That is: spec text, address, the adapter's hash, `ModelSpec.asked_as`, decoding, case, sample and messages.
    """
    model = {"model": spec.text, "revision": spec.revision, "decoding": decoding.to_record()}
    if spec.address:
        model["base_url"] = spec.address
    if spec.asked_as:
        model["asked_as"] = dict(spec.asked_as)
    # The part that all requests share is hashed once; each key continues from it.
    common = hashlib.sha256(_canonical(model))
    keys = []
    for request in requests:
        digest = common.copy()
        digest.update(_canonical([request.case_id, request.sample, [dict(m) for m in request.messages]]))
        keys.append(digest.hexdigest())
    return keys


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
