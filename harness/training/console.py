"""What the training commands share: output, the question before money is spent, one process at a run at a time."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path

from filelock import Timeout

from harness import files
from harness.errors import InputError


def show(text: str) -> None:
    """A result, on stdout."""
    print(text, flush=True)  # noqa: T201  a command's output


def tell(text: str) -> None:
    """Progress or a note, on stderr."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201  the same


def confirm_cost(what: str, *, free: bool, yes: bool) -> None:
    """Tell what a step costs and have it confirmed, unless it is free or was confirmed before; else an InputError."""
    tell(what)
    if free or yes:
        return
    if not sys.stdin.isatty():
        raise InputError("this may cost money and nobody can be asked here", hint="pass --yes to confirm it")
    tell("Go on? [y/N] ")
    if sys.stdin.readline().strip().casefold() not in ("y", "yes"):
        raise InputError("not confirmed: nothing was asked and nothing spent")


def lock(path: Path) -> AbstractContextManager[object]:
    """Hold the lock of a run's file until the context ends; an InputError where another process holds it."""
    try:
        return files.lock(path).acquire(timeout=0)
    except Timeout:
        raise InputError("another gonogo is at work on this run", path=path, hint="wait for it, or stop it") from None
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", path=path, hint="choose another folder") from None
