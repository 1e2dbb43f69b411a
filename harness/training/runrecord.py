"""The record of one hosted fine-tuning run: written before anything is sent, replaced whole at each step.

`<runs>/finetune/<run>.json`. The run's name is a hash of what is asked for, so the same command finds its own record
again after a crash, and the provider's job carries the name as metadata, so that it is found even without the record.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.errors import InputError

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

FINAL = ("succeeded", "failed", "cancelled")  # every other status, known or not, is not final


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What is known of one run.

    Attributes:
        run: Its name.
        attempt: Counts from 1; a new one only after the one before failed or was cancelled.
        endpoint: Base URL. Keys are never here.
        model: The base model.
        asked: Hyperparameters, seed, suffix, and the hashes, counts and token estimates of the files.
        cost_usd: Estimated before the start; None where no price is known.
        files: sha256 -> id of the uploaded file.
        sent_at: Unix time of the attempt to create the job; 0 before.
        job: The provider's id; empty until it is known.
        status: The provider's, as it gives it.
        fine_tuned_model: Its id, once there is one.
        error: `code` and `message` of a failure.
        events: Level, message and data, oldest first.
        checkpoints: Model id, step and metrics.
        curve: One row a step, columns as the provider names them.
    """

    run: str
    attempt: int
    endpoint: str
    model: str
    asked: dict[str, Any]
    cost_usd: float | None = None
    files: dict[str, str] = field(default_factory=dict)
    sent_at: float = 0.0
    job: str = ""
    status: str = ""
    fine_tuned_model: str = ""
    trained_tokens: int | None = None
    error: dict[str, str] = field(default_factory=dict)
    events: tuple[dict[str, Any], ...] = ()
    checkpoints: tuple[dict[str, Any], ...] = ()
    curve: tuple[dict[str, float], ...] = ()

    @property
    def metadata(self) -> dict[str, str]:
        """What the job carries and is looked up by."""
        return {"run": f"{self.run}-{self.attempt}"}

    def next_attempt(self) -> RunRecord:
        """A fresh record for trying again after a failure; uploaded files stay."""
        return RunRecord(
            self.run, self.attempt + 1, self.endpoint, self.model, self.asked, self.cost_usd, dict(self.files)
        )


@dataclass(slots=True)
class Keeper:
    """Holds the current record of one run and keeps it on disk."""

    path: Path
    record: RunRecord

    def update(self, **changes: Any) -> RunRecord:
        """Change fields and write the record, whole or not at all.

        Raises:
            InputError: it cannot be written.
        """
        self.record = replace(self.record, **changes)
        write_record(self.path, self.record)
        return self.record


def write_record(path: Path, record: RunRecord) -> None:
    """Replace a record on disk in one step.

    Raises:
        InputError: it cannot be written.
    """
    fresh = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("w", encoding="utf-8") as file:
            file.write(json.dumps(asdict(record), indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())  # a job that is paid for must not be forgotten
        fresh.replace(path)
    except OSError as error:
        raise InputError(
            f"cannot write the run record: {error.strerror}", path=path, hint="choose another --runs"
        ) from None


def read_record(path: Path) -> RunRecord | None:
    """The record on disk, None where there is none.

    Raises:
        InputError: it cannot be read.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        lists = {name: tuple(raw.get(name, ())) for name in ("events", "checkpoints", "curve")}
        return RunRecord(**{**raw, **lists})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"the run record cannot be read: {error}",
            path=path,
            hint="move it away; the provider's job is found by its metadata",
        ) from None


def find_record(folder: Path, job: str) -> tuple[Path, RunRecord] | None:
    """The record of a job, by the provider's id."""
    for path in sorted(folder.glob("*.json")):
        record = read_record(path)
        if record is not None and record.job == job:
            return path, record
    return None


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep other processes from the same run: two of them would create two jobs.

    Raises:
        InputError: another one is at work on it, or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_suffix(".lock").open("w", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"cannot write the run record: {error.strerror}", path=path, hint="choose another --runs"
        ) from None
    with lock:
        if fcntl is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    "another gonogo is at work on this run", path=path, hint="wait for it, or stop it first"
                ) from None
        yield
