"""What a kill does to batches: real SIGKILLs between any two requests, and a stop at every single write to the disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.answers import Journal, read_journal
from harness.batch.folder import Folder
from harness.models.requests import Decoding, request_keys
from harness.testing.batches import Batches, Course
from harness.tests.batching import fill_from
from harness.tests.collecting import SPEC, requests
from harness.tests.loopback import LoopbackServer
from harness.tests.loopback_replies import Fault, Reply

LAST = 12


class Killer(LoopbackServer):
    """A server that kills its client when it has done the work of a certain request, before the answer."""

    victim: subprocess.Popen[str] | None = None
    left = 0

    def handle(self, method: str, target: str, headers: Mapping[str, str], raw: bytes) -> tuple[Reply, Fault | None]:
        """As always; then perhaps the kill."""
        done = super().handle(method, target, headers, raw)
        self.left -= 1
        if self.left == 0 and self.victim is not None:
            os.kill(self.victim.pid, signal.SIGKILL)
        return done


def start(server: LoopbackServer, journal: Path) -> subprocess.Popen[str]:
    """A run in a process of its own."""
    command = [sys.executable, "-m", "harness.tests.batching", server.base_url, str(journal), "0", str(LAST)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def all_answered(journal: Path) -> bool:
    """Every request has its own answer on file."""
    keys = request_keys(tuple(requests(0, LAST)), SPEC, Decoding())
    found = read_journal(journal, set(keys))
    return [found[key].text for key in keys if key in found and found[key].outcome.scored] == [
        str(n) for n in range(LAST)
    ]


def test_sigkill_between_any_two_requests(tmp_path: Path) -> None:
    """Killed at its first request, its second, its third and so on until one run ends: no request is paid for twice.

    Two batches, the first of which expires with three requests left, so that a third one is created.
    """
    journal = tmp_path / "j.jsonl"
    kills = 0
    with Killer() as server:
        batches = Batches(server, [Course("expired", expired=3)])
        for number in range(1, 40):
            with start(server, journal) as process:
                server.victim, server.left = process, number
                code = process.wait(60)
                assert process.stderr is not None
                said = process.stderr.read()
            if code == 0:
                break
            assert code == -signal.SIGKILL, said
            kills += 1
        assert code == 0
        asked = Counter(batches.requests())
        sizes = [len(lines) for lines in batches.inputs.values()]
    assert kills >= 5
    assert all_answered(journal)
    assert sizes == [8, 4, 3]
    assert sorted(asked.values()) == [1] * 9 + [2] * 3


class _Stopped(BaseException):
    """Stands for a kill at one point of this process."""


def _writes(monkeypatch: pytest.MonkeyPatch, stop_at: int, *, after: bool) -> list[str]:
    """Make the n-th write of a state, plan or answer the last thing that happens, before or after its effect."""
    seen: list[str] = []

    def guarded(owner: type, name: str) -> None:
        genuine = getattr(owner, name)

        def write(*args: Any, **more: Any) -> Any:
            seen.append(name)
            if len(seen) == stop_at and not after:
                raise _Stopped
            result = genuine(*args, **more)
            if len(seen) == stop_at:
                raise _Stopped
            return result

        monkeypatch.setattr(owner, name, write)

    guarded(Folder, "save")
    guarded(Journal, "append")
    return seen


@pytest.mark.parametrize("after", [False, True])
def test_a_stop_at_every_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:
    """Whatever write was the last one, the same command goes on, and each request is paid for once."""
    stopped = 0
    for stop_at in range(1, 100):
        journal = tmp_path / str(stop_at) / "j.jsonl"
        with LoopbackServer() as server:
            batches = Batches(server, [Course("expired", expired=3)])
            with monkeypatch.context() as patched:
                seen = _writes(patched, stop_at, after=after)
                try:
                    fill_from(server.base_url, journal, 0, LAST)
                except _Stopped:
                    stopped += 1
            fill_from(server.base_url, journal, 0, LAST)
            asked = Counter(batches.requests())
        assert all_answered(journal)
        assert sorted(asked.values()) == [1] * 9 + [2] * 3, f"after {seen[:stop_at]}"
        if len(seen) < stop_at:
            break
    assert stopped == len(seen) >= 20
