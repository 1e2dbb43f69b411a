"""What the training commands say: results on stdout, the rest on stderr, and the question before money is spent."""

from __future__ import annotations

import sys

from harness.errors import InputError


def show(text: str) -> None:
    """A result, on stdout."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def tell(text: str) -> None:
    """Progress or a note, on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def confirm_cost(what: str, *, free: bool, yes: bool) -> None:
    """Tell what a step costs and have it confirmed.

    Args:
        what: Model, tokens and cost, in words.
        free: It costs nothing: tell, do not ask.
        yes: It was confirmed beforehand (`--yes`).

    Raises:
        InputError: it was not confirmed, or there is no terminal to ask on.
    """
    tell(what)
    if free or yes:
        return
    if not sys.stdin.isatty():
        raise InputError("this may cost money and nobody can be asked here", hint="pass --yes to confirm it")
    sys.stderr.write("Go on? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().casefold() not in ("y", "yes"):
        raise InputError("not confirmed: nothing was asked and nothing spent")
