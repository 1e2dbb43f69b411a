"""The record of gates and promotions: append-only JSON lines, each holding the hash of the one before.

A changed, removed, inserted or reordered line breaks the chain from there on. Lines cut from the end leave a valid,
shorter chain: to find that too, keep the hash of the last line elsewhere (a commit, a ticket) and give it to
`read`. The record is evidence, not a lock against its owner: who can write the file can write a new chain.

Writers hold a lock from reading the chain to writing their line, and say which line they took for the last; of two
that decided on the same state one promotes and the other is refused. Attempts change no state: they are always kept.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.errors import EvidenceError, InputError
from harness.files import lock, open_file

START = "0" * 64  # what the first line names as the one before
SHORT = 12  # characters of a hash that are shown, and enough to name a line by


@dataclass(frozen=True, slots=True)
class Entry:
    """One line.

    Attributes:
        action: `promote`, `rollback`, or `attempt`: a gate was run, whatever its verdict.
        model: The model that is in use from this line on; of an attempt, the candidate.
        replaces: The model that was in use before it; of an attempt, what the candidate was gated against.
        date: UTC, ISO 8601; never before that of the line before.
        details: Of a gate: verdict, hashes and policy (`harness.attempts`). Of a rollback: empty.
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


_FIELDS = tuple(field.name for field in fields(Entry))


