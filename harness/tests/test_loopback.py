"""The loopback server itself: it must do to a raw socket what it says, or tests that rest on it prove nothing."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from harness.tests.loopback import CHAT, LoopbackServer
from harness.tests.loopback_replies import CLOSE, RESET, SHORT_BODY, slow, status

BODY = {"model": "m", "messages": [{"role": "user", "content": "go"}]}


def connect(base_url: str) -> http.client.HTTPConnection:
    """A bare HTTP connection."""
    return http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=5)


def post(connection: http.client.HTTPConnection) -> tuple[int, Any]:
    """Status and parsed body."""
    connection.request("POST", CHAT, json.dumps(BODY), {"Content-Type": "application/json"})
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read())


def test_reset_short_and_close_are_what_they_say() -> None:
    """A reset is ECONNRESET, a short body ends early, a close gives no byte; the work is done in each case."""
    served: list[Any] = []

    def answer(body: dict[str, Any]) -> str:
        served.append(body)
        return "done"

    with LoopbackServer(answer=answer, faults=[RESET, SHORT_BODY, CLOSE]) as server:
        for expected in (ConnectionResetError, http.client.IncompleteRead, http.client.RemoteDisconnected):
            connection = connect(server.base_url)
            with pytest.raises(expected):
                post(connection)
            connection.close()
    assert len(served) == 3


def test_faults_go_to_requests_in_order_of_one_connection() -> None:
    """None spares a request, the script ends, a status carries its headers, and every request is recorded."""
    with LoopbackServer(faults=[None, status(429, "busy", headers={"retry-after-ms": "1"})]) as server:
        connection = connect(server.base_url)
        replies = [post(connection) for _ in range(3)]
        connection.close()
        assert [code for code, _ in replies] == [200, 429, 200]
        assert replies[0][1]["choices"][0]["message"]["content"] == "go"
        assert server.asked() == {"go": 3}
        assert server.received[0].body == BODY


def test_it_ends_though_clients_hold_on() -> None:
    """Leaving the context closes idle connections and cuts slow answers short; no thread stays."""
    before = set(threading.enumerate())
    with LoopbackServer(faults=[slow(60)]) as server:
        idle = socket.create_connection(("127.0.0.1", int(server.base_url.split(":")[2].partition("/")[0])))
        waiting = connect(server.base_url)
        waiting.request("POST", CHAT, json.dumps(BODY))
        while not server.count():
            time.sleep(0.005)
    idle.close()
    waiting.close()
    patience = time.monotonic() + 20  # a thread that was cut short still has to be given a turn to end
    while (left := set(threading.enumerate()) - before) and time.monotonic() < patience:
        time.sleep(0.01)
    assert not left
