"""`gonogo generate`: examples of the pack's own teacher, or of a model that is priced, confirmed and asked.

The pack's own teacher is the Python module that `teacher` in its gonogo.toml names, or the `__init__.py` of a package,
trusted as a conftest.py is. It has one function, `examples(seed: int) -> Iterator[Example]`: the same for a seed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import re
import traceback
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from harness import __version__
from harness.ask.collect import collect
from harness.ask.progress import ProgressBar
from harness.cases import cases_hash
from harness.config import Settings
from harness.errors import EvidenceError, GonogoError, InputError
from harness.files import write_whole
from harness.models.connect import connect
from harness.models.requests import Decoding
from harness.models.specs import OPENAI_KEY, ModelSpec, parse_spec
from harness.pack import Pack, messages, system_message
from harness.prices import Budget, cost_of, load_price, rough_tokens
from harness.simulation.load import run_module
from harness.training.console import confirm_cost, show, tell
from harness.training.teacher import Asking, teacher_system
from harness.training.verify import Example, Verified, Verifier, answer_text, make_verifier

PACK_TEACHER = "pack"
MOST_TOKENS_PER_EXAMPLE = 600
TRIES_PER_EXAMPLE = 20  # of the pack's teacher, before it is given up
TRAIN, VALIDATION = "train.jsonl", "validation.jsonl"
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
    task = args.task or pack.task_prompt
    try:
        system = student_system(task.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the task prompt: {error}", path=task, hint="check --task") from None
    verifier = make_verifier(pack)
    teacher = args.teacher or settings.data_model
    made: dict[str, Any] = {"teacher": PACK_TEACHER}
    if teacher in (PACK_TEACHER, "grammar"):
        short = _from_pack(pack, verifier, args.seed, count)
    else:
        spec = _spec(teacher, settings, pack, dry_run=args.dry_run)
        price = load_price(spec, args.prices)
        temperature = settings.temperature if args.temperature is None else args.temperature
        longest = args.max_tokens or MOST_TOKENS_PER_EXAMPLE * args.per_request
        decoding, budget = Decoding(temperature, longest, args.seed), Budget(price, args.max_usd, longest)
        instructions = teacher_system(pack, verifier.scene.robot, system)
        asking = Asking(instructions, args.seed, verifier, budget, count, args.per_request)
        estimate, in_words = _estimate(spec, asking)
        if args.dry_run:
            _show_request(asking, {"teacher": spec.text, "estimate": estimate}, in_words, as_json=args.json)
            return 0
        folder = _folder(args, spec.text)
        if args.max_usd is not None and price is None:
            what = f"--max-usd cannot be held: no price of {spec.text} is known"
            raise InputError(what, hint="add it to a price file: --prices FILE")
        if args.max_usd:
            in_words += f"\nat most ${args.max_usd:.2f} is spent, earlier runs into {folder} included"
        confirm_cost(in_words, free=spec.kind == "local", yes=args.yes)
        ask = partial(
            collect,
            spec=spec,
            decoding=decoding,
            journal=folder / "answers.jsonl",
            connect=partial(connect, settings=settings),
            progress=ProgressBar(),
        )
        short = asking.run(ask, tell)
        made = {
            "teacher": spec.text,
            "decoding": decoding.to_record(),
            "per_request": args.per_request,
            "prompt_tokens": budget.prompt_tokens,
            "completion_tokens": budget.completion_tokens,
            "cost_usd": round(budget.spent, 6) if price else None,
            "price_read": price.read if price else None,
        }
    _write_and_tell(args, pack, system, verifier, made)
    if short:
        raise EvidenceError(f"{len(verifier.kept)} examples are there, fewer than the {count} wanted: {short}")
    return 0


def student_system(task: str) -> str:
    """The student's system message, made from a task prompt: the same text, spoken to the model.

    >>> student_system("A translator. It is given a text and answers with code. It answers with only the code.")
    'You are a translator. You are given a text. Answer with code. Answer with only the code.'
    """
    text = " ".join(task.split())
    text = re.sub(r"^(?:The |An? )?(?=\w)", lambda m: f"You are {(m[0] or 'a ').lower()}", text, count=1)
    text = re.sub(r"\s*\((such as [^()]*)\)", r", \1", text)
    text = re.sub(r"\bIt is\b", "You are", text)
    text = re.sub(r",? and answers with\b", ". Answer with", text)
    return re.sub(r"\bIt answers\b", "Answer", text)


def pack_examples(pack: Pack, seed: int) -> Iterator[Example]:
    """Run the pack's own teacher.

    Raises:
        InputError: the pack has none, the module cannot be loaded, or it raises; with file and line.
    """
    if pack.teacher is None:
        raise InputError(
            f"the pack {pack.name!r} has no teacher of its own",
            hint='name its module in gonogo.toml: teacher = "teacher.py", or use --teacher MODEL',
        )
    path = Path(os.path.abspath(pack.teacher))  # noqa: PTH100  as importlib spells it, and so tracebacks do
    module = run_module(path, f"_gonogo_teacher_{pack.root.name}", "the pack's teacher")
    try:
        for example in module.examples(seed):
            assert isinstance(example, Example), f"{type(example).__name__} is no Example"
            yield example
    except GonogoError:
        raise
    except Exception as error:  # whatever the user's module does
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if Path(frame.filename).is_relative_to(path.parent)]
        message = f"the pack's teacher fails: {type(error).__name__}: {error}"
        where, line = (Path(own[-1].filename), own[-1].lineno) if own else (path, None)
        raise InputError(message, path=where, line=line) from error


def _from_pack(pack: Pack, verifier: Verifier, seed: int, count: int) -> str:
    """Keep the first `count` examples of the pack's teacher that pass; why there are fewer, if there are."""
    for tried, example in enumerate(pack_examples(pack, seed), start=1):
        verifier.check(example, PACK_TEACHER)
        if len(verifier.kept) == count:
            return ""
        if tried >= TRIES_PER_EXAMPLE * (len(verifier.kept) + TRIES_PER_EXAMPLE):
            return f"of {tried} examples of the pack's teacher only these pass"
    return "the pack's teacher has no more"


