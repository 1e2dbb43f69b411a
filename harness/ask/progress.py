"""What is shown of a running collection: a live bar on a terminal, an occasional plain line elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

from harness.models.outcomes import Completion

if TYPE_CHECKING:
    import rich.progress

PLAIN_EVERY_S = 15.0  # seconds between lines where there is no terminal


class Progress:
    """What a collection reports, model after model. This one shows nothing."""

    def note(self, line: str) -> None:
        """Show something that the user should know, in a line of its own."""

    def begin(self, model: str, total: int, kept: int) -> None:
        """`total` answers are wanted of `model`, `kept` of them are on file."""

    def advance(self, completion: Completion) -> None:
        """One more completion is in the journal; it may have an infrastructure outcome."""

    def end(self) -> None:
        """The collection is over, also after an error or Ctrl-C."""


class ProgressBar(Progress):
    """One line on stderr for each model: done of wanted, failed, rate and remaining time.

    Answers that were on file count as done but not towards the rate.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._bar: rich.progress.Progress | None = None

    def note(self, line: str) -> None:
        """Show a line, above the bar where there is one."""
        if self._bar is None:
            print(line, file=self._stream, flush=True)
        else:
            self._bar.console.print(line, markup=False, highlight=False)

    def begin(self, model: str, total: int, kept: int) -> None:
        """Start a line."""
        self._model, self._total, self._done, self._failed, self._arrived = model, total, kept, 0, 0
        self._started = self._printed = time.monotonic()
        if self._stream.isatty():
            self._bar = _bar(self._stream)
            self._bar.add_task(model, total=total, completed=kept, failed=0, rate="")
            self._bar.start()
        else:
            self.note(f"{model}: {kept} on file, {total - kept} to ask")

    def advance(self, completion: Completion) -> None:
        """Count one completion."""
        self._failed += not completion.outcome.scored
        self._done += completion.outcome.scored
        self._arrived += 1
        now = time.monotonic()
        rate = self._arrived / max(now - self._started, 1e-3)
        if self._bar is not None:
            task = self._bar.task_ids[0]
            self._bar.update(task, completed=self._done, failed=self._failed, rate=f"{rate:.1f}/s")
        elif now - self._printed >= PLAIN_EVERY_S:
            self._printed = now
            left = self._total - self._done - self._failed
            self.note(f"{self._counts()}, {rate:.1f}/s, about {left / rate:.0f} s left")

    def end(self) -> None:
        """Leave the line as it stands."""
        if self._bar is None:
            self.note(f"{self._counts()}, {time.monotonic() - self._started:.0f} s")
        else:
            self._bar.stop()
            self._bar = None

    def _counts(self) -> str:
        return f"{self._model}: {self._done} of {self._total} done, {self._failed} failed"


def _bar(stream: TextIO) -> rich.progress.Progress:
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
