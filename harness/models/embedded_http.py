"""The HTTP front of the embedded model: sockets, limits and OpenAI-shaped errors around an `Engine`.

Every answer is JSON or an event stream, never an HTML page. A client that goes away stops its generation and
nothing else. There is no authentication: the caller decides which address to listen on.

Why not llama.cpp's own server, which xllamacpp has too: asked one at a time it gave the recorded texts (475 of 475
commands tried; speed was not compared), but it answers for a model that it does not serve, passes over tools and
misspelt parameters, has one address for each adapter, and ends its prompt cache wherever two prompts part, not at the
end of the system message (see `LlamaEngine`).
"""

from __future__ import annotations

import ipaddress
import json
import selectors
import socket
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Protocol

from harness.models.connect import is_loopback
from harness.models.openai_shape import ApiError, ChatRequest, Finish, chunk, completion, parse_chat_request

MAX_BODY_BYTES = 1 << 20  # a prompt that fits the context is some 10 kB
_IDLE_S = 120  # an idle kept-alive connection is dropped after this
_CHAT_PATH = "/chat/completions"  # as all paths with or without /v1 before it
_STREAM_HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "Connection": "close"}


class Engine(Protocol):
    """What generates the text."""

    models: tuple[str, ...]
    fingerprint: str  # names weights, adapters and runtime; equal fingerprints can be compared

    def complete(self, request: ChatRequest, emit: Callable[[str], bool], gone: Callable[[], bool]) -> Finish | None:
        """Generate, handing each piece of text to `emit`; stop early, and return None, when that returns True.

        `gone` says whether the client still waits: asked before anything is done, since requests take turns. An
        ApiError says why a request cannot be served.
        """


class FrontServer(ThreadingHTTPServer):
    """Takes its port on construction, so that a port in use is found before the model is loaded.

    It answers from `serve_forever` on, one thread per connection; set `engine` before. Port 0 takes a free one.
    """

    daemon_threads = True
    request_queue_size = 512  # with the default of 5, connections of a busy client are reset
    engine: Engine

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.started = int(time.time())
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind without the name look-up of `HTTPServer`, which can stall for seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the signature is inherited
        """Log what broke one connection; the others go on."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            sys.stderr.write(f"connection from {client_address} failed: {error!r}\n")


class _Handler(BaseHTTPRequestHandler):
    server: FrontServer
    protocol_version = "HTTP/1.1"
    server_version = "gonogo"
    sys_version = ""
    timeout = _IDLE_S
    disable_nagle_algorithm = True

    def parse_request(self) -> bool:
        """Refuse what a page in a browser may have sent: a foreign Origin, or, on loopback, another name for us."""
        if not super().parse_request():
            return False
        named = self.headers.get_all("Origin", [])
        if ipaddress.ip_address(self.server.server_name).is_loopback:
            named += [f"//{host}" for host in self.headers.get_all("Host", [])]
        with suppress(ValueError):  # no address at all
            if all(map(is_loopback, named)):
                return True
        self.close_connection = True
        self._fail(ApiError(403, "Host and Origin must name this machine", code="forbidden"))
        return False

    def do_GET(self) -> None:
        """Health and the list of models."""
        about = {"object": "model", "created": self.server.started, "owned_by": "gonogo"}
        models = [{"id": name, **about} for name in self.server.engine.models]
        pages: dict[str, Any] = {f"/models/{one['id']}": one for one in models}
        pages |= {"/models": {"object": "list", "data": models}, "/health": {"status": "ok"}}
        path = self._path()
        name = path.removeprefix("/models/")
        if path in pages:
            self._reply(200, pages[path])
        elif name != path:
            self._fail(ApiError(404, f"The model '{name}' does not exist", param="model", code="model_not_found"))
        elif path == _CHAT_PATH:
            self._fail(ApiError(405, f"{self.path} takes POST", code="method_not_allowed"))
        else:
            self._fail(ApiError(404, f"Unknown path: GET {self.path}", code="unknown_url"))

    def do_POST(self) -> None:
        """A chat request."""
        try:
            body = self._read_body()  # always, or the rest of it would be taken for the next request
            self._chat(parse_chat_request(body, self.server.engine.models))
        except ApiError as error:
            self._fail(error)

    def _path(self) -> str:
        return self.path.partition("?")[0].removeprefix("/v1")

    def _read_body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        self.close_connection = True  # until the body is read, the connection cannot be used again
        if not (length.isascii() and length.isdigit()):
            raise ApiError(411, "the request needs a Content-Length", code="length_required")
        if int(length) > MAX_BODY_BYTES:
            raise ApiError(413, f"the body is larger than {MAX_BODY_BYTES} bytes", code="request_too_large")
        body = self.rfile.read(int(length))
        if len(body) != int(length):
            raise ApiError(400, "the body ended early", code="incomplete_body")
        self.close_connection = self.headers.get("Connection", "").lower() == "close"
        if self.headers.get_content_type() != "application/json":  # what a form in a browser cannot send
            raise ApiError(415, "the Content-Type must be application/json", code="unsupported_media_type")
        if self._path() != _CHAT_PATH:
            raise ApiError(404, f"Unknown path: POST {self.path}", code="unknown_url")
        return body

    def _chat(self, request: ChatRequest) -> None:
        """One answer, whole or as server-sent events; the end of the connection is the end of a stream.

        A stream's 200 goes out with the first text, so that a request the engine refuses still gets a plain 400.
        """
        engine = self.server.engine
        about = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": request.model}
        about["system_fingerprint"] = engine.fingerprint
        pieces: list[str] = []
        begun = False

        def send(data: Mapping[str, Any]) -> None:
            nonlocal begun
            if not begun:
                begun = self.close_connection = True
                self.send_response(200)
                for name, value in _STREAM_HEADERS.items():
                    self.send_header(name, value)
                self.end_headers()
                send(about | chunk({"role": "assistant", "content": ""}))
            self.wfile.write(b"data: " + json.dumps(data).encode() + b"\n\n")

        def emit(text: str) -> bool:
            if not request.stream:
                pieces.append(text)
                return self._client_is_gone()
            try:
                send(about | chunk({"content": text}))
            except (ConnectionError, TimeoutError):
                return True
            return False

        try:
            finish = engine.complete(request, emit, self._client_is_gone)
        except ApiError as error:
            if not begun:
                raise
            send(error.body())
            return
        if finish is None:
            self.close_connection = True
        elif request.stream:
            send(about | chunk({}, finish.reason))
            if request.stream_options.include_usage:
                send(about | chunk(None, usage=finish.usage))
            self.wfile.write(b"data: [DONE]\n\n")
        else:
            self._reply(200, about | completion("".join(pieces), finish))

    def _client_is_gone(self) -> bool:
        """Whether the other side has closed; what it may have sent ahead is left unread."""
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self.connection, selectors.EVENT_READ)
                return bool(selector.select(0)) and not self.connection.recv(1, socket.MSG_PEEK)
        except (OSError, ValueError):
            return True

    def _fail(self, error: ApiError) -> None:
        self._reply(error.status, error.body())

    def _reply(self, status: int, data: Mapping[str, Any]) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library answers to a malformed request, as JSON in place of its HTML page."""
        self.close_connection = True
        # A request line that it cannot read counts as HTTP/0.9, without headers.
        self.request_version = self.protocol_version
        # It says 501 to a method it has no handler for; to a client of this API that is a 405.
        status = 405 if code == HTTPStatus.NOT_IMPLEMENTED else code
        self._fail(ApiError(status, explain or message or HTTPStatus(code).phrase))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the standard library's
        """Keep requests, which may hold prompts, out of the log."""
