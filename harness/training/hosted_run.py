"""`gonogo finetune --provider openai`, step by step: validate, price, confirm, upload, create once, follow, record."""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from pathlib import Path
from typing import Any

from harness.config import Settings
from harness.errors import InputError
from harness.models.connect import connect
from harness.models.specs import ModelSpec, parse_spec
from harness.pack import Pack
from harness.prices import load_training_price
from harness.training.chatfile import ChatFile, check_apart, read_chat_file
from harness.training.console import confirm_cost, show, tell
from harness.training.following import Teller, failure, follow
from harness.training.hosted import Hosted, open_hosted
from harness.training.runrecord import Keeper, RunRecord, find_record, held, read_record

DEFAULT_EPOCHS = 3
_CURVE_FILE = ".curve.csv"


def run_hosted(args: argparse.Namespace, pack: Pack, settings: Settings) -> int:
    """Run one command line of the hosted way; 0 if it ends with a model, or with the cancellation asked for.

    Raises:
        InputError: the files or the arguments cannot be used, or the cost was not confirmed.
        EndpointError: the provider refuses, fails or cannot be reached; or the job failed.
    """
    _check_arguments(args)
    spec = parse_spec(args.model, settings, pack.adapters)
    if spec.kind not in ("openai", "endpoint"):
        raise InputError(f"{spec.text} cannot be tuned by a provider", hint="use --provider local for an open model")
    folder = args.runs / "finetune"
    with connect(spec, settings) as endpoint:
        hosted = open_hosted(endpoint)
        with hosted.client:
            if args.cancel:
                return _cancel(hosted, folder, args.cancel)
            if args.resume:
                return _resume(hosted, folder, args.resume, spec, args.poll)
            return _train(args, hosted, folder, spec)


def _train(args: argparse.Namespace, hosted: Hosted, folder: Path, spec: ModelSpec) -> int:
    train = read_chat_file(args.train)
    validation = read_chat_file(args.validation, fewest=1) if args.validation else None
    if validation is not None:
        check_apart(train, validation)
    asked = _asked(args, train, validation)
    run = _name(hosted.endpoint.base_url, spec.model, asked)
    path = folder / f"{run}.json"
    with held(path):
        record = read_record(path) or RunRecord(run, 1, hosted.endpoint.base_url, spec.model, asked)
        if record.status in ("failed", "cancelled"):
            record = record.next_attempt()
        keeper = Keeper(path, record)
        if not record.job:
            _start(args, hosted, keeper, [train] if validation is None else [train, validation])
        else:
            tell(f"this run has the job {record.job} already: following it")
        return _follow(hosted, keeper, spec, args.poll)


def _start(args: argparse.Namespace, hosted: Hosted, keeper: Keeper, files: list[ChatFile]) -> None:
    """Confirm the cost, upload, create the job; or find the one that an earlier, interrupted start created."""
    record = keeper.record
    found = hosted.find(record)
    if found is None:
        cost, line = _cost(args, record.model, files[0])
        confirm_cost(line, free=False, yes=args.yes)
        keeper.update(cost_usd=cost)
        for file in files:
            if file.sha256 not in keeper.record.files:
                keeper.update(files={**keeper.record.files, file.sha256: hosted.upload(file)})
        found = hosted.create(keeper, _order(args, keeper.record, files))
    keeper.update(job=found.id, status=str(found.status))
    tell(f"job {found.id}; record: {keeper.path}")


