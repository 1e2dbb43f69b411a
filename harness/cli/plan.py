"""`gonogo plan`: how much must be asked for a decision, before anything is asked."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli import options
from harness.errors import InputError
from harness.pack import PROMPTS, Pack, system_message

if TYPE_CHECKING:
    from harness.models.outcomes import Completion
    from harness.plan import Goal, Option, Reach, Usage
    from harness.score import Score
    from harness.statistics.power import Design

EPILOG = """examples:
  gonogo plan --margin 0.05                                       with 20% of the answers differing
  gonogo plan --from old.jsonl --price-of openai:gpt-4.1          success rate, likeness, tokens of a recording
  gonogo plan --margin 0.03 --from old.jsonl --from new.jsonl     discordance measured on two recordings

More intents show more than more wordings of one: the wordings of an intent tend to fail together."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.epilog = EPILOG
    parser.add_argument("--margin", type=float, default=0.05, metavar="SHARE", help="loss allowed (default: 0.05)")
    parser.add_argument(
        "--from",
        dest="recordings",
        type=Path,
        action="append",
        default=[],
        metavar="RECORDING",
        help="estimate from a recording of one model; given twice, from two models",
    )
    parser.add_argument("--gain", type=float, default=0.0, metavar="SHARE", help="true gain to expect (default: 0)")
    parser.add_argument("--alpha", type=float, default=0.05, help="chance of a wrong GO, one-sided (default: 0.05)")
    parser.add_argument("--power", type=float, default=0.8, help="chance of a deserved GO (default: 0.8)")
    parser.add_argument(
        "--discordance", type=float, metavar="SHARE", help="answers on which the models differ (default: 0.2)"
    )
    parser.add_argument(
        "--likeness",
        type=float,
        metavar="CORRELATION",
        help="of the differences of two wordings of one intent, 0 to 1 (default: 0.5)",
    )
    parser.add_argument(
        "--sample-likeness",
        type=float,
        metavar="CORRELATION",
        help="of the differences of two samples of one command (default: 1, as at temperature 0)",
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
    from harness import plan as planning
    from harness import terminal

    goal = _goal(args)
    pack, _ = options.setup(args)
    cases = pack.cases()
    read = [_read(path, pack) for path in args.recordings]
    scores = [found for found, _ in read]
    completions = [one for _, answered in read for one in answered]
    design, source = _design(args, scores)
    usage = planning.usage_of(completions, system_message(pack, args.prompt), cases)
    price, price_note = _price(args)
    ways = planning.options(goal, design, usage, args.models, price)
    have = planning.reach(cases, goal, design)
    if args.json:
        import json

        record = {
            "goal": asdict(goal),
            "design": asdict(design),
            "estimated_from": source,
            "usage": asdict(usage),
            "price": price_note,
            "pack": {"name": pack.name, **asdict(have)},
            "options": [asdict(way) for way in ways],
        }
        json.dump(record, sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        _show(goal, (design, source), usage, (pack.name, have), ways)
        terminal.console(stderr=False).print(price_note)
    return 0


def _price(args: argparse.Namespace) -> tuple[tuple[float, float] | None, str]:
    """US dollars for a million tokens in and out, and where they come from."""
    if args.price:
        return (args.price[0], args.price[1]), f"price: {args.price[0]:g} and {args.price[1]:g} USD a million, as given"
    if not args.price_of:
        return None, "to see the cost: --price-of openai:MODEL, or --price IN OUT in US dollars for a million tokens"
    from harness.prices import load_prices, price_of

    found, note = price_of(args.price_of, load_prices())
    if found is None:
        raise InputError(f"no price of {args.price_of}: {note}", hint="give it with --price IN OUT")
    read = f", read {found.read} at {found.source}" if found.read else ""
    return (found.input_usd, found.output_usd), (
        f"price of {args.price_of}: {found.input_usd:g} and {found.output_usd:g} USD a million{read}; {note}"
    )


def _goal(args: argparse.Namespace) -> Goal:
    from harness.plan import Goal

    for name, value, low, high in (
        ("--margin", args.margin, 0.0, 1.0),
        ("--alpha", args.alpha, 0.0, 0.5),
        ("--power", args.power, 0.0, 1.0),
    ):
        if not low < value < high:
            raise InputError(f"{name} {value} is out of range", hint=f"between {low:g} and {high:g}: 0.05 is 5 points")
    if not -args.margin < args.gain < 1:
        raise InputError(
            f"--gain {args.gain} is at or beyond the margin", hint="no number of intents shows what is not so"
        )
    for name, value in (
        ("--discordance", args.discordance),
        ("--likeness", args.likeness),
        ("--sample-likeness", args.sample_likeness),
    ):
        if value is not None and not 0 <= value <= 1:
            raise InputError(f"{name} {value} is out of range", hint="a share from 0 to 1")
    if args.price and min(args.price) < 0:
        raise InputError("--price cannot be negative", hint="US dollars for a million tokens")
    return Goal(args.margin, args.gain, args.alpha, args.power)


def _read(path: Path, pack: Pack) -> tuple[list[Score], list[Completion]]:
    """Scores of whatever the recording holds of this pack."""
    from harness.models.recorded import load_recording
    from harness.score import Scorer

    cases = pack.cases()
    completions = load_recording(path, str(path), None, {case.id for case in cases})
    if not completions:
        raise InputError("there is no answer in this recording", path=path, hint="name another one")
    scorer = Scorer(pack, cases)
    return [scorer.score(one) for one in completions], completions


def _design(args: argparse.Namespace, scores: list[list[Score]]) -> tuple[Design, str]:
    """Assumptions and where they come from; the command line's own win."""
    from harness import plan as planning
    from harness.statistics.power import Design

    if len(scores) > 2:
        raise InputError("--from takes one or two recordings", hint="the model in use, and a candidate")
    if len(scores) == 2:
        design, source = planning.design_of_two(scores[0], scores[1]), "of two recordings"
    elif scores:
        design, source = planning.design_of_one(scores[0]), "of one recording; the other as good, failing elsewhere"
    else:
        design, source = Design(), "assumed"
    if args.discordance is not None:
        design, source = replace(design, discordance=args.discordance), f"{source}; --discordance"
    if args.likeness is not None:
        design, source = replace(design, between_paraphrases=args.likeness), f"{source}; --likeness"
    if args.sample_likeness is not None:
        design = replace(design, between_samples=args.sample_likeness)
    return design, source


def _show(goal: Goal, assumed: tuple[Design, str], usage: Usage, have: tuple[str, Reach], ways: list[Option]) -> None:
    from rich import box
    from rich.table import Table

    from harness import terminal

    design, source = assumed
    name, reach = have
    console = terminal.console(stderr=False)
    console.print(
        f"\nto show: no more than {100 * goal.margin:g} points lost, if the true difference is "
        f"{100 * goal.true_difference:+g}\n"
        f"         wrong GO in {100 * goal.alpha:g}% of cases, deserved GO in {100 * goal.power:g}%\n"
        f"assumed: the models differ on {100 * design.discordance:.1f}% of the answers, wordings of an intent are "
        f"alike by {design.between_paraphrases:.2f} ({source})\n"
        f"tokens:  {usage.prompt_tokens:.0f} in and {usage.completion_tokens:.0f} out a request ({usage.source})\n"
        f"pack:    {name}, {reach.intents} intents and {reach.commands} commands: deserved GO in "
        f"{100 * reach.power:.0f}%, differences from {100 * reach.detectable:.1f} points up are found"
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("wordings", "samples", "intents", "commands", "requests", "tokens in", "tokens out", "USD"):
        table.add_column(heading, justify="right")
    for way in ways:
        table.add_row(
            str(way.paraphrases),
            str(way.samples),
            f"{way.intents:,}",
            f"{way.intents * way.paraphrases:,}",
            f"{way.requests:,}",
            f"{way.prompt_tokens / 1e6:.2f}M",
            f"{way.completion_tokens / 1e6:.2f}M",
            "-" if way.usd is None else f"{way.usd:,.2f}",
        )
    console.print(table)
