"""Lets `pytest suites/` take --model and the like; see harness/suites/plugin.py."""

pytest_plugins = ["harness.suites.plugin"]
