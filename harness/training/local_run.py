"""`gonogo finetune --provider local`, step by step: read, train (or go on), convert to GGUF, write the card."""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import importlib.util
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from harness.errors import InputError
from harness.models.specs import EMBEDDED_MODEL
from harness.pack import Pack
from harness.training.chatfile import FEWEST_EXAMPLES
from harness.training.console import show, tell
from harness.training.local_data import ChatSet, hash_base, read_chats
from harness.training.lora import Recipe
from harness.training.runrecord import held

NEEDED = ("torch", "transformers", "peft", "gguf", "safetensors")
PLAIN_EVERY_S = 15.0
_DEFAULTS = {"rank": 16, "rate": 1e-3, "batch": 16, "threads": 1, "checkpoint_every": 50, "epochs": 1}


def run_local(args: argparse.Namespace, pack: Pack) -> int:
    """Run one command line of the local way; 0 when adapter and card are written.

    Raises:
        InputError: the extra `train` is not installed, or a file or number cannot be used.
        EndpointError: the embedded model's weights cannot be fetched.
    """
    del pack  # every pack is trained in the same way
    _check_numbers(args)
    train = read_chats(args.train, fewest=FEWEST_EXAMPLES)
    validation = read_chats(args.validation, fewest=1) if args.validation else None
    if validation is not None and validation.system != train.system:
        raise InputError("the system message differs from that of the training file", path=validation.path, line=1)
    _check_extra()
    base = _base(args.base)
    recipe = _recipe(args)
    described = {"base": base.name if args.base else EMBEDDED_MODEL, **_describe(base, recipe, train, validation)}
    if args.continue_from:
        described["continues"] = _ended_run(args.continue_from)
    fingerprint = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
    folder = args.out or Path("adapters") / fingerprint[:12]
    with held(folder / "training"):
        _train(args, base, recipe, (train, validation), folder, described | {"fingerprint": fingerprint})
    return 0


def _train(  # noqa: PLR0913, PLR0917  what the steps before have settled
    args: argparse.Namespace,
    base: Path,
    recipe: Recipe,
    files: tuple[ChatSet, ChatSet | None],
    folder: Path,
    described: dict[str, Any],
) -> None:
    from harness.training.gguf_adapter import convert
    from harness.training.local_train import Plan, train_lora

    train, validation = files
    held = () if validation is None else validation.examples
    device, start = _device(args.device), args.continue_from
    plan = Plan(base, train.system, train.examples, held, recipe, described["fingerprint"], device, start)
    tell(f"{len(train.examples)} examples on {plan.device}, into {folder}")
    started = time.monotonic()
    curve = train_lora(plan, folder, Teller())
    adapter = folder / "adapter.gguf"
    convert(folder / "peft", base, adapter)
    described |= {"device": plan.device, "seconds": round(time.monotonic() - started, 1)}
    _write_card(folder, adapter, described, curve)
    told = [f"adapter: {adapter}", f"card: {folder / 'CARD.md'}"]
    if described["base"] == EMBEDDED_MODEL:
        told.append(f"try it: gonogo compare local:{EMBEDDED_MODEL} local:{EMBEDDED_MODEL}+{adapter}")
    show("\n".join(told))


def _recipe(args: argparse.Namespace) -> Recipe:
    chosen = {name: getattr(args, name) or default for name, default in _DEFAULTS.items()}
    return Recipe(
        rank=int(chosen["rank"]),
        alpha=2 * int(chosen["rank"]),
        rate=float(chosen["rate"]),
        epochs=int(chosen["epochs"]),
        batch=int(chosen["batch"]),
        seed=args.seed,
        threads=int(chosen["threads"]),
        evaluate_every=int(chosen["checkpoint_every"]),
        checkpoint_every=int(chosen["checkpoint_every"]),
    )


def _ended_run(folder: Path) -> dict[str, Any]:
    """The card of the run that another goes on from, without its curve: the adapter's whole descent.

    Raises:
        InputError: the folder holds no ended run.
    """
    path = folder / "card.json"
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        return {name: value for name, value in card.items() if name != "curve"}
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(
            f"the card of the run to continue from cannot be read ({type(error).__name__})",
            path=path,
            hint="name the --out folder of a run that has ended",
        ) from None


