"""Answers of the loopback server that imitate what public reports say of servers and gateways."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from harness.config import EndpointSettings
from harness.models.client import Client
from harness.models.connect import Endpoint
from harness.models.replies import Reply as Read
from harness.models.requests import Decoding, Request
from harness.pack import load_pack
from harness.tests.loopback import Answer, LoopbackServer, Received
from harness.tests.loopback_replies import Fault, Reply

Right = Callable[[dict[str, Any]], str]
RESPONSES = "/v1/responses"
KEY = "sk-test-0123456789abcdef"
LIST = '["self.wait(seconds=1.0)"]'
MESSAGES = ({"role": "system", "content": "Be a robot."}, {"role": "user", "content": "go"})
DETAIL = {"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted", "input": 0}


def error(status: int, body: object) -> Fault:
    """An error with any body."""
    return Fault("reply", Reply(status, body))


MISTRAL = error(422, {"object": "error", "message": {"detail": [DETAIL]}, "type": "invalid_request_error"})


def refusing(refusals: Mapping[str, Fault], right: Right) -> Answer:
    """A server that takes no such fields in the body, each with its refusal; `system` is the role of a message."""

    def answer(body: dict[str, Any]) -> str | Fault:
        sent = {*body, body["messages"][0]["role"]}
        return next((refusal for name, refusal in refusals.items() if name in sent), None) or right(body)

    return answer


def add_responses(server: LoopbackServer, right: Right) -> None:
    """Let a server speak the Responses API too; `right` is given the input as messages."""

    def respond(request: Received) -> Reply:
        body: Mapping[str, Any] = request.body
        text = right({"messages": body["input"]})
        message = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
        usage = {"input_tokens": 10, "output_tokens": 305, "output_tokens_details": {"reasoning_tokens": 300}}
        made = {"id": "r", "object": "response", "model": body["model"], "status": "completed", "error": None}
        thoughts = {"type": "reasoning", "summary": []}
        return Reply(200, made | {"output": [thoughts, message], "usage": usage, "incomplete_details": None})

    server.routes[("POST", RESPONSES)] = respond


@cache
def references() -> Mapping[str, str]:
    """Command -> the first right answer of the go2 pack."""
    return {case.command: json.dumps(list(case.references[0])) for case in load_pack("go2").cases()}


def right(body: dict[str, Any]) -> str:
    """What a perfect model answers."""
    return references()[str(body["messages"][-1]["content"])]


def answers(_: dict[str, Any]) -> str:
    """Always the same list."""
    return LIST


def ask(answer: Answer, times: int = 1, **settings: Any) -> tuple[list[Read], list[dict[str, Any]]]:
    """Replies to one request, asked some times over by one client, and the bodies that came."""
    with LoopbackServer(answer=answer) as server:
        asked = Endpoint(server.base_url, "m", KEY, settings=EndpointSettings(server.base_url, **settings))

        async def run() -> list[Read]:
            async with Client(asked, Decoding(max_tokens=7)) as client:
                return [await client.ask(Request("case", 0, MESSAGES)) for _ in range(times)]

        replies = asyncio.run(run())
        return replies, [received.body for received in server.received]


def records() -> list[dict[str, Any]]:
    """What `gonogo run` has written."""
    return [json.loads(line) for line in Path("runs/go2.jsonl").read_text(encoding="utf-8").splitlines()]
