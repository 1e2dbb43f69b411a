"""Reliability: a command that succeeds once succeeds every time (pass^k). Needs --samples 2 or more."""

from harness.suites.judged import Judged


def test_reliability(sampled: Judged) -> None:
    """All answers to the same command succeed."""
    sampled.all_hold("success")
