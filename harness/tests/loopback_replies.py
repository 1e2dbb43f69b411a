"""What the loopback server can answer: JSON, other bodies, and the ways in which a network can fail."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_ids = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete HTTP reply: `body` is sent as it is if bytes, as JSON otherwise."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    def encoded(self) -> bytes:
        """The body's bytes."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True, slots=True)
class Fault:
    """Something going wrong with one request.

    Attributes:
        kind: `reply` sends `reply` in place of the answer. The others first do the work, then lose the answer:
            `reset` sends a TCP reset, `close` ends the connection without a byte, `short` promises the whole body
            and stops half way, `slow` waits `seconds` before the answer, `drip` sends it bytewise over `seconds`.
        reply: For `reply`.
        seconds: For `slow` and `drip`.
    """

    kind: str
    reply: Reply | None = None
    seconds: float = 0.0


RESET = Fault("reset")
CLOSE = Fault("close")
SHORT_BODY = Fault("short")
HTML_PAGE = Fault("reply", Reply(200, b"<!doctype html><title>Sign in</title>", content_type="text/html"))
TRUNCATED_JSON = Fault("reply", Reply(200, b'{"id": "chatcmpl-1", "object": "chat.completion", "choi'))
EMPTY_OBJECT = Fault("reply", Reply(200, {}))


def slow(seconds: float) -> Fault:
    """The answer comes after `seconds`."""
    return Fault("slow", seconds=seconds)


def drip(seconds: float) -> Fault:
    """The answer trickles in over `seconds`, so that no single read times out."""
    return Fault("drip", seconds=seconds)


def status(code: int, error_code: str | None = None, **extra: Any) -> Fault:
    """An error in OpenAI's shape.

    Args:
        code: HTTP status.
        error_code: `error.code`.
        extra: `message`, `param`, `type` of the error; `headers` of the reply.
    """
    headers = extra.pop("headers", {})
    error = {"message": f"scripted {code}", "type": "scripted_error", "param": None, "code": error_code} | extra
    return Fault("reply", Reply(code, {"error": error}, headers))


def chat_completion(
    model: str,
    text: str | None,
    *,
    finish_reason: str = "stop",
    refusal: str | None = None,
    usage: tuple[int, int] = (10, 5),
) -> dict[str, Any]:
    """The body of a chat completion. `usage`: prompt and completion tokens."""
    message = {"role": "assistant", "content": text, "refusal": refusal}
    return {
        "id": f"chatcmpl-loopback-{next(_ids)}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [{"index": 0, "finish_reason": finish_reason, "logprobs": None, "message": message}],
        "usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)},
    }
