"""What a network, a proxy, another server or a fault of our own does is never an answer of the model, nor a verdict."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import EndpointError
from harness.models.connect import is_loopback, proxy_for
from harness.models.specs import OPENAI_BASE_URL, address_of
from harness.tests.conftest import Gonogo, Serve, endpoint
from harness.tests.foreign import right
from harness.tests.loopback import LoopbackServer
from harness.tests.loopback_replies import chat_completion

WRONG = '["self.wait(seconds=1.0)"]'

# ---------------------------------------------------------------- half an answer with status 200


def test_a_server_that_breaks_off_is_asked_again_and_never_scored(gonogo: Gonogo, serve: Serve) -> None:
    """Every other reply is cut off, with a wrong list in it: each is asked again, and only whole ones are on file."""
    asked: Counter[str] = Counter()

    def answer(body: dict[str, Any]) -> str | dict[str, Any]:
        command = str(body["messages"][-1]["content"])
        asked[command] += 1
        return right(body) if asked[command] == 2 else chat_completion("m", WRONG, finish_reason="error")

    serve(answer)
    done = gonogo("run", "m1:m", "--limit", 12, "--json")
    assert done.code == 0, done.err
    assert [row["success"] for row in json.loads(done.out)] == [True] * 12
    assert set(asked.values()) == {2}
    kept = [json.loads(line) for line in Path("runs/go2.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(one["outcome"], one["attempts"]) for one in kept] == [("answered", 2)] * 12


# ---------------------------------------------------------------- another server under the same name


def test_answers_of_another_address_are_told_and_not_used(gonogo: Gonogo, serve: Serve) -> None:
    """The base_url changes under one name: the second server is asked, and the user is told why."""
    first, second = serve(right), serve(lambda _: "[]", name="other")
    endpoint(first.base_url)
    gonogo("run", "m1:m", "--limit", 12)
    endpoint(second.base_url)
    moved = gonogo("run", "m1:m", "--limit", 12, "--json")
    assert (first.count(), second.count()) == (12, 12)
    assert f"12 answers on file came from {first.base_url}, not from {second.base_url}" in moved.err
    assert not any(row["success"] for row in json.loads(moved.out))
    endpoint(first.base_url + "/")
    assert "12 on file, 0 to ask" in gonogo("run", "m1:m", "--limit", 12).err


def test_fresh_asks_anew_and_keeps_what_was_there(gonogo: Gonogo, serve: Serve) -> None:
    """Other weights under one address: --fresh asks all again, the new answers are used from then on, none is lost."""
    server = serve(lambda _: "[]")
    gonogo("run", "m1:m", "--limit", 12)
    server._answer = right
    anew = gonogo("run", "m1:m", "--limit", 12, "--fresh", "--json")
    assert "0 on file, 12 to ask" in anew.err
    later = gonogo("run", "m1:m", "--limit", 12, "--json")
    assert server.count() == 24
    assert "12 on file, 0 to ask" in later.err
    assert [row["success"] for row in json.loads(later.out)] == [True] * 12
    assert len(Path("runs/go2.jsonl").read_text(encoding="utf-8").splitlines()) == 24


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *[(base_url, "") for base_url in ("", OPENAI_BASE_URL, OPENAI_BASE_URL + "/")],
        ("http://Host:80/v1/", "http://host/v1"),
        ("https://host:443/v1", "https://host/v1"),
        ("http://user:pass@host/v1", "http://host/v1"),
        ("http://host/v1?api-key=abc&sig=d", "http://host/v1"),
        ("http://host/v1?b=2&a=1", "http://host/v1?a=1&b=2"),
    ],
)
def test_one_address_in_several_spellings(one: str, other: str) -> None:
    """Letter case, default ports, slashes, credentials and secrets do not make another server.

    OpenAI and the embedded model have none, so that answers on file and the shipped recordings stay valid.
    """
    assert address_of(one) == other


@settings(max_examples=40)
@given(
    st.sampled_from(["http", "https"]),
    st.from_regex(r"[A-Za-z0-9.-]{1,20}", fullmatch=True),
    st.none() | st.integers(1, 65535),
    st.text("abc/?&=%#", max_size=20),
)
def test_an_address_is_its_own_address(scheme: str, host: str, port: int | None, path: str) -> None:
    """What stands in a manifest gives the same key as the base_url that it came from."""
    address = address_of(f"{scheme}://{host}" + (f":{port}" if port else "") + f"/{path}")
    assert address_of(address) == address


# ---------------------------------------------------------------- proxies


@pytest.mark.parametrize(
    "proxy", [{"ALL_PROXY": "socks5://127.0.0.1:1"}, {"http_proxy": "http://127.0.0.1:1"}, {"HTTP_PROXY": "nonsense:x"}]
)
def test_this_machine_is_never_asked_through_a_proxy(proxy: dict[str, str], gonogo: Gonogo, serve: Serve) -> None:
    """`models`, `run` and `gate` reach a server on loopback whatever the environment says of proxies."""
    serve(right, models={"m": None})
    listed = gonogo("models", "m1", **proxy)
    assert (listed.code, "m1:m" in listed.out) == (0, True), listed.err
    ran = gonogo("run", "m1:m", "--limit", 3, "--record", "m.jsonl", **proxy)
    assert ran.code == 0, ran.err
    gate = ("gate", "m1:m", "--limit", 3, "--against", "recorded:m.jsonl", "--json")
    plain, proxied = gonogo(*gate), gonogo(*gate, **proxy)
    assert (proxied.code, proxied.out) == (plain.code, plain.out)
    assert "not reached" not in proxied.out


@pytest.mark.parametrize(
    "command",
    [
        ("models", "far"),
        ("run", "far:m", "--limit", "3"),
        ("run", "far:m", "--limit", "3", "--batch"),
        ("gate", "far:m", "--against", "recorded:m.jsonl", "--limit", "3"),
        ("finetune", "--provider", "openai", "--model", "far:m", "--cancel", "ftjob-abc"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_one_error(command: tuple[str, ...], gonogo: Gonogo) -> None:
    """A SOCKS proxy in front of another machine: exit 5 and what to do, no trace, and no verdict."""
    endpoint("http://192.0.2.1/v1", name="far")
    Path("m.jsonl").write_text("", encoding="utf-8")
    done = gonogo(*command, ALL_PROXY="socks5://user:hush@127.0.0.1:1")
    assert done.code == 5, done.err
    assert "socks5://127.0.0.1:1" in done.err
    assert "NO_PROXY=192.0.2.1" in done.err
    assert "Traceback" not in done.err
    assert "hush" not in done.err


# The openai package's own transport hands the proxy's password over in a form that aiohttp calls deprecated.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_proxy_is_used_for_others_and_named_where_it_fails(monkeypatch: pytest.MonkeyPatch, gonogo: Gonogo) -> None:
    """An http proxy gets the request for another machine; one that does not answer is named, without its password."""
    with LoopbackServer(answer=right) as proxy:
        proxy.routes[("POST", "http://192.0.2.1/v1/chat/completions")] = proxy._chat
        endpoint("http://192.0.2.1/v1", name="far")
        address = proxy.base_url.removesuffix("/v1")
        assert gonogo("run", "far:m", "--limit", 3, HTTP_PROXY=address).code == 0
        assert {request.path for request in proxy.received} == {"http://192.0.2.1/v1/chat/completions"}
    dead = gonogo("run", "far:m", "--limit", 4, HTTP_PROXY=address.replace("http://", "http://me:hush@"))
    assert dead.code == 5
    assert f"through the proxy {address}" in dead.err
    assert "hush" not in dead.err
    monkeypatch.setenv("HTTP_PROXY", address)
    monkeypatch.setenv("NO_PROXY", "192.0.2.1")
    assert proxy_for("http://192.0.2.1/v1") is None
    monkeypatch.setenv("NO_PROXY", "")
    assert proxy_for("http://192.0.2.1/v1") == address
    monkeypatch.setenv("HTTP_PROXY", "http://[1")
    with pytest.raises(EndpointError, match="not an http proxy"):
        proxy_for("http://192.0.2.1/v1")


def test_loopback_has_many_names() -> None:
    """All of 127/8, IPv6 and the reserved name are this machine; others are not."""
    for host in ("127.0.0.1", "127.8.8.8", "localhost", "a.localhost", "[::1]", "[::]"):
        assert is_loopback(f"http://{host}:8000/v1")
    assert not is_loopback("http://localhost.example.org/v1")


def test_certificates_that_are_not_there_are_one_error(tmp_path: Path, gonogo: Gonogo) -> None:
    """SSL_CERT_FILE that names nothing: told as such, whatever is asked."""
    endpoint("https://127.0.0.1:9/v1")
    done = gonogo("models", "m1", SSL_CERT_FILE=str(tmp_path / "none.pem"))
    assert done.code == 5
    assert "SSL_CERT_FILE" in done.err
    assert "Traceback" not in done.err


# ---------------------------------------------------------------- faults of our own

FAULT = """
import sys
from harness import cli
from harness.cli import {module} as command
def broken(args):
    raise KeyError("no such thing, by " + {words!r})
