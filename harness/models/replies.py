"""What came of one attempt, and how the body of a chat completion is read, whatever server or gateway wrote it.

An answer counts only with a finish reason that is known to mean "the model ended it". Status 200 alone says nothing:
gateways use it for half an answer and for errors too. Nothing heavy is imported here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.models.outcomes import Outcome
from harness.models.scrub import scrub


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one attempt. Fields as in `harness.models.outcomes.Completion`.

    Attributes:
        retry_after_s: Seconds the endpoint asks to wait, None where it says nothing.
        overloaded: The endpoint says that it gets too much.
    """

    outcome: Outcome
    text: str = ""
    detail: str = ""
    finish_reason: str | None = None
    served_model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    latency_s: float = 0.0
    adapted: tuple[str, ...] = ()
    retry_after_s: float | None = None
    overloaded: bool = False


# The finish reasons that say how the model ended, as servers spell them (lower case). Every other one, such as
# `error` (OpenRouter, Mistral), `abort` (vLLM), `network_error` (Z.AI) or `insufficient_system_resource` (DeepSeek),
# says that the server broke off, whatever text there is.
FINISHED = {
    **dict.fromkeys(("stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete"), Outcome.ANSWERED),
    **dict.fromkeys(("tool_calls", "tool_call", "tool_use", "function_call"), Outcome.ANSWERED),
    **dict.fromkeys(("length", "max_tokens", "model_length", "max_output_tokens", "token_limit"), Outcome.TRUNCATED),
    **dict.fromkeys(("max_length", "model_context_window_exceeded"), Outcome.TRUNCATED),
    **dict.fromkeys(("content_filter", "content_filtered", "safety", "guardrail_intervened"), Outcome.FILTERED),
    **dict.fromkeys(("prohibited_content", "blocklist", "recitation", "spii", "error_toxic"), Outcome.FILTERED),
    **dict.fromkeys(("sensitive",), Outcome.FILTERED),
    "refusal": Outcome.REFUSED,
}


def read_body(body: object, key: str = "") -> Reply:
    """Outcome of a body that came with status 200; of any shape, since servers differ and proxies interfere.

    Args:
        body: The parsed JSON, or the text of something that is none.
        key: API key, kept out of `detail`.
    """
    parsed = _json(body)
    fields: Mapping[str, Any] = parsed if isinstance(parsed, Mapping) else {}
    choices = fields.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    error = error_of(fields) or error_of(choice)
    if error is not None:
        return read_error(status_of(error), error, key)
    if not isinstance(choice, Mapping):
        what = "a page or text instead of JSON" if isinstance(parsed, str) else "no choices in the reply"
        return Reply(Outcome.BAD_RESPONSE, detail=what)
    usage = fields.get("usage")
    counts = usage if isinstance(usage, Mapping) else {}
    details = counts.get("completion_tokens_details")
    return replace(
        _read_choice(choice, key),
        served_model=text_or_none(fields.get("model")),
        prompt_tokens=count_or_none(counts.get("prompt_tokens")),
        completion_tokens=count_or_none(counts.get("completion_tokens")),
        reasoning_tokens=count_or_none(details.get("reasoning_tokens")) if isinstance(details, Mapping) else None,
    )


def _read_choice(choice: Mapping[str, Any], key: str) -> Reply:
    found = choice.get("message")
    message: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    finish = text_or_none(choice.get("finish_reason"))
    reply = Reply(Outcome.ANSWERED, finish_reason=finish)
    if not finish:
        return replace(reply, outcome=Outcome.BAD_RESPONSE, detail="the reply does not say whether the model had ended")
    ended = FINISHED.get(finish.strip().lower().partition(":")[0])
    if ended is None:
        said = f"the server broke off with finish reason {finish!r}"
        return replace(reply, outcome=Outcome.SERVER_ERROR, detail=scrub(said, key))
    content, refusal = message.get("content"), message.get("refusal")
    if isinstance(refusal, str) and refusal:
        text = content if isinstance(content, str) and content else refusal
        return replace(reply, outcome=Outcome.REFUSED, text=text)
    # No content is the model's own: the endpoint says that the model had finished.
    if not isinstance(content, str | None):
        return replace(reply, outcome=Outcome.BAD_RESPONSE, detail="the message has no text")
    return replace(reply, outcome=ended, text=content or "")


def _json(body: object) -> object:
    """The JSON of a body that came as text, for want of its content type."""
    if not isinstance(body, str) or not body.lstrip().startswith("{"):
        return body
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body


_QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_FILTER_CODES = frozenset({"content_filter", "content_policy_violation", "invalid_prompt"})
_BY_STATUS = {
    401: Outcome.BAD_KEY,
    402: Outcome.QUOTA_EXHAUSTED,
    403: Outcome.BAD_KEY,
    404: Outcome.UNKNOWN_MODEL,
    408: Outcome.SERVER_ERROR,
    409: Outcome.SERVER_ERROR,
    429: Outcome.RATE_LIMITED,
}
_OVERLOADED = frozenset({429, 503, 529})


def error_of(body: object) -> Mapping[str, Any] | None:
    """The error that a body or a choice carries, None where there is none."""
    error = body.get("error") if isinstance(body, Mapping) else None
    if isinstance(error, Mapping):
        return error
    return {"message": error} if isinstance(error, str) and error else None


def status_of(error: Mapping[str, Any]) -> int:
    """The HTTP status that an error names inside a reply of status 200; 500 where it names none."""
    code = error.get("code")
    number = int(code) if isinstance(code, int) or (isinstance(code, str) and code.isdecimal()) else 0
    return number if 400 <= number < 600 else 500


def read_error(status: int, error: Mapping[str, Any], key: str = "") -> Reply:
    """Outcome of an HTTP error.

    Args:
        status: HTTP status, 400 or above.
        error: OpenAI's error object: `code`, `type` and `message`, as far as they are there.
        key: API key, kept out of `detail`.
    """
    code = text_or_none(error.get("code"))
    if {code, text_or_none(error.get("type"))} & _QUOTA_CODES:
        outcome = Outcome.QUOTA_EXHAUSTED
    elif code == "model_not_found":
        outcome = Outcome.UNKNOWN_MODEL
    elif status < 500 and code in _FILTER_CODES:
        outcome = Outcome.FILTERED
    else:
        outcome = _BY_STATUS.get(status, Outcome.SERVER_ERROR if status >= 500 else Outcome.BAD_REQUEST)
    # Messages about a wrong key quote it, more or less masked.
    said = text_or_none(error.get("message")) if status != 401 else None
    return Reply(
        outcome,
        detail=scrub(" ".join(part for part in (f"HTTP {status}", code, said) if part), key),
        overloaded=status in _OVERLOADED and outcome is not Outcome.QUOTA_EXHAUSTED,
    )


def text_or_none(value: object) -> str | None:
    """A value that is text."""
    return value if isinstance(value, str) else None


def count_or_none(value: object) -> int | None:
    """A value that is a whole number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
