"""The suites against a live endpoint and under xdist: everything is asked once, before the tests, and shared."""

from __future__ import annotations

import json
import threading
import time
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from harness.suites.baseline import read_baseline, write_baseline
from harness.tests.loopback import LoopbackServer
from harness.tests.loopback_replies import Fault, status
from harness.tests.suite_project import TALK, Project, make_project, right_answers

HELDOUT, BASELINE = "suites/test_heldout.py", "suites/baselines/mine.json"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project of the test's own; every answer is right."""
    return make_project(tmp_path)


def _configure(project: Project, server: LoopbackServer, concurrency: int = 16) -> None:
    text = f'[endpoints.lab]\nbase_url = "{server.base_url}"\nconcurrency = {concurrency}\n'
    (project.folder / "gonogo.toml").write_text(text, encoding="utf-8")


def test_what_tests_need_is_asked_once_and_concurrently_and_never_again(project: Project) -> None:
    """Only what chosen tests need is asked, once for six suites, side by side, and never what the journal holds."""
    right, lock = right_answers(project.cases), threading.Lock()
    open_now, most = 0, 0

    def answer(body: dict[str, Any]) -> str:
        nonlocal open_now, most
        with lock:
            open_now += 1
            most = max(most, open_now)
        time.sleep(0.5)
        with lock:
            open_now -= 1
        return right(body)

    count, case = len(project.cases), project.cases[0]
    with LoopbackServer(answer=answer) as server:
        _configure(project, server)
        assert project.pytest("--model", "lab:m", "--collect-only").code == 0
        assert project.pytest("--model", "lab:m", "suites/test_dataset.py").code == 0
        assert server.count() == 0
        chosen = project.pytest("--model", "lab:m", "-k", case.id)
        assert {test.properties["case"] for test in chosen.tests.values()} == {case.id}
        assert set(server.asked()) == {case.command}
        ran = project.pytest("--model", "lab:m")
        assert ran.code == 0, ran.output
        assert server.count() == count
        assert most >= count // 2
        journal = project.folder / "runs" / "mine.jsonl"
        journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:5]))
        assert project.pytest("--model", "lab:m", HELDOUT).code == 0
        assert server.count() == 2 * count - 5


def test_xdist_asks_once_and_judges_alike(project: Project) -> None:
    """Two workers ask each command once, also a rejected one; all that they tell is what one process tells."""
    wrong, known, rejected, *_ = project.cases
    right = right_answers(project.cases)

    def answer(body: dict[str, Any]) -> str | Fault:
        command = body["messages"][-1]["content"]
        if command == rejected.command:
            return status(400)
        return TALK if command in (wrong.command, known.command) else right(body)

    baseline = {"about": "", "model": "lab:m", "hashes": {}, "failing": {"test_heldout": [known.id]}}
    (project.folder / BASELINE).parent.mkdir()
    (project.folder / BASELINE).write_text(json.dumps(baseline), encoding="utf-8")
    with LoopbackServer(answer=answer) as server:
        _configure(project, server)
        spread = project.pytest("--model", "lab:m", "-n", "2", xdist=True)
        assert set(server.asked().values()) == {1}
        assert len(server.asked()) == len(project.cases)
        alone = project.pytest("--model", "lab:m")
    assert spread.code == 1
    assert spread.tests == alone.tests
    assert spread.of("xfailed") == {f"test_heldout[{known.id}]"}
    assert f"test_heldout[{wrong.id}]" in spread.of("failed")
    assert {f"test_heldout[{rejected.id}]", f"test_format[{rejected.id}]"} < spread.of("error")
    assert "bad_request" in spread.tests[f"test_heldout[{rejected.id}]"].body

    def table(output: str) -> list[str]:
        lines = output.splitlines()
        start = next(number for number, line in enumerate(lines) if line.split()[:2] == ["format", "syntax"])
        return list(takewhile(lambda line: not line.startswith("="), lines[start:]))

    assert table(spread.output) == table(alone.output)


def test_xdist_writes_the_same_baseline_and_tells_a_mistake_without_a_traceback(project: Project) -> None:
    """The baseline of two workers holds what both found, in order; a missing recording is one message."""
    wrong = [case.id for case in project.cases[5:2:-1]]
    project.answer(dict.fromkeys(wrong, TALK))
    assert project.pytest(HELDOUT, "--update-baseline", "-n", "2", xdist=True).code == 0
    text, found = (project.folder / BASELINE).read_text(), read_baseline(project.folder / BASELINE, required=True)
    assert found
    assert found.failing == {"test_heldout": frozenset(wrong)}
    write_baseline(project.folder / BASELINE, found)
    assert (project.folder / BASELINE).read_text() == text, "writing it again changes no byte"
    ran = project.pytest(HELDOUT, "--model", "recorded:nothing.jsonl", "-n", "1", xdist=True)
    assert ran.code != 0
    assert ran.of("failed") == ran.of("passed") == set()
    assert "there is no such recording" in ran.output
    assert "Traceback" not in ran.output


def test_trouble_half_way_judges_what_arrived_and_trouble_at_once_ends_the_session(project: Project) -> None:
    """When the quota ends, what arrived is judged, the rest are errors; nothing at all is one message."""
    faults = [None] * 4 + [status(429, "insufficient_quota")] * 100
    with LoopbackServer(answer=right_answers(project.cases), faults=faults) as server:
        _configure(project, server, concurrency=1)
        ran = project.pytest("--model", "lab:m", HELDOUT)
    assert ran.code == 1
    assert len(ran.of("passed")) == 4
    assert len(ran.of("error")) == len(project.cases) - 4
    assert ran.of("failed") == set()
    assert "has no quota left" in ran.output
    ran = project.pytest("--model", "lab:other", HELDOUT)  # the server is gone
    assert ran.code not in (0, 1)
    assert "cannot be reached" in ran.output
    assert ran.of("failed") == set()
    assert "Traceback" not in ran.output