def _order(args: argparse.Namespace, record: RunRecord, files: list[ChatFile]) -> dict[str, Any]:
    chosen = {"batch_size": args.batch_size, "learning_rate_multiplier": args.learning_rate}
    hyperparameters = {"n_epochs": record.asked["epochs"], **{k: v for k, v in chosen.items() if v is not None}}
    order: dict[str, Any] = {
        "model": record.model,
        "training_file": record.files[files[0].sha256],
        "method": {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
        "seed": args.seed,
    }
    if len(files) > 1:
        order["validation_file"] = record.files[files[1].sha256]
    if args.suffix:
        order["suffix"] = args.suffix
    return order


def _cost(args: argparse.Namespace, model: str, train: ChatFile) -> tuple[float | None, str]:
    """Estimated dollars, and the line that tells tokens and cost."""
    epochs = args.epochs or DEFAULT_EPOCHS
    price = load_training_price(model, args.prices)
    tokens = train.tokens * epochs
    told = f"{model}: {train.examples:,} examples, about {train.tokens:,} tokens, {epochs} epochs: {tokens:,} tokens"
    if price is None:
        return None, f"{told}: price unknown"
    cost = tokens * price.usd / 1e6
    return cost, f"{told}: about ${cost:.2f} (${price.usd:g} a million, read {price.read})"


def _follow(hosted: Hosted, keeper: Keeper, spec: ModelSpec, poll_s: float) -> int:
    try:
        record = follow(hosted, keeper, Teller(), poll_s)
    except KeyboardInterrupt:
        tell(
            f"\nthe job goes on at the provider: gonogo finetune --provider openai --resume {keeper.record.job}"
            f", or --cancel {keeper.record.job}"
        )
        raise
    if record.curve:
        _write_curve(keeper.path.with_name(keeper.path.stem + _CURVE_FILE), record)
    error = failure(record)
    if error is not None:
        raise error
    show(_told(record, keeper.path, spec))
    return 0


def _told(record: RunRecord, path: Path, spec: ModelSpec) -> str:
    kind = spec.text.partition(":")[0]
    lines = [f"tuned model: {kind}:{record.fine_tuned_model}"]
    lines += [f"checkpoint: step {c['step']} {c['model']}" for c in record.checkpoints]
    if record.curve:
        last = record.curve[-1]
        losses = ", ".join(f"{name} {value:g}" for name, value in last.items() if name != "step")
        lines.append(f"curve: {len(record.curve)} steps, the last: {losses}")
    if record.trained_tokens:
        lines.append(f"billed tokens: {record.trained_tokens:,}")
    return "\n".join([*lines, f"run record: {path}"])


def _write_curve(path: Path, record: RunRecord) -> None:
    names = list(dict.fromkeys(name for row in record.curve for name in row))
    rows = [",".join(f"{row[name]:g}" if name in row else "" for name in names) for row in record.curve]
    path.write_text("\n".join([",".join(names), *rows]) + "\n", encoding="utf-8")


def _resume(hosted: Hosted, folder: Path, job: str, spec: ModelSpec, poll_s: float) -> int:
    """Follow a job by its id, also one that this machine has no record of."""
    found = _recorded(hosted, folder, job)
    path, record = found or (
        folder / f"{_safe(job)}.json",
        RunRecord(_safe(job), 1, hosted.endpoint.base_url, spec.model, {}, job=job),
    )
    with held(path):
        return _follow(hosted, Keeper(path, record), spec, poll_s)


def _recorded(hosted: Hosted, folder: Path, job: str) -> tuple[Path, RunRecord] | None:
    """The record of a job, if there is one.

    Raises:
        InputError: the job is at another endpoint than the one named.
    """
    found = find_record(folder, job)
    if found is not None and found[1].endpoint != hosted.endpoint.base_url:
        raise InputError(
            f"the job {job} is at {found[1].endpoint}, not at {hosted.endpoint.base_url}",
            path=found[0],
            hint="name the same endpoint as when it was started: --model NAME:model",
        )
    return found


def _cancel(hosted: Hosted, folder: Path, job: str) -> int:
    found = _recorded(hosted, folder, job)
    cancelled = hosted.cancel(job)
    if found is not None:
        Keeper(*found).update(status=str(cancelled.status))
    show(f"{job}: {cancelled.status}")
    return 0


def _asked(args: argparse.Namespace, train: ChatFile, validation: ChatFile | None) -> dict[str, Any]:
    def told(file: ChatFile) -> dict[str, Any]:
        return {"sha256": file.sha256, "examples": file.examples, "tokens": file.tokens}

    return {
        "train": told(train),
        "validation": told(validation) if validation else None,
        "epochs": args.epochs or DEFAULT_EPOCHS,
        "batch_size": args.batch_size,
        "learning_rate_multiplier": args.learning_rate,
        "seed": args.seed,
        "suffix": args.suffix,
        "label": args.label,
    }


def _name(base_url: str, model: str, asked: dict[str, Any]) -> str:
    canonical = json.dumps([base_url, model, asked], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _safe(job: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in job)[:80]


def _check_arguments(args: argparse.Namespace) -> None:
    wrong = [
        (args.epochs is not None and not 1 <= args.epochs <= 50, f"--epochs {args.epochs}: 1 to 50"),
        (args.batch_size is not None and args.batch_size < 1, f"--batch-size {args.batch_size}: 1 or more"),
        (
            args.learning_rate is not None and not (math.isfinite(args.learning_rate) and args.learning_rate > 0),
            f"--learning-rate {args.learning_rate}: more than 0",
        ),
        (not (math.isfinite(args.poll) and args.poll > 0), f"--poll {args.poll}: more than 0"),
        (args.suffix is not None and len(args.suffix) > 64, "--suffix: at most 64 characters"),
    ]
    for bad, message in wrong:
        if bad:
            raise InputError(message)
