"""`gonogo generate`: training examples from a teacher model or from the pack's own teacher, every one checked."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli import options
from harness.cli.options import number

EPILOG = """examples:
  gonogo generate --teacher pack -n 4000                 verified examples without any model or key
  gonogo generate --dry-run                              what the teacher would be asked, and what it would cost
  gonogo generate -n 500 --max-usd 1 --yes               with DATA_MODEL and TEMPERATURE of the settings
  gonogo generate --teacher vllm:qwen3 --out more        any endpoint of gonogo.toml

In the output folder: train.jsonl and validation.jsonl (chat format; no plan is in both), rejected.jsonl (with the
reason of each), manifest.json. Run the same command again to go on after an interruption: nothing is paid for twice."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    count, add = number(int, 1), parser.add_argument
    parser.epilog = EPILOG
    own = "a model spec or arm, or `pack`: the pack's own (default: DATA_MODEL of the settings)"
    add("--teacher", metavar="MODEL", help=own)
    keep = "examples to keep (default: NUMBER_OF_EXAMPLES of the settings)"
    add("-n", "--examples", type=count, metavar="N", help=keep)
    add("--temperature", type=number(float, 0, 2), metavar="T", help="of the teacher (default: TEMPERATURE)")
    add("--seed", type=int, default=1, metavar="N", help="which examples (default: 1)")
    share = number(float, 0, 0.5)
    add("--validation", type=share, default=0.05, metavar="SHARE", help="share kept for validation (default: 0.05)")
    add("--out", type=Path, metavar="DIR", help="folder to write (default: training-data/<teacher>)")
    add("--dry-run", action="store_true", help="show the first request and the cost; ask and write nothing")
    asking = parser.add_argument_group("asking a teacher").add_argument
    reply = "of one reply, a model's reasoning included (default: 3000)"
    asking("--max-tokens", type=count, metavar="N", help=reply)
    most = "never spend more than this, earlier runs included"
    asking("--max-usd", type=number(float, 1e-9), metavar="USD", help=most)
    asking("--prices", type=Path, metavar="FILE", help="price file (default: the shipped one)")
    asking("--yes", action="store_true", help="do not ask before the first paid call")
    options.add_pack_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Generate, write, and return 0; exit code 4 where fewer examples than wanted could be had."""
    from harness.training.generate import run_generation

    pack, settings = options.setup(args)
    return run_generation(args, pack, settings, args.examples or settings.number_of_examples)
