"""What came of one attempt, and how the body of a chat completion is read, whatever server or gateway wrote it.

An answer counts only with a finish reason that is known to mean "the model ended it". Status 200 alone says nothing:
gateways use it for half an answer and for errors too. Nothing heavy is imported here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.models.error_bodies import read_said
from harness.models.outcomes import Outcome
from harness.models.parameters import refused
from harness.models.reasoning import without_reasoning
from harness.models.scrub import scrub


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one attempt. Fields as in `harness.models.outcomes.Completion`.

    Attributes:
        retry_after_s: Seconds the endpoint asks to wait, None where it says nothing.
        overloaded: The endpoint says that it gets too much.
        refused: Parts of the request that the endpoint does not take, by the names of `harness.models.parameters`.
    """

    outcome: Outcome
    text: str = ""
    detail: str = ""
    finish_reason: str | None = None
    served_model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    latency_s: float = 0.0
    adapted: tuple[str, ...] = ()
    retry_after_s: float | None = None
    overloaded: bool = False
    raw: str = ""
    reasoning_tokens: int | None = None
    refused: tuple[str, ...] = ()


# The finish reasons that say how the model ended, as servers spell them (lower case). Every other one, such as
# `error` (OpenRouter, Mistral), `abort` (vLLM), `network_error` (Z.AI) or `insufficient_system_resource` (DeepSeek),
# says that the server broke off, whatever text there is.
FINISHED = {
    **dict.fromkeys(("stop", "eos", "eos_token", "end_turn", "stop_sequence"), Outcome.ANSWERED),
    **dict.fromkeys(("complete", "completed"), Outcome.ANSWERED),
    **dict.fromkeys(("tool_calls", "tool_call", "tool_use", "function_call"), Outcome.ANSWERED),
    **dict.fromkeys(("length", "max_tokens", "model_length", "max_output_tokens", "token_limit"), Outcome.TRUNCATED),
    **dict.fromkeys(("max_length", "model_context_window_exceeded"), Outcome.TRUNCATED),
    **dict.fromkeys(("content_filter", "content_filtered", "safety", "guardrail_intervened"), Outcome.FILTERED),
    **dict.fromkeys(("prohibited_content", "blocklist", "recitation", "spii", "error_toxic"), Outcome.FILTERED),
    **dict.fromkeys(("sensitive",), Outcome.FILTERED),
    "refusal": Outcome.REFUSED,
}


def read_body(body: object, *secrets: str, strip_reasoning: bool = True) -> Reply:
    """Outcome of a body that came with status 200; of any shape, since servers differ and proxies interfere.

    Args:
        body: The parsed JSON, or the text of something that is none.
        secrets: Keys, kept out of `detail`.
        strip_reasoning: Leave out of the text what the model thought before its answer.
    """
    parsed = _json(body)
    fields: Mapping[str, Any] = parsed if isinstance(parsed, Mapping) else {}
    choices = fields.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    error = _error_of(fields) or _error_of(choice)
    if error is not None:
        return read_error(200, error, *secrets)
    if isinstance(choice, Mapping):
        reply = _read_choice(choice)
    elif isinstance(fields.get("output"), list):
        reply = _read_response(fields)
    else:
        what = "a page or text instead of JSON" if isinstance(parsed, str) else "no choices in the reply"
        return Reply(Outcome.BAD_RESPONSE, detail=what)
    reply = _counted(replace(reply, served_model=_text(fields.get("model"))), fields.get("usage"))
    return _answer_alone(reply) if strip_reasoning else reply


def _read_choice(choice: Mapping[str, Any]) -> Reply:
    """Of a chat completion."""
    found = choice.get("message")
    message: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    return _ended(_text(choice.get("finish_reason")), message.get("content"), _text(message.get("refusal")))


def _read_response(response: Mapping[str, Any]) -> Reply:
    """Of the Responses API: a status with a reason, and the messages among the items of its output."""
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, Mapping) else None
    items = [one for one in response["output"] if isinstance(one, Mapping) and one.get("type") == "message"]
    contents = [one.get("content") for one in items]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    return _ended(_text(reason) or _text(response.get("status")), parts, None)


def _ended(finish: str | None, content: object, refusal: str | None) -> Reply:
    """Outcome by the finish reason, text by the content: a text, parts of which the thoughts are left out, or none."""
    reply = Reply(Outcome.BAD_RESPONSE, finish_reason=finish)
    if not finish:
        return replace(reply, detail="the reply does not say whether the model had ended")
    outcome = FINISHED.get(finish.strip().lower().partition(":")[0])
    if outcome is None:
        said = scrub(f"the server broke off with finish reason {finish!r}")
        return replace(reply, outcome=Outcome.SERVER_ERROR, detail=said)
    parts = content if isinstance(content, list) else [] if content is None else [{"type": "text", "text": content}]
    texts = [one if isinstance(one, str) else _part(one) for one in parts]
    if None in texts:
        return replace(reply, detail="the message has no text")
    text = "".join(one for one in texts if one)
    declined = [_text(one.get("refusal")) for one in parts if isinstance(one, Mapping) and one.get("type") == "refusal"]
    refusal = refusal or "".join(one for one in declined if one)
    if refusal:
        return replace(reply, outcome=Outcome.REFUSED, text=text or refusal)
    # No text is the model's own: the endpoint says that the model had finished.
    return replace(reply, outcome=outcome, text=text)


