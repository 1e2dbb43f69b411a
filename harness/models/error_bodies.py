"""What an error says, in whatever wrapper it comes.

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

_MESSAGES = frozenset({"message", "msg", "detail", "error", "error_description", "title", "raw"})
_CODES = frozenset({"code", "type", "status", "reason"})
_MOMENTS = frozenset({"x-ratelimit-reset", "retry-after", "retry_after", "retry_after_seconds"})
_ECHOES = frozenset({"input", "flagged_input", "messages", "request"})  # what was sent, repeated: no words of the error
_DEEPEST, _MOST = 8, 500  # levels and values looked at
_LONGEST = 2000  # characters of a message: far beyond what is kept, so that no key is cut in two


@dataclass(slots=True)
class ErrorBody:
    """The parts of an error body, wherever they stood.

    Attributes:
        messages: In the server's words, in their order, each once.
        codes: Error codes and types in lower case; `flagged_input` where a field is called so.
        fields: Names of fields of the request that it complains of (`param`, `loc`), such as `messages.0.role`.
        delay_s: Seconds that it asks to wait (Google's RetryInfo, OpenRouter's X-RateLimit-Reset), None for none.
    """

    messages: list[str] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    delay_s: float | None = None

    @property
    def text(self) -> str:
        """All messages."""
        return "; ".join(self.messages)


def read_error_body(body: object) -> ErrorBody:
    """Walk an error body of any shape, in bounded time."""
    found = ErrorBody()
    left = _MOST
    waiting: list[tuple[str, object, int]] = [("message", body, 0)]
    while waiting and left:
        left -= 1
        name, value, depth = waiting.pop()
        if isinstance(value, str) and depth < _DEEPEST and value.lstrip()[:1] in ("{", "["):
            try:
                value = json.loads(value)  # an error that another one carries as text
                depth += 1
            except (ValueError, RecursionError):
                pass
        if isinstance(value, Mapping) and depth < _DEEPEST:
            place = value.get("loc")
            if isinstance(place, list):  # FastAPI: ["body", "seed"]
                found.fields.add(".".join(str(one) for one in place if one != "body"))
            below = [(str(key).lower(), one, depth + 1) for key, one in value.items()]
            found.codes.update(key for key, *_ in below if key == "flagged_input")
            waiting.extend(reversed([one for one in below if one[0] not in _ECHOES]))
        elif isinstance(value, list) and depth < _DEEPEST:
            waiting.extend((name, one, depth + 1) for one in reversed(value[:_MOST]))
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            _take(found, name, str(value))
    return found


def _take(found: ErrorBody, name: str, value: str) -> None:
    if name in _CODES and value:
        found.codes.add(value.lower())
    elif name in ("param", "parameter") and value:
        found.fields.add(value)
    elif name == "retrydelay":
        found.delay_s = duration(value)
    elif name in _MOMENTS:
        found.delay_s = time_until(value)
    elif name in _MESSAGES and value.strip() and value not in found.messages:
        found.messages.append(value[:_LONGEST])


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds by retry-after-ms, or by Retry-After in seconds or as a date (RFC 9110, 10.2.3). Nought says nothing."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        seconds = duration(headers.get(name, ""))
        if seconds is not None:
            return seconds * unit
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(headers.get("retry-after", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, moment - time.time()) or None


_RESETS = ("x-ratelimit-reset-requests", "x-ratelimit-reset-tokens", "x-ratelimit-reset", "ratelimit-reset")


def until_reset(headers: Mapping[str, str]) -> float | None:
    """Seconds until a limit of the rate is counted anew.

    Of several counts one is used up, which is not said; the one that begins anew last is safe.
    """
    return max((left for name in _RESETS if (left := time_until(headers.get(name, "")))), default=None)


_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)(ms|s)?)?", re.ASCII)


def duration(text: str) -> float | None:
    """Seconds of `38s`, `1m2.5s`, `250ms` or a bare number; None for anything else and for nothing at all to wait."""
    found = _DURATION.fullmatch(text.strip().lower()) if len(text) < 40 else None
    if not found:
        return None
    hours, minutes, number, unit = found.groups()
    total = int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(number or 0) * (0.001 if unit == "ms" else 1.0)
    return total if 0 < total < math.inf else None


_EPOCH = 1e9  # what is larger is a Unix time, not a number of seconds


def time_until(text: str) -> float | None:
    """Seconds to a moment that is given as Unix time in seconds or milliseconds, or as a duration."""
    value = duration(text)
    if value is None or value < _EPOCH:
        return value
    left = (value / 1000 if value > 1000 * _EPOCH else value) - time.time()
    return left if left > 0 else None