command.run = broken
sys.exit(cli.main({argv!r}))
"""


@pytest.mark.parametrize(
    ("module", "argv", "folder"),
    [("models", ["models"], "temporary"), ("run", ["run", "m1:m", "--runs", "kept"], "kept")],
)
def test_an_unforeseen_exception_is_no_verdict(tmp_path: Path, module: str, argv: list[str], folder: str) -> None:
    """Exit 70, one line behind that on the pack, the trace in the file that it names, and no key in either."""
    (tmp_path / "temporary").mkdir()
    (tmp_path / "gonogo.toml").write_text('[endpoints.m1]\nbase_url="http://h/v1"\napi_key_env = "GATE"\n')
    (tmp_path / ".env").write_text("OTHER_THING='env-file-0123456789'\n")
    secrets = ["sk-abcdef0123456789", "plain-0123456789", "named-0123456789", "env-file-0123456789"]
    done = subprocess.run(
        [sys.executable, "-c", FAULT.format(module=module, argv=argv, words=" ".join(secrets))],
        cwd=tmp_path,
        env={"TMPDIR": str(tmp_path / "temporary"), "MY_TOKEN": secrets[1], "GATE": secrets[2]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 70, done.stderr
    assert done.stdout == ""
    pack, line = done.stderr.splitlines()
    assert pack == "pack: go2 (shipped)"
    (trace,) = (tmp_path / folder).iterdir()
    assert line.startswith("gonogo: unforeseen KeyError")
    assert line.endswith(str(trace if folder == "temporary" else Path(folder) / trace.name))
    written = trace.read_text(encoding="utf-8")
    assert "Traceback" in written
    assert "in broken" in written
    assert not [secret for secret in secrets if secret in written + done.stderr]
