"""For every test: hypothesis without deadlines, and five minutes each; and command lines in a folder of their own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings

from harness import cli

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


@pytest.fixture
def gonogo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
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
