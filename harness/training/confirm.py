"""Asks before money is spent."""

from __future__ import annotations

import sys

from harness.errors import InputError


def confirm_cost(what: str, *, free: bool, yes: bool) -> None:
    """Tell on stderr what a step costs and have it confirmed.

    Args:
        what: Model, tokens and cost, in words.
        free: It costs nothing: tell, do not ask.
        yes: It was confirmed beforehand (`--yes`).

    Raises:
        InputError: it was not confirmed, or there is no terminal to ask on.
    """
    print(what, file=sys.stderr)  # noqa: T201  the question below is about this
    if free or yes:
        return
    if not sys.stdin.isatty():
        raise InputError("this may cost money and nobody can be asked here", hint="pass --yes to confirm it")
    sys.stderr.write("Go on? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().casefold() not in ("y", "yes"):
        raise InputError("not confirmed: nothing was asked and nothing spent")
