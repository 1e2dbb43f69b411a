"""`gonogo generate`, step by step: the grammar, or a teacher that is priced, confirmed and asked; then the files."""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import __version__
from harness.answers import collect
from harness.cases import cases_hash
from harness.config import Settings
from harness.errors import EvidenceError, InputError
from harness.models.connect import connect
from harness.models.requests import Decoding
from harness.models.specs import OPENAI_KEY, ModelSpec, parse_spec
from harness.pack import Pack
from harness.progress import ProgressBar
from harness.report.costs import Price
from harness.sdk.profile import load_profile
from harness.simulation import load_scenes
from harness.training.bank import load_bank
from harness.training.briefs import Deck
from harness.training.console import confirm_cost, show, tell
from harness.training.dataset import Harvest, split_by_intent, write_dataset
from harness.training.generation import Generation, from_grammar
from harness.training.grammar import SHOWCASE, examples
from harness.training.overlap import make_guard, read_commands
from harness.training.prices import Purse, cost_of, load_price, rough_tokens
from harness.training.teacher import student_system, teacher_system
from harness.training.verify import Verifier

GRAMMAR = "grammar"
MOST_TOKENS_PER_EXAMPLE = 600
_TOKENS_PER_EXAMPLE = 220  # of a teacher's reply, of which the answers are the larger part; for estimates
_YIELD = 0.7  # share of pairs that pass, for the first estimate only
_SHOWN = 10  # entries of each table in the summary


def run_generation(args: argparse.Namespace, pack: Pack, settings: Settings, count: int) -> int:
    """Generate and write; 0 when as many examples as wanted are there.

    Raises:
        InputError: a file, model or price cannot be used, or the cost was not confirmed.
        EndpointError: the teacher cannot be asked; what had arrived is kept.
        EvidenceError: fewer examples than wanted could be had; they are written.
    """
    teacher = args.teacher or settings.data_model
    task = _task(args.task or pack.task_prompt)
    if teacher == GRAMMAR:
        return _with_grammar(args, pack, task, count)
    return _with_teacher(args, pack, settings, task, count)


def _with_grammar(args: argparse.Namespace, pack: Pack, task: str, count: int) -> int:
    harvest = Harvest()
    from_grammar(examples(load_bank(pack.root), args.seed), _verifier(pack), count, harvest)
    _finish(args, pack, task, harvest, {"teacher": GRAMMAR})
    return 0


def _with_teacher(args: argparse.Namespace, pack: Pack, settings: Settings, task: str, count: int) -> int:
    spec = _spec(args.teacher or settings.data_model, settings, pack, dry_run=args.dry_run)
    price = load_price(spec, args.prices)
    temperature = settings.temperature if args.temperature is None else args.temperature
    longest = args.max_tokens or MOST_TOKENS_PER_EXAMPLE * args.per_request
    decoding = Decoding(temperature, longest, args.seed)
    purse = Purse(price, args.max_usd, longest)
    generation = _generation(args, pack, task, count, purse)
    estimate = _estimate(generation, price, decoding)
    if args.dry_run:
        return _dry_run(args, spec, generation, estimate)
    folder = _folder(args, spec.text)
    _confirm(args, spec, price, estimate, folder)
    short = generation.run(
        lambda requests: collect(
            requests,
            spec,
            decoding,
            folder / "answers.jsonl",
            settings=settings,
            connect=lambda wanted: connect(wanted, settings),
            progress=ProgressBar(),
        ),
        tell,
    )
    made = {
        "teacher": spec.text,
        "decoding": decoding.to_record(),
        "per_request": args.per_request,
        "prompt_tokens": purse.prompt_tokens,
        "completion_tokens": purse.completion_tokens,
        "cost_usd": round(purse.spent, 6) if price else None,
        "price_read": price.read if price else None,
    }
    _finish(args, pack, task, generation.harvest, made)
    if short:
        kept = len(generation.harvest.kept)
        raise EvidenceError(f"{kept} examples are written, fewer than the {count} wanted: {short}")
    return 0


def _generation(args: argparse.Namespace, pack: Pack, task: str, count: int, purse: Purse) -> Generation:
    verifier = _verifier(pack)
    system = teacher_system(pack, verifier.profile, task)
    return Generation(system, Deck(load_bank(pack.root), args.seed), verifier, purse, count, args.per_request)


def _verifier(pack: Pack) -> Verifier:
    kept_out = sorted((pack.root / "training").glob("*.jsonl"))  # what an adapter is tried on
    guarded = [*(case.command for case in pack.cases()), SHOWCASE, *read_commands(kept_out)]
    scenes = load_scenes(pack)
    base = scenes[min(scenes)]
    return Verifier(load_profile(pack.profile), base, make_guard(guarded), load_bank(pack.root).reserved)


def _spec(teacher: str, settings: Settings, pack: Pack, *, dry_run: bool) -> ModelSpec:
    if dry_run:
        settings = _with_any_key(settings)
    try:
        spec = parse_spec(teacher, settings, pack.adapters)
    except InputError as error:
        raise InputError(f"{error}\n  or use --teacher {GRAMMAR}, which needs no model and no key") from None
    if spec.path is not None:
        raise InputError(f"{spec.text} is a recording: it cannot be asked", hint="name a model instead")
    return spec


