"""Teachers for the tests of `gonogo generate`: right ones, and ones with a known flaw, behind the loopback server."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.pack import load_pack
from harness.training.bank import load_bank
from harness.training.briefs import Brief, Deck

Told = tuple[str, ...]
_STEP = re.compile(r"^  \d+\. (.*)$")


def known_briefs(seed: int, count: int = 600) -> dict[Told, Brief]:
    """The first briefs that a deck of this seed deals, by the steps that the teacher is told."""
    deck = Deck(load_bank(load_pack().root), seed)
    return {brief.told: brief for brief in (deck.deal() for _ in range(count))}


def briefs_of(message: str) -> list[Told]:
    """The told steps of each brief in a request."""
    told: list[list[str]] = []
    for line in message.splitlines():
        if line.startswith("Brief "):
            told.append([])
        elif told and (match := _STEP.match(line)):
            told[-1].append(match[1])
    return [tuple(steps) for steps in told]


def command_for(told: Told) -> str:
    """A command that says a brief's steps."""
    return ", then ".join(told).replace("(invent something", "something").replace(")", "") + "."


def pair(number: int, command: str, answer: object) -> str:
    """One line of a reply."""
    return json.dumps({"brief": number, "command": command, "answer": answer}, ensure_ascii=False)


def right_teacher(known: Mapping[Told, Brief]) -> Callable[[dict[str, Any]], str]:
    """Answers every brief rightly."""

    def answer(body: dict[str, Any]) -> str:
        asked = briefs_of(str(body["messages"][-1]["content"]))
        lines = [pair(n, command_for(told), list(known[told].calls)) for n, told in enumerate(asked, start=1)]
        return "\n".join(lines)

    return answer


def chat_examples(path: Path) -> list[tuple[str, list[str]]]:
    """Command and answer of each line of a chat training file."""
    lines = [json.loads(line)["messages"] for line in path.read_text(encoding="utf-8").splitlines()]
    assert all([m["role"] for m in messages] == ["system", "user", "assistant"] for messages in lines)
    return [(messages[1]["content"], json.loads(messages[2]["content"])) for messages in lines]
