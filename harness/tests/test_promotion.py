"""The promotion record: only one of two wins, every tampering is found, and the way back is known."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import EvidenceError, InputError
from harness.files import lock
from harness.promotion import START, before, current, entry_hash, last_hash, promote, read, rollback


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
    """After the rollback from m3, m2 is in use, and another rollback would bring m1, then the first incumbent."""
    assert current(read(record)) == "m2"
    assert before(read(record)) == "m1"
    assert [rollback(record).model for _ in range(2)] == ["m1", "m0"]
    with pytest.raises(InputError, match="no promotion to roll back"):
        rollback(record)


def test_a_promotion_after_a_rollback_goes_on_from_there(record: Path) -> None:
    """m4 in place of m2; its rollback leads to m2, not to the withdrawn m3."""
    _promote(record, "m4", "m2")
    assert rollback(record).model == "m2"


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
    """Four decide on the same state and wait for a fifth, which holds the record; of the four one succeeds."""
    path = tmp_path / "promotions.jsonl"
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", _PROMOTE, str(path), f"m{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
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


# ---------------------------------------------------------------- tampering


def _lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _write(path: Path, lines: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def test_a_changed_field_is_found(record: Path) -> None:
    """Any field of any line, the last one too: the message names the line."""
    lines = _lines(record)
    for position, line in enumerate(lines):
        for field in line:
            changed = {"verdict": "GO", "note": "-"} if field == "details" else "f" * 64
            _write(record, [*lines[:position], line | {field: changed}, *lines[position + 1 :]])
            with pytest.raises(EvidenceError, match=rf"promotions\.jsonl:{position + 1}: this line was changed"):
                read(record)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_changed_line_with_a_new_hash_is_found_at_the_next(record: Path, position: int) -> None:
    """Who recomputes the hash of a line breaks the link of the line after it."""
    lines = _lines(record)
    lines[position]["model"] = "evil"
    lines[position]["hash"] = entry_hash(lines[position])
    _write(record, lines)
    with pytest.raises(EvidenceError, match=rf"promotions\.jsonl:{position + 2}: .* does not follow"):
        read(record)


def test_a_removed_inserted_or_swapped_line_is_found(record: Path) -> None:
    """Each breaks the chain."""
    lines = _lines(record)
    for wrong in (lines[1:], [lines[0], *lines[2:]], [lines[1], lines[0], *lines[2:]], [lines[0], *lines]):
        _write(record, wrong)
        with pytest.raises(EvidenceError, match="does not follow"):
            read(record)


def test_lines_cut_from_the_end_are_found_by_a_hash_kept_elsewhere(record: Path) -> None:
    """The shorter chain is valid in itself; the head noted before shows what is missing."""
    head = last_hash(read(record))
    _write(record, _lines(record)[:2])
    assert current(read(record)) == "m2"
    with pytest.raises(EvidenceError, match="lines were cut from the end"):
        read(record, head)
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


def test_nothing_is_added_to_a_broken_record(record: Path) -> None:
    """A promotion or rollback on top of a tampered chain is refused and leaves the file as it is."""
    lines = _lines(record)
    lines[0]["model"] = "evil"
    _write(record, lines)
    content = record.read_bytes()
    with pytest.raises(EvidenceError, match="was changed"):
        promote(record, "m9", "m2", {}, START)
    with pytest.raises(EvidenceError, match="was changed"):
        rollback(record)
    assert record.read_bytes() == content


def test_a_full_disk_leaves_whole_lines(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a line cannot be flushed to the disk it is taken back, and the error says so."""
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
