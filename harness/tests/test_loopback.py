"""The loopback server itself: it must do to a raw socket what it says, or tests that rest on it prove nothing."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from harness.tests.loopback import CHAT, LoopbackServer, Received
from harness.tests.loopback_replies import CLOSE, RESET, SHORT_BODY, Reply, slow, status

BODY = {"model": "m", "messages": [{"role": "user", "content": "go"}]}


def connect(base_url: str) -> http.client.HTTPConnection:
    """A bare HTTP connection."""
    return http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=5)


def post(connection: http.client.HTTPConnection, body: Any = BODY, path: str = CHAT) -> tuple[int, Any]:
    """Status and parsed body."""
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read())


def test_one_connection_serves_many_requests() -> None:
    """Keep-alive works, every request is recorded with its body."""
    with LoopbackServer() as server:
        connection = connect(server.base_url)
        for _ in range(3):
            code, body = post(connection)
            assert (code, body["choices"][0]["message"]["content"]) == (200, "go")
        connection.close()
        assert server.count() == 3
        assert server.asked() == {"go": 3}
        assert server.received[0].body == BODY


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


def test_models_with_their_shutdown_dates() -> None:
    """/v1/models gives shutdown_date; chat knows only these models."""
    with LoopbackServer(models={"old": "2026-10-23", "new": None}) as server:
        connection = connect(server.base_url)
        connection.request("GET", "/v1/models")
        data = json.loads(connection.getresponse().read())["data"]
        assert {item["id"]: item["shutdown_date"] for item in data} == {"old": "2026-10-23", "new": None}
        code, body = post(connection)
        assert (code, body["error"]["code"]) == (404, "model_not_found")
        connection.close()


def test_faults_go_to_requests_in_order() -> None:
    """None spares a request, the script ends, and a status carries its headers."""
    with LoopbackServer(faults=[None, status(429, "busy", headers={"retry-after-ms": "1"})]) as server:
        connection = connect(server.base_url)
        assert [post(connection)[0] for _ in range(3)] == [200, 429, 200]
        connection.close()


def test_a_route_can_be_added() -> None:
    """Further endpoints join by a line in the route table; what has none is a 404 in OpenAI's shape."""

    def files(request: Received) -> Reply:
        return Reply(200, {"id": "file-1", "method": request.method})

    with LoopbackServer() as server:
        server.routes["POST", "/v1/files"] = files
        connection = connect(server.base_url)
        assert post(connection, {}, "/v1/files") == (200, {"id": "file-1", "method": "POST"})
        assert post(connection, {}, "/v1/batches")[0] == 404
        connection.close()


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


def test_from_a_shell() -> None:
    """`python -m harness.tests.loopback` prints where it listens, answers, and ends when told."""
    command = [sys.executable, "-m", "harness.tests.loopback", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        base_url = json.loads(process.stdout.readline())["base_url"]
        connection = connect(base_url)
        assert post(connection)[0] == 200
        connection.close()
        process.terminate()
