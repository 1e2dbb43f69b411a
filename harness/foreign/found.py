"""What every format yields: an answer as another tool kept it, and how a row says which case it answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.models.outcomes import LARGEST, Outcome
from harness.models.replies import Reply, read_body, read_error, read_result, table, text_of

Row = Mapping[str, Any]
_IDS = ("case_id", "id", "custom_id", "sample_id")
_STATUS = re.compile(r"(?:error|code|status)\D{0,10}([45]\d\d)\b", re.IGNORECASE)
_DEPTH = 4  # of tables within tables in which a command is looked for


def has_our_names(names: Iterable[str]) -> bool:
    """Whether a JSON line or the columns of a table are a record of ours, or the short form of one."""
    known = frozenset(names)
    return known >= {"outcome", "case_id"} or (
        known >= {"id", "output"} and known.isdisjoint({"command", "messages", "object"})
    )


@dataclass(frozen=True, slots=True)
class Found:
    """One row of a file.

    Attributes:
        reply: Text and outcome, by the rules of a live reply; without a finish reason where the file has none.
        ids: What may be the id of the case.
        texts: What may be its command.
        model: Who answered, empty where the file does not say.
        sample: 0-based number among the answers to the case, None where only the order says.
        prompt: Which of several prompts of the same model was used: another one makes another arm.
        filtered: Name of the filter that a copy of the same answer went through.
        place: Line, or the name of a part of the file.
        fault: Why the row is no answer; all else is empty then.
    """

    reply: Reply
    ids: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    model: str = ""
    sample: int | None = None
    prompt: str = ""
    filtered: str = ""
    place: int | str = 0
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Format:
    """A format of another tool: whether a row is of it, and its answers; a ValueError of `read` says why none."""

    name: str
    fits: Callable[[Row], bool]
    read: Callable[[Row], Iterator[Found]]


def count_of(value: object) -> int | None:
    """A whole number from 0 to what is kept of one, also written as text."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 19:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST else None


def ids_in(*values: object) -> tuple[str, ...]:
    """Ids that rows or parts of them name."""
    named = (table(value).get(key) for value in values for key in _IDS)
    return tuple(str(one) for one in named if isinstance(one, str | int) and one != "")


def texts_in(value: object, depth: int = _DEPTH) -> tuple[str, ...]:
    """What may be a command: a text, the user's last message, an object's `command` or else any text in it."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        asked = [one for one in value if table(one).get("role") == "user"]
        return (content_of(asked[-1].get("content")),) if asked else ()
    fields = table(value) if depth else {}
    if isinstance(fields.get("command"), str):
        return (fields["command"],)
    return tuple(text for one in fields.values() for text in texts_in(one, depth - 1))


def content_of(content: object) -> str:
    """The text of a message: a string, or the texts among its parts."""
    parts = content if isinstance(content, list) else [content]
    return "".join(part if isinstance(part, str) else text_of(table(part).get("text")) for part in parts)


def reply_of(
    content: object,
    finish: object = None,
    *,
    error: object = None,
    refusal: object = None,
    model: object = None,
    usage: object = None,
    latency_s: object = None,
) -> Reply:
    """A reply by the rules of a live one; where nothing says how the model ended, any text is an answer.

    Args are as in a chat completion, but for `error`: what the other tool noted in place of an answer.
    """
    if error:
        status = _STATUS.search(str(error)[:500])  # a filter answers with 400, and what it says is the model's answer
        said = error if isinstance(error, str | Mapping) else str(error)
        return read_error(int(status[1]), said) if status else read_result({"error": said})
    finish = text_of(finish)
    if not finish and not content and not refusal:
        return Reply(Outcome.BAD_RESPONSE, detail="no text, and nothing that says how the model ended")
    choice = {"message": {"content": content, "refusal": refusal}, "finish_reason": finish or "stop"}
    reply = read_body({"choices": [choice], "usage": usage, "model": model})
    seconds = float(latency_s) if isinstance(latency_s, int | float) and 0 <= latency_s < 1e9 else 0.0
    return replace(reply, finish_reason=finish or None, latency_s=seconds)
