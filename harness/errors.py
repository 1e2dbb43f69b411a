"""The one exception family: errors a user can act on, caught once, in `harness.cli`.

A message says what happened, where (file and line when there is one) and what to do. Exit codes are those of
the README: 2 bad usage or bad input, 4 evidence incomplete, 5 endpoint or quota trouble.
"""

from __future__ import annotations

from pathlib import Path

from harness.text import printable

_LONGEST = 2000  # characters of a message, so that a value quoted in it does not hide what to do


class GonogoError(Exception):
    """Base of every error that is shown to the user as one message without a traceback."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))  # it may quote a file or a server


class InputError(GonogoError):
    """A file, argument or configuration value that cannot be used.

    Args:
        message: What is wrong, in one sentence.
        path: The file it is in, if any.
        line: 1-based line in that file, if any.
        hint: What to do about it.
    """

    def __init__(
        self, message: str, *, path: str | Path | None = None, line: int | None = None, hint: str = ""
    ) -> None:
        where = "" if path is None else f"{path}:{line}: " if line is not None else f"{path}: "
        super().__init__(where + message[:_LONGEST] + (f"\n  {hint}" if hint else ""))


class EvidenceError(GonogoError):
    """Answers are missing or do not belong together, so no result can be given."""

    exit_code = 4


class EndpointError(GonogoError):
    """The endpoint cannot be used: unreachable, bad key, unknown model, quota used up."""

    exit_code = 5
