"""The journal: what a kill, Ctrl-C, a full disk or a second process does to it. Real processes, real signals."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from harness.answers import Journal, read_journal
from harness.errors import InputError
from harness.models.outcomes import Completion, Outcome
from harness.tests.collecting import CONCURRENCY, collect_from, ended, start
from harness.tests.loopback import LoopbackServer
from harness.tests.loopback_replies import slow


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Where a journal may be."""
    return tmp_path / "journal.jsonl"


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def questions(journal: Path) -> list[str]:
    """What the whole lines of a journal answer."""
    lines = journal.read_bytes().splitlines(keepends=True)
    return [json.loads(line)["text"].split()[0] for line in lines if line.endswith(b"\n")]


def echo(body: dict[str, Any], more: str = "") -> str:
    """The question comes back after a moment."""
    time.sleep(0.01)
    return str(body["messages"][-1]["content"]) + more


def test_sigkill_costs_only_what_was_in_flight(journal: Path) -> None:
    """Killed in the middle and run again: every answer on file stands, only those in flight are asked twice."""
    with LoopbackServer(answer=echo) as server:
        process = start(collect_from, server.base_url, journal, 0, 150)
        wait_until(lambda: server.count() > 60)
        process.kill()
        assert ended(process) == -signal.SIGKILL
        on_file = set(questions(journal))
        asked_before = set(server.asked())
        assert ended(start(collect_from, server.base_url, journal, 0, 150)) == 0
        asked = server.asked()
    twice = {question for question, times in asked.items() if times > 1}
    assert len(on_file) > 30
    assert set(asked) == {str(n) for n in range(150)}
    assert max(asked.values()) <= 2
    assert not twice & on_file
    assert twice >= asked_before - on_file, "the kernel may have held some more for the server to read after the kill"
    assert len(twice) <= CONCURRENCY
    assert sorted(questions(journal)) == sorted(asked)


def test_ctrl_c_ends_within_two_seconds(journal: Path) -> None:
    """With answers hanging, an interrupt ends the process at once, and all that had arrived is on file."""
    with LoopbackServer(faults=[None] * 20 + [slow(60)] * 100) as server:
        process = start(collect_from, server.base_url, journal, 0, 100)
        wait_until(lambda: server.count() >= 20 + CONCURRENCY)
        started = time.monotonic()
        os.kill(process.pid or 0, signal.SIGINT)
        assert ended(process, 20) == 130
        assert time.monotonic() - started < 2
    assert len(questions(journal)) == 20
    assert not journal.with_suffix(".stderr").read_text(encoding="utf-8")


def test_two_processes_share_a_journal(journal: Path) -> None:
    """Lines far longer than PIPE_BUF from two processes at once: every line whole, every answer there.

    What both want may be paid for twice; later runs agree on one answer and ask nothing.
    """
    with LoopbackServer(answer=lambda body: echo(body, " " + "x" * 200_000)) as server:
        both = [start(collect_from, server.base_url, journal, first, last) for first, last in ((0, 30), (20, 50))]
        assert [ended(process) for process in both] == [0, 0]
        asked = server.count()
        completions = collect_from(server.base_url, journal, 0, 50)
        assert collect_from(server.base_url, journal, 0, 50) == completions
        assert server.count() == asked == len(questions(journal))
    assert [c.text.split()[0] for c in completions] == [str(n) for n in range(50)]
    assert all(len(c.text) > 200_000 for c in completions)


def test_a_disk_that_fills_up_midway(journal: Path) -> None:
    """A clear message, no broken line, and after space is made only what is missing is asked."""
    with LoopbackServer(answer=lambda body: echo(body, " " + "x" * 9_000)) as server:
        assert ended(start(collect_from, server.base_url, journal, 0, 40, file_size_limit=150_000)) == 2
        said = journal.with_suffix(".stderr").read_text(encoding="utf-8")
        assert "cannot write the journal" in said
        assert "free some space" in said
        assert "Traceback" not in said
        on_file = set(questions(journal))
        assert journal.read_bytes().endswith(b"\n")
        assert 0 < len(on_file) < 40
        collect_from(server.base_url, journal, 0, 40)
        assert all(times == 1 for question, times in server.asked().items() if question in on_file)


