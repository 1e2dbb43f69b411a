"""What a person sees of a running collection."""

from __future__ import annotations

import io

import pytest

from harness.ask import progress
from harness.ask.progress import ProgressBar
from harness.models.outcomes import Completion, Outcome

DONE = Completion("k", "lab:m", "c", 0, Outcome.ANSWERED)
FAILED = Completion("k", "lab:m", "c", 0, Outcome.TIMEOUT)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def show(stream: io.StringIO) -> str:
    """Two models one after the other; what was written."""
    bar = ProgressBar(stream)
    for model in ("lab:[red]first", "lab:second"):
        bar.begin(model, 4, 1)
        for completion in (DONE, FAILED, DONE):
            bar.advance(completion)
        bar.end()
    return stream.getvalue()


def test_a_log_gets_plain_lines() -> None:
    """Not a terminal: a line at the start and at the end of each model, no escape codes."""
    assert show(io.StringIO()).splitlines() == [
        "lab:[red]first: 1 on file, 3 to ask",
        "lab:[red]first: 3 of 4 done, 1 failed, 0 s",
        "lab:second: 1 on file, 3 to ask",
        "lab:second: 3 of 4 done, 1 failed, 0 s",
    ]


def test_a_long_run_tells_rate_and_remaining_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every now and then a line says how fast it goes and how long it will take."""
    monkeypatch.setattr(progress, "PLAIN_EVERY_S", 0.0)
    lines = show(io.StringIO()).splitlines()
    assert lines[1].startswith("lab:[red]first: 2 of 4 done, 0 failed, ")
    assert "/s, about" in lines[1]


def test_a_terminal_gets_a_bar_for_each_model() -> None:
    """Done, failed and rate stand beside the name, which is never taken for markup."""
    shown = show(Terminal())
    for part in ("lab:[red]first", "lab:second", "3/4", "1 failed", "/s"):
        assert part in shown
