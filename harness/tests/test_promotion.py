"""The promotion record: only one of two wins, every tampering is found, and the way back is known."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import EvidenceError, InputError
from harness.files import lock
from harness.promotion import START, _written, attempt, before, current, entry_hash, last_hash, promote, read, rollback

Lines = list[dict[str, Any]]
Spoil = Callable[[bytes], bytes]


def _promote(path: Path, model: str, replaces: str) -> None:
    promote(path, model, replaces, {"verdict": "GO", "note": "ü|\u2028"}, last_hash(read(path)))


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """Three promotions and a rollback: m0 -> m1 -> m2 -> m3, back to m2."""
    path = tmp_path / "promotions.jsonl"
    for number in range(3):
        _promote(path, f"m{number + 1}", f"m{number}")
    rollback(path)
    return path


def test_the_record_names_the_model_in_use_and_the_one_before(record: Path) -> None:
    """After the rollback m2 is in use; m4 in its place goes back to m2, not to the withdrawn m3, then on to m0."""
    assert (current(read(record)), before(read(record))) == ("m2", "m1")
    _promote(record, "m4", "m2")
    assert [rollback(record).model for _ in range(3)] == ["m2", "m1", "m0"]
    with pytest.raises(InputError, match="no promotion to roll back"):
        rollback(record)


def test_an_empty_or_missing_record_promotes_nothing(tmp_path: Path) -> None:
    """No file and an empty file mean that nothing was promoted."""
    assert read(tmp_path / "none.jsonl") == []
    (tmp_path / "empty.jsonl").touch()
    assert current(read(tmp_path / "empty.jsonl")) is None


def test_a_promotion_decided_on_an_older_state_is_refused(record: Path) -> None:
    """What another one promoted while the gate ran is named; nothing is written."""
    seen = last_hash(read(record))
    _promote(record, "faster", "m2")
    content = record.read_bytes()
    with pytest.raises(EvidenceError, match="gate against faster"):
        promote(record, "slower", "m2", {}, seen)
    assert record.read_bytes() == content


_PROMOTE = (
    "import sys, pathlib; from harness.promotion import promote; from harness.errors import EvidenceError\n"
    "print('ready', flush=True); sys.stdin.readline()\n"
    "try: promote(pathlib.Path(sys.argv[1]), sys.argv[2], 'old', {'x': 'y' * 9000}, '0' * 64)\n"
    "except EvidenceError: sys.exit(4)\n"
)


def test_of_processes_that_write_at_once_one_wins(tmp_path: Path) -> None:
    """Four decide on the same state and wait for this one, which holds the record; then one of them succeeds."""
    path, pipe = tmp_path / "promotions.jsonl", subprocess.PIPE
    commands = [[sys.executable, "-c", _PROMOTE, str(path), f"m{number}"] for number in range(4)]
    racers = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for command in commands]
    for racer in racers:
        assert racer.stdout is not None
        racer.stdout.readline()
    with lock(path):
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        time.sleep(0.3)
        assert [racer.poll() for racer in racers] == [None] * 4
        assert read(path) == []
    for racer in racers:
        racer.communicate()
    codes = [racer.returncode for racer in racers]
    assert sorted(codes) == [0, 4, 4, 4]
    assert [entry.model for entry in read(path)] == [f"m{codes.index(0)}"]


def _lines(change: Callable[[Lines], Lines]) -> Spoil:
    """The lines changed."""
    return lambda content: b"".join(map(_written, change([json.loads(line) for line in content.splitlines()])))


def _changed(at: int, **values: Any) -> Spoil:
    """One line with other values."""
    return _lines(lambda lines: [*lines[:at], lines[at] | values, *lines[at + 1 :]])


def _rehashed(at: int) -> Spoil:
    """A line changed by someone who computes its hash anew."""

    def change(lines: Lines) -> Lines:
        evil = lines[at] | {"model": "evil"}
        return [*lines[:at], evil | {"hash": entry_hash(evil)}, *lines[at + 1 :]]

    return _lines(change)


def _forged(**values: Any) -> Spoil:
    """A line appended as one would who knows how the chain is made."""

    def change(lines: Lines) -> Lines:
        line = {"action": "promote", "model": "m9", "replaces": "m2", "date": lines[-1]["date"], "details": {}}
        line |= {"previous": lines[-1]["hash"]} | values
        return [*lines, line | {"hash": entry_hash(line)}]

    return _lines(change)


def _swapped(old: bytes, new: bytes) -> Spoil:
    """Other bytes in the last line."""

    def spoil(content: bytes) -> bytes:
        *lines, last = content.splitlines(keepends=True)
        return b"".join([*lines, last.replace(old, new)])

    return spoil


DETAILS = b'"details":{}'
OTHER_TYPES: list[dict[str, Any]] = [
    {"model": 7}, {"replaces": None}, {"details": []}, {"details": "x"}, {"date": 20261128}
]  # fmt: skip
FIELDS = ("action", "model", "replaces", "date", "details", "previous", "hash")
TAMPERED: list[tuple[Spoil, str]] = [
    *((_rehashed(at), rf"{at + 2}: this line does not follow") for at in range(3)),
    (_lines(lambda lines: lines[1:]), "1: this line does not follow"),
    (_lines(lambda lines: [lines[0], *lines[2:]]), "2: this line does not follow"),
    (_lines(lambda lines: [lines[1], lines[0], *lines[2:]]), "1: this line does not follow"),
    (_lines(lambda lines: [lines[0], *lines]), "2: this line does not follow"),
    (_changed(0, more=1), "1: this line is not an entry"),
    *((_changed(at, **{field: "f" * 64}), f"{at + 1}: this line was changed") for at in range(4) for field in FIELDS),
    # Of someone who knows how the chain is made: values that gonogo never writes, a history that cannot have been.
    (_forged(action="delete"), "5: this line is neither promotion"),
    *((_forged(**values), "5: this line .*another type")
      for values in OTHER_TYPES),
    *((_forged(date=date), "5: this line has no date")
      for date in ("soon", "2099-01-01T00:00:00", "0001-01-01T00:00:00+14:00")),
    (_forged(date="2020-01-01T00:00:00+00:00"), "5: this line is dated before"),
    (_forged(replaces="m7"), "5: this line replaces a model while 'm2' is in use"),
    (_forged(action="rollback", model="m0"), "5: this line rolls back what was not promoted"),
    (_forged(action="rollback", model="m1", replaces="m3"), "5: this line rolls back what was not promoted"),
    # JSON that reads in two ways, or too deep or long to be read.
    (_swapped(b'{"action":"rollback"', b'{"action":"promote","action":"rollback"'), "4: this line was changed"),
    (_swapped(DETAILS, b'"details":{"a":1,"a":1}'), "4: this line was changed"),
    (_swapped(DETAILS, b'"details":' + b'{"a":' * 90_000 + b"1" + b"}" * 90_000), "4: this line is not an entry"),
    (_swapped(DETAILS, b'"details":' + b"[" * 900 + b"]" * 900), "4: this line was changed"),
    (_swapped(DETAILS, b'"details":{"a":' + b"9" * 5_000 + b"}"), "4: this line is not an entry"),
    (_swapped(DETAILS, b'"details":{"a":NaN}'), "4: this line was changed"),
    (_swapped(DETAILS, b'"details": {}'), "4: this line was changed"),
    (_swapped(DETAILS, b'"details":{"a":"\xff"}'), "4: this line is not an entry"),
    (_swapped(b'"hash":"', b'"hash":7,"x":"'), "4: this line is not an entry"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "message"), TAMPERED)
def test_every_tampering_is_found_and_nothing_is_added_to_it(record: Path, spoil: Spoil, message: str) -> None:
    """Any field, a line removed, inserted, swapped, forged or ambiguous: named by its line, never written on."""
    content, spoilt = record.read_bytes(), spoil(record.read_bytes())
    assert spoilt != content
    record.write_bytes(spoilt)
    for use in (read, rollback, lambda path: promote(path, "m9", "m2", {}, START)):
        with pytest.raises(EvidenceError, match=rf"promotions\.jsonl:{message}"):
            use(record)
    assert record.read_bytes() == spoilt


def test_line_ends_of_another_system_are_no_tampering(record: Path) -> None:
    """A checkout that turns line ends into CRLF leaves the record valid."""
    entries = read(record)
    record.write_bytes(record.read_bytes().replace(b"\n", b"\r\n"))
    assert read(record) == entries


def test_attempts_change_nothing_in_use(record: Path) -> None:
    """An attempt between gate and promotion does not stop it; a rollback passes over it; all stay in the record."""
    seen = last_hash(read(record))
    attempt(record, "m5", "m2", {"verdict": "NO-GO"})
    assert (current(read(record)), before(read(record))) == ("m2", "m1")
    promote(record, "m4", "m2", {}, seen)
    attempt(record, "m6", "m4", {"verdict": "GO"})
    assert rollback(record).model == "m2"
    assert [entry.action for entry in read(record)[4:]] == ["attempt", "promote", "attempt", "rollback"]
    with pytest.raises(EvidenceError, match="gate against m2"):
        promote(record, "m7", "m6", {}, last_hash(read(record)))


def test_a_clock_that_goes_back_does_not_break_the_record(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer whose clock is behind the last line takes over its date: dates stay in order."""
    behind = Mock(now=lambda _: datetime(2001, 1, 1, tzinfo=UTC), fromisoformat=datetime.fromisoformat)
    monkeypatch.setattr("harness.promotion.datetime", behind)
    attempt(record, "m5", "m2", {})
    entries = read(record)
    assert entries[-1].date == entries[-2].date


