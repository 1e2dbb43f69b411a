"""`gonogo serve` as a user runs it: a process, its output, Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.models.weights import ensure_weights
from harness.tests.conftest import Ended
from harness.tests.lora_file import write_lora


@pytest.mark.slow
def test_serve_prints_how_to_use_it_and_ends_quietly_on_ctrl_c(tmp_path: Path) -> None:
    """The address and both examples are printed, the adapter is offered, Ctrl-C to the group ends all within 2 s."""
    ensure_weights()
    adapter = write_lora(tmp_path / "mine.gguf", seed=3)
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "serve", "--port", "0", "--adapter", f"mine={adapter}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    first = process.stdout.readline()
    address = next(word for word in first.split() if word.startswith("http://127.0.0.1:"))
    assert "smollm2-135m+mine" in first
    with urllib.request.urlopen(f"{address}/models", timeout=10) as reply:  # noqa: S310 - a loopback address
        assert b"smollm2-135m+mine" in reply.read()
    started = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    with process:
        out, err = process.stdout.read(), process.stderr.read()
    assert time.monotonic() - started < 2
    assert process.returncode == 0
    assert "Traceback" not in err
    assert f"curl {address}/chat/completions" in out
    assert f'OpenAI(base_url="{address}"' in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--adapter", "nonsense"], "NAME=PATH"),
        (["--adapter", "a b=x.gguf"], "NAME=PATH"),
        *[(["--adapter", f"go2={name}.gguf"], f"{name}.gguf") for name in ("missing", "empty", "half", "text")],
        *[(["--port", port], f"port is {port}\n  Choose") for port in ("99999", "-1")],
        (["--threads", "0"], "threads is 0\n  Choose"),
        (["--pack", "nowhere"], "there is no pack"),
    ],
)
def test_a_wrong_argument_is_one_message_and_exit_2(
    gonogo: Callable[..., Ended], arguments: list[str], told: str
) -> None:
    """Each mistake is named, without a traceback and before anything is fetched."""
    for name, content in (("empty", ""), ("half", "GG"), ("text", "not an adapter")):
        Path(f"{name}.gguf").write_text(content)
    done = gonogo("serve", *arguments)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1", "::1", "localhost"])  # noqa: S104
def test_an_address_that_others_can_reach_is_warned_of(gonogo: Callable[..., Ended], host: str) -> None:
    """--host 0.0.0.0 says that nothing asks for a key; loopback says nothing of the kind."""
    done = gonogo("serve", "--host", host, "--adapter", "x=missing.gguf")  # ends before it listens
    assert ("warning" in done.err) == (host == "0.0.0.0")  # noqa: S104
