"""`gonogo explain CODE`: what a finding code or a rule of the robot means, with a wrong and a right answer."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.errors import InputError

if TYPE_CHECKING:
    from harness.simulation.rules import Rule


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("code", nargs="?", metavar="CODE", help="such as A304; without it, all codes are listed")
    parser.add_argument(
        "--pack", default="go2", metavar="PACK", help="whose robot's rules, R501 and so on (default: go2)"
    )


def run(args: argparse.Namespace) -> int:
    """Print one entry, or the list."""
    from harness.checks.codes import explain, known_codes
    from harness.pack import load_pack
    from harness.simulation import load_robot

    codes = known_codes()
    rules = load_robot(load_pack(args.pack)).rules
    wanted = None if args.code is None else str(args.code).upper()
    if wanted is None:
        names = {code: entry.title for code, entry in codes.items()} | {
            code: rules[code].title for code in sorted(rules)
        }
        for code, name in names.items():
            print(f"{code} {name}")
    elif wanted in codes:
        print(explain(codes[wanted]))
    elif wanted in rules:
        print(_rule_text(wanted, rules[wanted]))
    else:
        raise InputError(f"there is no finding code {args.code!r}", hint="`gonogo explain` lists all of them.")
    return 0


def _rule_text(code: str, rule: Rule) -> str:
    """One rule of the robot as plain text: the sentence that a model is told, then why."""
    start = ", ".join(f"{key} {value}" for key, value in rule.start.items())
    parts = [f"{code} {rule.title} [running]", f"{rule.tell}\n{rule.why}"]
    if rule.wrong:
        parts.append(f"wrong{f' (start: {start})' if start else ''}:\n{_as_answer(rule.wrong)}")
    if rule.right:
        parts.append(f"right:\n{_as_answer(rule.right)}")
    return "\n\n".join(parts)


def _as_answer(commands: Sequence[str]) -> str:
    return "    [" + ",\n     ".join(f'"{command}"' for command in commands) + "]"