def _spec(teacher: str, settings: Settings, pack: Pack, *, dry_run: bool) -> ModelSpec:
    if dry_run:  # a placeholder for every key: nobody is asked
        names = [OPENAI_KEY, *(entry.api_key_env for entry in settings.endpoints.values() if entry.api_key_env)]
        settings = replace(settings, _environment=dict.fromkeys(names, "dry-run"))
    try:
        spec = parse_spec(teacher, settings, pack.adapters)
    except InputError as error:
        own = f"\n  or use --teacher {PACK_TEACHER}, which needs no model and no key" if pack.teacher else ""
        raise InputError(f"{error}{own}") from None
    if spec.path is not None:
        raise InputError(f"{spec.text} is a recording: it cannot be asked", hint="name a model instead")
    return spec


def _estimate(spec: ModelSpec, asking: Asking) -> tuple[dict[str, Any], str]:
    """Requests, tokens and dollars that the whole generation takes, roughly; and in words."""
    price = asking.budget.price
    requests = math.ceil(asking.count / asking.per_request / _YIELD)
    prompt = requests * rough_tokens([message["content"] for message in asking.first_request().messages])
    completion = requests * asking.per_request * _TOKENS_PER_EXAMPLE
    usd = None if price is None else round(cost_of(price, prompt, completion), 4)
    read = None if price is None else price.read
    cost = "price unknown" if usd is None else f"about ${usd:.2f}" + (f" (price read {read})" if usd else "")
    in_words = f"{spec.text}: about {requests:,} requests, {prompt:,} tokens in, {completion:,} out: {cost}"
    estimate = {"requests": requests, "prompt_tokens": prompt, "completion_tokens": completion}
    return {**estimate, "max_tokens": asking.budget.max_tokens, "usd": usd, "price_read": read}, in_words


def _show_request(asking: Asking, estimate: Mapping[str, Any], in_words: str, *, as_json: bool) -> None:
    request = asking.first_request()
    if as_json:
        show(json.dumps({**estimate, "messages": request.messages}, indent=1))
        return
    for message in request.messages:
        show(f"--- {message['role']}\n{message['content']}")
    show(f"---\n{in_words}\nnothing was asked and nothing written (--dry-run)")


