"""`gonogo promote`: gate, and only on GO append to the promotion record."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.cli import gate
from harness.errors import InputError

RECORD = Path("promotions.jsonl")
EPILOG = """examples:
  gonogo promote openai:NEW --against openai:OLD
  gonogo promote openai:NEW --against recorded:old.jsonl --incumbent openai:OLD   OLD exists only as a recording
  gonogo promoted                                                                 what a deployment script asks

Nothing is written unless the verdict is GO; exit codes are those of `gonogo gate`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    gate.add_arguments(parser)
    parser.epilog = EPILOG
    add_record_argument(parser)
    parser.add_argument("--as", dest="model", metavar="ID", help="the model that a bare recording CANDIDATE is of")
    parser.add_argument("--incumbent", metavar="ID", help="the model that a bare recording MODEL is of")


def add_record_argument(parser: argparse.ArgumentParser) -> None:
    """--record."""
    record_help = f"the promotion record (default: {RECORD})"
    parser.add_argument("--record", type=Path, default=RECORD, metavar="FILE", help=record_help)


def run(args: argparse.Namespace) -> int:
    """Gate, append on GO, and return the verdict's exit code."""
    from harness import __version__, promotion
    from harness.gate.output import to_record
    from harness.text import one_line

    # Read before gating: what is in use now is what the verdict is about.
    entries = promotion.read(args.record)
    decision = gate.decide(args)
    if decision.verdict.exit_code:
        return decision.verdict.exit_code
    model = _named(args.model, decision.candidate.model, "--as", "the candidate")
    incumbent = _named(args.incumbent, decision.base.model, "--incumbent", "the model in use")
    in_use = promotion.current(entries)
    if in_use is not None and incumbent != in_use:
        problem = f"not promoted: {in_use} is in use, and the gate was against {incumbent}"
        raise InputError(problem, path=args.record, hint=f"gate against {in_use}, or against a recording of it")
    if model == incumbent:
        raise InputError(f"not promoted: {model} cannot replace itself", hint="name another candidate")
    record = to_record(decision)
    details = {
        name: record[name] for name in ("verdict", "candidate", "incumbent", "policy", "early_stop", "differences")
    }
    primary = next(rule.numbers for rule in decision.rules if rule.name == "primary")
    details["primary"] = {name: primary[name] for name in ("difference", "lower", "upper", "limit", "alpha")}
    details["gonogo"] = __version__
    entry = promotion.promote(args.record, model, incumbent, details, promotion.last_hash(entries))
    told = f"promoted: {entry.model} in place of {entry.replaces} ({args.record}, {entry.hash[:12]})"
    print(one_line(told), file=sys.stderr if args.json else sys.stdout)
    return 0


def _named(given: str | None, found: str, option: str, which: str) -> str:
    """The id of a model that a deployment can use: never a recording's file name."""
    bare = found.startswith("recorded:")
    if bare and not given:
        problem = f"not promoted: {found} has no manifest that says which model it is of"
        raise InputError(problem, hint=f"name it with {option} ID")
    if not bare and given and given != found:
        problem = f"not promoted: {which} is {found} by its manifest, not {given}"
        raise InputError(problem, hint=f"leave out {option}")
    return given if bare and given else found
