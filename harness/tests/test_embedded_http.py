"""The HTTP front of the embedded model over real sockets, with an engine that needs no weights."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.models.embedded_http import MAX_BODY_BYTES, FrontServer
from harness.models.openai_shape import ApiError, ChatRequest, Finish, parse_chat_request

MODELS: tuple[str, ...] = ("base", "base+tuned")


def said(content: object) -> list[dict[str, object]]:
    """One message of the user's."""
    return [{"role": "user", "content": content}]


MESSAGES: Any = said("go")


class EchoEngine:
    """Answers with the model's name and the last message, word by word; special messages make it misbehave."""

    models = MODELS
    fingerprint = "fp_test"

    def __init__(self) -> None:
        self.requests: list[ChatRequest] = []
        self.stopped = threading.Event()

    def complete(self, request: ChatRequest, emit: Callable[[str], bool], gone: object) -> Finish | None:  # noqa: ARG002
        """Generate as the message asks."""
        self.requests.append(request)
        text = request.messages[-1].content
        if text == "too long":
            raise ApiError(400, "too long", param="messages", code="context_length_exceeded")
        words = ["word "] * 100_000 if text == "for ever" else f"{request.model} {text}".split(" ")
        for count, word in enumerate(words):
            if count == 2 and text == "break now":
                raise ApiError(500, "broke")
            if text == "for ever":
                time.sleep(0.002)
            if emit(word):
                self.stopped.set()
                return None
        return Finish("stop", {"prompt_tokens": 7, "completion_tokens": len(words), "total_tokens": 7 + len(words)})


@pytest.fixture(scope="module")
def front() -> Iterator[FrontServer]:
    """The front, serving on a free port."""
    server = FrontServer("127.0.0.1", 0)
    server.engine = EchoEngine()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def engine(front: FrontServer) -> EchoEngine:
    """A fresh engine behind `front`."""
    front.engine = made = EchoEngine()
    return made


@pytest.fixture(scope="module")
def client(front: FrontServer) -> Iterator[openai.OpenAI]:
    """OpenAI's client, refusing any reply that departs from its types."""
    address = f"http://127.0.0.1:{front.server_port}/v1"
    with openai.OpenAI(base_url=address, api_key="unused", max_retries=0, _strict_response_validation=True) as made:
        yield made


@contextlib.contextmanager
def connected(front: FrontServer) -> Iterator[http.client.HTTPConnection]:
    """A connection to the front, closed at the end."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", front.server_port, timeout=10)) as connection:
        yield connection


def post(connection: http.client.HTTPConnection, body: bytes, path: str = "/v1/chat/completions") -> tuple[int, Any]:
    """Status and parsed JSON of one POST."""
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    reply = connection.getresponse()
    assert reply.headers["Content-Type"] == "application/json"
    return reply.status, json.loads(reply.read())


def request_body(**fields: Any) -> bytes:
    """A chat request with these fields."""
    return json.dumps({"model": "base", "messages": MESSAGES} | fields).encode()


def test_models_and_health_are_listed(client: openai.OpenAI) -> None:
    """OpenAI's client reads the list and a single model; health is a plain 200."""
    assert tuple(model.id for model in client.models.list()) == MODELS
    assert client.models.retrieve("base+tuned").id == "base+tuned"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4")
    assert client.get("/health", cast_to=object) == {"status": "ok"}


def test_a_completion_has_text_usage_and_reason(client: openai.OpenAI, engine: EchoEngine) -> None:
    """The reply passes strict validation and carries what the engine said; parameters reach the engine."""
    reply = client.chat.completions.create(
        model="base+tuned", messages=MESSAGES, temperature=0, seed=5, stop="x", max_completion_tokens=9
    )
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == ("base+tunedgo", "stop")
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens, reply.usage.total_tokens) == (7, 2, 9)
    assert reply.system_fingerprint == "fp_test"
    assert engine.requests[0].limit == 9
    assert engine.requests[0].sampling == {"temperature": 0, "top_p": 1.0, "seed": 5, "stop": ["x"]}


def test_streaming_gives_the_same_text_and_usage(client: openai.OpenAI) -> None:
    """Chunks add up to the whole answer; the last one carries the usage when it was asked for."""
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    chunks: Any = list(client.chat.completions.create(model="base", messages=MESSAGES, **options))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "basego"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage.total_tokens == 9


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("model", "text", "kind", "words"),
    [
        ("gpt-4", "go", openai.NotFoundError, "model_not_found"),
        ("base", "too long", openai.BadRequestError, "context_length_exceeded"),
        ("base", "break now", openai.APIError, "broke"),
    ],
)
def test_a_refusal_is_openais_own_error_also_when_streaming(
    client: openai.OpenAI, model: str, text: str, kind: type[openai.APIError], words: str, *, stream: bool
) -> None:
    """What is refused before the first word is a plain error; a stream that breaks ends with an error event."""
    messages: Any = said(text)
    with pytest.raises(kind) as caught:
        list(client.chat.completions.create(model=model, messages=messages, stream=stream))
    assert words in f"{caught.value.code} {caught.value}"


