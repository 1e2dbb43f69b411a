"""`gonogo score FILE...`: score answers on file, however many, on all cores."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import nullcontext
from pathlib import Path

from harness.cli import options

EPILOG = """examples:
  gonogo score runs/go2.jsonl                          every answer of a journal, summed up by model
  gonogo score old.jsonl new.jsonl --table scores.csv  recordings, one row an answer"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.epilog = EPILOG
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="journals or recordings (JSONL)")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write one row an answer, as .csv or .parquet")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one for each core)")
    parser.add_argument("--json", action="store_true", help="print the sums as JSON on stdout")
    options.add_pack_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Score and return 0; 1 where a line could not be read as an answer."""
    # Imported here: they pull in the checks and the simulator.
    from harness import terminal  # noqa: PLC0415
    from harness.pack import load_pack  # noqa: PLC0415
    from harness.scores import Totals  # noqa: PLC0415
    from harness.scoring import score_files  # noqa: PLC0415
    from harness.tables import open_table  # noqa: PLC0415

    pack = load_pack(args.pack)
    started = time.monotonic()
    totals = Totals()
    with open_table(args.table) if args.table else nullcontext(lambda _: None) as write:
        for rows in score_files(args.files, pack.root, args.workers):
            write(rows)
            totals.add(rows)
    seconds = time.monotonic() - started
    print(f"{totals.rows} answers in {seconds:.1f} s, {totals.rows / seconds:.0f} a second", file=sys.stderr)
    if args.json:
        import json  # noqa: PLC0415

        print(json.dumps({"models": totals.by_model, "unreadable": totals.unreadable}, indent=1))
    else:
        terminal.console(stderr=False).print(terminal.totals_table(totals))
    if totals.unreadable:
        print(f"{totals.unreadable} lines could not be read as answers, the first: {totals.complaint}", file=sys.stderr)
    return 1 if totals.unreadable else 0
