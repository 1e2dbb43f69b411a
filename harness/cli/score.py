"""`gonogo score FILE...`: score answers on file, however many, in this process or on a Dask cluster."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from harness.cli import options
from harness.cli.options import number
from harness.errors import InputError

EPILOG = """examples:
  gonogo score runs/go2.jsonl                          every answer of a journal, summed up by model
  gonogo score old.jsonl new.jsonl --table scores.csv  recordings, one row an answer
  gonogo score runs/go2.jsonl --against openai:OLD     and the paired difference of each other model to this one
  gonogo score 'runs/*.jsonl' --workers 8              by 8 processes of this machine (needs gonogo[scale])
  gonogo score 's3://lab/*.jsonl' --scheduler tcp://host:8786 --table s3://lab/scores.parquet"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.epilog = EPILOG
    add = parser.add_argument
    files_help = "journals, recordings, other tools' files (README): files, folders, patterns or fsspec addresses"
    add("files", nargs="+", metavar="FILE", help=files_help)
    table_help = "write one row an answer, as .csv or .parquet; on a cluster a folder of Parquet files, one a task"
    add("--table", metavar="FILE", help=table_help)
    against_help = "show the paired difference in success of each other model to this one (spec or arm)"
    add("--against", metavar="MODEL", help=against_help)
    add("--workers", type=number(int, 1), metavar="N", help="a Dask cluster of N processes on this machine")
    add("--scheduler", metavar="ADDRESS", help="a running Dask cluster")
    megabytes = number(float, 1e-6, 1e6)
    add("--block-mb", type=megabytes, default=2.0, metavar="MB", help="JSONL of one task (default: 2, seconds of work)")
    add("--json", action="store_true", help="print the sums as JSON on stdout")
    add("--engine", choices=("processes", "dask"), help=argparse.SUPPRESS)  # until 0.3
    add("--partition-mb", type=megabytes, dest="block_mb", help=argparse.SUPPRESS)  # until 0.3
    options.add_pack_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Score and return 0; 1 where a line could not be read as an answer."""
    from harness import terminal
    from harness.models.specs import arm_of
    from harness.scale import files_of, score_here
    from harness.table import UNREADABLE, difference, totals

    on_cluster = bool(args.scheduler or args.engine == "dask" or (args.workers or 1) > 1)
    if on_cluster and args.table and not args.table.rstrip("/").endswith(".parquet"):
        raise InputError("on a cluster a table is a folder of Parquet files", hint="such as scores.parquet")
    pack, settings = options.setup(args)
    against = arm_of(args.against, settings).model if args.against else ""
    files = files_of(args.files)
    started = time.monotonic()
    if on_cluster:
        from harness.scale.cluster import open_cluster, score_on

        with open_cluster(args.scheduler, args.workers) as client:
            print(f"Dask's dashboard: {client.dashboard_link}", file=sys.stderr)
            block = max(1, round(args.block_mb * 1e6))
            frame = score_on(client, files, pack, args.table, block=block, show_progress=sys.stderr.isatty())
    else:
        frame = score_here(files, pack, Path(args.table) if args.table else None)
    sums = totals(frame)
    answers, seconds = int(sums["answers"].sum()), time.monotonic() - started
    print(f"{answers} answers in {seconds:.1f} s, {answers / max(seconds, 1e-9):.0f} a second", file=sys.stderr)
    others = [model for model in sums.index if model != against] if against else []
    found = {model: difference(frame, pack.cases(), against, model) for model in others}
    lost = frame[frame["outcome"] == UNREADABLE]
    repeated = int(frame.drop(lost.index).duplicated(["model", "case_id", "sample"]).sum())
    if args.json:
        differences = [
            {
                "base": against,
                "candidate": model,
                "answers": pairs.change.items,
                "intents": pairs.change.count,
                "bounds": asdict(bounds),
                "gained": pairs.gained,
                "lost": pairs.lost,
            }
            for model, (pairs, bounds) in found.items()
        ]
        record = {"models": sums.to_dict("index"), "unreadable": len(lost), "repeated": repeated}
        print(json.dumps({**record, "differences": differences}, indent=1))
    else:
        console = terminal.console(stderr=False)
        console.print(terminal.totals_table(sums.to_dict("index")))
        for model, (pairs, bounds) in found.items():
            console.print(terminal.difference_line(against, model, pairs, bounds))
    if repeated:
        print(f"{repeated} answers repeat a case and sample; the sums count them", file=sys.stderr)
    if len(lost):
        first = "; ".join(lost["reason"].head(3))
        print(f"{len(lost)} lines could not be read as answers, the first: {first}", file=sys.stderr)
    return 1 if len(lost) else 0
