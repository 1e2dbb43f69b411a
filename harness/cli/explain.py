"""`gonogo explain CODE`: what a finding code means, with a wrong and a right answer."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from harness.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("code", nargs="?", metavar="CODE", help="such as A304; without it, all codes are listed")


def run(args: argparse.Namespace) -> int:
    """Print one entry, or the list."""
    from harness.checks.codes import Code, explain, known_codes  # noqa: PLC0415  not needed for `gonogo --help`
    from harness.robot.codes import CODES  # noqa: PLC0415  as above

    running = (Code(code, k.title, "", k.why, _as_answer(k.wrong), _as_answer(k.right)) for code, k in CODES.items())
    codes = known_codes(running)
    if args.code is None:
        for code in codes.values():
            print(f"{code.code} {code.title}")
        return 0
    wanted = str(args.code).upper()
    if wanted not in codes:
        raise InputError(f"there is no finding code {args.code!r}", hint="`gonogo explain` lists all of them.")
    print(explain(codes[wanted]))
    return 0


def _as_answer(commands: Sequence[str]) -> str:
    return "[" + ",\n ".join(f'"{command}"' for command in commands) + "]"
