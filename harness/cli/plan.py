"""`gonogo plan`: what a gate on the pack's commands can decide, before anything is asked."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli import options
from harness.cli.options import number
from harness.errors import InputError
from harness.pack import PROMPTS

if TYPE_CHECKING:
    from harness.prices import Price

EPILOG = """examples:
  gonogo plan                                                     two models as good as each other, by the policy
  gonogo plan --gain -0.02 --times 1 --times 2                    two points lost, and with twice the intents
  gonogo plan --from old.jsonl --price-of openai:gpt-4.1          success rate, likeness, tokens of a recording
  gonogo plan --from old.jsonl --from new.jsonl --rounds 1000     discordance measured on two recordings

Whole gates are simulated: made-up answers with the true rates given here, judged by the policy's own rules. Format,
safety and refusals are taken to be in order. Rule by rule it is told how often one stands in the way of a GO."""
USUAL = {"base": 0.8, "discordance": 0.16, "likeness": 0.45}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.epilog = EPILOG
    add, share = parser.add_argument, number(float, 0, 1)
    add("--base", type=share, metavar="SHARE", help="success rate of the model in use (default: 0.8)")
    add("--gain", type=number(float, -1, 1), default=0.0, metavar="SHARE", help="true gain to expect (default: 0)")
    differ = "commands that only one of the two does right (default: 0.16)"
    add("--discordance", type=share, metavar="SHARE", help=differ)
    alike = "correlation between paraphrases of one intent (default: 0.45)"
    add("--likeness", type=number(float, 0.01, 0.99), metavar="SHARE", help=alike)
    add("--policy", type=Path, metavar="FILE", help=options.POLICY_HELP)
    margin = "loss allowed, in place of the policy's"
    add("--margin", type=number(float, 0.001, 1), metavar="SHARE", help=margin)
    times = "so many times the pack's intents; repeatable (default: 1)"
    add("--times", type=number(int, 1, 50), action="append", metavar="N", help=times)
    add("--rounds", type=number(int, 20), default=300, metavar="N", help="gates to simulate (default: 300)")
    recordings = "estimate from a recording of one model, in any form; given twice, from two models"
    add("--from", dest="recordings", type=Path, action="append", default=[], metavar="RECORDING", help=recordings)
    models = "models to ask; 1 if the other is on file (default: 2)"
    add("--models", type=int, choices=(1, 2), default=2, help=models)
    dollars, told = number(float, 0), "US dollars for a million tokens in and out"
    add("--price", type=dollars, nargs=2, metavar=("IN", "OUT"), help=told)
    add("--price-of", metavar="MODEL", help="the dated list price of this spec or arm, such as openai:gpt-4.1")
    add("--prompt", choices=PROMPTS, default="plain", help="system message (default: plain)")
    add("--json", action="store_true", help="print the plan as JSON on stdout")
    options.add_pack_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Plan, and return 0."""
    from rich.progress import Progress

    from harness import plan, terminal
    from harness.gate.simulate import Truth, chances
    from harness.models.specs import arm_of
    from harness.pack import system_message
    from harness.policy import load_policy
    from harness.score import Scorer

    if len(args.recordings) > 2:
        raise InputError("--from takes one or two recordings", hint="the model in use, and a candidate")
    pack, settings = options.setup(args)
    asked = arm_of(args.price_of or "", settings)
    policy, cases = load_policy(args.policy, pack), pack.cases()
    if args.margin is not None:
        policy = policy.model_copy(update={"primary": policy.primary.model_copy(update={"margin": args.margin})})
    answers = [options.recorded(path, str(path), pack) for path in args.recordings]
    usage = plan.usage_of(
        [one for many in answers for one in many], system_message(pack, asked.prompt or args.prompt), cases
    )
    measured, source = USUAL, "assumed"
    if answers:
        scorer = Scorer(pack, cases)
        measured = plan.truth_of(*([scorer.score(one) for one in many] for many in answers))
        source = "of two recordings" if len(answers) == 2 else "of one recording; the other as good"
    given = {name: value for name in USUAL if (value := getattr(args, name)) is not None}
    truth = Truth(change=args.gain, **{**measured, **given})
    price, price_note = _price(args.price, asked.model)
    wanted, found = args.times or [1], []
    with Progress(console=terminal.console(stderr=True), transient=True) as bar:
        for many in wanted:
            task = bar.add_task(f"gates, {many} x the intents", total=args.rounds)
            grown = plan.times_as_many(cases, many)
            verdicts = chances(grown, truth, policy, args.rounds, tell=partial(bar.advance, task))
            found.append(
                {
                    "intents": len({case.intent for case in grown}),
                    "commands": len(grown),
                    **plan.cost(len(grown) * args.models, usage, price),
                    **asdict(verdicts),
                    "error": verdicts.error,
                }
            )
    record = {
        "pack": pack.name,
        "policy": str(policy.path),
        "margin": policy.primary.margin,
        "truth": asdict(truth),
        "estimated_from": "; ".join([source, *(f"--{name}" for name in given)]),
        "usage": asdict(usage),
        "price": price_note,
        "sizes": found,
    }
    if args.json:
        print(json.dumps(record, indent=1))
    else:
        _show(record)
    return 0


