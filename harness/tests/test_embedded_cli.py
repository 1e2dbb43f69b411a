"""`gonogo serve` as a user runs it: a process, its output, Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from harness.models.weights import ensure_weights
from harness.tests.lora_file import write_lora

SERVE = [sys.executable, "-m", "harness", "serve"]


@pytest.mark.slow
def test_serve_prints_how_to_use_it_and_ends_quietly_on_ctrl_c(tmp_path: Path) -> None:
    """The address and both examples are printed, the adapter is offered, Ctrl-C to the group ends all within 2 s."""
    ensure_weights()
    adapter = write_lora(tmp_path / "mine.gguf", seed=3)
    process = subprocess.Popen(
        [*SERVE, "--port", "0", "--threads", "1", "--adapter", f"mine={adapter}"],
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
        (["--adapter", "go2=missing.gguf"], "missing.gguf"),
        (["--port", "99999"], "port is 99999"),
        (["--pack", "nowhere"], "there is no pack"),
    ],
)
def test_a_wrong_argument_is_one_message_and_exit_2(arguments: list[str], told: str) -> None:
    """Each mistake is named, without a traceback and before anything is fetched."""
    done = subprocess.run([*SERVE, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_that_others_can_reach_is_warned_of(tmp_path: Path) -> None:
    """--host 0.0.0.0 says that nothing asks for a key; loopback says nothing of the kind."""
    for host, warned in (("0.0.0.0", True), ("127.0.0.1", False), ("::1", False), ("localhost", False)):  # noqa: S104
        arguments = ["--host", host, "--adapter", f"x={tmp_path / 'missing.gguf'}"]  # ends before it listens
        done = subprocess.run([*SERVE, *arguments], capture_output=True, text=True, timeout=60, check=False)
        assert ("warning" in done.stderr) == warned
