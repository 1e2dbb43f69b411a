"""The pytest plugin behind `pytest suites/`.

The conftest.py at the root of the tests loads it by name; an installed entry point would load it in every pytest run.
A test that takes the fixture `judged` becomes one test for each case, with the scores of the model's answers;
`judged_repeatedly` is the same where there are several samples, `held_out_case` is the case alone. The first such
test makes the session, which has the other hooks: without one nothing is read or asked.

With xdist the workers know which tests there are, and the controller asks for the answers, once. Each worker writes
into a shared folder which cases its (equal) collection needs; the first that is finished makes the controller ask.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import GonogoError

if TYPE_CHECKING:
    from harness.cases import Case
    from harness.datacheck import PackCheck
    from harness.suites.judged import Judged
    from harness.suites.session import SuiteSession

_PACK_INI = "gonogo_pack"
# Those that `gonogo run` has too mean the same. Plain types only: xdist sends their values to its workers.
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "--model": {"metavar": "MODEL", "help": "spec or arm to judge (default: the pack's default_model)"},
    "--pack": {"metavar": "PACK", "help": f"a pack's folder or name (default: {_PACK_INI} of the ini-file, or go2)"},
    "--prompt": {"default": "plain", "metavar": "PROMPT", "help": "plain, card with every allowed call, or a file"},
    "--repeat": {"type": int, "metavar": "K", "help": "answers per command (default: 1)"},
    "--limit": {"type": int, "metavar": "N", "help": "only N commands, even over the categories"},
    "--temperature": {"metavar": "T", "help": "0 to 2, or `default` (default: 0)"},
    "--max-tokens": {"type": int, "metavar": "N", "help": "per answer (default: the pack's, 320 for go2)"},
    "--runs": {"default": "runs", "metavar": "DIR", "help": "where answers are kept (default: runs/)"},
    "--baseline": {
        "metavar": "NAME",
        "help": "what failed before: a .json file, or a name in baselines/ beside the suites (default: the pack's)",
    },
    "--update-baseline": {
        "action": "store_true",
        "help": "write what fails now as the baseline; nothing that was judged counts as a failure",
    },
}
_FIXTURES = ("judged", "judged_repeatedly", "held_out_case")
_SESSION = pytest.StashKey["SuiteSession"]()  # not there where no test of a suite was collected
_TROUBLE = pytest.StashKey[str]()  # the first module that could not be collected
_FOLDER = pytest.StashKey[TemporaryDirectory[str]]()  # of xdist's controller


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare what the suites can be told."""
    group = parser.getgroup("gonogo", "gonogo: judge one model, case by case")
    for name, settings in _OPTIONS.items():
        group.addoption(name, **settings)
    for before, now in (("--samples", "repeat"), ("--sample", "limit")):  # names before 0.2
        group.addoption(before, dest=now, type=int, help=argparse.SUPPRESS)
    parser.addini(_PACK_INI, "the pack's folder, relative to this file, or the name of a shipped pack", default="go2")


def _session(config: pytest.Config, suites: Path, folder: Path | None) -> SuiteSession:
    """This session, made when it is first needed."""
    if _SESSION not in config.stash:
        from harness.suites.session import SuiteSession

        chosen = {name[2:].replace("-", "_"): config.getoption(name) for name in _OPTIONS}
        shared = folder / "answers.json" if folder else None
        named = str(config.getini(_PACK_INI))
        beside = (config.inipath.parent if config.inipath else config.rootpath) / named
        pack = config.getoption("--pack") or (beside if (beside / "gonogo.toml").is_file() else named)
        made = config.stash[_SESSION] = SuiteSession(config, chosen, pack, suites, shared)
        config.pluginmanager.register(made)
        config.pluginmanager.register(made.results)
    return config.stash[_SESSION]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each case."""
    name = next((name for name in _FIXTURES if name in metafunc.fixturenames), None)
    if name is None and "pack_check" not in metafunc.fixturenames:
        return
    config, module = metafunc.config, metafunc.module
    try:
        session = _session(config, Path(str(module.__file__)).parent, _worker_folder(config))
    except GonogoError as error:
        first = config.stash.setdefault(_TROUBLE, module.__name__)  # else every suite would repeat it
        told = str(error) if first == module.__name__ else f"the same trouble as {first}"
        raise pytest.Collector.CollectError(f"gonogo: {told}") from None
    if name is not None:
        metafunc.parametrize(name, session.parameters(name), indirect=True)


@pytest.fixture
def held_out_case(request: pytest.FixtureRequest) -> Case:
    """A held-out case."""
    return request.config.stash[_SESSION].case(request.node, request.param)


@pytest.fixture(scope="session")
def pack_check(request: pytest.FixtureRequest) -> PackCheck:
    """The pack under test."""
    return request.config.stash[_SESSION].pack_check()


@pytest.fixture
def judged(request: pytest.FixtureRequest) -> Judged:
    """A held-out case and the scores of the model's answers; an error where an answer is missing."""
    return request.config.stash[_SESSION].judged(request.node, request.param)


judged_repeatedly = judged  # where each command was asked more than once


# With xdist


def _worker_folder(config: pytest.Config) -> Path | None:
    """Where this worker meets the controller; None in any other process."""
    found = getattr(config, "workerinput", None)
    return None if found is None else Path(found["gonogo_folder"])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """In the controller: tell a worker where to meet."""
    if _FOLDER not in node.config.stash:
        node.config.stash[_FOLDER] = TemporaryDirectory(prefix="gonogo-suites-")
    node.workerinput["gonogo_folder"] = node.config.stash[_FOLDER].name


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """In a worker: say which answers will be needed, before the controller hears of the tests."""
    folder, suites = _worker_folder(session.config), session.config.stash.get(_SESSION, None)
    if folder is not None and suites is not None:
        wanted = {"cases": sorted(suites.needed(session)), "suites": str(suites.suites)}
        own = folder / f"{session.config.workerinput['workerid']}.json"  # type: ignore[attr-defined]
        own.write_text(json.dumps(wanted), encoding="utf-8")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any) -> None:
    """In the controller: the first worker has collected, so gather for all of them."""
    folder = Path(node.workerinput["gonogo_folder"])
    own = folder / f"{node.workerinput['workerid']}.json"
    if own.is_file() and _SESSION not in node.config.stash and not node.config.option.collectonly:
        wanted = json.loads(own.read_text(encoding="utf-8"))
        _session(node.config, Path(wanted["suites"]), folder).gather(frozenset(wanted["cases"]))