def entry_hash(record: Mapping[str, Any]) -> str:
    """sha256 (hex) over the canonical JSON of a line without its hash."""
    content = {name: record[name] for name in _FIELDS if name != "hash"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read(path: Path, head: str | None = None) -> list[Entry]:
    """All lines, the chain checked; empty where there is no file yet.

    Args:
        path: The record.
        head: Hash that some line must have, or its first characters, at least `SHORT`: kept elsewhere, it shows that
            no line was cut from the end.

    Raises:
        InputError: the file cannot be read.
        EvidenceError: a line was changed, removed, inserted or cut off; the message names the first.
    """
    entries: list[Entry] = []
    try:
        with open_file(path) as file:
            for number, line in enumerate(file, start=1):
                entries.append(_entry(f"{path}:{number}", line, entries))
    except FileNotFoundError:
        entries = []
    except OSError as error:
        raise InputError(f"cannot read the record: {error.strerror}", path=path, hint="check --record") from None
    if head is not None and not any(is_head(head, known) for known in (START, *(entry.hash for entry in entries))):
        lost = "lines were cut from the end, or the record was written anew" if entries else "the record is gone"
        raise EvidenceError(f"{path}: no line has the hash {head!r}: {lost}")
    return entries


def is_head(head: str, known: str) -> bool:
    """Whether what a user kept is this hash, or enough of its beginning."""
    return len(head) >= SHORT and known.startswith(head.lower())


def _entry(where: str, line: bytes, before_it: list[Entry]) -> Entry:
    try:
        record = json.loads(line)
        # Only what this module wrote reads the same when written again: a key that stands twice does not.
        as_written = isinstance(record, dict) and _written(record) == line.replace(b"\r\n", b"\n")
        digest = entry_hash(record) if as_written and set(record) == set(_FIELDS) else None
    except (ValueError, RecursionError):
        record = digest = None
    if not line.endswith(b"\n"):
        problem = "is cut off"
    elif not isinstance(record, dict) or set(record) != set(_FIELDS):
        problem = "is not an entry"
    elif digest != record["hash"]:
        problem = "was changed after it was written"
    elif record["previous"] != last_hash(before_it):
        problem = "does not follow the line before it: lines were removed, inserted or reordered"
    else:
        problem = _forged(record, before_it)
    if problem:
        raise EvidenceError(f"{where}: this line {problem}\n  restore the record from where a copy of it is kept")
    return Entry(**record)


def _forged(record: Mapping[str, Any], before_it: list[Entry]) -> str:
    """Why a line with a right hash was not written by this module; empty where it may well have been."""
    if not all(isinstance(record[name], dict if name == "details" else str) for name in _FIELDS):
        return "holds a value of another type than gonogo writes"
    try:
        date = datetime.fromisoformat(record["date"]).astimezone(UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        date = ""
    if date != record["date"]:
        return "has no date in UTC"
    if before_it and date < before_it[-1].date:
        return "is dated before the line before it"
    action, in_use = record["action"], current(before_it)
    if action == "promote":
        return "" if in_use in (None, record["replaces"]) else f"replaces a model while {in_use!r} is in use"
    if action == "rollback":
        back = (record["model"], record["replaces"]) == (before(before_it), in_use)
        return "" if back else "rolls back what was not promoted"
    return "" if action == "attempt" else "is neither promotion, rollback nor attempt"


def current(entries: list[Entry]) -> str | None:
    """The model in use by the record; None where nothing was promoted."""
    return next((entry.model for entry in reversed(entries) if entry.action != "attempt"), None)


def before(entries: list[Entry]) -> str | None:
    """The model that a rollback would bring back: the one in use before the promotion that still stands."""
    standing: list[Entry] = []
    for entry in entries:
        if entry.action == "promote":
            standing.append(entry)
        elif entry.action == "rollback":
            standing.pop()
    return standing[-1].replaces if standing else None


def last_hash(entries: list[Entry]) -> str:
    """Hash of the last line, or `START`."""
    return entries[-1].hash if entries else START


def attempt(path: Path, model: str, against: str, details: Mapping[str, Any]) -> Entry:
    """Append that a candidate was gated, whatever came of it.

    Raises:
        EvidenceError: the chain is broken.
        InputError: the file cannot be written.
    """
    with _locked(path) as entries:
        return _append(path, entries, action="attempt", model=model, replaces=against, details=details)


def promote(path: Path, model: str, replaces: str, details: Mapping[str, Any], seen: str) -> Entry:
    """Append a promotion of a model that was gated against `replaces`, when `seen` was the `last_hash`.

    Raises:
        EvidenceError: something was promoted or rolled back since then, `replaces` is not in use, or the chain is
            broken.
        InputError: the file cannot be written.
    """
    with _locked(path) as entries:
        hashes = [START, *(entry.hash for entry in entries)]
        since = entries[hashes.index(seen) :] if seen in hashes else entries
        in_use = current(entries)
        if seen not in hashes or any(entry.action != "attempt" for entry in since) or in_use not in (None, replaces):
            raise EvidenceError(
                f"not promoted: {path} has changed while the gate ran, {in_use} is in use now\n  gate against {in_use}"
            )
        return _append(path, entries, action="promote", model=model, replaces=replaces, details=details)


def rollback(path: Path) -> Entry:
    """Append a rollback to the model before the promotion that stands.

    Raises:
        InputError: nothing stands that could be rolled back, or the file cannot be written.
        EvidenceError: the chain is broken.
    """
    with _locked(path) as entries:
        model, withdrawn = before(entries), current(entries)
        if model is None or withdrawn is None:
            raise InputError("there is no promotion to roll back", path=path, hint="check --record")
        return _append(path, entries, action="rollback", model=model, replaces=withdrawn, details={})


@contextmanager
def _locked(path: Path) -> Iterator[list[Entry]]:
    """The lines of the file, which nobody else writes meanwhile."""
    try:
        with lock(path):
            yield read(path)
    except OSError as error:
        raise InputError(f"cannot write the record: {error.strerror}", path=path, hint="check --record") from None


def _written(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def _append(path: Path, entries: list[Entry], **content: Any) -> Entry:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    date = max(now, entries[-1].date) if entries else now  # another machine's clock may go ahead of this one
    record = {**content, "date": date, "previous": last_hash(entries)}
    entry = Entry(**record, hash=entry_hash(record))
    size = path.stat().st_size if path.exists() else 0
    try:
        with path.open("ab") as file:
            file.write(_written(asdict(entry)))
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        os.truncate(path, size)  # a full disk, or Ctrl-C between two parts: whole lines only
        raise
    return entry
