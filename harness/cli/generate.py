"""`gonogo generate`: training examples from a teacher model or from the pack's own teacher, every one checked."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli import options
from harness.errors import InputError

DEFAULT_PER_REQUEST = 5

EPILOG = """examples:
  gonogo generate --teacher pack -n 4000                 verified examples without any model or key
  gonogo generate --dry-run                              what the teacher would be asked, and what it would cost
  gonogo generate -n 500 --max-usd 1 --yes               with DATA_MODEL and TEMPERATURE of the settings
  gonogo generate --teacher vllm:qwen3 --out more        any endpoint of gonogo.toml

In the output folder: train.jsonl and validation.jsonl (chat format; no plan is in both), rejected.jsonl (with the
reason of each), manifest.json. Run the same command again to go on after an interruption: nothing is paid for twice."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.epilog = EPILOG
    parser.add_argument(
        "--teacher",
        metavar="MODEL",
        help="a model spec, or `pack`: the pack's own (default: DATA_MODEL of the settings)",
    )
    parser.add_argument(
        "-n", "--examples", type=int, metavar="N", help="examples to keep (default: NUMBER_OF_EXAMPLES of the settings)"
    )
    parser.add_argument("--temperature", type=float, metavar="T", help="of the teacher (default: TEMPERATURE)")
    parser.add_argument("--task", type=Path, metavar="FILE", help="task prompt (default: the pack's)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="which examples (default: 1)")
    parser.add_argument(
        "--validation", type=float, default=0.05, metavar="SHARE", help="share kept for validation (default: 0.05)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder to write (default: training-data/<teacher>)")
    group = parser.add_argument_group("asking a teacher")
    group.add_argument(
        "--per-request",
        type=int,
        default=DEFAULT_PER_REQUEST,
        metavar="N",
        help=f"examples asked for at once (default: {DEFAULT_PER_REQUEST})",
    )
    group.add_argument(
        "--max-tokens",
        type=int,
        metavar="N",
        help="of one reply, a model's reasoning included (default: 600 for each example)",
    )
    group.add_argument("--max-usd", type=float, metavar="USD", help="never spend more than this, earlier runs included")
    group.add_argument("--prices", type=Path, metavar="FILE", help="price file (default: the shipped one)")
    group.add_argument("--yes", action="store_true", help="do not ask before the first paid call")
    parser.add_argument(
        "--dry-run", action="store_true", help="show the first request and the cost; ask and write nothing"
    )
    parser.add_argument("--json", action="store_true", help="print the manifest as JSON on stdout")
    options.add_pack_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Generate, write, and return 0; exit code 4 where fewer examples than wanted could be had."""
    from harness.training.generate import run_generation

    pack, settings = options.setup(args)
    count = settings.number_of_examples if args.examples is None else args.examples
    _check_numbers(args, count)
    return run_generation(args, pack, settings, count)


def _check_numbers(args: argparse.Namespace, count: int) -> None:
    bad = (
        (count < 1, f"--examples {count}: 1 or more"),
        (not 1 <= args.per_request <= 20, f"--per-request {args.per_request}: 1 to 20"),
        (not 0 <= args.validation <= 0.5, f"--validation {args.validation}: a share from 0 to 0.5"),
        (args.temperature is not None and not 0 <= args.temperature <= 2, f"--temperature {args.temperature}: 0 to 2"),
        (args.max_tokens is not None and args.max_tokens < 1, f"--max-tokens {args.max_tokens}: 1 or more"),
        (args.max_usd is not None and not args.max_usd > 0, f"--max-usd {args.max_usd}: more than 0"),
    )
    for wrong, message in bad:
        if wrong:
            raise InputError(message)
