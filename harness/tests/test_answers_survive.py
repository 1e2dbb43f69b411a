"""What a kill, Ctrl-C, a full disk or a second process does to a collection: real processes, real signals."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
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
from harness.tests.collecting import CONCURRENCY, collect_from
from harness.tests.loopback import LoopbackServer
from harness.tests.loopback_replies import slow


def start(server: LoopbackServer, journal: Path, first: int, last: int, *limit: int) -> subprocess.Popen[str]:
    """A collection in a process of its own."""
    numbers = [str(number) for number in (first, last, *limit)]
    command = [sys.executable, "-m", "harness.tests.collecting", server.base_url, str(journal), *numbers]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def questions(journal: Path) -> list[str]:
    """What the whole lines of a journal answer."""
    return [json.loads(line)["text"] for line in journal.read_bytes().splitlines(keepends=True) if line[-1:] == b"\n"]


def a_little_later(body: dict[str, Any]) -> str:
    """The question comes back after a moment."""
    time.sleep(0.01)
    return str(body["messages"][-1]["content"])


def test_sigkill_costs_only_what_was_in_flight(tmp_path: Path) -> None:
    """Killed in the middle and run again: every answer on file stands, only those in flight are asked twice."""
    journal = tmp_path / "journal.jsonl"
    with LoopbackServer(answer=a_little_later) as server:
        with start(server, journal, 0, 300) as process:
            wait_until(lambda: server.count() > 100)
            process.kill()
        on_file = set(questions(journal))
        asked_before = set(server.asked())
        with start(server, journal, 0, 300) as process:
            assert process.wait(60) == 0
        asked = server.asked()
    twice = {question for question, times in asked.items() if times > 1}
    assert len(on_file) > 50
    assert set(asked) == {str(n) for n in range(300)}
    assert max(asked.values()) <= 2
    assert not twice & on_file
    assert twice >= asked_before - on_file, "the kernel may have held some more for the server to read after the kill"
    assert len(twice) <= CONCURRENCY
    assert sorted(questions(journal)) == sorted(asked)


def test_ctrl_c_ends_within_two_seconds(tmp_path: Path) -> None:
    """With answers hanging, an interrupt ends the process at once, and all that had arrived is on file."""
    journal = tmp_path / "journal.jsonl"
    with LoopbackServer(faults=[None] * 20 + [slow(60)] * 100) as server, start(server, journal, 0, 100) as process:
        wait_until(lambda: server.count() >= 20 + CONCURRENCY)
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        code = process.wait(20)
        took = time.monotonic() - started
        assert process.stderr is not None
        said = process.stderr.read()
    assert code == 130
    assert took < 2
    assert len(questions(journal)) == 20
    assert "Traceback" not in said


def test_two_processes_share_a_journal(tmp_path: Path) -> None:
    """Lines far longer than PIPE_BUF from two processes at once: every line whole, every answer there."""
    journal = tmp_path / "journal.jsonl"

    def long(body: dict[str, Any]) -> str:
        return str(body["messages"][-1]["content"]) + " " + "x" * 200_000

    with LoopbackServer(answer=long) as server:
        with start(server, journal, 0, 60) as one, start(server, journal, 60, 120) as two:
            assert (one.wait(60), two.wait(60)) == (0, 0)
        assert server.count() == 120
        completions = collect_from(server.base_url, journal, 0, 120)
        assert server.count() == 120
    assert sorted(text.split()[0] for text in questions(journal)) == sorted(str(n) for n in range(120))
    assert all(len(c.text) > 200_000 for c in completions)


def test_two_processes_asking_the_same(tmp_path: Path) -> None:
    """The same command twice at once may pay twice, but the journal stays whole and later runs agree."""
    journal = tmp_path / "journal.jsonl"
    with LoopbackServer(answer=a_little_later) as server:
        with start(server, journal, 0, 80) as one, start(server, journal, 0, 80) as two:
            assert (one.wait(60), two.wait(60)) == (0, 0)
        asked = server.count()
        first = collect_from(server.base_url, journal, 0, 80)
        assert collect_from(server.base_url, journal, 0, 80) == first
        assert server.count() == asked
    assert [c.text for c in first] == [str(n) for n in range(80)]


def test_a_disk_that_fills_up_midway(tmp_path: Path) -> None:
    """A clear message, no broken line, and after space is made only what is missing is asked."""
    journal = tmp_path / "journal.jsonl"

    def long(body: dict[str, Any]) -> str:
        return str(body["messages"][-1]["content"]) + " " + "x" * 9_000

    with LoopbackServer(answer=long) as server:
        with start(server, journal, 0, 100, 150_000) as process:
            assert process.wait(60) == 2
            assert process.stderr is not None
            said = process.stderr.read()
        assert "cannot write the journal" in said
        assert "free some space" in said
        assert "Traceback" not in said
        on_file = {text.split()[0] for text in questions(journal)}
        assert journal.read_bytes().endswith(b"\n")
        assert 0 < len(on_file) < 100
        collect_from(server.base_url, journal, 0, 100)
        assert all(times == 1 for question, times in server.asked().items() if question in on_file)


def test_a_full_disk_is_noticed_before_anything_is_asked(tmp_path: Path) -> None:
    """No request is paid for whose answer could not be kept."""
    with LoopbackServer() as server:
        with start(server, tmp_path / "journal.jsonl", 0, 10, 1000) as process:
            assert process.wait(60) == 2
            assert process.stderr is not None
            assert "free some space" in process.stderr.read()
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


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    """A read-only folder is noticed before anything is asked."""
    tmp_path.chmod(0o500)
    with LoopbackServer() as server, pytest.raises(InputError, match="cannot write the journal"):
        collect_from(server.base_url, tmp_path / "journal.jsonl", 0, 5)


def completion(number: int, outcome: Outcome = Outcome.ANSWERED, text: str = "é\n\u2028\ud800") -> Completion:
    """A completion whose key is its number, with text that is awkward in a line-based file."""
    return Completion(str(number), "m", f"case-{number}", 0, outcome, f"{number} {text}")


def test_a_corrupt_line_is_named(tmp_path: Path) -> None:
    """Damage in the middle is not passed over in silence: file, line, and what to do."""
    journal = tmp_path / "journal.jsonl"
    with Journal(journal) as file:
        for number in range(3):
            file.append(completion(number))
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(lines[0] + b'{"key": \n' + lines[2])
    with pytest.raises(InputError, match=r"journal\.jsonl:2: not a journal record(.|\n)*delete this line"):
        read_journal(journal, {"0"})


@given(st.data())
@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_journal_cut_anywhere_goes_on(tmp_path: Path, data: st.DataObject) -> None:
    """Wherever a kill cuts the last line, whole records stand and the next append makes the file whole again."""
    journal = tmp_path / "journal.jsonl"
    journal.unlink(missing_ok=True)
    with Journal(journal) as file:
        for number in range(3):
            file.append(completion(number))
    whole = journal.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    journal.write_bytes(whole[:cut])
    expected = {str(n) for n in range(whole[:cut].count(b"\n"))}
    keys = {"0", "1", "2", "9"}
    assert set(read_journal(journal, keys)) == expected
    with Journal(journal) as file:
        file.append(completion(9))
    found = read_journal(journal, keys)
    assert set(found) == expected | {"9"}
    assert found["9"] == completion(9)
    assert all(json.loads(line) for line in journal.read_bytes().splitlines())


def test_an_append_waits_for_a_writer_that_is_half_way(tmp_path: Path) -> None:
    """Half a line of a process that still writes is not taken for the torn line of one that was killed."""
    journal = tmp_path / "journal.jsonl"
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


def test_a_long_torn_line_is_cut_too(tmp_path: Path) -> None:
    """Also one longer than what is read at a time, and one without any whole line before it."""
    for before in (b"", json.dumps(completion(1).to_record()).encode() + b"\n"):
        journal = tmp_path / f"journal{len(before)}.jsonl"
        journal.write_bytes(before + b"x" * 200_000)
        with Journal(journal) as file:
            file.append(completion(2))
        assert journal.read_bytes().startswith(before)
        assert set(read_journal(journal, {"1", "2"})) == ({"1", "2"} if before else {"2"})


def test_the_first_scored_record_of_a_key_stands(tmp_path: Path) -> None:
    """What was reported once stays so: trouble yields to an answer, an answer to nothing."""
    journal = tmp_path / "journal.jsonl"
    with Journal(journal) as file:
        for outcome, text in (
            (Outcome.TIMEOUT, ""),
            (Outcome.ANSWERED, "first"),
            (Outcome.ANSWERED, "second"),
            (Outcome.TIMEOUT, ""),
        ):
            file.append(completion(1, outcome, text))
    assert read_journal(journal, {"1"})["1"].text == "1 first"
