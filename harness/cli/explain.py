"""`gonogo explain CODE`: what a finding code or a rule of the robot means, with a wrong and a right answer."""

from __future__ import annotations

import argparse

from harness.cli import options
from harness.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("code", nargs="?", metavar="CODE", help="such as A304; without it, all codes are listed")
    parser.add_argument("--pack", metavar="PACK", help=options.PACK_HELP)


def run(args: argparse.Namespace) -> int:
    """Print one entry, or the list."""
    from harness.checks.codes import explain, known_codes
    from harness.pack import load_pack
    from harness.simulation import load_robot
    from harness.text import printable

    codes, rules = known_codes(), load_robot(load_pack(args.pack)).rules
    wanted = "" if args.code is None else str(args.code).upper()
    if not wanted:
        titles = {code: entry.title for code, entry in codes.items()}
        for code, title in (titles | {code: rules[code].title for code in sorted(rules)}).items():
            print(printable(f"{code} {title}"))
    elif wanted in codes:
        print(explain(codes[wanted]))
    elif wanted in rules:
        rule = rules[wanted]
        start = ", ".join(f"{key} {value}" for key, value in rule.start.items())
        print(printable(f"{wanted} {rule.title} [running]\n\n{rule.tell}\n{rule.why}"))
        for name, commands in ((f"wrong{f' (start: {start})' if start else ''}", rule.wrong), ("right", rule.right)):
            if commands:
                shown = ",\n     ".join(f'"{command}"' for command in commands)
                print(printable(f"\n{name}:\n    [{shown}]"))
    else:
        raise InputError(f"there is no finding code {args.code!r}", hint="`gonogo explain` lists all of them.")
    return 0