def test_lines_cut_from_the_end_are_found_by_a_hash_kept_elsewhere(record: Path) -> None:
    """The shorter chain is valid in itself; the head noted before shows what is missing."""
    head = last_hash(read(record))
    record.write_bytes(b"".join(record.read_bytes().splitlines(keepends=True)[:2]))
    assert current(read(record)) == "m2"
    for kept in (head, head[:12]):
        with pytest.raises(EvidenceError, match="lines were cut from the end"):
            read(record, kept)
    assert read(record, START)


@given(cut=st.integers(1, 10_000), byte=st.integers(0, 255), at=st.integers(0, 10_000))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_changed_byte_changes_the_model_in_use_unseen(record: Path, cut: int, byte: int, at: int) -> None:
    """Any one byte changed, or the end cut off within a line: an error, or the same content as before."""
    good = record.read_bytes()
    entries = read(record)
    try:
        spoilt = bytearray(good)
        spoilt[at % len(good)] = byte
        record.write_bytes(bytes(spoilt))
        try:
            assert [(entry.model, entry.hash) for entry in read(record)] == [(e.model, e.hash) for e in entries]
        except EvidenceError:
            assert bytes(spoilt) != good
        shorter = good[: -(cut % (len(good) - 1) + 1)]
        record.write_bytes(shorter)
        if shorter.endswith(b"\n"):
            assert read(record) == entries[: shorter.count(b"\n")]
        else:
            with pytest.raises(EvidenceError, match="is cut off"):
                read(record)
    finally:
        record.write_bytes(good)


def test_a_full_disk_leaves_whole_lines(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a line cannot be brought to the disk it is taken back, and the error says so."""
    content = record.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match="cannot write the record: No space left"):
        _promote(record, "m9", "m2")
    assert record.read_bytes() == content


def test_a_record_that_cannot_be_used_is_a_message(tmp_path: Path) -> None:
    """A folder in its place, or a file in place of its folder: an InputError, not a traceback."""
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "promotions.jsonl"):
        with pytest.raises(InputError, match=r"cannot (read|write) the record"):
            promote(path, "m", "old", {}, START)
