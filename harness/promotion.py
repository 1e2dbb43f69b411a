"""The record of promotions: append-only JSON lines, each holding the hash of the one before.

A changed, removed, inserted or reordered line breaks the chain from there on. Lines cut from the end leave a valid,
shorter chain: to find that too, keep the hash of the last line elsewhere (a commit, a ticket) and give it to
`read`. The record is evidence, not a lock against its owner: who can write the file can write a new chain.

Writers hold a lock from reading the chain to writing their line, and say which line they took for the last; of two
that decided on the same state one writes and the other is refused.
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
from harness.files import lock

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


_FIELDS = tuple(field.name for field in fields(Entry))


def entry_hash(record: Mapping[str, Any]) -> str:
    """sha256 (hex) over the canonical JSON of a line without its hash."""
    content = {name: record[name] for name in _FIELDS if name != "hash"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read(path: Path, head: str = "") -> list[Entry]:
    """All lines, the chain checked; empty where there is no file yet.

    Args:
        path: The record.
        head: Hash that some line must have, if given: kept elsewhere, it shows that no line was cut from the end.

    Raises:
        InputError: the file cannot be read.
        EvidenceError: a line was changed, removed, inserted or cut off; the message names the first.
    """
    entries: list[Entry] = []
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                entries.append(_entry(f"{path}:{number}", line, last_hash(entries)))
    except FileNotFoundError:
        entries = []
    except OSError as error:
        raise InputError(f"cannot read the record: {error.strerror}", path=path, hint="check --record") from None
    if head and head not in {START, *(entry.hash for entry in entries)}:
        raise EvidenceError(
            f"{path}: no line has the hash {head}: lines were cut from the end, or the record was written anew"
        )
    return entries


def _entry(where: str, line: bytes, previous: str) -> Entry:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        record = None
    if not line.endswith(b"\n"):
        problem = "is cut off"
    elif not isinstance(record, dict) or set(record) != set(_FIELDS):
        problem = "is not an entry"
    elif entry_hash(record) != record["hash"]:
        problem = "was changed after it was written"
    elif record["previous"] != previous:
        problem = "does not follow the line before it: lines were removed, inserted or reordered"
    else:
        return Entry(**record)
    raise EvidenceError(f"{where}: this line {problem}\n  restore the record from where a copy of it is kept")


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
    """Append a promotion of a model that was gated against `replaces`, when `seen` was the `last_hash`.

    Raises:
        EvidenceError: something was promoted or rolled back since then, or the chain is broken.
        InputError: the file cannot be written.
    """
    with _locked(path) as entries:
        if last_hash(entries) != seen:
            raise EvidenceError(
                f"not promoted: {path} has changed while the gate ran, {current(entries)} is in use now\n"
                f"  gate against {current(entries)}"
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


def _append(path: Path, entries: list[Entry], **content: Any) -> Entry:
    date = datetime.now(UTC).isoformat(timespec="seconds")
    record = {**content, "date": date, "previous": last_hash(entries)}
    entry = Entry(**record, hash=entry_hash(record))
    size = path.stat().st_size if path.exists() else 0
    try:
        with path.open("ab") as file:
            file.write(json.dumps(asdict(entry), separators=(",", ":")).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        os.truncate(path, size)  # a full disk, or Ctrl-C between two parts: whole lines only
        raise
    return entry
