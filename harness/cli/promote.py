"""`gonogo promote`: gate, keep the attempt in the record, and on GO the promotion too."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from harness.cli import gate
from harness.errors import InputError

EPILOG = """examples:
  gonogo promote openai:NEW --against openai:OLD
  gonogo promote openai:NEW --against recorded:old.jsonl --incumbent openai:OLD   OLD exists only as a recording
  gonogo promote openai:NEW --against openai:OLD --head HASH    go on only from the record that ends in this line
  gonogo promoted                                               what a deployment script asks

Every attempt is kept, NO-GO and INCONCLUSIVE too, and shown at the next one; the model in use changes only on GO.
Exit codes are those of `gonogo gate`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    gate.add_arguments(parser)
    parser.epilog = EPILOG
    parser.set_defaults(record=gate.RECORD)


def run(args: argparse.Namespace) -> int:
    """Gate, append, and return the verdict's exit code."""
    from harness import promotion
    from harness.attempts import figures_of
    from harness.text import one_line

    judged, attempt = gate.decide(args)
    if attempt is not None:  # before the verdict is seen, which would be a look
        in_use = promotion.current(attempt.entries)
        if in_use is not None and attempt.against != in_use:
            problem = f"not promoted: {in_use} is in use, and the gate was against {attempt.against}"
            raise InputError(problem, path=args.record, hint=f"gate against {in_use}, or against a recording of it")
        if attempt.model == attempt.against:
            raise InputError(f"not promoted: {attempt.model} cannot replace itself", hint="name another candidate")
    decision = gate.show(args, judged, attempt)
    if decision.verdict.exit_code or attempt is None:
        return decision.verdict.exit_code
    details = attempt.details(decision) | {"figures": asdict(figures_of(decision.base, decision.policy))}
    seen = promotion.last_hash(attempt.entries)
    entry = promotion.promote(args.record, attempt.model, attempt.against, details, seen)
    told = f"promoted: {entry.model} in place of {entry.replaces} ({args.record}, {entry.hash[: promotion.SHORT]})"
    print(one_line(told), file=sys.stderr if args.json else sys.stdout)
    return 0
