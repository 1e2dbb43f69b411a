"""`gonogo plan`: how much must be asked for a decision, before anything is asked."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli import options
from harness.errors import InputError
from harness.pack import PROMPTS, Pack

if TYPE_CHECKING:
    from harness.models.outcomes import Completion

EPILOG = """examples:
  gonogo plan --margin 0.05                                       with 20% of the answers differing
  gonogo plan --from old.jsonl --price-of openai:gpt-4.1          success rate, likeness, tokens of a recording
  gonogo plan --margin 0.03 --from old.jsonl --from new.jsonl     discordance measured on two recordings

More intents show more than more paraphrases of one: the paraphrases of an intent tend to fail together."""

# Option -> (default, the ends of what it may be, what it is); without a default the ends themselves are allowed.
_NUMBERS = {
    "margin": (0.05, (0, 1), "loss allowed (default: 0.05)"),
    "gain": (0.0, (-1, 1), "true gain to expect (default: 0)"),
    "alpha": (0.05, (0, 0.5), "chance of a wrong GO, one-sided (default: 0.05)"),
    "power": (0.8, (0, 1), "chance of a deserved GO (default: 0.8)"),
    "discordance": (None, (0, 1), "answers on which the models differ (default: 0.2)"),
    "likeness": (None, (0, 1), "correlation between paraphrases of one intent (default: 0.5)"),
    "sample-likeness": (None, (0, 1), "correlation between samples (default: 1, as at temperature 0)"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.epilog = EPILOG
    for name, (default, _, what) in _NUMBERS.items():
        parser.add_argument(f"--{name}", type=float, default=default, metavar="SHARE", help=what)
    parser.add_argument(
        "--from",
        dest="recordings",
        type=Path,
        action="append",
        default=[],
        metavar="RECORDING",
        help="estimate from a recording of one model, in any form; given twice, from two models",
    )
    parser.add_argument(
        "--models", type=int, choices=(1, 2), default=2, help="models to ask; 1 if the other is on file (default: 2)"
    )
    parser.add_argument(
        "--price", type=float, nargs=2, metavar=("IN", "OUT"), help="US dollars for a million tokens in and out"
    )
    parser.add_argument("--price-of", metavar="MODEL", help="the dated list price of this spec, such as openai:gpt-4.1")
    parser.add_argument("--prompt", choices=PROMPTS, default="plain", help="system message (default: plain)")
    parser.add_argument("--json", action="store_true", help="print the plan as JSON on stdout")
    options.add_pack_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Plan, and return 0."""
    # Imported here: they pull in numpy and, with --from, the checks.
    from harness import plan
    from harness.pack import system_message
    from harness.score import Scorer
    from harness.statistics.power import Design

    _check(args)
    goal = plan.Goal(args.margin, args.gain, args.alpha, args.power)
    pack, _ = options.setup(args)
    cases = pack.cases()
    answers = [_answers(path, pack) for path in args.recordings]
    usage = plan.usage_of([one for many in answers for one in many], system_message(pack, args.prompt), cases)
    design, source = Design(), "assumed"
    if answers:
        scorer = Scorer(pack, cases)
        design = plan.design_of(*([scorer.score(one) for one in many] for many in answers))
        one = "of one recording; the other as good, failing elsewhere"
        source = "of two recordings" if len(answers) == 2 else one
    for field, name in (("discordance", "discordance"), ("between_paraphrases", "likeness")):
        if (value := getattr(args, name)) is not None:
            design, source = replace(design, **{field: value}), f"{source}; --{name}"
    if args.sample_likeness is not None:
        design = replace(design, between_samples=args.sample_likeness)
    price, price_note = _price(args)
    record = {
        "goal": asdict(goal),
        "design": asdict(design),
        "estimated_from": source,
        "usage": asdict(usage),
        "price": price_note,
        "pack": {"name": pack.name, **plan.reach(cases, goal, design)},
        "options": plan.options(goal, design, usage, args.models, price),
    }
    if args.json:
        json.dump(record, sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        _show(record)
    return 0


def _check(args: argparse.Namespace) -> None:
    """InputError for a number that is out of range."""
    for name, (default, (low, high), _) in _NUMBERS.items():
        value = getattr(args, name.replace("-", "_"))
        inside = low < value < high if default is not None else value is None or low <= value <= high
        if not inside:
            raise InputError(
                f"--{name} {value} is out of range", hint=f"between {low:g} and {high:g}: 0.05 is 5 points"
            )
    if args.gain <= -args.margin:
        hint = "no number of intents shows what is not so"
        raise InputError(f"--gain {args.gain} is at or beyond the margin", hint=hint)
    if args.price and not min(args.price) >= 0:
        raise InputError("--price cannot be negative", hint="US dollars for a million tokens")
    if len(args.recordings) > 2:
        raise InputError("--from takes one or two recordings", hint="the model in use, and a candidate")


def _answers(path: Path, pack: Pack) -> list[Completion]:
    """Whatever the recording holds of this pack."""
    from harness.models.recorded import load_recording

    known = {case.id: case.command for case in pack.cases()}
    found = load_recording(path, str(path), None, known, notice=partial(print, file=sys.stderr))
    if not found:
        raise InputError("there is no answer in this recording", path=path, hint="name another one")
    return found


def _price(args: argparse.Namespace) -> tuple[tuple[float, float] | None, str]:
    """US dollars for a million tokens in and out, and where they come from."""
    from harness.prices import load_prices, price_of

    if args.price:
        return (args.price[0], args.price[1]), f"price: {args.price[0]:g} and {args.price[1]:g} USD a million, as given"
    if not args.price_of:
        return None, "to see the cost: --price-of openai:MODEL, or --price IN OUT in US dollars for a million tokens"
    found, note = price_of(args.price_of, load_prices())
    if found is None:
        raise InputError(f"no price of {args.price_of}: {note}", hint="give it with --price IN OUT")
    read = f", read {found.read} at {found.source}" if found.read else ""
    return (found.input_usd, found.output_usd), (
        f"price of {args.price_of}: {found.input_usd:g} and {found.output_usd:g} USD a million{read}; {note}"
    )


def _show(record: dict[str, Any]) -> None:
    from rich import box
    from rich.table import Table

    from harness import terminal

    goal, design, usage, pack = (record[name] for name in ("goal", "design", "usage", "pack"))
    console = terminal.console(stderr=False)
    console.print(
        f"\nto show: no more than {100 * goal['margin']:g} points lost, if the true difference is "
        f"{100 * goal['true_difference']:+g}\n"
        f"         wrong GO in {100 * goal['alpha']:g}% of cases, deserved GO in {100 * goal['power']:g}%\n"
        f"assumed: the models differ on {100 * design['discordance']:.1f}% of the answers, paraphrases of an intent "
        f"are alike by {design['between_paraphrases']:.2f} ({record['estimated_from']})\n"
        f"tokens:  {usage['prompt_tokens']:.0f} in and {usage['completion_tokens']:.0f} out a request "
        f"({usage['source']})\n"
        f"pack:    {pack['name']}, {pack['intents']} intents and {pack['commands']} commands: deserved GO in "
        f"{100 * pack['power']:.0f}%, differences from {100 * pack['detectable']:.1f} points up are found"
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0, 0, 1))
    for heading in ("paraphrases", "samples", "intents", "commands", "requests", "tokens in", "tokens out", "USD"):
        table.add_column(heading, justify="right", min_width=max(map(len, heading.split())))
    for way in record["options"]:
        table.add_row(
            *(f"{way[name]:,}" for name in ("paraphrases", "samples", "intents")),
            f"{way['intents'] * way['paraphrases']:,}",
            f"{way['requests']:,}",
            *(f"{way[name] / 1e6:.2f}M" for name in ("prompt_tokens", "completion_tokens")),
            "-" if way["usd"] is None else f"{way['usd']:,.2f}",
        )
    console.print(table)
    console.print(record["price"])