def _with_any_key(settings: Settings) -> Settings:
    """The settings with a placeholder for every key: a dry run asks nobody."""
    names = [OPENAI_KEY, *(entry.api_key_env for entry in settings.endpoints.values() if entry.api_key_env)]
    return replace(settings, _environment=dict.fromkeys(names, "dry-run"))


def _estimate(generation: Generation, price: Price | None, decoding: Decoding) -> dict[str, Any]:
    """Requests, tokens and dollars that the whole generation takes, roughly."""
    first = generation.first_request()
    requests = math.ceil(generation.count / generation.per_request / _YIELD)
    prompt = requests * rough_tokens([message["content"] for message in first.messages])
    completion = requests * generation.per_request * _TOKENS_PER_EXAMPLE
    return {
        "requests": requests,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "max_tokens": decoding.max_tokens,
        "usd": None if price is None else round(cost_of(price, prompt, completion), 4),
        "price_read": None if price is None else price.read,
    }


def _describe(spec: ModelSpec, estimate: Mapping[str, Any]) -> str:
    cost = "price unknown" if estimate["usd"] is None else f"about ${estimate['usd']:.2f}"
    dated = f" (price read {estimate['price_read']})" if estimate["usd"] else ""
    return (
        f"{spec.text}: about {estimate['requests']:,} requests, {estimate['prompt_tokens']:,} tokens in, "
        f"{estimate['completion_tokens']:,} out: {cost}{dated}"
    )


def _confirm(
    args: argparse.Namespace, spec: ModelSpec, price: Price | None, estimate: Mapping[str, Any], folder: Path
) -> None:
    """Tell the cost and have it confirmed, unless nothing can cost anything."""
    if args.max_usd is not None and price is None:
        raise InputError(
            f"--max-usd cannot be held: no price of {spec.text} is known", hint="add it to a price file: --prices FILE"
        )
    lines = [_describe(spec, estimate)]
    if args.max_usd is not None:
        lines.append(f"at most ${args.max_usd:.2f} is spent (--max-usd), earlier runs into {folder} included")
    confirm_cost("\n".join(lines), free=spec.kind == "local", yes=args.yes)


def _dry_run(args: argparse.Namespace, spec: ModelSpec, generation: Generation, estimate: Mapping[str, Any]) -> int:
    request = generation.first_request()
    if args.json:
        show(json.dumps({"teacher": spec.text, "estimate": estimate, "messages": request.messages}, indent=1))
        return 0
    for message in request.messages:
        show(f"--- {message['role']}\n{message['content']}")
    show(f"---\n{_describe(spec, estimate)}\nnothing was asked and nothing written (--dry-run)")
    return 0


def _finish(args: argparse.Namespace, pack: Pack, task: str, harvest: Harvest, made: Mapping[str, Any]) -> None:
    split = split_by_intent(harvest.kept, args.validation, args.seed)
    system = student_system(task)
    manifest = {**made, "seed": args.seed, **_provenance(pack, task, system)}
    folder = _folder(args, str(made["teacher"]))
    if args.dry_run:
        show(f"{len(harvest.kept)} examples would be written to {folder}; rejected: {dict(harvest.reasons)}")
        return
    written = write_dataset(folder, harvest, split, system, manifest)
    (tell if args.json else show)(_summary(written, folder))
    if system != pack.system_prompt.read_text(encoding="utf-8").strip():
        tell("note: the system message differs from the pack's, with which models are asked")
    if args.json:
        show(json.dumps(written, indent=1))


def _provenance(pack: Pack, task: str, system: str) -> dict[str, Any]:
    return {
        "pack": pack.name,
        "task_prompt": task,
        "system_message": system,
        "profile_sha256": hashlib.sha256(pack.profile.read_bytes()).hexdigest(),
        "held_out_sha256": cases_hash(pack.cases()),
        "gonogo": __version__,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _summary(manifest: Mapping[str, Any], folder: Path) -> str:
    files = manifest["files"]
    rejected = ", ".join(f"{reason} {count}" for reason, count in manifest["rejected"].items()) or "none"
    lines = [
        f"{files['train.jsonl']['lines']} training and {files['validation.jsonl']['lines']} validation examples",
        f"rejected: {rejected}",
    ]
    for name, counts in manifest["coverage"]["train"].items():
        shown = ", ".join(f"{key} {count}" for key, count in list(counts.items())[:_SHOWN])
        lines.append(f"{name}: {shown}" + (f", and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else ""))
    if manifest.get("cost_usd") is not None:
        lines.append(f"cost: ${manifest['cost_usd']:.4f} (price read {manifest['price_read']})")
    return "\n".join([*lines, f"written to {folder}"])


def _folder(args: argparse.Namespace, teacher: str) -> Path:
    return args.out or Path("training-data") / re.sub(r"[^\w.-]+", "-", teacher)


def _task(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the task prompt: {error}", path=path, hint="check --task") from None
    if not text:
        raise InputError("the task prompt is empty", path=path, hint="one paragraph that says what the model is for")
    return text
