"""Shows a running collection on stderr: a live bar on a terminal, an occasional plain line elsewhere.

    collect(..., progress=ProgressBar())

One line for each model: done of wanted, failed, rate and remaining time. Answers that were on file count as done
but not towards the rate.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

from harness.models.outcomes import Completion

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PLAIN_EVERY_S = 15.0  # seconds between lines where there is no terminal


class ProgressBar:
    """A `harness.answers.Progress`; may be used for one model after another.

    Args:
        stream: Where to show; stderr by default.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._shown: _Live | _Plain | None = None

    def note(self, line: str) -> None:
        """A line of its own, above the bar where there is one."""
        if isinstance(self._shown, _Live):
            self._shown.note(line)
        else:
            print(line, file=self._stream, flush=True)

    def begin(self, model: str, total: int, kept: int) -> None:
        """Start a line."""
        self._shown = (_Live if self._stream.isatty() else _Plain)(self._stream, model, total, kept)

    def advance(self, completion: Completion) -> None:
        """Count one completion."""
        if self._shown is not None:
            self._shown.advance(failed=not completion.outcome.scored)

    def end(self) -> None:
        """Leave the line as it stands."""
        if self._shown is not None:
            self._shown.end()
            self._shown = None


class _Live:
    """A bar that redraws itself."""

    def __init__(self, stream: TextIO, model: str, total: int, kept: int) -> None:
        self._failed = 0
        self._done = kept
        self._arrived = 0
        self._started = time.monotonic()
        self._bar = _bar(stream)
        self._task: TaskID = self._bar.add_task(model, total=total, completed=kept, failed=0, rate="")
        self._bar.start()

    def note(self, line: str) -> None:
        self._bar.console.print(line, markup=False, highlight=False)

    def advance(self, *, failed: bool) -> None:
        self._failed += failed
        self._done += not failed
        self._arrived += 1
        rate = self._arrived / max(time.monotonic() - self._started, 1e-3)
        self._bar.update(self._task, completed=self._done, failed=self._failed, rate=f"{rate:.1f}/s")

    def end(self) -> None:
        self._bar.stop()


def _bar(stream: TextIO) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed", markup=False),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=Console(file=stream),
        refresh_per_second=4,
    )


class _Plain:
    """Lines for a log: at the start, every now and then, at the end."""

    def __init__(self, stream: TextIO, model: str, total: int, kept: int) -> None:
        self._stream, self._model, self._total = stream, model, total
        self._done, self._failed, self._arrived = kept, 0, 0
        self._started = self._told = time.monotonic()
        self._tell(f"{kept} on file, {total - kept} to ask")

    def advance(self, *, failed: bool) -> None:
        self._failed += failed
        self._done += not failed
        self._arrived += 1
        now = time.monotonic()
        if now - self._told >= PLAIN_EVERY_S:
            self._told = now
            rate = self._arrived / (now - self._started)
            left = self._total - self._done - self._failed
            self._tell(f"{self._count()}, {rate:.1f}/s, about {left / rate:.0f} s left")

    def end(self) -> None:
        self._tell(f"{self._count()}, {time.monotonic() - self._started:.0f} s")

    def _count(self) -> str:
        return f"{self._done} of {self._total} done, {self._failed} failed"

    def _tell(self, what: str) -> None:
        print(f"{self._model}: {what}", file=self._stream, flush=True)
