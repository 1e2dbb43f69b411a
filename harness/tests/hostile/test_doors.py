"""What else comes in: requests to `serve`, archives of SDK source, and promotion records with every hash made anew."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import random
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import promotion
from harness.errors import EvidenceError, InputError
from harness.models.embedded_http import FrontServer
from harness.models.openai_shape import ApiError, parse_chat_request
from harness.sdk.source import SourceSpec, open_source
from harness.tests.hostile.faults import in_json, whole

NAME = "dog/client.py"
SPEC = SourceSpec("wheel", "dog-sdk", "1.0", "here", "MIT", files=(NAME,))
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


def test_no_archive_breaks_the_build(tmp_path: Path) -> None:
    """Bytes changed at random in a wheel and an sdist: signatures or an input error."""
    rng = random.Random(1)  # noqa: S311
    for number in range(60):
        content = bytearray(rng.choice([_zip(SOURCE), _tar()]))
        for _ in range(rng.randint(1, 4)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        path = tmp_path / f"{number}.whl"
        path.write_bytes(content[: rng.choice([len(content), rng.randrange(1, len(content))])])
        with contextlib.suppress(InputError):
            assert open_source(SPEC, path, pinned=False).files


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
        open_source(SPEC, path, pinned=False)


def _chain(records: list[dict[str, Any]]) -> str:
    lines, last = [], promotion.START
    for record in records:
        record["previous"] = last
        record["hash"] = last = promotion.entry_hash(record)
        lines.append(json.dumps(record, separators=(",", ":")))
    return "\n".join(lines) + "\n"


def test_a_record_with_every_hash_made_anew_is_read_or_tampered_with(tmp_path: Path) -> None:
    """Types, order and meaning are checked beside the chain: never another error, and a model is always a text."""
    path, rng = tmp_path / "p.jsonl", random.Random(2)  # noqa: S311
    promotion.promote(path, "b", "a", {"verdict": "GO"}, promotion.START)
    promotion.promote(path, "c", "b", {"verdict": "GO"}, promotion.last_hash(promotion.read(path)))
    promotion.rollback(path)
    good = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    refused = 0
    for _ in range(120):
        records = [dict(record) for record in good]
        index = rng.randrange(len(records))
        try:
            records[index] = json.loads(in_json(rng, json.dumps(records[index])))
            text = _chain(records)
        except (ValueError, KeyError, RecursionError):
            continue  # nothing of which a hash can be made
        path.write_bytes(text.encode() if rng.random() < 0.9 else whole(rng, text))
        try:
            assert all(isinstance(entry.model, str) for entry in promotion.read(path))
        except EvidenceError:
            refused += 1
    assert refused > 20