def test_a_full_disk_is_noticed_before_anything_is_asked(journal: Path) -> None:
    """No request is paid for whose answer could not be kept."""
    with LoopbackServer() as server:
        assert ended(start(collect_from, server.base_url, journal, 0, 10, file_size_limit=1000)) == 2
        assert "free some space" in journal.with_suffix(".stderr").read_text(encoding="utf-8")
        assert server.count() == 0


@pytest.mark.parametrize("place", ["file/journal.jsonl", "folder"])
def test_a_place_that_cannot_be_written(place: str, tmp_path: Path) -> None:
    """A folder that cannot be made, or a folder in the journal's place: a message, nothing asked, nothing left."""
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    with LoopbackServer() as server:
        with pytest.raises(InputError, match="journal"):
            collect_from(server.base_url, tmp_path / place, 0, 5)
        assert server.count() == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def completion(number: int, outcome: Outcome = Outcome.ANSWERED, text: str = "é\n\u2028\ud800") -> Completion:
    """A completion whose key is its number, with text that is awkward in a line-based file."""
    return Completion(str(number), "m", f"case-{number}", 0, outcome, f"{number} {text}")


def written(journal: Path, *completions: Completion) -> bytes:
    """The journal after these were appended."""
    with Journal(journal) as file:
        for one in completions:
            file.append(one)
    return journal.read_bytes()


def test_a_corrupt_line_is_named(journal: Path) -> None:
    """Damage in the middle is not passed over in silence: file, line, and what to do."""
    lines = written(journal, *map(completion, range(3))).splitlines(keepends=True)
    journal.write_bytes(lines[0] + b'{"key": \n' + lines[2])
    with pytest.raises(InputError, match=r"journal\.jsonl:2: not a journal record(.|\n)*delete this line"):
        read_journal(journal, {"0"})


@given(st.data())
@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_journal_cut_anywhere_goes_on(journal: Path, data: st.DataObject) -> None:
    """Wherever a kill cuts the last line, whole records stand and the next append makes the file whole again."""
    journal.unlink(missing_ok=True)
    whole = written(journal, *map(completion, range(3)))
    cut = data.draw(st.integers(0, len(whole)))
    journal.write_bytes(whole[:cut])
    # A record that lacks nothing but its newline is whole.
    ends = {at for at, byte in enumerate(whole) if byte == ord("\n")}
    expected = {str(n) for n in range(len({end for end in ends if end <= cut}))}
    keys = {"0", "1", "2", "9"}
    assert set(read_journal(journal, keys)) == expected
    assert all(json.loads(line) for line in written(journal, completion(9)).splitlines())
    found = read_journal(journal, keys)
    assert set(found) == expected | {"9"}
    assert found["9"] == completion(9)
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600


@pytest.mark.parametrize("before", [0, 1])
def test_a_long_torn_line_is_cut_too(journal: Path, before: int) -> None:
    """Also one longer than what is read at a time, and one without any whole line before it."""
    whole = written(journal, *map(completion, range(before)))
    journal.write_bytes(whole + b"x" * 200_000)
    assert written(journal, completion(2)).startswith(whole)
    assert len(read_journal(journal, {"0", "2"})) == before + 1


def test_an_append_waits_for_a_writer_that_is_half_way(journal: Path) -> None:
    """Half a line of a process that still writes is not taken for the torn line of one that was killed."""
    line = json.dumps(completion(1).to_record()).encode() + b"\n"
    with journal.open("ab", buffering=0) as other, Journal(journal) as ours:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write(line[:50])
        append = threading.Thread(target=ours.append, args=(completion(2),))
        append.start()
        append.join(0.2)
        assert append.is_alive()
        other.write(line[50:])
        fcntl.flock(other, fcntl.LOCK_UN)
        append.join(10)
    assert set(read_journal(journal, {"1", "2"})) == {"1", "2"}


def test_the_first_scored_record_of_a_key_stands(journal: Path) -> None:
    """What was reported once stays so: trouble yields to an answer, an answer to nothing."""
    outcomes = {"": Outcome.TIMEOUT, "first": Outcome.ANSWERED, "second": Outcome.ANSWERED, "third": Outcome.TIMEOUT}
    written(journal, *(completion(1, outcome, text) for text, outcome in outcomes.items()))
    assert read_journal(journal, {"1"})["1"].text == "1 first"
