"""`gonogo generate`: training examples from a teacher model or from the grammar, every one checked."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli import options
from harness.errors import EvidenceError, InputError

if TYPE_CHECKING:
    from harness.config import Settings
    from harness.models.requests import Decoding
    from harness.models.specs import ModelSpec
    from harness.pack import Pack
    from harness.report.costs import Price
    from harness.training.dataset import Harvest
    from harness.training.generation import Generation
    from harness.training.prices import Purse
    from harness.training.verify import Verifier

GRAMMAR = "grammar"
DEFAULT_PER_REQUEST = 5
_TOKENS_PER_EXAMPLE = 220  # of a teacher's reply, of which the answers are the larger part; for estimates
_MOST_TOKENS_PER_EXAMPLE = 600
_YIELD = 0.7  # share of pairs that pass, for the first estimate only

EPILOG = """examples:
  gonogo generate --teacher grammar -n 4000              verified examples without any model or key
  gonogo generate --dry-run                              what the teacher would be asked, and what it would cost
  gonogo generate -n 500 --max-usd 1 --yes               with DATA_MODEL and TEMPERATURE of the settings
  gonogo generate --teacher vllm:qwen3 --out more        any endpoint of gonogo.toml

In the output folder: train.jsonl and validation.jsonl (chat format; no plan is in both), rejected.jsonl (with the
reason of each), manifest.json. Run the same command again to go on after an interruption: nothing is paid for twice."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.epilog = EPILOG
    parser.add_argument(
        "--teacher", metavar="MODEL", help=f"a model spec, or `{GRAMMAR}` (default: DATA_MODEL of the settings)"
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
    pack, settings = options.setup(args)
    count = settings.number_of_examples if args.examples is None else args.examples
    _check_numbers(args, count)
    teacher = args.teacher or settings.data_model
    task = _task(args.task or pack.task_prompt)
    if teacher == GRAMMAR:
        return _with_grammar(args, pack, task, count)
    return _with_teacher(args, pack, settings, task, count)


def _with_grammar(args: argparse.Namespace, pack: Pack, task: str, count: int) -> int:
    from harness.training.bank import load_bank  # noqa: PLC0415  the training modules only where they are used
    from harness.training.dataset import Harvest  # noqa: PLC0415
    from harness.training.generation import from_grammar  # noqa: PLC0415
    from harness.training.grammar import examples  # noqa: PLC0415

    harvest = Harvest()
    from_grammar(examples(load_bank(pack.root), args.seed), _verifier(pack), count, harvest)
    _finish(args, pack, task, harvest, {"teacher": GRAMMAR})
    return 0


def _with_teacher(args: argparse.Namespace, pack: Pack, settings: Settings, task: str, count: int) -> int:
    from harness.answers import collect  # noqa: PLC0415  as above
    from harness.models.connect import connect  # noqa: PLC0415
    from harness.models.requests import Decoding  # noqa: PLC0415
    from harness.progress import ProgressBar  # noqa: PLC0415
    from harness.training.prices import Purse, load_price  # noqa: PLC0415

    spec = _spec(args.teacher or settings.data_model, settings, pack, dry_run=args.dry_run)
    price = load_price(spec, args.prices)
    temperature = settings.temperature if args.temperature is None else args.temperature
    decoding = Decoding(temperature, _MOST_TOKENS_PER_EXAMPLE * args.per_request, args.seed)
    assert decoding.max_tokens is not None, "set in the line above"
    purse = Purse(price, args.max_usd, decoding.max_tokens)
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
        lambda line: print(line, file=sys.stderr),
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
    from harness.training.bank import load_bank  # noqa: PLC0415  as above
    from harness.training.briefs import Deck  # noqa: PLC0415
    from harness.training.generation import Generation  # noqa: PLC0415
    from harness.training.teacher import teacher_system  # noqa: PLC0415

    verifier = _verifier(pack)
    system = teacher_system(pack, verifier.profile, task)
    return Generation(system, Deck(load_bank(pack.root), args.seed), verifier, purse, count, args.per_request)


def _verifier(pack: Pack) -> Verifier:
    from harness.robot import load_scenes  # noqa: PLC0415  as above
    from harness.sdk.profile import load_profile  # noqa: PLC0415
    from harness.training.bank import load_bank  # noqa: PLC0415
    from harness.training.grammar import SHOWCASE  # noqa: PLC0415
    from harness.training.overlap import make_guard, read_commands  # noqa: PLC0415
    from harness.training.verify import Verifier  # noqa: PLC0415

    development = pack.root / "training" / "dev.jsonl"
    guarded = [case.command for case in pack.cases()] + [SHOWCASE]
    guarded += read_commands([development]) if development.exists() else []
    scenes = load_scenes(pack.scenes)
    base = next(scene for name, scene in sorted(scenes.items()) if "main_dock" in scene.docks)
    return Verifier(load_profile(pack.profile), base, make_guard(guarded), load_bank(pack.root).reserved)


def _spec(teacher: str, settings: Settings, pack: Pack, *, dry_run: bool) -> ModelSpec:
    from harness.models.specs import parse_spec  # noqa: PLC0415  as above

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
    from dataclasses import replace  # noqa: PLC0415  as above

    from harness.models.specs import OPENAI_KEY  # noqa: PLC0415

    names = [OPENAI_KEY, *(entry.api_key_env for entry in settings.endpoints.values() if entry.api_key_env)]
    return replace(settings, _environment=dict.fromkeys(names, "dry-run"))


def _estimate(generation: Generation, price: Price | None, decoding: Decoding) -> dict[str, Any]:
    """Requests, tokens and dollars that the whole generation takes, roughly."""
    from harness.training.prices import cost_of, rough_tokens  # noqa: PLC0415  as above

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
    from harness.training.confirm import confirm_cost  # noqa: PLC0415  as above

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
        import json  # noqa: PLC0415

        print(json.dumps({"teacher": spec.text, "estimate": estimate, "messages": request.messages}, indent=1))
        return 0
    for message in request.messages:
        print(f"--- {message['role']}\n{message['content']}")
    print(f"---\n{_describe(spec, estimate)}\nnothing was asked and nothing written (--dry-run)")
    return 0


def _finish(args: argparse.Namespace, pack: Pack, task: str, harvest: Harvest, made: Mapping[str, Any]) -> None:
    from harness.training.dataset import split_by_intent, write_dataset  # noqa: PLC0415  as above
    from harness.training.teacher import student_system  # noqa: PLC0415

    split = split_by_intent(harvest.kept, args.validation, args.seed)
    system = student_system(task)
    manifest = {**made, "seed": args.seed, **_provenance(pack, task, system)}
    folder = _folder(args, str(made["teacher"]))
    if args.dry_run:
        print(f"{len(harvest.kept)} examples would be written to {folder}; rejected: {dict(harvest.reasons)}")
        return
    written = write_dataset(folder, harvest, split, system, manifest)
    report = sys.stderr if args.json else sys.stdout
    print(_summary(written, folder), file=report)
    if system != pack.system_prompt.read_text(encoding="utf-8").strip():
        print("note: the system message differs from the pack's, with which models are asked", file=sys.stderr)
    if args.json:
        import json  # noqa: PLC0415

        print(json.dumps(written, indent=1))


def _provenance(pack: Pack, task: str, system: str) -> dict[str, Any]:
    import hashlib  # noqa: PLC0415
    from datetime import UTC, datetime  # noqa: PLC0415

    from harness import __version__  # noqa: PLC0415
    from harness.cases import cases_hash  # noqa: PLC0415

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


_SHOWN = 10


def _folder(args: argparse.Namespace, teacher: str) -> Path:
    import re  # noqa: PLC0415

    return args.out or Path("training-data") / re.sub(r"[^\w.-]+", "-", teacher)


def _task(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the task prompt: {error}", path=path, hint="check --task") from None
    if not text:
        raise InputError("the task prompt is empty", path=path, hint="one paragraph that says what the model is for")
    return text


def _check_numbers(args: argparse.Namespace, count: int) -> None:
    bad: Sequence[tuple[bool, str]] = (
        (count < 1, f"--examples {count}: 1 or more"),
        (not 1 <= args.per_request <= 20, f"--per-request {args.per_request}: 1 to 20"),
        (not 0 <= args.validation <= 0.5, f"--validation {args.validation}: a share from 0 to 0.5"),
        (args.temperature is not None and not 0 <= args.temperature <= 2, f"--temperature {args.temperature}: 0 to 2"),
        (args.max_usd is not None and not args.max_usd > 0, f"--max-usd {args.max_usd}: more than 0"),
    )
    for wrong, message in bad:
        if wrong:
            raise InputError(message)