def _describe(base: Path, recipe: Recipe, train: ChatSet, validation: ChatSet | None) -> dict[str, Any]:
    """Everything that decides the result, without paths: the same files elsewhere are the same run."""
    return {
        "base_sha256": hash_base(base),
        "system_message": train.system,
        "train": {"sha256": train.sha256, "examples": len(train.examples)},
        "validation": validation and {"sha256": validation.sha256, "examples": len(validation.examples)},
        "settings": asdict(recipe),
        "versions": {name: importlib.metadata.version(name) for name in NEEDED},
    }


def _write_card(folder: Path, adapter: Path, described: dict[str, Any], curve: Sequence[dict[str, float]]) -> None:
    with adapter.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    card = {**described, "adapter_sha256": digest, "curve": list(curve)}
    (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    validation = described["validation"]
    before = described.get("continues")
    measured = [point for point in curve if "valid_loss" in point]
    settings = ", ".join(f"{name} {value}" for name, value in described["settings"].items())
    lines = [
        "# LoRA adapter",
        "",
        f"- adapter: `{adapter.name}`, sha256 {digest}",
        f"- base: {described['base']}, sha256 {described['base_sha256']}",
        f"- training file: {described['train']['examples']} examples, sha256 {described['train']['sha256']}",
        f"- validation file: {validation['examples']} examples, sha256 {validation['sha256']}"
        if validation
        else "- validation file: none",
        f"- settings: {settings}",
        *([f"- continues: the adapter of sha256 {before['adapter_sha256']}"] if before else []),
        f"- made with: {', '.join(f'{name} {version}' for name, version in described['versions'].items())}",
        f"- on: {described['device']}, {described['seconds']:g} s in the last session",
        f"- system message: {described['system_message']}",
        "",
        "Loss in nats per answer token (training: smoothed); every step is in card.json.",
        "",
        "| step | training | validation |",
        "|---|---|---|",
        *(f"| {p['step']:g} | {p['train_loss']} | {p.get('valid_loss', '')} |" for p in (measured or curve[-1:])),
    ]
    (folder / "CARD.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


class Teller:
    """Shows a training run on stderr: one line that redraws itself on a terminal, an occasional one elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._told_at = -math.inf

    def __call__(self, progress: Any) -> None:
        """Tell of one step (`harness.training.local_train.Progress`)."""
        checked = "" if progress.valid_loss is None else f", validation loss {progress.valid_loss:.4f}"
        text = (
            f"step {progress.step} of {progress.steps}, training loss {progress.train_loss:.4f}{checked}, "
            f"{_time(progress.seconds)} passed, about {_time(progress.left_s)} left"
        )
        done = progress.step == progress.steps
        if self._stream.isatty():
            end = "\n" if checked or done else ""
            print(f"\r\x1b[2K{text}", end=end, file=self._stream, flush=True)
        elif done or checked or time.monotonic() - self._told_at >= PLAIN_EVERY_S:
            self._told_at = time.monotonic()
            print(text, file=self._stream, flush=True)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _check_extra() -> None:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"training on this machine needs {', '.join(missing)}",
            hint="pip install 'gonogo[train]' (about 1.2 GB with the CPU build of torch)",
        )


def _base(given: Path | None) -> Path:
    """The base model: a GGUF or a folder with a llama model.

    Raises:
        InputError: neither.
    """
    if given is None:
        from harness.models.weights import ensure_weights

        return ensure_weights()
    if given.is_file():
        return given
    try:
        config = json.loads((given / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"neither a GGUF nor a Hugging Face model folder ({type(error).__name__})", path=given, hint="check --base"
        ) from None
    kind = config.get("model_type") if isinstance(config, dict) else None
    if kind != "llama":
        raise InputError(
            f"a model of type {kind!r}: only `llama` ones can be converted to a GGUF adapter",
            path=given / "config.json",
        )
    return given


def _device(wanted: str) -> str:
    import torch

    if wanted == "cuda" and not torch.cuda.is_available():
        raise InputError("torch sees no GPU here", hint="--device cpu, or a CUDA build of torch")
    return "cpu" if wanted == "cpu" or not torch.cuda.is_available() else "cuda"


def _check_numbers(args: argparse.Namespace) -> None:
    for name, lowest in (("epochs", 1), ("rank", 1), ("batch", 1), ("threads", 1), ("checkpoint_every", 1)):
        value = getattr(args, name)
        if value is not None and value < lowest:
            raise InputError(f"--{name.replace('_', '-')} {value}: {lowest} or more")
    if args.rate is not None and not 0 < args.rate < 1:
        raise InputError(f"--rate {args.rate}: between 0 and 1")
