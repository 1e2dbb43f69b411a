"""Reliability: a command that succeeds once succeeds every time (pass^k). Needs --repeat 2 or more."""

from harness.suites.judged import Judged


def test_reliability(judged_repeatedly: Judged) -> None:
    """All answers to the same command succeed."""
    judged_repeatedly.all_hold("success")
