"""`gonogo data check`: is a pack's held-out set fit to judge models by?"""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli import options

EPILOG = """checks: the schema; the robot module against the SDK profile; the examples of its rules; every reference
against its own expectation in its scene; that a forbidden way is one that a direct plan takes; equal and nearly
equal commands; and, with a training file, commands that training has seen.
exit code 1 where something is wrong."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    about = "find what is wrong with the held-out commands"
    raw = argparse.RawDescriptionHelpFormatter
    check = actions.add_parser("check", help=about, description=about, epilog=EPILOG, formatter_class=raw)
    train_help = "a training file that must not overlap; repeatable (default: the pack's training/*.jsonl)"
    check.add_argument("--train", type=Path, action="append", metavar="FILE", help=train_help)
    check.add_argument("--json", action="store_true", help="print JSON on stdout")
    options.add_pack_arguments(check)


def run(args: argparse.Namespace) -> int:
    """Check; 0 where all is well, 1 where something is wrong."""
    import json

    from harness import datacheck, terminal
    from harness.pack import load_pack
    from harness.text import printable

    pack = load_pack(args.pack)
    cases = pack.cases()
    training = args.train if args.train is not None else sorted((pack.root / "training").glob("*.jsonl"))
    problems = list(datacheck.check_cases(pack, cases))
    problems += [problem for path in training for problem in datacheck.check_overlap(cases, path)]
    counts = datacheck.balance(cases)
    if args.json:
        record = {"problems": [problem._asdict() for problem in problems], "balance": counts}
        print(json.dumps(record, indent=1, default=str))
    else:
        terminal.console(stderr=False).print(terminal.balance_table(counts))
        for problem in problems:
            print(printable(f"{problem.path}:{problem.line}: {problem.case_id}: {problem.message}"))
        files = f" and {len(training)} training files" if training else ""
        print(f"{len(problems)} problems in {len(cases)} cases{files}")
    return 1 if problems else 0
