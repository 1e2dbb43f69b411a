"""Models for `LoopbackServer(answer=...)` that answer every command rightly, each in its own way."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable
from typing import Any

from harness.cases import Case
from harness.tests.loopback_replies import Fault, chat_completion, status

Behaviour = Callable[[dict[str, Any]], "str | dict[str, Any] | Fault"]


def perfect(cases: Iterable[Case]) -> Callable[[dict[str, Any]], str]:
    """Answers every command with the first reference of its case."""
    right = {case.command: json.dumps(list(case.references[0])) for case in cases}
    return lambda body: right[str(body["messages"][-1]["content"])]


def reasoning_model(cases: Iterable[Case]) -> Behaviour:
    """Right too, but thinks for 300 to 1,743 tokens first; takes max_completion_tokens and its own temperature only."""
    right = perfect(cases)

    def answer(body: dict[str, Any]) -> dict[str, Any] | Fault:
        for name, refused in (("max_tokens", "unsupported_parameter"), ("temperature", "unsupported_value")):
            if name in body:
                return status(400, refused, param=name, message=f"Unsupported: {name}")
        text = right(body)
        thinking = 300 + 37 * (len(str(body["messages"][-1]["content"])) % 40)
        room = body.get("max_completion_tokens", 10**9) - thinking
        whole = room >= len(text) // 3
        made = chat_completion(str(body["model"]), text if whole else "", finish_reason="stop" if whole else "length")
        spoken = len(text) // 3 if whole else 0
        made["usage"]["completion_tokens"] = thinking + min(room, spoken) if room > 0 else thinking + room
        made["usage"]["completion_tokens_details"] = {"reasoning_tokens": min(thinking, thinking + room)}
        return made

    return answer


def two_snapshots(cases: Iterable[Case], first: str, second: str) -> Behaviour:
    """Right, and in turn served by two models."""
    right, turn = perfect(cases), itertools.cycle((first, second))
    return lambda body: chat_completion(next(turn), right(body))