def _write_and_tell(
    args: argparse.Namespace, pack: Pack, system: str, verifier: Verifier, made: dict[str, Any]
) -> None:
    """Split, write each file whole, the manifest with their hashes last, and tell what there is."""
    folder = _folder(args, made["teacher"])
    reasons = dict(Counter(entry["reason"] for entry in verifier.rejected).most_common())
    if args.dry_run:
        show(f"{len(verifier.kept)} examples would be written to {folder}; rejected: {reasons}")
        return
    train, validation = split_by_intent(verifier.kept, args.validation, args.seed)
    texts = {
        TRAIN: "".join(_chat_line(system, pair) for pair in train),
        VALIDATION: "".join(_chat_line(system, pair) for pair in validation),
        "rejected.jsonl": "".join(json.dumps(entry) + "\n" for entry in verifier.rejected),
    }
    manifest = {
        **made,
        "seed": args.seed,
        "pack": pack.name,
        "system_message": system,
        "profile_sha256": hashlib.sha256(pack.profile.read_bytes()).hexdigest(),
        "held_out_sha256": cases_hash(pack.cases()),
        "gonogo": __version__,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "examples": len(train) + len(validation),
        "rejected": reasons,
        "coverage": {"train": coverage(train), "validation": coverage(validation)},
        "files": {
            name: {"lines": text.count("\n"), "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, text in texts.items()
            for data in [text.encode()]
        },
    }
    try:
        for name, text in {**texts, "manifest.json": json.dumps(manifest, indent=1) + "\n"}.items():
            write_whole(folder / name, text)
    except OSError as error:
        hint = "choose another --out"
        raise InputError(f"cannot write the examples: {error.strerror}", path=folder, hint=hint) from error
    lines = [f"{len(train)} training, {len(validation)} validation examples"]
    for name, table in {"rejected": reasons, **manifest["coverage"]["train"]}.items():
        more = f", and {len(table) - _SHOWN} more" if len(table) > _SHOWN else ""
        lines.append(f"{name}: {', '.join(f'{key} {n}' for key, n in list(table.items())[:_SHOWN]) or 'none'}{more}")
    if made.get("cost_usd") is not None:
        lines.append(f"cost: ${made['cost_usd']:.4f} (price read {made['price_read']})")
    (tell if args.json else show)("\n".join([*lines, f"written to {folder}"]))
    if system != system_message(pack):
        tell("note: the system message differs from the pack's, with which models are asked")
    if args.json:
        show(json.dumps(manifest, indent=1))


def split_by_intent(kept: Sequence[Verified], share: float, seed: int) -> tuple[list[Verified], list[Verified]]:
    """Training and validation examples, all with one plan on one side; the order within each side stays.

    Args:
        kept: Examples.
        share: Of examples wanted for validation, 0 to 0.5; reached to within one intent.
        seed: Which intents.
    """
    sizes = Counter(pair.intent for pair in kept)
    chosen: set[Hashable] = set()
    taken = 0
    for intent in sorted(sizes, key=lambda intent: hashlib.sha256(f"{seed}\0{intent!r}".encode()).digest()):
        if taken + sizes[intent] <= share * len(kept):
            chosen.add(intent)
            taken += sizes[intent]
    return [pair for pair in kept if pair.intent not in chosen], [pair for pair in kept if pair.intent in chosen]


def coverage(pairs: Sequence[Verified]) -> dict[str, dict[str, int]]:
    """How examples spread: what the answer does, what is taught, calls, length of the answer, languages."""
    calls = [set(re.findall(r"self\.((?:\w+\(\)\.)?[\w.]+)\(", "\n".join(pair.answer))) for pair in pairs]
    counts = {
        "disposition": Counter(pair.disposition for pair in pairs),
        "skill": Counter(skill for pair in pairs for skill in set(pair.example.skills)),
        "call": Counter(call for found in calls for call in found),
        "length": Counter(str(len(pair.answer)) for pair in pairs),
        "language": Counter(pair.example.language for pair in pairs),
    }
    return {name: dict(counter.most_common()) for name, counter in counts.items()}


def _chat_line(system: str, pair: Verified) -> str:
    """One line of a chat fine-tuning file."""
    chat = [*messages(system, pair.example.command), {"role": "assistant", "content": answer_text(pair.answer)}]
    return json.dumps({"messages": chat}, ensure_ascii=False) + "\n"


def _folder(args: argparse.Namespace, teacher: str) -> Path:
    return args.out or Path("training-data") / re.sub(r"[^\w.-]+", "-", teacher)
