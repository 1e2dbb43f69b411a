"""The closed set of things that can come of asking a model once, and the record that is kept of it.

Two families. The model's own outcomes are evidence and are scored: an answer, or a reply cut short, filtered or
refused. Infrastructure outcomes say that the model was not heard; they are never scored and are asked again.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from typing import Any, get_args, get_type_hints

LARGEST = 10**10  # of any number about an answer: tokens, seconds, a moment (the year 2286)


class Outcome(StrEnum):
    """What came of one request, after its retries."""

    # The model's own: scored.
    ANSWERED = "answered"
    TRUNCATED = "truncated"  # ran into max_tokens
    FILTERED = "filtered"  # a content filter withheld the answer or rejected the prompt
    REFUSED = "refused"  # the reply's `refusal` field is set

    # Infrastructure: never scored, asked again.
    TIMEOUT = "timeout"
    CONNECTION = "connection"  # refused, reset, closed in the middle of a body
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    BAD_RESPONSE = "bad_response"  # HTML, broken JSON, no choices, not the promised shape
    BAD_REQUEST = "bad_request"  # the endpoint rejects this request as it stands
    QUOTA_EXHAUSTED = "quota_exhausted"
    BAD_KEY = "bad_key"
    UNKNOWN_MODEL = "unknown_model"

    @property
    def scored(self) -> bool:
        """True for the model's own outcomes."""
        return self in _SCORED

    @property
    def fatal(self) -> bool:
        """True where every further request to the endpoint would fare the same, so the run stops."""
        return self in _FATAL


_SCORED = frozenset({Outcome.ANSWERED, Outcome.TRUNCATED, Outcome.FILTERED, Outcome.REFUSED})
_FATAL = frozenset({Outcome.QUOTA_EXHAUSTED, Outcome.BAD_KEY, Outcome.UNKNOWN_MODEL})


@dataclass(frozen=True, slots=True)
class Completion:
    """One reply of one model to one case, or the reason why there is none.

    Attributes:
        key: sha256 that says what was asked (`harness.models.requests.request_keys`); empty for recordings.
        model: The spec text, such as `local:smollm2-135m`.
        sample: 0-based number among the answers asked for this case.
        detail: Why the outcome is not `answered`, in one line, without secrets.
        finish_reason: As the endpoint gave it.
        served_model: The model id the endpoint says it answered with; snapshots show here.
        prompt_tokens: As the endpoint counted them, None where it did not. So completion_tokens.
        latency_s: Seconds of the last attempt, send to last byte.
        attempts: Requests sent for this completion.
        adapted: How the decoding had to be changed because the model rejects a parameter, such as
            `temperature dropped`.
        at: Unix time of arrival, seconds; 0 for recordings.
        base_url: Where it was asked (`ModelSpec.address`); empty for OpenAI's own, the embedded model and recordings.
        raw: The whole text, where the model's thoughts were left out of `text`; else empty.
        fresh: Asked anew although there may have been an answer on file: it takes that one's place.
    """

    key: str
    model: str
    case_id: str
    sample: int
    outcome: Outcome
    text: str = ""
    detail: str = ""
    finish_reason: str | None = None
    served_model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    latency_s: float = 0.0
    attempts: int = 1
    adapted: tuple[str, ...] = ()
    at: float = 0.0
    base_url: str = ""
    fresh: bool = False
    raw: str = ""
    reasoning_tokens: int | None = None

    def to_record(self) -> dict[str, Any]:
        """JSON-ready dict, fields in order."""
        return {name: getattr(self, name) for name in _FIELDS}

    @classmethod
    def from_record(cls, record: Any) -> Completion:
        """Inverse of `to_record`; fields that a later version may add are ignored.

        Raises:
            ValueError: not an object, a field is missing, of a wrong type or out of range, or the outcome is unknown.
        """
        if not isinstance(record, dict):
            raise ValueError("a record must be a JSON object")  # noqa: TRY004  one error type for bad records
        values = {}
        for name, kinds in _JSON_TYPES.items():
            if name in record:
                value = values[name] = record[name]
                if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                    raise ValueError(f"the field {name!r} has a wrong type")
                if isinstance(value, int | float) and not 0 <= value <= LARGEST:  # nan is none either
                    raise ValueError(f"the field {name!r} is out of range")
            elif name in _REQUIRED:
                raise ValueError(f"the field {name!r} is missing")
        try:
            values["outcome"] = Outcome(values["outcome"])
        except ValueError:
            raise ValueError(f"unknown outcome {values['outcome']!r}") from None
        values["adapted"] = tuple(map(str, values.get("adapted", ())))
        return cls(**values)


_FIELDS = tuple(field.name for field in fields(Completion))
_REQUIRED = frozenset(field.name for field in fields(Completion) if field.default is MISSING)
_AS_JSON = {Outcome: (str,), tuple[str, ...]: (list, tuple), float: (int, float)}
_JSON_TYPES: dict[str, tuple[type, ...]] = {
    name: _AS_JSON.get(kind) or get_args(kind) or (kind,) for name, kind in get_type_hints(Completion).items()
}