def _part(part: object) -> str | None:
    """The text of a part; empty for thoughts and other kinds, None for what is no part."""
    if not isinstance(part, Mapping):
        return None
    if part.get("type") in ("text", "output_text"):
        return _text(part.get("text"))
    return "" if isinstance(part.get("type"), str) else None


def _answer_alone(reply: Reply) -> Reply:
    """The reply without the model's thoughts, which `raw` keeps."""
    text = without_reasoning(reply.text)
    return reply if text == reply.text else replace(reply, text=text, raw=reply.text, adapted=(THOUGHTS_LEFT_OUT,))


THOUGHTS_LEFT_OUT = "thoughts before the answer left out"  # in `Completion.adapted`


def _counted(reply: Reply, usage: object) -> Reply:
    """The reply with its tokens, under the names of either API."""
    found = usage if isinstance(usage, Mapping) else {}
    details = found.get("completion_tokens_details") or found.get("output_tokens_details")
    thought = details if isinstance(details, Mapping) else found
    return replace(
        reply,
        prompt_tokens=_count(found.get("prompt_tokens", found.get("input_tokens"))),
        completion_tokens=_count(found.get("completion_tokens", found.get("output_tokens"))),
        reasoning_tokens=_count(thought.get("reasoning_tokens")),
    )


def _json(body: object) -> object:
    """The JSON of a body that came as text, for want of its content type."""
    if not isinstance(body, str) or not body.lstrip().startswith("{"):
        return body
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body


def _error_of(body: object) -> object:
    """The error that a body or a choice of status 200 carries, None where there is none."""
    error = body.get("error") if isinstance(body, Mapping) else None
    return error if isinstance(error, Mapping | str | list) and error else None


_QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_FILTER_CODES = frozenset(
    {"content_filter", "content_policy_violation", "invalid_prompt", "data_inspection_failed", "moderation_blocked"}
)
# Words of a filter, in replies to one request. An account that is flagged is another matter.
_FILTERED = re.compile(
    r"\b(?:input|prompt|request|content|message|text|command)s?\b[^.;]{0,60}\bflagged\b|\bmoderation\b"
    r"|\bcontent[ _-](?:filter|polic|management|safety)|\binappropriate content|\bsafety (?:system|filter|check)",
    re.IGNORECASE,
)
_ACCOUNT = re.compile(r"\b(?:account|organi[sz]ation|api[ _-]?key|subscription|billing)\b", re.IGNORECASE)
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
_MAY_BE_ADAPTED = frozenset({Outcome.BAD_REQUEST, Outcome.UNKNOWN_MODEL, Outcome.SERVER_ERROR, Outcome.BAD_KEY})


def read_error(status: int, body: object, *secrets: str) -> Reply:
    """Outcome of an HTTP error.

    Args:
        status: HTTP status; 200 for an error inside a reply of that status, whose own code decides then.
        body: Of the error, in whatever wrapper; None for none.
        secrets: Keys, kept out of `detail`.
    """
    said = read_said(body)
    inner = next((int(code) for code in sorted(said.codes) if re.fullmatch("[45][0-9][0-9]", code)), 500)
    known = status if status >= 400 else inner
    filtered = known in (400, 403, 422, 451) and bool(_FILTERED.search(said.text)) and not _ACCOUNT.search(said.text)
    if said.codes & _QUOTA_CODES:
        outcome = Outcome.QUOTA_EXHAUSTED
    elif "model_not_found" in said.codes:
        outcome = Outcome.UNKNOWN_MODEL
    elif (known < 500 and said.codes & _FILTER_CODES) or "flagged_input" in said.names or filtered:
        outcome = Outcome.FILTERED
    else:
        outcome = _BY_STATUS.get(known, Outcome.SERVER_ERROR if known >= 500 else Outcome.BAD_REQUEST)
    # Messages about a wrong key quote it, more or less masked.
    words = said.text if known != 401 else ""
    named = [name for name in sorted(said.fields) if name not in words]
    codes = [code for code in sorted(said.codes) if not code.isdecimal() and code not in words.lower()]
    return Reply(
        outcome,
        detail=scrub(" ".join(part for part in (f"HTTP {status}", *codes[:2], words, *named[:3]) if part), *secrets),
        overloaded=known in _OVERLOADED and outcome is not Outcome.QUOTA_EXHAUSTED,
        retry_after_s=said.delay_s,
        refused=refused(said) if outcome in _MAY_BE_ADAPTED else (),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