def _price(given: Sequence[float] | None, model: str) -> tuple[Price | None, str]:
    """The price, and in words where it comes from."""
    from harness.prices import Price, load_prices, price_of

    if given:
        return Price(given[0], given[1], "", ""), f"price: {given[0]:g} and {given[1]:g} USD a million, as given"
    if not model:
        return None, "to see the cost: --price-of openai:MODEL, or --price IN OUT in US dollars for a million tokens"
    found, note = price_of(model, load_prices())
    if found is None:
        raise InputError(f"no price of {model}: {note}", hint="give it with --price IN OUT")
    read = f", read {found.read} at {found.source}" if found.read else ""
    return found, f"price of {model}: {found.input_usd:g} and {found.output_usd:g} USD a million{read}; {note}"


def _show(record: dict[str, Any]) -> None:
    from rich import box
    from rich.table import Table

    from harness import terminal

    truth, usage = record["truth"], record["usage"]
    console = terminal.console(stderr=False)
    console.print(
        f"\ntaken as true: {100 * truth['base']:.1f}% right, {100 * truth['change']:+.1f} points; the models differ on "
        f"{100 * truth['discordance']:.1f}% of the commands; paraphrases are alike by {truth['likeness']:.2f} "
        f"({record['estimated_from']})\n"
        f"policy:  {record['policy']}, margin {100 * record['margin']:g} points\n"
        f"tokens:  {usage['prompt_tokens']:.0f} in and {usage['completion_tokens']:.0f} out a request "
        f"({usage['source']})"
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0, 0, 1))
    for heading in ("intents", "commands", "GO", "NO-GO", "INCONCLUSIVE", "requests", "tokens in", "tokens out", "USD"):
        table.add_column(heading, justify="right")
    for size in record["sizes"]:
        verdicts = (size[name] for name in ("go", "no_go", "inconclusive"))
        table.add_row(
            *(f"{size[name]:,}" for name in ("intents", "commands")),
            *(f"{100 * share:.0f}%" for share in verdicts),
            f"{size['requests']:,}",
            *(f"{size[name] / 1e6:.2f}M" for name in ("prompt_tokens", "completion_tokens")),
            "-" if size["usd"] is None else f"{size['usd']:,.2f}",
        )
    console.print(table)
    for size in record["sizes"]:
        costs = [f"{name} in {100 * share:.0f}%" for name, share in size["costs"].items()]
        told = f"what stands in the way of a GO: {', '.join(costs[:4]) or 'nothing'}"
        gates = f"{size['rounds']} gates, standard error up to {100 * size['error']:.1f} points"
        console.print(f"{size['intents']:,} intents: {told} ({gates})")
    console.print(record["price"])
