"""`gonogo score FILE...`: score answers on file, however many, on all cores of this machine or on a Dask cluster."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli import options
from harness.errors import InputError

if TYPE_CHECKING:
    from harness.pack import Pack
    from harness.partitions import Part
    from harness.tally import Difference, Tally

EPILOG = """examples:
  gonogo score runs/go2.jsonl                          every answer of a journal, summed up by model
  gonogo score old.jsonl new.jsonl --table scores.csv  recordings, one row an answer
  gonogo score runs/go2.jsonl --against openai:OLD     and the paired difference of each other model to this one
  gonogo score 's3://lab/*.jsonl' --engine dask --scheduler tcp://host:8786 --table s3://lab/scores.parquet"""


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
        help="write one row an answer, as .csv or .parquet; with --engine dask a folder of Parquet partitions",
    )
    parser.add_argument(
        "--against", metavar="MODEL", help="show the paired difference in success of each other model to this one"
    )
    parser.add_argument("--workers", type=int, metavar="N", help="processes here (default: one for each core)")
    parser.add_argument(
        "--engine", choices=("processes", "dask"), default="processes", help="what runs them (default: processes)"
    )
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="a running Dask cluster (default: one of this machine's own)"
    )
    parser.add_argument(
        "--partition-mb", type=float, default=2.0, metavar="MB", help="JSONL of one task (default: 2, seconds of work)"
    )
    parser.add_argument("--json", action="store_true", help="print the sums as JSON on stdout")
    options.add_pack_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Score and return 0; 1 where a line could not be read as an answer."""
    # Imported here: they pull in the checks and the simulator.
    from harness import terminal  # noqa: PLC0415
    from harness.pack import load_pack  # noqa: PLC0415
    from harness.partitions import partition  # noqa: PLC0415
    from harness.tally import difference  # noqa: PLC0415

    _check(args)
    pack = load_pack(args.pack)
    parts = partition(args.files, max(1, round(args.partition_mb * 1e6)))
    tally = (_on_dask if args.engine == "dask" else _here)(args, parts, pack)
    totals = tally.totals
    others = [model for model in totals.by_model if model != args.against] if args.against else []
    differences = [difference(tally, pack.cases(), args.against, model) for model in others]
    if args.json:
        _print_json(tally, differences)
    else:
        console = terminal.console(stderr=False)
        console.print(terminal.totals_table(totals))
        for one in differences:
            console.print(_words(one))
    if tally.repeated:
        print(f"{tally.repeated} answers repeat a case and sample; the sums count them", file=sys.stderr)
    if totals.unreadable:
        print(f"{totals.unreadable} lines could not be read as answers, the first: {totals.complaint}", file=sys.stderr)
    return 1 if totals.unreadable else 0


def _check(args: argparse.Namespace) -> None:
    if args.scheduler and args.engine != "dask":
        raise InputError("--scheduler is of --engine dask", hint="add --engine dask")
    if args.engine == "dask" and args.table and not args.table.rstrip("/").endswith(".parquet"):
        raise InputError("with --engine dask a table is a folder of Parquet files", hint="such as scores.parquet")
    if args.workers is not None and args.workers < 1:
        raise InputError(f"--workers {args.workers} does nothing", hint="1 or more")
    if not 1e-6 <= args.partition_mb <= 1e6:
        raise InputError(f"--partition-mb {args.partition_mb:g} is out of range", hint="such as 2")


def _here(args: argparse.Namespace, parts: list[Part], pack: Pack) -> Tally:
    """By processes of this machine, the table written row by row."""
    from harness.scoring import score_parts  # noqa: PLC0415  imports the checks
    from harness.tables import open_table  # noqa: PLC0415  the same
    from harness.tally import Tally  # noqa: PLC0415  the same

    tally = Tally()
    started = time.monotonic()
    with open_table(Path(args.table)) if args.table else nullcontext(lambda _: None) as write:
        for rows, part in score_parts(parts, str(pack.root), args.workers):
            write(rows)
            tally.merge(part)
    _tell_speed(tally, started)
    return tally


def _on_dask(args: argparse.Namespace, parts: list[Part], pack: Pack) -> Tally:
    """By a Dask cluster."""
    from harness.cluster import open_cluster, score_on  # noqa: PLC0415  imports the checks

    with open_cluster(args.scheduler, args.workers) as client:
        print(f"{len(parts)} partitions; Dask's dashboard: {client.dashboard_link}", file=sys.stderr)
        started = time.monotonic()
        tally = score_on(client, parts, pack, args.table, show_progress=sys.stderr.isatty())
        _tell_speed(tally, started)
    return tally


def _tell_speed(tally: Tally, started: float) -> None:
    rows, seconds = tally.totals.rows, time.monotonic() - started
    print(f"{rows} answers in {seconds:.1f} s, {rows / max(seconds, 1e-9):.0f} a second", file=sys.stderr)


def _words(one: Difference) -> str:
    from harness.inert import one_line  # noqa: PLC0415  as above

    bounds = one.bounds
    return (
        f"{one_line(one.candidate)} against {one_line(one.base)}: success {100 * bounds.estimate:+.1f} points "
        f"({100 * bounds.lower:+.1f} to {100 * bounds.upper:+.1f}, 90%), {one.gained} gained, {one.lost} lost of "
        f"{one.answers} answers to {one.intents} intents; {bounds.method}"
    )


def _print_json(tally: Tally, differences: list[Difference]) -> None:
    import json  # noqa: PLC0415  only for --json
    from dataclasses import asdict  # noqa: PLC0415  the same

    result = {
        "models": tally.totals.by_model,
        "unreadable": tally.totals.unreadable,
        "repeated": tally.repeated,
        "differences": [asdict(one) for one in differences],
    }
    print(json.dumps(result, indent=1))
