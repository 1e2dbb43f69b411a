"""Follows a hosted job to its end: events as they come, what it made, and why it failed if it did."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TextIO

from harness.errors import EndpointError, InputError
from harness.models.endpoint import read_failure
from harness.models.scrub import scrub
from harness.training.console import tell as note
from harness.training.hosted import TROUBLES, Event, Hosted
from harness.training.runrecord import FINAL, Keeper, RunRecord

if TYPE_CHECKING:
    from openai.types.fine_tuning import FineTuningJob

POLL_S = 10.0
FAILED_LOOKS = 30  # in a row, each with its retries: ten minutes of an outage
PLAIN_EVERY_S = 15.0  # seconds between lines of progress where there is no terminal
# Mistakes in the files: for the user to mend. Other codes are the provider's business.
_FILE_CODES = frozenset(
    {"invalid_training_file", "invalid_validation_file", "invalid_n_examples", "invalid_file_format"}
)

Tell = Callable[[RunRecord, list[Event]], None]


def follow(hosted: Hosted, keeper: Keeper, tell: Tell, poll_s: float = POLL_S) -> RunRecord:
    """Look at a job until it is final, then fetch what it made; the record is written at each look.

    Args:
        hosted: Where.
        keeper: With the job's id.
        tell: Given the record and the new events after each look.
        poll_s: Seconds between looks.

    Raises:
        EndpointError: the endpoint cannot be reached for long, or knows no such job. The job goes on without us.
    """
    failed = 0
    while True:
        try:
            fresh = _look(hosted, keeper)
        except TROUBLES as error:
            failed += 1
            _give_up(hosted, keeper.record, error, failed)
        else:
            failed = 0
            tell(keeper.record, fresh)
            if keeper.record.status in FINAL:
                break
        time.sleep(poll_s)
    return _fetch(hosted, keeper)


def _look(hosted: Hosted, keeper: Keeper) -> list[Event]:
    record = keeper.record
    job = hosted.look(record.job)
    fresh = hosted.events(record.job, frozenset(str(event["id"]) for event in record.events))
    keeper.update(
        status=str(job.status),
        fine_tuned_model=job.fine_tuned_model or "",
        trained_tokens=job.trained_tokens,
        error=_error(job, hosted),
        events=(*record.events, *(asdict(event) for event in fresh)),
    )
    return fresh


def _error(job: FineTuningJob, hosted: Hosted) -> dict[str, str]:
    if job.error is None or not job.error.code:
        return {}
    return {
        "code": scrub(str(job.error.code), hosted.endpoint.key),
        "message": scrub(str(job.error.message), hosted.endpoint.key),
    }


def _give_up(hosted: Hosted, record: RunRecord, error: Exception, failed: int) -> None:
    reply = read_failure(error, hosted.endpoint)
    if reply.outcome.fatal or failed >= FAILED_LOOKS:
        raise EndpointError(
            f"{hosted.endpoint.base_url} does not tell of the job {record.job}: {reply.detail}\n"
            f"  the job goes on there; look again with: gonogo finetune --provider openai --resume {record.job}"
        ) from None


def _fetch(hosted: Hosted, keeper: Keeper) -> RunRecord:
    """Checkpoints and curve; neither being unreadable loses the model."""
    record = keeper.record
    try:
        keeper.update(checkpoints=hosted.checkpoints(record.job))
    except TROUBLES as error:
        _note("checkpoints", read_failure(error, hosted.endpoint).detail)
    if record.status == "succeeded":
        try:
            keeper.update(curve=hosted.curve(list(hosted.look(record.job).result_files or [])))
        except InputError as error:
            _note("training curve", str(error))
        except TROUBLES as error:
            _note("training curve", read_failure(error, hosted.endpoint).detail)
    return keeper.record


def _note(what: str, why: str) -> None:
    note(f"note: the {what} cannot be had: {why}")


def failure(record: RunRecord) -> InputError | EndpointError | None:
    """The error that a run which has ended amounts to, None if it brought a model."""
    if record.status == "succeeded" and record.fine_tuned_model:
        return None
    if record.status == "cancelled":
        return EndpointError(f"the job {record.job} was cancelled")
    complaints = [str(event["message"]) for event in record.events if event["level"] in ("warn", "error")]
    code, message = record.error.get("code", ""), record.error.get("message", "")
    what = f"{code}: {message}" if code else message or (complaints[-1] if complaints else "no reason given")
    trained = any("train_loss" in event["data"] for event in record.events) or bool(record.trained_tokens)
    when = ""
    if trained and record.status == "failed":
        when = " after training (the provider evaluates a trained model for safety before it releases it)"
    if record.status == "succeeded":
        what = "it ended without a model" + (f"; {complaints[-1]}" if complaints else "")
    told = "".join(f"\n  event: {line}" for line in complaints if line != message)
    text = f"the job {record.job} failed{when}: {what}{told}"
    if code in _FILE_CODES:
        return InputError(text, hint="mend the training file and run the command again")
    return EndpointError(f"{text}\n  the run record has all events; run the command again to try anew")


class Teller:
    """Shows a job on stderr: a line for each event; on a terminal one line of progress that redraws itself."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._status = ""
        self._told_at = 0.0

    def __call__(self, record: RunRecord, fresh: list[Event]) -> None:
        """Tell what is new."""
        if record.status != self._status:
            self._status = record.status
            self._line(f"{record.job}: {scrub(record.status)}")
        for event in fresh:
            if "step" not in event.data:
                self._line(f"{record.job}: {event.level + ': ' if event.level != 'info' else ''}{event.message}")
        steps = [event.data for event in fresh if "step" in event.data]
        if steps:
            self._progress(f"{record.job}: {_step(steps[-1])}")

    def _progress(self, text: str) -> None:
        now = time.monotonic()
        if self._stream.isatty():
            print(f"\r\x1b[2K{text}", end="", file=self._stream, flush=True)
        elif now - self._told_at >= PLAIN_EVERY_S or not self._told_at:
            self._told_at = now
            self._line(text)

    def _line(self, text: str) -> None:
        start = "\r\x1b[2K" if self._stream.isatty() else ""
        print(f"{start}{text}", file=self._stream, flush=True)


def _step(data: Any) -> str:
    total = data.get("total_steps")
    losses = [
        f"{label} {data[name]:.4f}"
        for name, label in (("train_loss", "training loss"), ("valid_loss", "validation loss"))
        if isinstance(data.get(name), int | float)
    ]
    return ", ".join([f"step {scrub(str(data['step']))}" + (f" of {scrub(str(total))}" if total else ""), *losses])
