"""The record of promotions: append-only JSON lines, each holding the hash of the one before.

A changed, removed, inserted or reordered line breaks the chain from there on. Lines cut from the end leave a valid,
shorter chain: to find that too, keep the hash of the last line elsewhere (a commit, a ticket) and give it to
`verify`. The record is evidence, not a lock against its owner: who can write the file can write a new chain.

Writers hold an exclusive `flock` from reading the chain to writing their line, and say which line they took for the
last; of two that decided on the same state one writes and the other is refused. Where `fcntl` is missing (Windows)
one process at a time may write.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.errors import EvidenceError, InputError

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

START = "0" * 64  # what the first line names as the one before


@dataclass(frozen=True, slots=True)
class Entry:
    """One line.

    Attributes:
        action: `promote` or `rollback`.
        model: The model that is in use from this line on.
        replaces: The model that was in use before it.
        date: UTC, ISO 8601.
        details: Of a promotion: verdict, hashes and policy. Of a rollback: empty.
        previous: Hash of the line before, or `START`.
        hash: sha256 of everything above, see `entry_hash`.
    """

    action: str
    model: str
    replaces: str
    date: str
    details: Mapping[str, Any]
    previous: str
    hash: str


_FIELDS = ("action", "model", "replaces", "date", "details", "previous")


def entry_hash(record: Mapping[str, Any]) -> str:
    """sha256 (hex) over the canonical JSON of a line without its hash."""
    content = {name: record[name] for name in _FIELDS}
    return hashlib.sha256(
        json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
    ).hexdigest()


def read(path: Path, head: str = "") -> list[Entry]:
    """All lines, the chain checked; empty where there is no file yet.

    Args:
        path: The record.
        head: Hash that some line must have, if given: kept elsewhere, it shows that no line was cut from the end.

    Raises:
        InputError: the file cannot be read.
        EvidenceError: a line was changed, removed, inserted or cut off; the message names the first.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        data = b""
    except OSError as error:
        raise InputError(f"cannot read the record: {error.strerror}", path=path, hint="check --record") from None
    entries = _parse(path, data)
    if head and head not in {START, *(entry.hash for entry in entries)}:
        raise EvidenceError(
            f"{path}: no line has the hash {head}: lines were cut from the end, or the record was written anew"
        )
    return entries


def current(entries: list[Entry]) -> str | None:
    """The model in use by the record; None where nothing was promoted."""
    return entries[-1].model if entries else None


def before(entries: list[Entry]) -> str | None:
    """The model that a rollback would bring back: the one in use before the promotion that still stands."""
    standing: list[Entry] = []
    for entry in entries:
        if entry.action == "promote":
            standing.append(entry)
        else:
            standing.pop()
    return standing[-1].replaces if standing else None


def last_hash(entries: list[Entry]) -> str:
    """Hash of the last line, or `START`."""
    return entries[-1].hash if entries else START


def promote(path: Path, model: str, replaces: str, details: Mapping[str, Any], seen: str) -> Entry:
    """Append a promotion.

    Args:
        path: The record; made if missing.
        model: The model promoted.
        replaces: The model it was gated against.
        details: Verdict, hashes, policy: JSON values.
        seen: `last_hash` when the gate began.

    Raises:
        EvidenceError: something was promoted or rolled back since then, or the chain is broken.
        InputError: the file cannot be written.
    """
    with _exclusive(path) as (fd, entries):
        if last_hash(entries) != seen:
            raise EvidenceError(
                f"not promoted: {path} has changed while the gate ran, {current(entries)} is in use now\n"
                f"  gate against {current(entries)}"
            )
        return _append(path, fd, _next(entries, "promote", model, replaces, details))


def rollback(path: Path) -> Entry:
    """Append a rollback to the model before the promotion that stands.

    Raises:
        InputError: nothing stands that could be rolled back, or the file cannot be written.
        EvidenceError: the chain is broken.
    """
    with _exclusive(path) as (fd, entries):
        model, withdrawn = before(entries), current(entries)
        if model is None or withdrawn is None:
            raise InputError("there is no promotion to roll back", path=path, hint="check --record")
        return _append(path, fd, _next(entries, "rollback", model, withdrawn, {}))


def _next(entries: list[Entry], action: str, model: str, replaces: str, details: Mapping[str, Any]) -> Entry:
    record: dict[str, Any] = {
        "action": action,
        "model": model,
        "replaces": replaces,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "details": dict(details),
        "previous": last_hash(entries),
    }
    return Entry(**record, hash=entry_hash(record))


def _append(path: Path, fd: int, entry: Entry) -> Entry:
    record = {name: getattr(entry, name) for name in (*_FIELDS, "hash")}
    line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
    size = os.fstat(fd).st_size
    try:
        written = os.write(fd, line)
        while written < len(line):
            written += os.write(fd, line[written:])
        os.fsync(fd)
    except BaseException as error:
        os.ftruncate(fd, size)  # a full disk, or Ctrl-C between two parts: whole lines only
        if isinstance(error, OSError):
            raise InputError(
                f"cannot write the record: {error.strerror}", path=path, hint="nothing was promoted"
            ) from None
        raise
    return entry


@contextmanager
def _exclusive(path: Path) -> Iterator[tuple[int, list[Entry]]]:
    """The file, open for appending and locked, with its lines."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
    except OSError as error:
        raise InputError(f"cannot write the record: {error.strerror}", path=path, hint="check --record") from None
    try:
        if fcntl is not None:
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield fd, read(path)
    finally:
        os.close(fd)  # releases the lock


def _parse(path: Path, data: bytes) -> list[Entry]:
    entries: list[Entry] = []
    previous = START
    for number, line in enumerate(io.BytesIO(data), start=1):
        problem = ""
        record: Any = None
        if not line.endswith(b"\n"):
            problem = "is cut off"
        else:
            try:
                record = json.loads(line)
                if not isinstance(record, dict) or set(record) != {*_FIELDS, "hash"}:
                    problem = "is not an entry"
                elif entry_hash(record) != record["hash"]:
                    problem = "was changed after it was written"
                elif record["previous"] != previous:
                    problem = "does not follow the line before it: lines were removed, inserted or reordered"
            except (ValueError, RecursionError):
                problem = "is not JSON"
        if problem:
            raise EvidenceError(
                f"{path}:{number}: this line {problem}\n  restore the record from where a copy of it is kept"
            )
        entries.append(Entry(**record))
        previous = entries[-1].hash
    return entries
