"""An OpenAI server on a loopback port, on the standard library, for tests.

    with LoopbackServer(answer=lambda body: "['self.stop()']", faults=[RESET, status(429)]) as server:
        ...  # point a client at server.base_url
        assert server.count("/v1/chat/completions") == 3

Each request is recorded, then looked up in the route table `server.routes` (further endpoints join by adding a
line), then the next scripted fault of its path, if any, decides how the reply is sent. HTTP/1.1 with keep-alive.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl

from harness.tests.loopback_replies import Fault, Reply, chat_completion, status

CHAT = "/v1/chat/completions"
MODELS = "/v1/models"
Answer = Callable[[dict[str, Any]], "str | dict[str, Any] | Fault"]


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came; the path has no query, `query` is decoded."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    query: Mapping[str, str]


Route = Callable[[Received], "Reply | Fault"]


class LoopbackServer:
    """The server. A context manager; thread-safe.

    Args:
        answer: Request body -> text, a whole chat completion, or a fault. By default the last message comes back.
        faults: For the chat path: one for each request in order of arrival, None for a request to be spared.
        models: Model id -> shutdown date or None. Chat refuses others with model_not_found; None takes any.
        key: The API key to insist on, None for none.
    """

    def __init__(
        self,
        answer: Answer | None = None,
        faults: Iterable[Fault | None] = (),
        models: Mapping[str, str | None] | None = None,
        key: str | None = None,
    ) -> None:
        self.received: list[Received] = []
        self.faults: dict[str, deque[Fault | None]] = {CHAT: deque(faults)}
        self.routes: dict[tuple[str, str], Route] = {("POST", CHAT): self._chat, ("GET", MODELS): self._models}
        self._answer = answer or (lambda body: str(body["messages"][-1]["content"]))
        self._models_known = models
        self._key = key
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def base_url(self) -> str:
        """What a client is given."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def count(self, path: str = CHAT) -> int:
        """Requests received on a path."""
        with self._lock:
            return sum(1 for request in self.received if request.path == path)

    def asked(self) -> Counter[str]:
        """How often each last message was asked on the chat path."""
        with self._lock:
            return Counter(str(r.body["messages"][-1]["content"]) for r in self.received if r.path == CHAT)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.close_connections()
        self._server.server_close()
        self._thread.join(5)

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the server."""
        self._stopping.wait(seconds)

    def handle(self, method: str, target: str, headers: Mapping[str, str], raw: bytes) -> tuple[Reply, Fault | None]:
        """Record a request; what to answer and what is to go wrong with it."""
        path, _, query = target.partition("?")
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = raw
        with self._lock:
            request = Received(method, path, headers, body, dict(parse_qsl(query)))
            self.received.append(request)
            script = self.faults.get(path)
            fault = script.popleft() if script else None
        if fault is None or fault.kind != "reply":
            if self._key is not None and headers.get("authorization") != f"Bearer {self._key}":
                made: Reply | Fault = status(401, "invalid_api_key")
            else:
                made = self.routes.get((method, path), _no_route)(request)
            if isinstance(made, Reply):
                return made, fault
            fault = made
        return fault.reply or Reply(200, {}), None if fault.kind == "reply" else fault

    def _chat(self, request: Received) -> Reply | Fault:
        body = request.body
        if not isinstance(body, dict) or not isinstance(body.get("messages"), list) or not body["messages"]:
            return status(400, "invalid_type", param="messages", message="messages must be a non-empty list")
        if self._models_known is not None and body.get("model") not in self._models_known:
            return status(404, "model_not_found", message="no such model")
        answer = self._answer(body)
        if isinstance(answer, Fault):
            return answer
        return Reply(200, chat_completion(str(body.get("model")), answer) if isinstance(answer, str) else answer)

    def _models(self, request: Received) -> Reply:  # noqa: ARG002  every route takes the request
        common = {"object": "model", "created": 1_700_000_000, "owned_by": "loopback"}
        models = [{"id": name, **common, "shutdown_date": date} for name, date in (self._models_known or {}).items()]
        return Reply(200, {"object": "list", "data": models})


def _no_route(request: Received) -> Fault:
    return status(404, "unknown_url", message=f"no route for {request.method} {request.path}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], loopback: LoopbackServer) -> None:
        self.loopback = loopback
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """End the connections that clients keep alive, so that their threads end."""
        with self._open_lock:
            connections = list(self._open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # gone already
        deadline = time.monotonic() + 5
        while self._open and time.monotonic() < deadline:
            time.sleep(0.005)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):  # clients that go away are what tests are about
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply, fault = self.server.loopback.handle(self.command, self.path, headers, raw)
        body = reply.encoded()
        about = {"Content-Type": reply.content_type, "Content-Length": str(len(body)), **reply.headers}
        lines = [f"HTTP/1.1 {reply.status} Scripted", *(f"{name}: {value}" for name, value in about.items())]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        kind = fault.kind if fault else ""
        if kind == "reset":
            # Linger 0 turns the close into a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif kind == "short":
            self.wfile.write(head + body[: len(body) // 2])
        elif kind == "drip":
            assert fault is not None, "it has a kind"
            for byte in (data := head + body):
                self.wfile.write(bytes([byte]))
                self.server.loopback.pause(fault.seconds / len(data))
        elif kind != "close":
            if fault is not None:
                self.server.loopback.pause(fault.seconds)
            self.wfile.write(head + body)
            return
        self.close_connection = True

    do_POST = do_GET  # noqa: N815  the standard library's name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the standard library's name
        """Keep quiet."""
