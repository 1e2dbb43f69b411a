"""Syntax: every item of the list is one valid Python expression."""

from harness.suites.judged import Judged


def test_syntax(judged: Judged) -> None:
    """Every item parses."""
    judged.all_hold("syntax_valid")
