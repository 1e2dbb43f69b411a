"""SDK: every call exists in the pinned SDK and takes these arguments, by name, type, range and unit."""

from harness.suites.judged import Judged


def test_sdk(judged: Judged) -> None:
    """Every call binds to the pack's profile."""
    judged.all_hold("api_valid")
