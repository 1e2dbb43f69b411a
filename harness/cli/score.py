"""`gonogo score FILE...`: score answers on file, however many, in this process or on a Dask cluster."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli import options
from harness.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from harness.pack import Pack
    from harness.table import Difference

EPILOG = """examples:
  gonogo score runs/go2.jsonl                          every answer of a journal, summed up by model
  gonogo score old.jsonl new.jsonl --table scores.csv  recordings, one row an answer
  gonogo score runs/go2.jsonl --against openai:OLD     and the paired difference of each other model to this one
  gonogo score 'runs/*.jsonl' --workers 8              by 8 processes of this machine (needs gonogo[scale])
  gonogo score 's3://lab/*.jsonl' --scheduler tcp://host:8786 --table s3://lab/scores.parquet"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.epilog = EPILOG
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="journals or recordings, JSONL or Parquet: files, folders, patterns or fsspec addresses",
    )
    parser.add_argument(
        "--table",
        metavar="FILE",
        help="write one row an answer, as .csv or .parquet; on a cluster a folder of Parquet files, one a task",
    )
    parser.add_argument(
        "--against", metavar="MODEL", help="show the paired difference in success of each other model to this one"
    )
    parser.add_argument("--workers", type=int, metavar="N", help="a Dask cluster of N processes on this machine")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="a running Dask cluster")
    parser.add_argument(
        "--block-mb", type=float, default=2.0, metavar="MB", help="JSONL of one task (default: 2, seconds of work)"
    )
    parser.add_argument("--json", action="store_true", help="print the sums as JSON on stdout")
    parser.add_argument("--engine", choices=("processes", "dask"), help=argparse.SUPPRESS)  # until 0.3
    parser.add_argument("--partition-mb", type=float, dest="block_mb", help=argparse.SUPPRESS)  # until 0.3
    options.add_pack_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Score and return 0; 1 where a line could not be read as an answer."""
    from harness import terminal
    from harness.pack import load_pack
    from harness.scale import files_of, score_here
    from harness.table import UNREADABLE, difference, totals

    _check(args)
    pack = load_pack(args.pack)
    files = files_of(args.files)
    started = time.monotonic()
    if _on_cluster(args):
        frame = _on_dask(args, files, pack)
    else:
        frame = score_here(files, pack, Path(args.table) if args.table else None)
    sums = totals(frame)
    answers, seconds = int(sums["answers"].sum()), time.monotonic() - started
    print(f"{answers} answers in {seconds:.1f} s, {answers / max(seconds, 1e-9):.0f} a second", file=sys.stderr)
    others = [model for model in sums.index if model != args.against] if args.against else []
    differences = [difference(frame, pack.cases(), args.against, model) for model in others]
    lost = frame[frame["outcome"] == UNREADABLE]
    repeated = int(frame.drop(lost.index).duplicated(["model", "case_id", "sample"]).sum())
    if args.json:
        _print_json(sums, len(lost), repeated, differences)
    else:
        console = terminal.console(stderr=False)
        console.print(terminal.totals_table(sums))
        for one in differences:
            console.print(_words(one))
    if repeated:
        print(f"{repeated} answers repeat a case and sample; the sums count them", file=sys.stderr)
    if len(lost):
        print(f"{len(lost)} lines could not be read as answers, the first: {lost['reason'].iloc[0]}", file=sys.stderr)
    return 1 if len(lost) else 0


def _on_cluster(args: argparse.Namespace) -> bool:
    return bool(args.scheduler or args.engine == "dask" or (args.workers or 1) > 1)


def _check(args: argparse.Namespace) -> None:
    if _on_cluster(args) and args.table and not args.table.rstrip("/").endswith(".parquet"):
        raise InputError("on a cluster a table is a folder of Parquet files", hint="such as scores.parquet")
    if args.workers is not None and args.workers < 1:
        raise InputError(f"--workers {args.workers} does nothing", hint="1 or more")
    if not 1e-6 <= args.block_mb <= 1e6:
        raise InputError(f"--block-mb {args.block_mb:g} is out of range", hint="such as 2")


def _on_dask(args: argparse.Namespace, files: list[str], pack: Pack) -> pd.DataFrame:
    from harness.scale.cluster import open_cluster, score_on

    with open_cluster(args.scheduler, args.workers) as client:
        print(f"Dask's dashboard: {client.dashboard_link}", file=sys.stderr)
        block = max(1, round(args.block_mb * 1e6))
        return score_on(client, files, pack, args.table, block=block, show_progress=sys.stderr.isatty())


def _words(one: Difference) -> str:
    from harness.text import one_line

    bounds = one.bounds
    return (
        f"{one_line(one.candidate)} against {one_line(one.base)}: success {100 * bounds.estimate:+.1f} points "
        f"({100 * bounds.lower:+.1f} to {100 * bounds.upper:+.1f}, 90%), {one.gained} gained, {one.lost} lost of "
        f"{one.answers} answers to {one.intents} intents; {bounds.method}"
    )


def _print_json(sums: pd.DataFrame, unreadable: int, repeated: int, differences: list[Difference]) -> None:
    import json
    from dataclasses import asdict

    result = {
        "models": sums.to_dict("index"),
        "unreadable": unreadable,
        "repeated": repeated,
        "differences": [asdict(one) for one in differences],
    }
    print(json.dumps(result, indent=1))
