"""Checks of one answer: format, syntax, API, safety. Each finding has a code, a place and a hint.

`check_answer` is the one entry; it takes any text, never raises for what the text holds, and never runs it.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from functools import lru_cache

from harness.checks.bind import canonical_call
from harness.checks.checker import Checked, Checker
from harness.checks.finding import Call, Finding
from harness.sdk.profile import Profile

__all__ = ["Call", "Checked", "Checker", "Finding", "canonical", "check_answer", "checker_for"]


def check_answer(text: str, profile: Profile, *, allow_guarded: Collection[str] = ()) -> Checked:
    """Check any text against a profile; `allow_guarded` are the guarded calls that this case permits, by path."""
    return checker_for(profile).answer(text, allow_guarded)


def canonical(command: str, profile: Profile) -> Hashable | None:
    """A key under which equal calls are equal, however they are written; None where the command does not bind.

    Keyword or positional, defaults spelled out or left out, 1 or 1.0, single or double quotes make no difference.
    """
    call = checker_for(profile).command(command).call
    return None if call is None else canonical_call(call)


@lru_cache(maxsize=8)
def checker_for(profile: Profile) -> Checker:
    """The checker of a profile, made once."""
    return Checker(profile)
