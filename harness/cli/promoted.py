"""`gonogo promoted`: the model in use by the promotion record, for a deployment script."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.cli.gate import RECORD
from harness.errors import InputError

CUT = "lines cut from the end cannot be seen without --head: keep the hash above elsewhere, and give it next time"
EPILOG = """examples:
  MODEL=$(gonogo promoted)                 the id to deploy; fails if the record was tampered with
  gonogo promoted --verify                 check the chain; prints the hash of its last line
  gonogo promoted --verify --head HASH     and that the line with this hash, kept elsewhere, is still in it
  gonogo promoted --rollback               back to the model before, as a line of its own; prints its id
  gonogo promoted --rollback --dry-run     only print which that is"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.epilog = EPILOG
    record = f"the promotion record (default: {RECORD})"
    parser.add_argument("--record", type=Path, default=RECORD, metavar="FILE", help=record)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--verify", action="store_true", help="check the hash chain and say what it holds")
    what.add_argument("--rollback", action="store_true", help="go back to the model before, and print it")
    what.add_argument("--history", action="store_true", help="print every line, newest last")
    head_help = "a line's hash, or its first 12 characters, that the record must still hold"
    parser.add_argument("--head", metavar="HASH", help=head_help)
    parser.add_argument("--dry-run", action="store_true", help="with --rollback: print the model, write nothing")


def run(args: argparse.Namespace) -> int:
    """Print, and return 0; 4 where the record was tampered with or lacks the head, 2 where nothing was promoted."""
    from harness import promotion
    from harness.text import one_line

    entries = promotion.read(args.record, args.head)
    if not args.record.is_file():
        raise InputError("nothing has been promoted: there is no record", path=args.record, hint="check --record")
    if args.verify:
        print(f"intact: {len(entries)} lines, the last is {promotion.last_hash(entries)}")
        if args.head is None:
            print(CUT, file=sys.stderr)
    elif args.history:
        for entry in entries:
            words = f"{entry.date}  {entry.action:8}  {entry.model}  in place of {entry.replaces}"
            verdict = entry.details.get("verdict") if entry.action == "attempt" else ""
            end = f"  {verdict}" if verdict and isinstance(verdict, str) else ""
            print(one_line(f"{words}{end}  {entry.hash[: promotion.SHORT]}"))
    elif args.rollback and not args.dry_run:
        print(one_line(promotion.rollback(args.record).model))
    else:
        model = promotion.before(entries) if args.rollback else promotion.current(entries)
        if model is None:
            problem = "there is no promotion to roll back" if args.rollback else "nothing has been promoted"
            raise InputError(problem, path=args.record, hint="check --record")
        print(one_line(model))
    return 0
