"""What came of one attempt, and how the body of a chat completion is read, whatever server or gateway wrote it.

An answer counts only with a finish reason that is known to mean "the model ended it". Status 200 alone says nothing:
gateways use it for half an answer and for errors too. Nothing heavy is imported here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from typing import Any

from harness.models.error_bodies import read_error_body, retry_after, until_reset
from harness.models.outcomes import LARGEST, Completion, Outcome
from harness.models.parameters import refused
from harness.text import redacted_line, without

THOUGHTS_LEFT_OUT = "thoughts before the answer left out"  # in `Completion.adapted`


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one attempt. Other fields as in `harness.models.outcomes.Completion`.

    Attributes:
        retry_after_s: Seconds the endpoint asks to wait, None where it says nothing.
        overloaded: The endpoint says that it gets too much.
        refused: Parts of the request that the endpoint does not take, by the names of `harness.models.parameters`.
        calls: Arguments of the tool calls in it, as they came.
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
    raw: str = ""
    reasoning_tokens: int | None = None
    retry_after_s: float | None = None
    overloaded: bool = False
    refused: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()

    def shared(self) -> dict[str, Any]:
        """The fields that a completion has, too."""
        return {name: getattr(self, name) for name in SHARED}


SHARED = tuple({one.name for one in fields(Reply)} & {one.name for one in fields(Completion)})

# The finish reasons that say how the model ended, as servers spell them (lower case). Every other one, such as
# `error` (OpenRouter, Mistral), `abort` (vLLM), `network_error` (Z.AI) or `insufficient_system_resource` (DeepSeek),
# says that the server broke off, whatever text there is.
_FINISHED = {
    reason: outcome
    for outcome, reasons in {
        Outcome.ANSWERED: "stop eos eos_token end_turn stop_sequence complete completed tool_calls tool_call tool_use "
        "function_call",
        Outcome.TRUNCATED: "length max_tokens model_length max_output_tokens token_limit max_length "
        "model_context_window_exceeded",
        Outcome.FILTERED: "content_filter content_filtered safety guardrail_intervened prohibited_content blocklist "
        "recitation spii error_toxic sensitive",
        Outcome.REFUSED: "refusal",
    }.items()
    for reason in reasons.split()
}


def read_body(body: object, *secrets: str, strip_reasoning: bool = True) -> Reply:
    """Outcome of a body that came with status 200; of any shape, since servers differ and proxies interfere.

    Args:
        body: The parsed JSON, or the text of something that is none.
        secrets: Keys, kept out of every field.
        strip_reasoning: Leave out of the text what the model thought before its answer; `Reply.raw` keeps it.
    """
    if isinstance(body, str) and body.lstrip().startswith("{"):  # JSON that came as text, for want of a content type
        with suppress(ValueError, RecursionError):
            body = json.loads(body)
    fields = table(body)
    choices = fields.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    for error in (fields.get("error"), table(choice).get("error")):
        if isinstance(error, Mapping | str | list) and error:
            return read_error(200, error, *secrets)
    if isinstance(choice, Mapping):
        message = table(choice.get("message"))
        finish = text_of(choice.get("finish_reason"))
        reply = _ended(finish, message.get("content"), text_of(message.get("refusal")), *secrets)
        made = message.get("tool_calls")
        calls = [table(table(call).get("function")) for call in made] if isinstance(made, list) else []
    elif isinstance(fields.get("output"), list):
        # The Responses API: a status with a reason, and the messages among the items of its output.
        finish = text_of(table(fields.get("incomplete_details")).get("reason")) or text_of(fields.get("status"))
        contents = [table(item).get("content") for item in fields["output"] if table(item).get("type") == "message"]
        parts = [part for content in contents if isinstance(content, list) for part in content]
        reply = _ended(finish, parts, "", *secrets)
        calls = [item for one in fields["output"] if (item := table(one)).get("type") == "function_call"]
    else:
        what = "a page or text instead of JSON" if isinstance(body, str) else "no choices in the reply"
        return Reply(Outcome.BAD_RESPONSE, detail=what)
    usage = table(fields.get("usage"))
    details = usage.get("completion_tokens_details") or usage.get("output_tokens_details")
    reply = replace(
        reply,
        text=without(reply.text, *secrets),
        finish_reason=redacted_line(reply.finish_reason, *secrets) if reply.finish_reason else None,
        served_model=redacted_line(model, *secrets) if (model := text_of(fields.get("model"))) else None,
        prompt_tokens=_count(usage.get("prompt_tokens", usage.get("input_tokens"))),
        completion_tokens=_count(usage.get("completion_tokens", usage.get("output_tokens"))),
        reasoning_tokens=_count((details if isinstance(details, Mapping) else usage).get("reasoning_tokens")),
        calls=tuple(without(text, *secrets) for call in calls if (text := text_of(call.get("arguments")))),
    )
    answer = without_reasoning(reply.text) if strip_reasoning else reply.text
    return reply if answer == reply.text else replace(reply, text=answer, raw=reply.text, adapted=(THOUGHTS_LEFT_OUT,))


def _ended(finish: str, content: object, refusal: str, *secrets: str) -> Reply:
    """Outcome by the finish reason; text by the content: a text, parts of which the thoughts are left out, or none.

    No text at all is the model's own answer where the endpoint says that the model had finished.
    """
    reply = Reply(Outcome.BAD_RESPONSE, finish_reason=finish)
    if not finish:
        return replace(reply, detail="the reply does not say whether the model had ended")
    outcome = _FINISHED.get(finish.strip().lower().partition(":")[0])
    if outcome is None:
        detail = redacted_line(f"the server broke off with finish reason {finish!r}", *secrets)
        return replace(reply, outcome=Outcome.SERVER_ERROR, detail=detail)
    text = declined = ""
    parts = content if isinstance(content, list) else [] if content is None else [{"type": "text", "text": content}]
    for part in parts:
        kind = "text" if isinstance(part, str) else table(part).get("type")
        if kind in ("text", "output_text"):
            piece = part if isinstance(part, str) else part.get("text")
            if not isinstance(piece, str):
                return replace(reply, detail="the message has no text")
            text += piece
        elif kind == "refusal":
            declined += text_of(part.get("refusal"))
        elif not isinstance(kind, str):
            return replace(reply, detail="the message has no text")
    refusal = refusal or declined
    if refusal:
        return replace(reply, outcome=Outcome.REFUSED, text=text or refusal)
    return replace(reply, outcome=outcome, text=text)


# Qwen and DeepSeek, Magistral, Seed-OSS, Kimi, and others
_OPENINGS = re.compile(
    r"\s*(?:<(?:think|thinking|thought|reasoning|seed:think)>|\[THINK\]|<\|begin_of_thought\|>|◁think▷)", re.IGNORECASE
)
_CLOSINGS = re.compile(
    r"</(?:think|thinking|thought|reasoning|seed:think)>|\[/THINK\]|<\|end_of_thought\|>|◁/think▷", re.IGNORECASE
)
# gpt-oss: <|channel|>analysis<|message|>...<|end|><|start|>assistant<|channel|>final<|message|>...<|return|>
_CHANNEL = re.compile(r"<\|channel\|>\s{0,8}(\w{1,20})[^<]{0,99}<\|message\|>")
_CHANNEL_END = re.compile(r"<\|(?:end|return|start|call)\|>")
_BARE_CHANNELS = ("analysis", "assistantfinal")  # the same with its marks taken out


def without_reasoning(text: str) -> str:
    """The answer in a text in which the server left what the model thought; empty where it never came to an answer.

    What stands behind the last closing mark is the answer, and what stands behind an opening mark that is never closed
    is thought. A text without marks, or with marks inside its list, is left as it is.
    """
    channels = list(_CHANNEL.finditer(text))
    if channels:
        last = channels[-1]
        return _CHANNEL_END.split(text[last.end() :], maxsplit=1)[0].strip() if last[1] == "final" else ""
    opened = _OPENINGS.match(text)
    closings = list(_CLOSINGS.finditer(text))
    if closings:
        behind = text[closings[-1].end() :].strip()
        inside = not opened and text.lstrip().startswith("[") and not behind.startswith(("[", "`"))
        return text if inside else behind
    if opened:
        return ""
    analysis, final = _BARE_CHANNELS
    if text.lstrip().startswith(analysis) and final in text:
        return text.rpartition(final)[2].strip()
    return text


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
_NO_HEADERS: Mapping[str, str] = {}


def read_error(status: int, body: object, *secrets: str, headers: Mapping[str, str] = _NO_HEADERS) -> Reply:
    """Outcome of an HTTP error.

    Args:
        status: HTTP status; 200 for an error inside a reply of that status, whose own code decides then.
        body: Of the error, in whatever wrapper; None for none.
        secrets: Keys, kept out of `detail`.
        headers: They may say how long to wait.
    """
    error = read_error_body(body)
    inner = next((int(code) for code in sorted(error.codes) if re.fullmatch("[45][0-9][0-9]", code)), 500)
    known = status if status >= 400 else inner
    filtered = known in (400, 403, 422, 451) and bool(_FILTERED.search(error.text)) and not _ACCOUNT.search(error.text)
    if error.codes & _QUOTA_CODES:
        outcome = Outcome.QUOTA_EXHAUSTED
    elif "model_not_found" in error.codes:
        outcome = Outcome.UNKNOWN_MODEL
    elif (known < 500 and error.codes & _FILTER_CODES) or "flagged_input" in error.codes or filtered:
        outcome = Outcome.FILTERED
    else:
        outcome = _BY_STATUS.get(known, Outcome.SERVER_ERROR if known >= 500 else Outcome.BAD_REQUEST)
    wait_s = retry_after(headers) or error.delay_s
    if wait_s is None and outcome is Outcome.RATE_LIMITED:
        wait_s = until_reset(headers)
    # Messages about a wrong key quote it, more or less masked.
    words = error.text if known != 401 else ""
    named = [name for name in sorted(error.fields) if name not in words]
    codes = [code for code in sorted(error.codes) if not code.isdecimal() and code not in words.lower()]
    detail = " ".join(part for part in (f"HTTP {status}", *codes[:2], words, *named[:3]) if part)
    return Reply(
        outcome,
        detail=redacted_line(detail, *secrets),
        overloaded=known in _OVERLOADED and outcome is not Outcome.QUOTA_EXHAUSTED,
        retry_after_s=wait_s,
        refused=refused(error) if outcome in _MAY_BE_ADAPTED else (),
    )


def read_result(record: Mapping[str, Any], *secrets: str, strip_reasoning: bool = True) -> Reply:
    """What a line of a batch's output or error file says; secrets and `strip_reasoning` as in `read_body`."""
    response = record.get("response")
    if isinstance(response, Mapping):
        status, body = response.get("status_code"), response.get("body")
        if status == 200:
            return read_body(body, *secrets, strip_reasoning=strip_reasoning)
        return read_error(status if isinstance(status, int) else 500, body, *secrets)
    # The provider never had an answer: the batch ran out of time, or it failed on its side.
    said = read_error_body(record.get("error"))
    detail = redacted_line(" ".join((*sorted(said.codes), said.text)), *secrets)
    if said.codes & {"batch_expired", "batch_cancelled"}:
        return Reply(Outcome.TIMEOUT, detail=detail)
    reply = read_error(400, record.get("error"), *secrets)
    # Nothing says that the request itself is at fault, so it is worth asking again.
    outcome = Outcome.SERVER_ERROR if reply.outcome is Outcome.BAD_REQUEST else reply.outcome
    return replace(reply, outcome=outcome, detail=detail or "no response")


def table(value: object) -> Mapping[str, Any]:
    """A JSON object, or an empty one in place of anything else."""
    return value if isinstance(value, Mapping) else {}


def text_of(value: object) -> str:
    """A string, or an empty one in place of anything else."""
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    """A number of tokens; None where it is none, or cannot be."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST else None