# The parameter that is to be named -> what is wrong with it
WRONG: dict[str, tuple[Any, ...]] = {
    "messages": (None, [], "go"),
    "messages[0].role": ([{"role": "robot", "content": "go"}],),
    "messages[0].content": (said([{"type": "image_url"}]), said("\ud800"), said("a\0b")),
    "messages[1].content": ([*MESSAGES, {"role": "user"}],),
    "model": (None, 1.5),
    "n": (0, 2, "1"),
    **dict.fromkeys(("stream", "tools", "logprobs", "temprature"), ([{"type": "function"}], 1.5)),
    **dict.fromkeys(("max_tokens", "max_completion_tokens"), (0, True, 1.5)),
    **dict.fromkeys(("temperature", "top_p", "frequency_penalty"), (float("nan"), 3, -3, "1")),
    "seed": (1.5, 10**30),
    "stop": (["a", ""], ["a"] * 5),
    "response_format": ({"type": "xml"},),
    "64 deep": (json.loads('{"a":' * 63 + "1" + "}" * 63),),
}
NO_JSON = [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 200_000, b'{"a":' * 65 + b"1" + b"}" * 65]


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        *((request_body(**{name.partition("[")[0]: value}), name, None) for name in WRONG for value in WRONG[name]),
        (request_body(response_format={"type": "text", "a": float("nan")}), "response_format.a", "invalid_value"),
        (request_body(**{"\ud800": 0}), None, "unknown_parameter"),
        *((body, None, "invalid_json") for body in NO_JSON),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_bad_request_is_a_400_that_names_the_parameter(
    front: FrontServer, body: bytes, param: str | None, code: str | None
) -> None:
    """Each wrong or unsupported field is refused in OpenAI's shape, none is quietly ignored; so is what is no JSON."""
    with connected(front) as connection:
        status, answer = post(connection, body)
    assert status == 400
    assert set(answer["error"]) == {"message", "type", "param", "code"}
    assert (answer["error"]["param"], answer["error"]["type"]) == (param, "invalid_request_error")
    assert code in (None, answer["error"]["code"])


@pytest.mark.parametrize(
    ("fields", "limit", "sampling"),
    [
        ({}, 512, {}),  # a small base model may repeat itself for ever: there always is a limit
        ({"max_tokens": 3}, 3, {}),
        ({"max_tokens": 3, "max_completion_tokens": 7}, 7, {}),
        ({"n": 1, "logprobs": False, "tools": [], "tool_choice": "none", "user": "me", "wrong": None}, 512, {}),
        ({"response_format": {"type": "text"}, "stream_options": {"include_obfuscation": False}}, 512, {}),
        ({"seed": -5, "stop": ""}, 512, {"seed": 2**32 - 6}),
        ({"temperature": 2, "presence_penalty": 1}, 512, {"temperature": 2, "presence_penalty": 1}),
        ({"messages": [{"role": "user", "name": "me", "content": [{"type": "text", "text": "go"}]}]}, 512, {}),
    ],
)
def test_what_a_request_does_not_say_is_filled_in(fields: dict[str, Any], limit: int, sampling: dict[str, Any]) -> None:
    """Clients that spell out defaults, switch features off or send text in parts are served."""
    request = parse_chat_request(request_body(**fields), MODELS)
    assert (request.limit, request.sampling) == (limit, {"temperature": 1, "top_p": 1} | sampling)
    assert [(one.role, one.content) for one in request.messages] == [("user", "go")]
    assert request.response_format is None


def test_the_connection_survives_an_error(front: FrontServer) -> None:
    """After a 404 to a POST with a body the same connection serves the next request."""
    with connected(front) as connection:
        assert post(connection, request_body(), "/v1/embeddings")[0] == 404
        assert post(connection, request_body())[0] == 200


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /nothing HTTP/1.1\r\nConnection: close\r\n\r\n", 404),
        (b"GET /v1/chat/completions HTTP/1.1\r\nConnection: close\r\n\r\n", 405),
        (b"DELETE /v1/models/base HTTP/1.1\r\n\r\n", 405),
        (b"nonsense\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\n\r\n", 411),
        (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 411),
        (b"POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1), 413),
        (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 10\r\n\r\n{}", 400),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
    ],
)
def test_no_request_is_answered_with_html(front: FrontServer, request_bytes: bytes, status: int) -> None:
    """Wrong paths, methods, lengths and plain nonsense: JSON in OpenAI's shape, with the fitting status."""
    with socket.create_connection(("127.0.0.1", front.server_port), timeout=10) as connection:
        connection.sendall(request_bytes)
        connection.shutdown(socket.SHUT_WR)
        head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(body)["error"]["message"]


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_stops_only_its_own_generation(
    front: FrontServer, engine: EchoEngine, client: openai.OpenAI, stream: bool
) -> None:
    """The engine is told to stop, and others are served as before."""
    with connected(front) as connection:
        body = request_body(messages=said("for ever"), stream=stream)
        connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        while not engine.requests:
            time.sleep(0.005)
        assert not engine.stopped.is_set()
    assert engine.stopped.wait(5)
    assert client.chat.completions.create(model="base", messages=MESSAGES).choices[0].message.content == "basego"


def test_many_clients_at_once_are_all_answered(front: FrontServer) -> None:
    """A hundred connections opened together: none is reset, each gets its own answer."""

    def ask(number: int) -> str:
        with connected(front) as connection:
            answer: dict[str, Any] = post(connection, request_body(messages=said(str(number))))[1]["choices"][0]
        return str(answer["message"]["content"])

    with ThreadPoolExecutor(100) as pool:
        assert list(pool.map(ask, range(100))) == [f"base{number}" for number in range(100)]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("model", "messages", "max_tokens", "temperature", "top_p", "seed", "stop", "stream", "response_format")


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from((*FIELDS, "stream_options", "n", "tools")), json_values))
def test_any_object_is_a_request_or_an_error_in_openai_shape(fields: dict[str, Any]) -> None:
    """Whatever the fields hold, validation ends in one of the two; a request always is bounded."""
    try:
        request = parse_chat_request(request_body(**fields), MODELS)
    except ApiError as refusal:
        sound = refusal.status in {400, 404} and set(refusal.body()["error"]) >= {"message", "param"}
    else:
        sound = request.limit >= 1
    assert sound
