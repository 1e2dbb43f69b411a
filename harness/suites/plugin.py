"""The pytest plugin behind `pytest suites/`.

It is loaded by name, `pytest_plugins = ["harness.suites.plugin"]` in the conftest.py at the root of the tests, and is
no installed entry point: that would load it in every pytest run of an environment that has gonogo. A test that takes
the fixture `judged` becomes one test for each case, with the scores of the model's answers; `judged_repeatedly` is
the same where there are several samples, `held_out_case` is the case alone. Nothing is read or asked where no test
takes one of these.
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import GonogoError
from harness.suites import sharing
from harness.suites.options import OPTIONS, PACK_INI

if TYPE_CHECKING:
    from harness.cases import Case
    from harness.suites.judged import Judged
    from harness.suites.pack_check import PackCheck
    from harness.suites.run import Run

_FIXTURES = ("judged", "judged_repeatedly", "held_out_case")
RUN = pytest.StashKey["Run"]()
_TROUBLE = pytest.StashKey[str]()  # the first module that could not be collected
_FOLDER = pytest.StashKey[TemporaryDirectory[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare what the suites can be told."""
    group = parser.getgroup("gonogo", "gonogo: judge one model, case by case")
    for name, settings in OPTIONS.items():
        group.addoption(name, **settings)
    parser.addini(PACK_INI, "the pack's folder, relative to this file, or the name of a shipped pack", default="go2")


def _run(config: pytest.Config, suites: Path) -> Run:
    """This session's run, made when the first test of a suite is collected."""
    if RUN not in config.stash:
        from harness.suites.run import Run

        config.stash[RUN] = Run(config, suites)
    return config.stash[RUN]


def _once(metafunc: pytest.Metafunc, message: str) -> str:
    """A message that every suite would repeat, whole for the first of them."""
    first = metafunc.config.stash.setdefault(_TROUBLE, metafunc.module.__name__)
    return message if first == metafunc.module.__name__ else f"the same trouble as {first}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each case."""
    name = next((name for name in _FIXTURES if name in metafunc.fixturenames), None)
    if name is None and "pack_check" not in metafunc.fixturenames:
        return
    try:
        run = _run(metafunc.config, Path(str(metafunc.module.__file__)).parent)
    except GonogoError as error:
        raise pytest.Collector.CollectError(f"gonogo: {_once(metafunc, str(error))}") from None
    if name is not None:
        metafunc.parametrize(name, run.parameters(name), indirect=True)


@pytest.fixture
def held_out_case(request: pytest.FixtureRequest) -> Case:
    """A held-out case."""
    return request.config.stash[RUN].case(request.node, request.param)


@pytest.fixture(scope="session")
def pack_check(request: pytest.FixtureRequest) -> PackCheck:
    """The pack under test."""
    return request.config.stash[RUN].pack_check()


@pytest.fixture
def judged(request: pytest.FixtureRequest) -> Judged:
    """A held-out case and the scores of the model's answers; an error where an answer is missing."""
    return request.config.stash[RUN].judged(request.node, request.param)


@pytest.fixture
def judged_repeatedly(request: pytest.FixtureRequest) -> Judged:
    """The same, where each command was asked more than once."""
    return request.config.stash[RUN].judged(request.node, request.param)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """In a worker of xdist: tell the controller which answers will be needed, before it hears of the tests."""
    meeting = sharing.worker_meeting(session.config)
    if meeting is not None and RUN in session.config.stash:
        run = session.config.stash[RUN]
        meeting.leave(run.needed(session.items), run.suites)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Without xdist: gather the answers that the collected tests need, all at once."""
    config = session.config
    if RUN in config.stash:
        gc.freeze()  # thousands of tests stay alive to the end: searching them for garbage takes a second
    broken = session.testsfailed and not config.option.continue_on_collection_errors
    idle = broken or config.option.collectonly or config.option.setupplan or sharing.is_worker(config)
    if not idle and RUN in config.stash:
        config.stash[RUN].gather(config.stash[RUN].needed(session.items))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """In xdist's controller: tell a worker where to meet."""
    if _FOLDER not in node.config.stash:
        node.config.stash[_FOLDER] = sharing.make_folder()
    node.workerinput[sharing.WORKER_INPUT] = node.config.stash[_FOLDER].name


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any) -> None:
    """In xdist's controller: the first worker has collected, so gather for all of them."""
    config = node.config
    meeting = sharing.Meeting(Path(config.stash[_FOLDER].name))
    left = meeting.wanted()
    if left is not None and RUN not in config.stash and not config.option.collectonly:
        _run(config, left[1]).gather(left[0], share=meeting.answers)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Known failures as expected ones."""
    report = yield
    if RUN in item.config.stash:
        item.config.stash[RUN].ledger.adjust(item, call, report)
    return report


class _Counter:
    """Counts reports; registered, because this hook is given no config to find the run by."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in one report."""
        if RUN in self._config.stash:
            self._config.stash[RUN].ledger.count(report)


def pytest_configure(config: pytest.Config) -> None:
    """Register the counter."""
    config.pluginmanager.register(_Counter(config), "gonogo-suites-counter")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the baseline, where that was asked for."""
    if RUN in session.config.stash and not sharing.is_worker(session.config):
        session.config.stash[RUN].ledger.finish(session)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None, None, None]:
    """The table, below everything that pytest has to say."""
    run = config.stash.get(RUN, None)
    if run is not None:
        # For each failure pytest looks through the reports of every setup and teardown for captured output: with
        # thousands of both, minutes. Those without any are not missed.
        silent = terminalreporter.stats.get("", [])
        terminalreporter.stats[""] = [report for report in silent if getattr(report, "sections", None)]
    if run is not None and not any(argument.startswith("-r") for argument in config.invocation_params.args):
        # Hundreds of known failures would bury what is new; `-rx` on the command line lists them.
        terminalreporter.reportchars = terminalreporter.reportchars.replace("x", "")
    yield
    if run is not None and run.ledger.judged_any:
        terminalreporter.section("gonogo")
        for line in run.ledger.report():
            terminalreporter.write_line(line)
