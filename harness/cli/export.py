"""`gonogo export RECORDING`: answers on file in the form of another tool, to be looked at there."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from harness.cli import options
from harness.errors import InputError

EPILOG = """examples:
  gonogo export gpt-4.1.jsonl --format promptfoo --out gpt-4.1.json    then: promptfoo import gpt-4.1.json
  gonogo export gpt-4.1.jsonl --format inspect --out logs/gpt-4.1.json then: inspect view --log-dir logs

Each answer has its score with it: a success is a pass. gonogo reads both forms again (recorded:FILE)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.epilog = EPILOG
    parser.add_argument("recording", type=Path, metavar="RECORDING", help="answers of one model, in any form read here")
    parser.add_argument("--format", required=True, choices=("promptfoo", "inspect"), help="the tool that is to read it")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="a .json file; replaced if it exists")
    options.add_pack_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Write the file and return 0."""
    from harness.answers import MANIFEST_SUFFIX
    from harness.files import os_errors, read_json, write_whole
    from harness.foreign import inspect_logs, promptfoo
    from harness.score import Scorer

    if args.out.suffix != ".json":
        raise InputError(f"--out {args.out} must end in .json", hint=f"{args.format} tells the form by the name")
    pack, _ = options.setup(args)
    cases = {case.id: case for case in pack.cases()}
    found = options.recorded(args.recording, args.recording.stem, pack)
    beside = args.recording.with_name(args.recording.name + MANIFEST_SUFFIX)
    stated = read_json(beside) if beside.is_file() else {}
    stated = stated if isinstance(stated, dict) else {}
    model = str(stated.get("models") or found[0].served_model or args.recording.stem)
    scorer = Scorer(pack, cases.values())
    answers = [(cases[one.case_id], one, scorer.score(one)) for one in found]
    write = {"promptfoo": promptfoo.exported, "inspect": inspect_logs.exported}[args.format]
    record = write(answers, model, str(stated.get("system_message") or ""))
    # Half of a pair of UTF-16, which models do send, is refused by other readers of JSON.
    text = json.dumps(record, indent=1, ensure_ascii=False).encode("utf-16-le", "surrogatepass")
    with os_errors(args.out, "cannot be written", "choose another folder"):
        write_whole(args.out, text.decode("utf-16-le", "replace") + "\n")
    print(f"{args.out}: {len(found)} answers of {model}", file=sys.stderr)
    return 0
