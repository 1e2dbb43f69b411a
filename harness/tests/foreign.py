"""Answers of the loopback server that imitate what public reports say of servers and gateways.

`right` says what a perfect model answers to a body; `endpoint` writes a gonogo.toml that names a server.
"""

from __future__ import annotations

import itertools
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from harness.pack import load_pack
from harness.tests.loopback import Answer, LoopbackServer, Received
from harness.tests.loopback_replies import Fault, Reply, chat_completion

Right = Callable[[dict[str, Any]], str]
RESPONSES = "/v1/responses"


def error(status: int, body: object, **headers: str) -> Fault:
    """An error with any body."""
    return Fault("reply", Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()}))


def ends_with(reason: str, right: Right) -> Answer:
    """Status 200 with this finish reason, whatever became of the answer."""
    return lambda body: chat_completion(str(body["model"]), right(body), finish_reason=reason)


def refusing(refusals: Mapping[str, Fault], right: Right) -> Answer:
    """A server that takes no such fields in the body; each has its refusal."""
    return lambda body: next((refusal for field, refusal in refusals.items() if field in body), None) or right(body)


def without_system_role(refusal: Fault, right: Right) -> Answer:
    """A model whose template knows the user and the assistant only."""
    return lambda body: refusal if body["messages"][0]["role"] == "system" else right(body)


def saying(content: object, **message: object) -> Answer:
    """A message with this content and these further fields."""

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        made = chat_completion(str(body["model"]), None)
        made["choices"][0]["message"] |= {"content": content, **message}
        return made

    return answer


def flagging(refusal: Fault, flagged: Callable[[str], bool], right: Right) -> Answer:
    """A filter in front of the model, which takes offence at some commands."""
    return lambda body: refusal if flagged(str(body["messages"][-1]["content"])) else right(body)


def limited(count: int, window_s: float, refuse: Callable[[float], Fault], right: Right) -> Answer:
    """So many requests in a window of time, refused ones among them; `refuse` is told the seconds to the next."""
    seen: deque[float] = deque()

    def answer(body: dict[str, Any]) -> str | Fault:
        now = time.time()
        seen.append(now)
        if sum(one // window_s == now // window_s for one in seen) > count:
            return refuse(window_s - now % window_s)
        return right(body)

    return answer


def in_turn(*answers: Answer) -> Answer:
    """One after another, over and over."""
    turn = itertools.cycle(answers)

    def answer(body: dict[str, Any]) -> str | dict[str, Any] | Fault:
        return next(turn)(body)

    return answer


def add_responses(server: LoopbackServer, right: Right, **changes: object) -> None:
    """Let a server speak the Responses API too; `right` is given the input as messages."""

    def respond(request: Received) -> Reply:
        body: Mapping[str, Any] = request.body
        text = right({"messages": body["input"]})
        message = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
        usage = {"input_tokens": 10, "output_tokens": 305, "output_tokens_details": {"reasoning_tokens": 300}}
        made = {"id": "r", "object": "response", "model": body["model"], "status": "completed", "error": None}
        thoughts = {"type": "reasoning", "summary": []}
        return Reply(200, made | {"output": [thoughts, message], "usage": usage, "incomplete_details": None} | changes)

    server.routes[("POST", RESPONSES)] = respond


@cache
def references() -> Mapping[str, str]:
    """Command -> the first right answer of the go2 pack."""
    return {case.command: json.dumps(list(case.references[0])) for case in load_pack("go2").cases()}


def right(body: dict[str, Any]) -> str:
    """What a perfect model answers."""
    return references()[str(body["messages"][-1]["content"])]


def endpoint(folder: Path, base_url: str, extra: str = "", name: str = "m1") -> None:
    """Write a gonogo.toml that names one endpoint."""
    (folder / "gonogo.toml").write_text(f'[endpoints.{name}]\nbase_url = "{base_url}"\n{extra}', encoding="utf-8")
