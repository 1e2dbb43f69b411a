"""What else comes in: requests to `serve`, and archives of SDK source."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.errors import InputError
from harness.models.embedded_http import FrontServer
from harness.models.openai_shape import ApiError, parse_chat_request
from harness.sdk.source import open_source
from harness.tests.hostile.attack import DOG

NAME = DOG.files[0]
SOURCE = b"class Dog:\n    def Move(self, vx: float): ...\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A front without an engine: what is refused never comes so far."""
    with FrontServer("127.0.0.1", 0) as front:
        front.engine = SimpleNamespace(models=("m",), fingerprint="f", complete=None)
        threading.Thread(target=front.serve_forever, args=(0.02,), daemon=True).start()
        yield front.server_port
        front.shutdown()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:80"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "["}, 403),
        ({"Host": "localhost:1", "Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:3000"}, 200),
        ({"Host": "[::1]:80"}, 200),
        ({}, 200),
    ],
)
def test_only_this_machine_asks(port: int, headers: dict[str, str], status: int) -> None:
    """A page in a browser, or a name that was made to lead here, gets a 403 in OpenAI's shape."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request("GET", "/health", headers=headers)
        reply = connection.getresponse()
        assert reply.status == status
        assert isinstance(json.loads(reply.read()), dict)


def test_a_form_in_a_browser_cannot_ask(port: int) -> None:
    """Only application/json is taken, which a page cannot send elsewhere without asking first."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request("POST", "/v1/chat/completions", b"{}", {"Content-Type": "text/plain"})
        assert connection.getresponse().status == 415


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": [f"value {number}" for number in range(2000)]},
        {"enum": ["x" * 20_000]},
        {"properties": {f"name{number}": {"type": "string"} for number in range(2000)}},
        {"type": "array", "items": {"type": "string"}, "minItems": 10**9},
        {"type": "string", "maxLength": 10**6},
    ],
)
def test_a_schema_is_bounded_before_it_is_compiled(schema: dict[str, Any]) -> None:
    """What llama.cpp would compile for seconds is a 400."""
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    body = {"model": "m", "messages": [{"role": "user", "content": "a"}], "response_format": form}
    with pytest.raises(ApiError) as caught:
        parse_chat_request(json.dumps(body).encode(), ("m",))
    assert (caught.value.status, caught.value.param) == (400, "response_format")


def _zip(data: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(NAME, data)
    return made.getvalue()


def _tar(kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        member = tarfile.TarInfo(f"p-1/{NAME}")
        member.type, member.linkname, member.size = kind, link, size or len(SOURCE) * (kind == tarfile.REGTYPE)
        archive.addfile(member, io.BytesIO(SOURCE) if not size else None)
    return made.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        _tar(tarfile.SYMTYPE, "client.py"),
        _tar(tarfile.SYMTYPE, "/etc/hostname"),
        _tar(tarfile.LNKTYPE, f"p-1/{NAME}"),
        _tar(tarfile.FIFOTYPE),
        _tar(size=2**40),
        _zip(b"#" * 2**21),
        _zip(b"x = " + b"1," * 100_000),
        _zip(b"x = " + b"not " * 5000 + b"1"),
    ],
    ids=["link to itself", "link elsewhere", "hard link to itself", "pipe", "huge", "long", "many tokens", "deep"],
)
def test_links_loops_and_what_is_too_large_are_refused(content: bytes, tmp_path: Path) -> None:
    """Each an input error, before anything is unpacked without end."""
    path = tmp_path / "sdk.whl"
    path.write_bytes(content)
    with pytest.raises(InputError):
        open_source(DOG, path, pinned=False)
