"""Answers of the loopback server that imitate what public reports say of servers and gateways.

Each is an `Answer` of `harness.testing.loopback.LoopbackServer`; `right` says what a perfect model answers to a body.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.testing.loopback import Answer
from harness.testing.replies import chat_completion

Right = Callable[[dict[str, Any]], str]


def ends_with(reason: str, right: Right) -> Answer:
    """Status 200 with this finish reason, whatever became of the answer."""
    return lambda body: chat_completion(str(body["model"]), right(body), finish_reason=reason)
