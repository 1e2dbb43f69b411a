"""`gonogo try "command"`: one command to one model: its answer, the findings, and what the simulated robot does."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from functools import partial
from typing import Any

from harness.cli import options
from harness.errors import EndpointError, InputError
from harness.pack import messages, system_message

EPILOG = """examples:
  gonogo try "Go to the kitchen and tell me what you see there"
  gonogo try "Turn 90 degrees to the left" --model local:smollm2-135m --prompt card
  gonogo try "Patrol the aisles" --scene warehouse
  gonogo try "Get off your charger" --start docked

A command of the pack's held-out set begins in the scene and the state of its case.
Rooms that the answer names and the scene lacks are assumed to be there;
`gonogo run` judges in the scenes as they are."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add("command", metavar="COMMAND", help="what to tell the robot, in plain language")
    add("--model", metavar="MODEL", help="a model spec or arm (default: CANDIDATE_MODEL of the settings)")
    add("--scene", metavar="NAME", help="the simulated world (default: the first of the pack)")
    start_help = "what differs at the start, as in a case's `start`; KEY alone is true; repeatable"
    add("--start", action="append", default=[], metavar="KEY=VALUE", help=start_help)
    add("--json", action="store_true", help="print JSON on stdout")
    options.add_asking_arguments(parser, several=False)
    options.add_pack_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Ask, check, simulate and return 0, or 1 where the answer has findings or breaks a precondition."""
    from harness.ask.collect import collect
    from harness.checks import check_answer
    from harness.models.connect import connect
    from harness.models.requests import Request
    from harness.models.specs import arm_of, parse_spec
    from harness.overlap import normalised
    from harness.sdk.profile import load_profile
    from harness.simulation import load_scenes, render_trace, simulate, with_missing_rooms, with_start
    from harness.terminal import answer_text

    if not args.command.strip():
        raise InputError("the command is empty", hint='gonogo try "Sit down"')
    pack, settings = options.setup(args)
    arm = arm_of(args.model or settings.candidate_model, settings)
    spec = parse_spec(arm.model, settings, pack.adapters)
    if spec.path is not None:
        raise InputError(f"{spec.text} is a recording: it cannot be asked", hint="name a model instead")
    profile = load_profile(pack.profile)
    scenes = load_scenes(pack, profile)
    case = next((case for case in pack.cases() if normalised(case.command) == normalised(args.command)), None)
    name = args.scene if args.scene is not None else case.scene if case else next(iter(scenes))
    if name not in scenes:
        raise InputError(f"there is no scene {name!r}", hint=f"known: {', '.join(sorted(scenes))}")
    own = case.start if case and case.scene == name else {}
    scene = with_start(scenes[name], {**own, **dict(map(_setting, args.start))})
    request = Request("try", 0, messages(system_message(pack, arm.prompt or args.prompt), args.command))
    way, journal = partial(connect, settings=settings), args.runs / "try.jsonl"
    (completion,) = collect([request], spec, options.decoding(args, settings, arm), journal, connect=way)
    if not completion.outcome.scored:
        raise EndpointError(f"no answer of {spec.text}: {completion.detail}\n  try again later")
    checked = check_answer(completion.text, profile)
    trace = None if checked.calls is None else simulate(checked.calls, with_missing_rooms(scene, checked.calls))
    if args.json:
        record = {
            "model": spec.text,
            "command": args.command,
            "output": completion.text,
            "outcome": completion.outcome,
            "commands": checked.commands,
            "findings": [asdict(finding) for finding in checked.findings],
            "trace": None if trace is None else [[event.name, event.fields] for event in trace.events],
            "broken": [] if trace is None else [broken._asdict() for broken in trace.broken],
        }
        print(json.dumps(record, indent=1))
    else:
        print(f"{arm.label} answers:\n{answer_text(completion.text, checked.commands, checked.findings)}")
        print(f"\nfindings: {len(checked.findings)}" if checked.findings else "\nno findings")
        if trace is not None:
            where = (f" in the scene {name!r}" if name else "") + (
                f", from the start of case {case.id}" if case and own else ""
            )
            print(f"\nsimulated{where}:\n{render_trace(trace, checked.commands or ())}")
    return int(bool(checked.findings) or trace is None or bool(trace.broken))


def _setting(text: str) -> tuple[str, Any]:
    """A key and its value: JSON where it reads as such, else text; true where there is none."""
    key, equals, value = text.partition("=")
    try:
        return key, json.loads(value) if equals else True
    except ValueError:
        return key, value
