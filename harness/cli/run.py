"""`gonogo run MODEL`: the answers and scores of one model, kept for later comparisons."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.cli import options

EPILOG = """examples:
  gonogo run local:smollm2-135m+go2                       every held-out command
  gonogo run openai:gpt-4.1 --repeat 10 --batch          half the price, within 24 hours
  gonogo run openai:gpt-4.1 --record gpt-4.1.jsonl        keep the answers before the model is shut down
  gonogo compare recorded:gpt-4.1.jsonl openai:NEW-MODEL  and compare its successor with them later"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add("model", metavar="MODEL", help="a model spec or arm; `gonogo models` lists what is known here")
    add("--record", type=Path, metavar="FILE", help="write the answers as a recording, with a manifest beside it")
    add("--table", type=Path, metavar="FILE", help="write one row an answer, as .csv or .parquet")
    add("--json", action="store_true", help="print the scores as JSON on stdout")
    options.add_case_arguments(parser, default_all=True)
    options.add_asking_arguments(parser)
    options.add_batch_arguments(parser)
    options.add_pack_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Collect, score and return 0."""
    from harness import terminal
    from harness.answers import write_recording
    from harness.ask.arm import answers, provenance, scores_of
    from harness.ask.progress import ProgressBar
    from harness.ask.record import record_of, warnings
    from harness.models.connect import connect_all
    from harness.score import Scorer
    from harness.table import counted, open_table, table
    from harness.text import one_line

    pack, settings = options.setup(args)
    (arm,) = options.arms(args, [args.model], pack, settings)
    options.ask_by_batch(args, [arm], settings)
    with connect_all([arm.spec], settings) as connect:
        completions = answers(arm, connect, ProgressBar())
    scores = scores_of(Scorer(pack, arm.cases), arm, completions)
    console = terminal.console(stderr=args.json)
    for shown in (terminal.totals_table({arm.name: counted(scores)}), *terminal.summary_tables(scores)):
        console.print(shown)
    for line in warnings(record_of(arm, completions)):
        console.print(one_line(line))
    if args.record:
        write_recording(args.record, completions, provenance([arm], completions))
        console.print(f"recording: {args.record}")
    if args.table:
        with open_table(args.table) as write:
            write(table(scores))
        console.print(f"table: {args.table}")
    if args.json:
        sys.stdout.write(table(scores).to_json(orient="records", indent=1) + "\n")
    return 0
