"""The suites against a live endpoint and under xdist: everything is asked once, before the tests, and shared."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from harness.pack import Pack
from harness.tests.loopback import LoopbackServer
from harness.tests.loopback_replies import Fault, status
from harness.tests.suite_project import TALK, Project, make_project, references, synthetic_pack

HELDOUT = "suites/test_heldout.py"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """A pack with recordings, to cut projects from."""
    return synthetic_pack(tmp_path_factory.mktemp("source"))


@pytest.fixture
def project(source: Pack, tmp_path: Path) -> Project:
    """A project of the test's own; every answer is right."""
    return make_project(source, tmp_path / "mine")


def _right(project: Project) -> Callable[[dict[str, Any]], str]:
    """An endpoint's answers: the reference of each command."""
    answers = references(project.cases)
    by_command = {case.command: answers[case.id] for case in project.cases}
    return lambda body: by_command[body["messages"][-1]["content"]]


def _configure(project: Project, server: LoopbackServer, concurrency: int = 16) -> None:
    text = f'[endpoints.lab]\nbase_url = "{server.base_url}"\nconcurrency = {concurrency}\n'
    (project.folder / "gonogo.toml").write_text(text, encoding="utf-8")


def test_an_endpoint_is_asked_once_for_all_suites_and_never_again(project: Project) -> None:
    """Six suites need one request a case; a second run finds everything on file, and so does `gonogo run`."""
    with LoopbackServer(answer=_right(project)) as server:
        _configure(project, server)
        ran = project.pytest("--model", "lab:m")
        assert ran.code == 0, ran.output
        assert server.count() == len(project.cases)
        assert project.pytest("--model", "lab:m").code == 0
        assert server.count() == len(project.cases)


def test_only_what_is_chosen_is_asked_and_nothing_for_a_list(project: Project) -> None:
    """-k and -m keep the other commands from being paid for; --collect-only asks nothing at all."""
    case = project.cases[0]
    with LoopbackServer(answer=_right(project)) as server:
        _configure(project, server)
        assert project.pytest("--model", "lab:m", "--collect-only").code == 0
        assert project.pytest("--model", "lab:m", "suites/test_dataset.py").code == 0
        assert server.count() == 0
        assert project.pytest("--model", "lab:m", "-k", case.id).code == 0
        assert set(server.asked()) == {case.command}


def test_answers_are_asked_for_concurrently_before_the_tests(project: Project) -> None:
    """Many requests are open at once: the answers do not wait for one another, nor for tests."""
    right, lock = _right(project), threading.Lock()
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

    with LoopbackServer(answer=answer) as server:
        _configure(project, server)
        assert project.pytest("--model", "lab:m", HELDOUT).code == 0
    assert most >= len(project.cases) // 2


def test_xdist_asks_once_and_judges_alike(project: Project) -> None:
    """Two workers: each command is asked once, the outcomes and the table are those of one process."""
    wrong = project.cases[0]
    right = _right(project)

    def answer(body: dict[str, Any]) -> str:
        return TALK if body["messages"][-1]["content"] == wrong.command else right(body)

    with LoopbackServer(answer=answer) as server:
        _configure(project, server)
        spread = project.pytest("--model", "lab:m", "-n", "2", xdist=True)
        assert spread.code == 1
        assert set(server.asked().values()) == {1}
        assert len(server.asked()) == len(project.cases)
        alone = project.pytest("--model", "lab:m")
    assert spread.outcomes == alone.outcomes
    assert spread.messages == alone.messages
    assert spread.properties == alone.properties

    def table(output: str) -> list[str]:
        lines = output.splitlines()
        start = next(number for number, line in enumerate(lines) if line.split()[:2] == ["format", "syntax"])
        return list(takewhile(lambda line: not line.startswith("="), lines[start:]))

    assert table(spread.output) == table(alone.output)


def test_xdist_asks_once_also_for_what_fails(project: Project) -> None:
    """A request that the endpoint rejects is an error in each suite, and is not sent again by the second worker."""
    rejected = project.cases[0]
    right = _right(project)

    def answer(body: dict[str, Any]) -> str | Fault:
        return status(400) if body["messages"][-1]["content"] == rejected.command else right(body)

    with LoopbackServer(answer=answer) as server:
        _configure(project, server)
        ran = project.pytest("--model", "lab:m", "-n", "2", HELDOUT, "suites/test_format.py", xdist=True)
        assert server.asked()[rejected.command] == 1
    assert ran.of("error") == {f"test_heldout[{rejected.id}]", f"test_format[{rejected.id}]"}
    assert ran.of("failed") == set()
    assert "bad_request" in ran.bodies[f"test_heldout[{rejected.id}]"]


def test_xdist_writes_and_reads_the_same_baseline(project: Project) -> None:
    """The baseline of two workers is byte for byte that of one process, and a regression shows under both."""
    known, fresh, *_ = project.cases
    path = project.folder / "suites/baselines/mine.json"
    project.answer({known.id: TALK})
    project.pytest("--update-baseline")
    alone = path.read_bytes()
    path.unlink()
    assert project.pytest("--update-baseline", "-n", "2", xdist=True).code == 0
    assert path.read_bytes() == alone
    project.answer({known.id: TALK, fresh.id: '["self.fly()"]'})
    ran = project.pytest(HELDOUT, "-n", "2", xdist=True)
    assert ran.of("failed") == {f"test_heldout[{fresh.id}]"}
    assert ran.of("xfailed") == {f"test_heldout[{known.id}]"}


def test_xdist_tells_a_mistake_without_a_traceback(project: Project) -> None:
    """A recording that is not there is one message, from whichever process finds it."""
    ran = project.pytest(HELDOUT, "--model", "recorded:nothing.jsonl", "-n", "2", xdist=True)
    assert ran.code != 0
    assert ran.of("failed") == ran.of("passed") == set()
    assert "there is no such recording" in ran.output
    assert "Traceback" not in ran.output


def test_trouble_half_way_judges_what_arrived(project: Project) -> None:
    """When the quota ends, what has arrived is judged and the rest are errors that say why."""
    faults = [None] * 4 + [status(429, "insufficient_quota")] * 100
    with LoopbackServer(answer=_right(project), faults=faults) as server:
        _configure(project, server, concurrency=1)
        ran = project.pytest("--model", "lab:m", HELDOUT)
    assert ran.code == 1
    assert len(ran.of("passed")) == 4
    assert len(ran.of("error")) == len(project.cases) - 4
    assert ran.of("failed") == set()
    assert "has no quota left" in ran.output


def test_an_endpoint_that_is_not_there_ends_the_session(project: Project) -> None:
    """Nothing to judge: one message, no test is called failed, no traceback."""
    with LoopbackServer() as server:
        _configure(project, server)
    ran = project.pytest("--model", "lab:m", HELDOUT)
    assert ran.code not in (0, 1)
    assert "cannot be reached" in ran.output
    assert ran.of("failed") == set()
    assert "Traceback" not in ran.output


def test_a_killed_run_goes_on_where_it_was(project: Project) -> None:
    """The journal is the one of `gonogo run`: answers that it holds are not asked for again."""
    with LoopbackServer(answer=_right(project)) as server:
        _configure(project, server)
        project.pytest("--model", "lab:m", HELDOUT)
        journal = project.folder / "runs" / "mine.jsonl"
        lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
        journal.write_text("".join(lines[:5]), encoding="utf-8")
        project.pytest("--model", "lab:m", HELDOUT)
        assert server.count() == 2 * len(project.cases) - 5
