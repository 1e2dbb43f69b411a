"""`gonogo check FILE|-`: checks one raw answer, or a JSONL of answers, as a linter does."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from harness.errors import InputError

if TYPE_CHECKING:
    from harness.checks import Checked, Finding
    from harness.checks.answer_file import Answer

EPILOG = """output:
  FILE:ITEM:COLUMN CODE message        item and column from 1; item 0 is the answer around the list
  FILE#ID:ITEM:COLUMN CODE message     in a JSONL of {"id": ..., "output": ...}

examples:
  gonogo check answer.txt
  gonogo check answers.jsonl --json
  echo "['self.wait(1)']" | gonogo check -"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.epilog = EPILOG
    parser.add_argument("file", metavar="FILE", help="a raw answer, a .jsonl of answers, or - for stdin")
    parser.add_argument("--jsonl", action="store_true", help="read a JSONL whatever the name (for stdin)")
    add_profile_argument(parser)
    parser.add_argument(
        "--allow-guarded",
        action="append",
        default=[],
        metavar="CALL",
        help="permit a guarded call, such as sport_client.Damp; repeatable",
    )
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print JSON, one object an answer, on stdout")
    output.add_argument("--sarif", action="store_true", help="print SARIF 2.1.0 on stdout")


def add_profile_argument(parser: argparse.ArgumentParser) -> None:
    """--profile, as `profile_path` resolves it."""
    parser.add_argument(
        "--profile", default="go2", metavar="PROFILE", help="a profile's file, or go2, go2-legacy (default: go2)"
    )


def run(args: argparse.Namespace) -> int:
    """Check and return 0, or 1 where there are findings."""
    # Imported here, so that `gonogo --help` stays quick.
    from harness.checks import checker_for  # noqa: PLC0415
    from harness.checks.answer_file import read_answers  # noqa: PLC0415
    from harness.sdk.profiles import find_profile  # noqa: PLC0415

    profile = find_profile(args.profile)
    _require_guarded(args.allow_guarded, profile.by_path)
    checker = checker_for(profile)
    answers = read_answers(args.file, jsonl=True if args.jsonl else None)
    checked = ((answer, checker.answer(answer.text, args.allow_guarded)) for answer in answers)
    if args.sarif:
        return _print_sarif(args.file, checked)
    total = found = 0
    for answer, result in checked:
        total += 1
        found += len(result.findings)
        if args.json:
            print(json.dumps(_record(answer, result)))
        else:
            for finding in result.findings:
                print(_line(args.file, answer, finding))
    print(f"{total} answer{'s'[: total != 1]}, {found} finding{'s'[: found != 1]}", file=sys.stderr)
    return 1 if found else 0


def _print_sarif(name: str, checked: Iterator[tuple[Answer, Checked]]) -> int:
    from harness.checks.sarif import sarif  # noqa: PLC0415  only for this output

    log = sarif(name, checked)
    print(json.dumps(log, indent=1))
    return 1 if log["runs"][0]["results"] else 0


def _require_guarded(paths: list[str], known: Any) -> None:
    for path in paths:
        if path not in known or known[path].tier != "guarded":
            guarded = ", ".join(p for p, call in known.items() if call.tier == "guarded")
            raise InputError(f"{path!r} is no guarded call", hint=f"Guarded are: {guarded}.")


def _line(name: str, answer: Answer, finding: Finding) -> str:
    from harness.inert import one_line  # noqa: PLC0415  with the checks

    where = f"{name}#{answer.id}" if answer.id else name
    item = 0 if finding.item is None else finding.item + 1
    hint = f" ({finding.hint})" if finding.hint else ""
    return one_line(f"{where}:{item}:{finding.span[0] + 1} {finding.code} {finding.message}{hint}")


def _record(answer: Answer, checked: Checked) -> dict[str, Any]:
    return {
        **({"id": answer.id, "line": answer.line} if answer.id else {}),
        "format_strict": checked.format_strict,
        "format_valid": checked.format_valid,
        "syntax_valid": checked.syntax_valid,
        "api_valid": checked.api_valid,
        "safe": checked.safe,
        "commands": checked.commands,
        "findings": [
            {
                "code": finding.code,
                "message": finding.message,
                "item": finding.item,
                "span": finding.span,
                "hint": finding.hint,
            }
            for finding in checked.findings
        ],
    }
