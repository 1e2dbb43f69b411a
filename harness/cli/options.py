"""Arguments that several commands share, and what they resolve to."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cases import Case, select
from harness.config import Settings, load_settings
from harness.errors import InputError
from harness.pack import PROMPTS, Pack, load_pack

if TYPE_CHECKING:
    from harness.evaluation import Plan
    from harness.models.requests import Decoding
    from harness.models.specs import ModelSpec

# Commands asked where no number is given: about 5 minutes for the two embedded models on 2 cores, see the README.
DEFAULT_SAMPLE = 36


def add_pack_arguments(parser: argparse.ArgumentParser) -> None:
    """--pack and --config."""
    group = parser.add_argument_group("pack and configuration")
    group.add_argument("--pack", default="go2", metavar="PACK", help="a pack's folder or name (default: go2)")
    group.add_argument(
        "--config", type=Path, metavar="FILE", help="settings file (default: gonogo.toml here, if there is one)"
    )


def add_case_arguments(parser: argparse.ArgumentParser, *, default_all: bool) -> None:
    """Which commands to ask."""
    group = parser.add_argument_group("which commands")
    size = group.add_mutually_exclusive_group()
    size.add_argument(
        "--sample",
        type=int,
        metavar="N",
        help="ask N commands, even over the categories" + ("" if default_all else f" (default: {DEFAULT_SAMPLE})"),
    )
    size.add_argument("--all", action="store_true", help="ask every held-out command" + (" (default)" * default_all))
    group.add_argument("--category", action="append", default=[], metavar="NAME", help="only this one; repeatable")
    group.add_argument("--sample-seed", type=int, default=0, metavar="N", help="which sample (default: 0)")
    parser.set_defaults(default_all=default_all)


def add_asking_arguments(parser: argparse.ArgumentParser, *, several: bool = True) -> None:
    """How to ask, and where answers are kept; `several` where a command may be asked more than once."""
    group = parser.add_argument_group("how to ask")
    group.add_argument(
        "--prompt",
        choices=PROMPTS,
        default="plain",
        help="system message: the task alone, or with a card of every allowed call (default: plain)",
    )
    if several:
        group.add_argument("--samples", type=int, metavar="K", help="answers per command and model (default: 1)")
    group.add_argument(
        "--temperature",
        type=temperature,
        metavar="T",
        help="0 to 2, or `default` for each endpoint's own, where a model takes none (default: 0)",
    )
    group.add_argument("--max-tokens", type=int, metavar="N", help="per answer (default: 320)")
    group.add_argument(
        "--runs", type=Path, default=Path("runs"), metavar="DIR", help="where answers are kept (default: runs/)"
    )


def add_batch_arguments(parser: argparse.ArgumentParser) -> None:
    """--batch, for commands that ask much."""
    group = parser.add_argument_group("asking by batch")
    group.add_argument(
        "--batch",
        action="store_true",
        help="ask by the provider's batch endpoint: half the price, within 24 hours; run again to go on after a stop",
    )
    group.add_argument(
        "--batch-look", type=float, default=30.0, metavar="SECONDS", help="how often to look after it (default: 30)"
    )


def ask_by_batch(args: argparse.Namespace, plan: Plan, specs: Sequence[ModelSpec], settings: Settings) -> None:
    """With --batch, bring every missing answer into the journal; without it, nothing.

    To be called before the answers are collected, which then finds nothing left to ask. Recordings are answers
    already, and the embedded model is asked as ever.

    Raises:
        InputError: no model has a batch endpoint, --early-stop (which asks bit by bit), or a pause below 0.01 s.
        EndpointError, EvidenceError: as `harness.batch.fill`.
    """
    if not args.batch:
        return
    from harness.batch import Timing, Wanted, fill, has_batches  # noqa: PLC0415  imports the client
    from harness.evaluation import requests_of  # noqa: PLC0415  imports the checks
    from harness.models.connect import connect  # noqa: PLC0415  only where something is asked
    from harness.planning import usage_of  # noqa: PLC0415  the same
    from harness.prices import describe_batch  # noqa: PLC0415  the same
    from harness.prompts import system_message  # noqa: PLC0415  the same

    if getattr(args, "early_stop", False):
        raise InputError("--batch asks everything at once, --early-stop bit by bit", hint="choose one of them")
    if not args.batch_look >= 0.01:
        raise InputError(f"--batch-look {args.batch_look:g} is too often", hint="seconds, such as 30")
    live = [spec for spec in specs if has_batches(spec)]
    if not live:
        raise InputError("none of these models has a batch endpoint", hint="leave out --batch")
    usage = usage_of([], system_message(plan.pack, plan.prompt), plan.cases)
    requests = requests_of(plan)
    fill(
        [Wanted(spec, requests, plan.decoding, partial(describe_batch, spec, usage)) for spec in live],
        plan.journal,
        connect=lambda spec: connect(spec, settings),
        tell=lambda line: print(line, file=sys.stderr, flush=True),
        timing=Timing(args.batch_look),
    )


@dataclass(frozen=True, slots=True)
class Temperature:
    """A temperature from the command line; None leaves it to the endpoint."""

    value: float | None


def temperature(text: str) -> Temperature:
    """Argument type of `--temperature`.

    Raises:
        argparse.ArgumentTypeError, ValueError: not a number from 0 to 2, nor `default`.
    """
    if text == "default":
        return Temperature(None)
    value = float(text)
    if not 0 <= value <= 2:
        raise argparse.ArgumentTypeError("a temperature is 0 to 2, or `default`")
    return Temperature(value)


def setup(args: argparse.Namespace) -> tuple[Pack, Settings]:
    """The pack and the settings that the arguments name.

    Raises:
        InputError: as `load_pack` and `load_settings`.
    """
    pack = load_pack(args.pack)
    return pack, load_settings(pack, args.config)


def plan(args: argparse.Namespace, pack: Pack, settings: Settings) -> Plan:
    """What to ask, and how, from the arguments and the settings.

    Raises:
        InputError: as `Pack.cases` and `select`, or a number out of range.
    """
    from harness.evaluation import Plan  # noqa: PLC0415  imports the checks

    samples = settings.samples if args.samples is None else args.samples
    if samples < 1:
        raise InputError(f"--samples {samples} asks nothing", hint="1 or more")
    return Plan(
        pack=pack,
        cases=tuple(_chosen_cases(args, pack)),
        prompt=args.prompt,
        decoding=decoding(args, settings),
        samples=samples,
        journal=args.runs / f"{pack.name}.jsonl",
    )


def decoding(args: argparse.Namespace, settings: Settings) -> Decoding:
    """How models choose their words, from the arguments and the settings."""
    from harness.models.requests import Decoding  # noqa: PLC0415  only where something is asked

    return Decoding(
        temperature=settings.decoding_temperature if args.temperature is None else args.temperature.value,
        max_tokens=settings.max_tokens if args.max_tokens is None else args.max_tokens,
        seed=settings.seed,
    )


def _chosen_cases(args: argparse.Namespace, pack: Pack) -> list[Case]:
    sample = None if args.all else args.sample
    if sample is None and not args.all and not args.default_all:
        sample = DEFAULT_SAMPLE
    return select(pack.cases(), sample=sample, categories=args.category, seed=args.sample_seed)
