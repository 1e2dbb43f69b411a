"""Format: an answer is a Python list of strings and nothing else, so that the robot's parser can read it."""

from harness.suites.judged import Judged


def test_format(judged: Judged) -> None:
    """Every answer is only the list."""
    judged.all_hold("format_strict")
