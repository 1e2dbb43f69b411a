"""`gonogo generate`: examples of the pack's own teacher or of a model, verified, split and written.

The pack's own teacher is the Python module that `teacher` in its gonogo.toml names, or the `__init__.py` of a package,
trusted as a conftest.py is. It has one function, `examples(seed: int) -> Iterator[Example]`: the same for a seed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import __version__
from harness.cases import cases_hash
from harness.config import Settings
from harness.errors import EvidenceError, GonogoError, InputError
from harness.files import os_errors, write_whole
from harness.pack import Pack, messages, system_message
from harness.simulation.load import module_fault, run_module
from harness.training.console import show
from harness.training.teacher import run_teacher
from harness.training.verify import Example, Verified, Verifier, answer_text, make_verifier

PACK_TEACHER = "pack"
TRIES_PER_EXAMPLE = 20  # of the pack's teacher, before it is given up


def run_generation(args: argparse.Namespace, pack: Pack, settings: Settings, count: int) -> int:
    """Generate and write; 0 when as many examples as wanted are there, else an EvidenceError, what there is written."""
    verifier = make_verifier(pack)
    teacher = args.teacher or settings.data_model
    own = teacher in (PACK_TEACHER, "grammar")
    name = PACK_TEACHER if own else re.sub(r"[^\w.-]+", "-", teacher)
    folder = args.out or Path("training-data") / name
    if own:
        made, short = {"teacher": PACK_TEACHER}, _from_pack(pack, verifier, args.seed, count)
    else:
        made, short = run_teacher(args, pack, settings, verifier, folder, count)
    if args.dry_run:
        if own:
            show(f"{len(verifier.kept)} examples would be written to {folder}")
        return 0
    _write(args, pack, verifier, made, folder)
    if short:
        raise EvidenceError(f"{len(verifier.kept)} examples are there, fewer than the {count} wanted: {short}")
    return 0


def pack_examples(pack: Pack, seed: int) -> Iterator[Example]:
    """What the pack's own teacher gives; an InputError with file and line where there is none or it fails."""
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
        raise module_fault(error, path, "the pack's teacher fails") from error


def _from_pack(pack: Pack, verifier: Verifier, seed: int, count: int) -> str:
    """Keep the first `count` examples of the pack's teacher that pass; why there are fewer, if there are."""
    for tried, example in enumerate(pack_examples(pack, seed), start=1):
        verifier.check(example, PACK_TEACHER)
        if len(verifier.kept) == count:
            return ""
        if tried >= TRIES_PER_EXAMPLE * (len(verifier.kept) + TRIES_PER_EXAMPLE):
            return f"of {tried} examples of the pack's teacher only these pass"
    return "the pack's teacher has no more"


def _write(args: argparse.Namespace, pack: Pack, verifier: Verifier, made: dict[str, Any], folder: Path) -> None:
    """Split, write each file whole, the manifest with their hashes last, and tell what there is."""
    train, validation = split_by_intent(verifier.kept, args.validation, args.seed)
    system = system_message(pack)
    texts = {
        "train.jsonl": "".join(_chat_line(system, pair) for pair in train),
        "validation.jsonl": "".join(_chat_line(system, pair) for pair in validation),
        "rejected.jsonl": "".join(json.dumps(entry) + "\n" for entry in verifier.rejected),
    }
    rejected = dict(Counter(entry["reason"] for entry in verifier.rejected).most_common())
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
        "rejected": rejected,
        "coverage": {"train": coverage(train), "validation": coverage(validation)},
        "files": {
            name: {"lines": text.count("\n"), "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, text in texts.items()
            for data in [text.encode()]
        },
    }
    with os_errors(folder, "cannot write the examples", "choose another --out"):
        for name, text in {**texts, "manifest.json": json.dumps(manifest, indent=1) + "\n"}.items():
            write_whole(folder / name, text)
    show(f"{len(train)} training, {len(validation)} validation examples")
    show(f"rejected: {', '.join(f'{reason} {n}' for reason, n in rejected.items()) or 'none'}")
    if made.get("cost_usd") is not None:
        show(f"cost: ${made['cost_usd']:.4f} (price read {made['price_read']})")
    show(f"written to {folder}; manifest.json tells how they spread")


def split_by_intent(kept: Sequence[Verified], share: float, seed: int) -> tuple[list[Verified], list[Verified]]:
    """Training examples and the share for validation, reached to within one intent; no intent is on both sides."""
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
