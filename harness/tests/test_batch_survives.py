"""What a kill does to batches: real SIGKILLs between any two requests, and a stop at every single write to the disk."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from harness.answers import Journal
from harness.batch.folder import Folder
from harness.tests.batches import Batches, Course
from harness.tests.collecting import ended, fill_from, on_file, start
from harness.tests.loopback import LoopbackServer
from harness.tests.loopback_replies import Fault, Reply


class Killer(LoopbackServer):
    """A server that kills its client when it has done the work of a certain request, before the answer."""

    victim = left = 0

    def handle(self, method: str, target: str, headers: Mapping[str, str], raw: bytes) -> tuple[Reply, Fault | None]:
        """As always; then perhaps the kill."""
        done = super().handle(method, target, headers, raw)
        self.left -= 1
        if self.left == 0:
            os.kill(self.victim, signal.SIGKILL)
        return done


def test_sigkill_between_any_two_requests(tmp_path: Path) -> None:
    """Killed at its first request, its second and so on until one run ends: nothing is paid for twice."""
    journal = tmp_path / "j.jsonl"
    codes: list[int] = []
    with Killer() as server:
        batches = Batches(server, [Course("expired", expired=3)])
        while not codes or (codes[-1] == -signal.SIGKILL and len(codes) < 40):
            server.left = len(codes) + 1
            process = start(fill_from, server.base_url, journal, 0, 12)
            server.victim = process.pid or 0
            codes.append(ended(process))
        asked = Counter(batches.requests())
        sizes = [len(lines) for lines in batches.inputs.values()]
    assert codes[-1] == 0, journal.with_suffix(".stderr").read_text(encoding="utf-8")
    assert len(codes) > 5
    assert [one.text for one in on_file(journal, 0, 12)] == [str(n) for n in range(12)]
    assert sizes == [8, 4, 3]
    assert sorted(asked.values()) == [1] * 9 + [2] * 3


class _Stopped(BaseException):
    """Stands for a kill at one point of this process."""


def _stop_after(monkeypatch: pytest.MonkeyPatch, stop_at: int) -> list[str]:
    """Make the n-th write of a state or an answer the last thing that happens; with 0 not even the first happens."""
    seen: list[str] = []

    def guarded(owner: type, name: str) -> None:
        genuine = getattr(owner, name)

        def write(*args: Any) -> None:
            if stop_at == 0:
                raise _Stopped
            genuine(*args)
            seen.append(name)
            if len(seen) == stop_at:
                raise _Stopped

        monkeypatch.setattr(owner, name, write)

    guarded(Folder, "save")
    guarded(Journal, "append")
    return seen


def test_a_stop_after_every_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever write was the last one, the same command goes on, and each request is paid for once."""
    writes = 2 * 5 + 4  # five states of each batch, four answers
    for stop_at in range(writes + 2):
        journal = tmp_path / str(stop_at) / "j.jsonl"
        with LoopbackServer() as server:
            batches = Batches(server, [Course("expired", expired=1)])
            with monkeypatch.context() as patched:
                seen = _stop_after(patched, stop_at)
                with pytest.raises(_Stopped) if stop_at <= writes else nullcontext():
                    fill_from(server.base_url, journal, 0, 3)
            fill_from(server.base_url, journal, 0, 3)
            asked = Counter(batches.requests())
        assert [one.text for one in on_file(journal, 0, 3)] == ["0", "1", "2"]
        assert sorted(asked.values()) == [1, 1, 2], f"after {seen}"
