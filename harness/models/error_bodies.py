"""What an error body says, in whatever wrapper it comes.

OpenAI's object, FastAPI's detail list, Google's list, a gateway's own, or one inside another as text: the whole body is
walked, so no shape has to be foreseen.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_MESSAGES = frozenset({"message", "msg", "detail", "error", "error_description", "title", "raw"})
_CODES = frozenset({"code", "type", "status", "reason"})
_ECHOES = frozenset({"input", "flagged_input", "messages", "request"})  # what was sent, repeated: not said of it
_DEEPEST, _MOST = 8, 500  # levels and values looked at


@dataclass(slots=True)
class Said:
    """The parts of an error body, wherever they stood.

    Attributes:
        messages: In the server's words, in their order, each once.
        codes: Error codes and types in lower case.
        fields: Names of body fields that it complains of (`param`, `loc`), joined by dots, such as `messages.0.role`.
        names: Every name of a field in the error body itself, in lower case.
        delay_s: Seconds that it asks to wait (Google's RetryInfo, OpenRouter's X-RateLimit-Reset), None for none.
    """

    messages: list[str] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    delay_s: float | None = None

    @property
    def text(self) -> str:
        """All messages."""
        return "; ".join(self.messages)


def read_said(body: object) -> Said:
    """Walk an error body of any shape."""
    said = Said()
    left = _MOST
    waiting: list[tuple[str, object, int]] = [("message", body, 0)]
    while waiting and left:
        left -= 1
        name, value, depth = waiting.pop()
        if isinstance(value, str):
            inner = _json(value) if depth < _DEEPEST else None
            if inner is not None:
                waiting.append((name, inner, depth + 1))
            else:
                _take(said, name, value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            _take(said, name, str(value))
        elif depth < _DEEPEST and isinstance(value, Mapping):
            _take_mapping(said, value)
            below = [(str(key).lower(), one, depth + 1) for key, one in value.items()]
            waiting.extend(reversed([one for one in below if one[0] not in _ECHOES]))
        elif depth < _DEEPEST and isinstance(value, list):
            waiting.extend((name, one, depth + 1) for one in reversed(value[:_MOST]))
    return said


def _take_mapping(said: Said, value: Mapping[Any, Any]) -> None:
    said.names.update(str(key).lower() for key in value)
    place = value.get("loc")
    if isinstance(place, list):  # FastAPI: ["body", "seed"]
        said.fields.add(".".join(str(one) for one in place if one != "body"))


def _take(said: Said, name: str, value: str) -> None:
    if name in _CODES and value:
        said.codes.add(value.lower())
    elif name in ("param", "parameter") and value:
        said.fields.add(value)
    elif name == "retrydelay":
        said.delay_s = seconds_of(value)
    elif name in ("x-ratelimit-reset", "retry-after", "retry_after", "retry_after_seconds"):
        said.delay_s = until(value)
    elif name in _MESSAGES and value.strip() and value not in said.messages:
        said.messages.append(value)


def _json(text: str) -> object:
    """An error that another one carries as text."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        inner = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return inner if isinstance(inner, dict | list) else None


_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)(ms|s)?)?", re.ASCII)


def seconds_of(text: str) -> float | None:
    """Seconds of `38s`, `1m2.5s`, `250ms` or a bare number; None for anything else and for nothing at all to wait."""
    found = _DURATION.fullmatch(text.strip().lower()) if len(text) < 40 else None
    if not found:
        return None
    hours, minutes, number, unit = found.groups()
    total = int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(number or 0) * (0.001 if unit == "ms" else 1.0)
    return total if 0 < total < math.inf else None


_EPOCH = 1e9  # what is larger is a Unix time, not a number of seconds


def until(text: str) -> float | None:
    """Seconds to a moment that is given as Unix time in seconds or milliseconds, or as a duration."""
    value = seconds_of(text)
    if value is None or value < _EPOCH:
        return value
    left = (value / 1000 if value > 1000 * _EPOCH else value) - time.time()
    return left if left > 0 else None
