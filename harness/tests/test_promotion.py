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


def _rehashed(at: int) -> Callable[[Lines], Lines]:
    """A line changed by someone who computes its hash anew."""

    def spoil(lines: Lines) -> Lines:
        evil = lines[at] | {"model": "evil"}
        return [*lines[:at], evil | {"hash": entry_hash(evil)}, *lines[at + 1 :]]

    return spoil


def _forge(path: Path, **values: Any) -> None:
    """Append a line as one would who knows how the chain is made."""
    entries = read(path)
    line = {"action": "promote", "model": "m9", "replaces": "m2", "date": entries[-1].date, "details": {}}
    line |= {"previous": last_hash(entries)} | values
    path.write_bytes(path.read_bytes() + _written({**line, "hash": entry_hash(line)}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"action": "delete"}, "is neither promotion"),
        ({"model": 7}, "another type"),
        ({"replaces": None}, "another type"),
        ({"details": []}, "another type"),
        ({"details": "x"}, "another type"),
        ({"date": 20261128}, "another type"),
        ({"date": "soon"}, "has no date"),
        ({"date": "2099-01-01T00:00:00"}, "has no date"),
        ({"date": "0001-01-01T00:00:00+14:00"}, "has no date"),
        ({"date": "2020-01-01T00:00:00+00:00"}, "is dated before"),
        ({"replaces": "m7"}, "replaces a model while 'm2' is in use"),
        ({"action": "rollback", "model": "m0"}, "rolls back what was not promoted"),
        ({"action": "rollback", "model": "m1", "replaces": "m3"}, "rolls back what was not promoted"),
    ],
)
def test_a_forged_line_with_a_right_hash_is_found(record: Path, values: dict[str, Any], message: str) -> None:
    """Values that gonogo never writes, a history that cannot have been, dates out of order: named, no traceback."""
    _forge(record, **values)
    for use in (read, rollback, lambda path: promote(path, "m9", "m2", {}, START)):
        with pytest.raises(EvidenceError, match=rf"promotions\.jsonl:5: this line .*{message}"):
            use(record)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'{"action":"rollback"', b'{"action":"promote","action":"rollback"', "was changed"),
        (b'"details":{}', b'"details":{"a":1,"a":1}', "was changed"),
        (b'"details":{}', b'"details":' + b'{"a":' * 90_000 + b"1" + b"}" * 90_000, "is not an entry"),
        (b'"details":{}', b'"details":' + b"[" * 900 + b"]" * 900, "was changed"),
        (b'"details":{}', b'"details":{"a":' + b"9" * 5_000 + b"}", "is not an entry"),
        (b'"details":{}', b'"details":{"a":NaN}', "was changed"),
        (b'"details":{}', b'"details": {}', "was changed"),
        (b'"details":{}', b'"details":{"a":"\xff"}', "is not an entry"),
        (b'"hash":"', b'"hash":7,"x":"', "is not an entry"),
    ],
)
def test_json_that_reads_in_two_ways_or_too_deep_is_found(record: Path, old: bytes, new: bytes, message: str) -> None:
    """A key twice, however deep, bare NaN, other spacing, depth and digits beyond Python's: tampering, no traceback."""
    lines = record.read_bytes().splitlines(keepends=True)
    assert old in lines[-1]
    record.write_bytes(b"".join([*lines[:-1], lines[-1].replace(old, new)]))
    with pytest.raises(EvidenceError, match=rf"promotions\.jsonl:4: this line {message}"):
        read(record)


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


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        *((_rehashed(at), rf"{at + 2}: this line does not follow") for at in range(3)),
        (lambda lines: lines[1:], "1: this line does not follow"),
        (lambda lines: [lines[0], *lines[2:]], "2: this line does not follow"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "1: this line does not follow"),
        (lambda lines: [lines[0], *lines], "2: this line does not follow"),
        (lambda lines: [lines[0] | {"more": 1}, *lines[1:]], "1: this line is not an entry"),
        *(
            (lambda lines, at=at, field=field: [*lines[:at], lines[at] | {field: "f" * 64}, *lines[at + 1 :]],
             f"{at + 1}: this line was changed")
            for at in range(4) for field in ("action", "model", "replaces", "date", "details", "previous", "hash")
        ),
    ],
)  # fmt: skip
def test_every_tampering_is_found_and_nothing_is_added_to_it(
    record: Path, spoil: Callable[[Lines], Lines], message: str
) -> None:
    """Any field of any line, a line removed, inserted or swapped: named by its line; nobody writes on top of it."""
    lines = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    record.write_bytes(b"".join(_written(line) for line in spoil(lines)))
    content = record.read_bytes()
    for use in (read, rollback, lambda path: promote(path, "m9", "m2", {}, START)):
        with pytest.raises(EvidenceError, match=rf"promotions\.jsonl:{message}"):
            use(record)
    assert record.read_bytes() == content


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
