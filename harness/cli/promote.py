"""`gonogo promote`: gate, and only on GO append to the promotion record."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli import gate
from harness.errors import InputError

if TYPE_CHECKING:
    from harness.gate.decide import Decision

RECORD = Path("promotions.jsonl")
EPILOG = """examples:
  gonogo promote openai:NEW --against openai:OLD
  gonogo promote openai:NEW --against recorded:old.jsonl --incumbent openai:OLD   OLD exists only as a recording
  gonogo promoted                                                                 what a deployment script asks

Nothing is written unless the verdict is GO; exit codes are those of `gonogo gate`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    gate.add_gate_arguments(parser)
    parser.epilog = EPILOG
    parser.add_argument(
        "--record", type=Path, default=RECORD, metavar="FILE", help=f"the promotion record (default: {RECORD})"
    )
    parser.add_argument("--as", dest="model", metavar="ID", help="the model that a bare recording CANDIDATE is of")
    parser.add_argument("--incumbent", metavar="ID", help="the model that a bare recording MODEL is of")


def run(args: argparse.Namespace) -> int:
    """Gate, append on GO, and return the verdict's exit code."""
    from harness import promotion
    from harness.text import one_line

    # Read before gating: what is in use now is what the verdict is about.
    entries = promotion.read(args.record)
    decision = gate.show(gate.decide(args), args)
    if decision.verdict.exit_code:
        return decision.verdict.exit_code
    model = _named(args.model, decision.candidate.model, "--as", "the candidate")
    incumbent = _named(args.incumbent, decision.base.model, "--incumbent", "the model in use")
    in_use = promotion.current(entries)
    if in_use is not None and incumbent != in_use:
        raise InputError(
            f"not promoted: {in_use} is in use, and the gate was against {incumbent}",
            path=args.record,
            hint=f"gate against {in_use}, or against a recording of it",
        )
    if model == incumbent:
        raise InputError(f"not promoted: {model} cannot replace itself", hint="name another candidate")
    entry = promotion.promote(args.record, model, incumbent, _details(decision), promotion.last_hash(entries))
    told = f"promoted: {entry.model} in place of {entry.replaces} ({args.record}, {entry.hash[:12]})"
    print(one_line(told), file=sys.stderr if args.json else sys.stdout)
    return 0


def _named(given: str | None, found: str, option: str, which: str) -> str:
    """The id of a model that a deployment can use: never a recording's file name."""
    if not found.startswith("recorded:"):
        if given and given != found:
            raise InputError(
                f"not promoted: {which} is {found} by its manifest, not {given}", hint=f"leave out {option}"
            )
        return found
    if not given:
        raise InputError(
            f"not promoted: {found} has no manifest that says which model it is of", hint=f"name it with {option} ID"
        )
    return given


def _details(decision: Decision) -> dict[str, Any]:
    """What the record keeps of a decision."""
    from harness import __version__
    from harness.gate.output import to_record

    record = to_record(decision)
    kept = ("verdict", "candidate", "incumbent", "policy", "early_stop", "differences")
    primary = next(rule for rule in decision.rules if rule.name == "primary")
    return {
        **{name: record[name] for name in kept},
        "primary": {name: primary.numbers[name] for name in ("difference", "lower", "upper", "limit", "alpha")},
        "gonogo": __version__,
    }
