"""Arguments that several commands share, and what they resolve to."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.cases import select
from harness.config import ArmSettings, Settings, load_settings
from harness.errors import InputError
from harness.pack import Pack, load_pack

if TYPE_CHECKING:
    from harness.ask.arm import Arm
    from harness.models.outcomes import Completion
    from harness.models.requests import Decoding

# `harness.cli.main` finds the default.
PACK_HELP = "a pack's folder or name; its Python code runs as yours (default: the one here or in pack/, else go2)"
POLICY_HELP = "thresholds of the verdict (default: the pack's gate.toml, else the go2's)"
# Commands asked where no number is given: about 5 minutes for the two embedded models on 2 cores, see the README.
DEFAULT_LIMIT = 36


def add_pack_arguments(parser: argparse.ArgumentParser) -> None:
    """--pack and --config."""
    group = parser.add_argument_group("pack and configuration")
    group.add_argument("--pack", metavar="PACK", help=PACK_HELP)
    config = "settings file (default: gonogo.toml here, if there is one)"
    group.add_argument("--config", type=Path, metavar="FILE", help=config)


def add_case_arguments(parser: argparse.ArgumentParser, *, default_all: bool) -> None:
    """Which commands to ask."""
    group = parser.add_argument_group("which commands")
    size = group.add_mutually_exclusive_group()
    limit_help = "ask N commands, even over the categories" + ("" if default_all else f" (default: {DEFAULT_LIMIT})")
    size.add_argument("--limit", type=int, metavar="N", help=limit_help)
    size.add_argument("--sample", dest="limit", type=int, help=argparse.SUPPRESS)  # its name before 0.2
    size.add_argument("--all", action="store_true", help="ask every held-out command" + (" (default)" * default_all))
    group.add_argument("--category", action="append", default=[], metavar="NAME", help="only this one; repeatable")
    group.add_argument("--limit-seed", type=int, default=0, metavar="N", help="which N commands (default: 0)")
    group.add_argument("--sample-seed", dest="limit_seed", type=int, help=argparse.SUPPRESS, default=argparse.SUPPRESS)
    parser.set_defaults(default_all=default_all)


def add_asking_arguments(parser: argparse.ArgumentParser, *, several: bool = True, candidate: bool = False) -> None:
    """How to ask, once or `several` times, perhaps a `candidate` that may replace another; where answers are kept."""
    add = parser.add_argument_group("how to ask").add_argument
    message = "system message: `plain`, the task alone; `card`, with every allowed call; or a file (default: plain)"
    add("--prompt", default="plain", metavar="PROMPT", help=f"{message}; MODEL@PROMPT gives one model its own")
    if candidate:  # before MODEL@PROMPT
        add("--candidate-prompt", help=argparse.SUPPRESS)
    if several:
        add("--repeat", type=int, metavar="K", help="answers per command and model (default: 1)")
        add("--samples", dest="repeat", type=int, help=argparse.SUPPRESS)  # its name before 0.2
    temperature_help = "0 to 2, or `default` for each endpoint's own, where a model takes none (default: 0)"
    add("--temperature", type=temperature, metavar="T", help=temperature_help)
    add("--max-tokens", type=int, metavar="N", help="per answer (default: 320)")
    if several:
        fresh_help = "ask everything anew; the new answers are used from then on, the old ones stay in the file"
        add("--fresh", action="store_true", help=fresh_help)
    add("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where answers are kept (default: runs/)")


def add_batch_arguments(parser: argparse.ArgumentParser) -> None:
    """--batch, for commands that ask much."""
    add = parser.add_argument_group("asking by batch").add_argument
    batch = "ask by the provider's batch endpoint: half the price, within 24 hours; run again to go on after a stop"
    add("--batch", action="store_true", help=batch)
    pause, often = number(float, 0.01), "how often to look after it (default: 30)"
    add("--batch-look", type=pause, default=30.0, metavar="SECONDS", help=often)


def ask_by_batch(args: argparse.Namespace, arms: Sequence[Arm], settings: Settings) -> None:
    """With --batch, bring every missing answer into the journal; without it, nothing.

    To be called before the answers are collected, which then finds nothing left to ask. Recordings are answers
    already, and the embedded model is asked as ever.

    Raises:
        InputError: no model has a batch endpoint, --early-stop or --fresh.
        EndpointError, EvidenceError: as `harness.batch.follow.fill`.
    """
    if not args.batch:
        return
    from harness.batch.follow import Wanted, fill, has_batches
    from harness.batch.provider import BatchOptions
    from harness.models.connect import connect
    from harness.plan import usage_of
    from harness.prices import describe_batch

    if getattr(args, "early_stop", False):
        raise InputError("--batch asks everything at once, --early-stop bit by bit", hint="choose one of them")
    if args.fresh:
        raise InputError("--batch goes on with what is on file, --fresh does not", hint="--batch with another --runs")
    live = [arm for arm in arms if has_batches(arm.spec)]
    if not live:
        raise InputError("none of these models has a batch endpoint", hint="leave out --batch")

    def wanted(arm: Arm) -> Wanted:
        usage = usage_of([], arm.system_message(), arm.cases)
        return Wanted(arm.spec, arm.requests(), arm.decoding, partial(describe_batch, arm.spec, usage))

    fill(
        [wanted(arm) for arm in live],
        live[0].journal,
        connect=lambda spec: connect(spec, settings),
        show=lambda line: print(line, file=sys.stderr, flush=True),
        options=BatchOptions(args.batch_look),
    )


def number(kind: type[int | float], low: float, high: float = math.inf) -> Callable[[str], float]:
    """A parser of numbers of one kind within limits, for argparse."""

    def parse(text: str) -> float:
        value = kind(text)  # its ValueError is argparse's business
        if not (low <= value <= high and math.isfinite(value)):
            raise argparse.ArgumentTypeError(f"{text} is not within {low:g} and {high:g}")
        return value

    parse.__name__ = kind.__name__  # argparse says "invalid int value"
    return parse


def temperature(text: str) -> float | Literal["default"]:
    """Argument type of `--temperature`."""
    if text == "default":
        return "default"
    value = float(text)
    if not 0 <= value <= 2:
        raise argparse.ArgumentTypeError("a temperature is 0 to 2, or `default`")
    return value


def setup(args: argparse.Namespace) -> tuple[Pack, Settings]:
    """The pack and the settings that the arguments name."""
    pack = load_pack(args.pack)
    return pack, load_settings(pack, args.config)


def arms(args: argparse.Namespace, models: Sequence[str], pack: Pack, settings: Settings) -> list[Arm]:
    """The models, the one in use first, each with what it is asked: by its arm's table or @PROMPT, else by options."""
    from harness.ask.arm import Arm
    from harness.models.specs import arm_of, parse_spec

    samples = settings.decoding.samples if args.repeat is None else args.repeat
    if samples < 1:
        raise InputError(f"--repeat {samples} asks nothing", hint="1 or more")
    named = [arm_of(text, settings) for text in models]
    specs = [parse_spec(one.model, settings, pack.adapters) for one in named]
    limit = DEFAULT_LIMIT if args.limit is None and not (args.all or args.default_all) else args.limit
    cases = tuple(select(pack.cases(), sample=limit, categories=args.category, seed=args.limit_seed))
    since = time.time() if args.fresh else 0.0
    made = [
        Arm(
            spec=spec,
            pack=pack,
            cases=cases,
            prompt=one.prompt or (k and args.candidate_prompt) or args.prompt,
            decoding=decoding(args, settings, one),
            samples=samples,
            journal=args.runs / f"{pack.name}.jsonl",
            since=since,
            label=one.label,
            own=one.chosen(),
        )
        for k, (one, spec) in enumerate(zip(named, specs, strict=True))
    ]
    for arm in made:
        arm.system_message()  # a prompt that cannot be used is an error before anything is asked
    return made


def recorded(path: Path, model: str, pack: Pack) -> list[Completion]:
    """Whatever a recording of a model holds of this pack."""
    from harness.models.recorded import load_recording

    known = {case.id: case.command for case in pack.cases()}
    found = load_recording(path, model, None, known, notice=partial(print, file=sys.stderr))
    if not found:
        raise InputError("there is no answer in this recording", path=path, hint="name another one")
    return found


def decoding(args: argparse.Namespace, settings: Settings, arm: ArmSettings) -> Decoding:
    """How a model chooses its words: by its arm, else by the arguments and the settings."""
    from harness.models.requests import Decoding

    asked = settings.decoding.temperature if args.temperature is None else args.temperature
    usual = Decoding(
        temperature=None if asked == "default" else asked,
        max_tokens=settings.decoding.max_tokens if args.max_tokens is None else args.max_tokens,
        seed=settings.decoding.seed,
    )
    return replace(usual, **arm.chosen())
