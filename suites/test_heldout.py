"""Held-out commands: the robot does what was asked for and nothing else, or rightly asks or declines."""

from harness.suites.judged import Judged


def test_heldout(judged: Judged) -> None:
    """Most answers succeed: with one sample, the answer does."""
    judged.most_hold("success")
