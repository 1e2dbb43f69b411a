"""`gonogo finetune TRAIN`: a student from training examples, hosted by a provider or on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli import options
from harness.errors import InputError

EPILOG = """examples:
  gonogo finetune training-data/grammar/train.jsonl --provider local --validation training-data/grammar/validation.jsonl
  gonogo finetune train.jsonl --provider openai --model openai:gpt-4.1-mini-2025-04-14
  gonogo finetune --provider openai --resume ftjob-abc     follow a job again
  gonogo finetune --provider openai --cancel ftjob-abc

Run the same command again after an interruption: a hosted job is looked for before one is created, and training on this
machine goes on from its last checkpoint. Hosted fine-tuning at OpenAI ends on 2027-01-06."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.epilog = EPILOG
    parser.add_argument(
        "train", nargs="?", type=Path, metavar="TRAIN", help="chat JSONL, as `gonogo generate` writes it"
    )
    parser.add_argument("--provider", choices=("local", "openai"), required=True, help="where the training runs")
    parser.add_argument("--validation", type=Path, metavar="FILE", help="chat JSONL that is not trained on")
    parser.add_argument("--epochs", type=int, metavar="N", help="times through the file (default: 3 hosted, 1 local)")
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
    hosted.add_argument("--batch-size", type=int, metavar="N", help="default: left to the provider")
    hosted.add_argument("--learning-rate", type=float, metavar="X", help="multiplier; default: left to the provider")
    hosted.add_argument("--prices", type=Path, metavar="FILE", help="price file (default: the shipped one)")
    hosted.add_argument("--yes", action="store_true", help="do not ask before the paid job is created")
    hosted.add_argument("--poll", type=float, default=10.0, metavar="S", help="seconds between looks (default: 10)")
    hosted.add_argument(
        "--runs", type=Path, default=Path("runs"), metavar="DIR", help="where run records are kept (default: runs/)"
    )
    which = hosted.add_mutually_exclusive_group()
    which.add_argument("--resume", metavar="JOB", help="follow this job")
    which.add_argument("--cancel", metavar="JOB", help="cancel this job")
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
    local.add_argument("--rank", type=int, metavar="R", help="of the LoRA (default: 16)")
    local.add_argument("--rate", type=float, metavar="X", help="peak learning rate (default: 0.001)")
    local.add_argument("--batch", type=int, metavar="N", help="examples a step (default: 16)")
    local.add_argument("--checkpoint-every", type=int, metavar="N", help="steps (default: 50)")
    local.add_argument(
        "--threads", type=int, metavar="N", help="CPU threads; part of what makes a run repeatable (default: 1)"
    )
    local.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: a GPU if there is one"
    )
    options.add_pack_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Fine-tune and return 0."""
    if args.train is None and not (args.provider == "openai" and (args.resume or args.cancel)):
        raise InputError("no training file is named", hint="gonogo generate writes one: TRAIN is its train.jsonl")
    if args.provider == "openai":
        from harness.training.hosted_run import run_hosted

        return run_hosted(args, *options.setup(args))
    if args.resume or args.cancel:
        raise InputError(
            "--resume and --cancel are for hosted jobs", hint="run the same command again: local training goes on"
        )
    from harness.training.local_run import run_local

    return run_local(args, options.setup(args)[0])
