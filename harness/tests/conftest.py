"""Settings for every test: hypothesis without deadlines, because a busy machine is no defect; five minutes each."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("gonogo", deadline=None)
settings.load_profile("gonogo")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Five minutes for a test, in seconds. Not in pyproject.toml: `pytest suites/` must run without pytest-timeout."""
    if config.pluginmanager.hasplugin("timeout") and config.getoption("timeout") is None:
        for item in items:
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(300))
