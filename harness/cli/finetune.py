"""`gonogo finetune TRAIN`: a student from training examples, hosted by a provider or on this machine."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from harness.cli import options
from harness.cli.options import number
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
    count, add = number(int, 1), parser.add_argument
    parser.epilog = EPILOG
    add("train", nargs="?", type=Path, metavar="TRAIN", help="chat JSONL, as `gonogo generate` writes it")
    add("--provider", choices=("local", "openai"), required=True, help="where the training runs")
    add("--validation", type=Path, metavar="FILE", help="chat JSONL that is not trained on")
    times = "times through the file (default: 3 hosted, 1 local)"
    add("--epochs", type=number(int, 1, 50), metavar="N", help=times)
    add("--seed", type=int, default=1, metavar="N", help="of the training (default: 1)")
    hosted = parser.add_argument_group("--provider openai").add_argument
    model = "spec or arm of the model to tune (default: %(default)s), or NAME:model of an endpoint that fine-tunes"
    hosted("--model", default="openai:gpt-4.1-mini-2025-04-14", metavar="MODEL", help=model)
    hosted("--suffix", metavar="TEXT", help="becomes part of the tuned model's name")
    hosted("--batch-size", type=count, metavar="N", help="default: left to the provider")
    rate = "multiplier; default: left to the provider"
    hosted("--learning-rate", type=number(float, 1e-9), metavar="X", help=rate)
    hosted("--prices", type=Path, metavar="FILE", help="price file (default: the shipped one)")
    hosted("--yes", action="store_true", help="do not ask before the paid job is created")
    pause = number(float, 0.001)
    hosted("--poll", type=pause, default=10.0, metavar="S", help="seconds between looks (default: 10)")
    runs = "where run records are kept (default: runs/)"
    hosted("--runs", type=Path, default=Path("runs"), metavar="DIR", help=runs)
    hosted("--cancel", metavar="JOB", help="cancel this job")
    local = parser.add_argument_group("--provider local (pip install 'gonogo[train]')").add_argument
    base = "GGUF or Hugging Face folder of a llama model (default: the embedded one)"
    local("--base", type=Path, metavar="PATH", help=base)
    local("--out", type=Path, metavar="DIR", help="checkpoints and adapter (default: adapters/<data hash>)")
    begin = "begin with this adapter of the same or a smaller rank, its card.json beside it"
    local("--continue-from", type=Path, metavar="GGUF", help=begin)
    local("--rank", type=count, default=16, metavar="R", help="of the LoRA (default: 16)")
    local("--alpha", type=count, metavar="A", help="of the LoRA (default: twice the rank)")
    peak = number(float, 1e-9, 1.0)
    local("--rate", type=peak, default=1e-3, metavar="X", help="peak learning rate (default: 0.001)")
    local("--batch", type=count, default=16, metavar="N", help="examples a step (default: 16)")
    local("--checkpoint-every", type=count, default=50, metavar="N", help="steps (default: 50)")
    threads = "CPU threads; part of what makes a run repeatable (default: 1)"
    local("--threads", type=count, default=1, metavar="N", help=threads)
    device = "default: a GPU if there is one"
    local("--device", choices=("auto", "cpu", "cuda"), default="auto", help=device)
    options.add_pack_arguments(parser)


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
