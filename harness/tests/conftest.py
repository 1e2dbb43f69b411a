"""For every test: hypothesis without deadlines, five minutes each; command lines in a folder of their own, servers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import settings

from harness import cli
from harness.tests.loopback import Answer, LoopbackServer

settings.register_profile("gonogo", deadline=None)
settings.load_profile("gonogo")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Five minutes for a test, in seconds. Not in pyproject.toml: `pytest suites/` must run without pytest-timeout."""
    if config.pluginmanager.hasplugin("timeout") and config.getoption("timeout") is None:
        for item in items:
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(300))


class Ended(NamedTuple):
    """What a command line gave."""

    code: int
    out: str
    err: str


Gonogo = Callable[..., Ended]
Serve = Callable[..., LoopbackServer]


@pytest.fixture
def gonogo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Gonogo:
    """Runs a command line in an empty folder, without the caller's proxies; keywords are environment variables."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name in [name for name in os.environ if name.lower().endswith("_proxy") or name.startswith("OPENAI_")]:
        monkeypatch.delenv(name)

    def run(*arguments: object, **environment: str) -> Ended:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            capsys.readouterr()
            try:
                code = cli.main([str(argument) for argument in arguments])
            except SystemExit as error:
                code = int(error.code or 0)
            return Ended(code, *capsys.readouterr())

    return run


def endpoint(base_url: str, settings: str = "", name: str = "m1", mode: str = "w") -> None:
    """Write gonogo.toml of the current folder, or append to it: one endpoint with these further lines."""
    with Path("gonogo.toml").open(mode, encoding="utf-8") as file:
        file.write(f'[endpoints.{name}]\nbase_url = "{base_url}"\n{settings}')


@pytest.fixture
def serve(gonogo: Gonogo) -> Iterator[Serve]:  # noqa: ARG001  which makes the folder
    """Starts servers, each a further endpoint of the folder in which command lines run."""
    with ExitStack() as stack:

        def start(answer: Answer, settings: str = "", name: str = "m1", **options: Any) -> LoopbackServer:
            server = stack.enter_context(LoopbackServer(answer=answer, **options))
            endpoint(server.base_url, settings, name, mode="a")
            return server

        yield start
