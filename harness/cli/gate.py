"""`gonogo gate`: the verdict on a candidate, as a screen, JSON, JUnit, for a GitHub workflow and in the record."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli import options
from harness.errors import EvidenceError, InputError

if TYPE_CHECKING:
    from harness.attempts import Attempt
    from harness.gate.decide import Decision
    from harness.gate.judge import Judged
    from harness.policy import Policy

RECORD = Path("promotions.jsonl")
NOT_KEPT = (
    "no record is kept: another gate on more intents is a further look at the same question, with a chance of a wrong "
    "GO of its own; with --record FILE all looks share one"
)
EPILOG = """examples:
  gonogo gate local:smollm2-135m+go2 --against local:smollm2-135m      may the tuned model replace the base?
  gonogo gate openai:NEW --against recorded:old.jsonl                  the old model exists only as a recording
  gonogo gate openai:NEW@card --against recorded:old.jsonl             the new one needs the card of calls
  gonogo gate NEW --against OLD --policy gate.toml --junit gate.xml    own thresholds, JUnit for a pipeline
  gonogo gate NEW --against OLD --early-stop                           ask only as much as the verdict needs
  gonogo gate NEW --against OLD --record promotions.jsonl              keep the attempt: further looks share alpha

exit codes: 0 GO   1 NO-GO   3 INCONCLUSIVE   4 INVALID   (2 bad input, 5 endpoint trouble, 70 fault)
The default policy, each line explained: datasets/go2/gate.toml"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line, which `promote` has too."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add("candidate", metavar="CANDIDATE", help="spec or arm that may replace the other")
    add("--against", required=True, metavar="MODEL", help="spec or arm of the model in use")
    add("--policy", type=Path, metavar="FILE", help=options.POLICY_HELP)
    add("--training", type=Path, metavar="FILE", help="the candidate's training file, to look for held-out commands")
    add("--early-stop", action="store_true", help="ask bit by bit and stop as soon as the verdict is clear")
    add("--json", action="store_true", help="print the verdict as JSON on stdout, the rest on stderr")
    add("--report", type=Path, metavar="FILE", help="write the HTML report of `gonogo compare` too")
    add("--prices", type=Path, metavar="FILE", help="prices of models in the report")
    add("--junit", type=Path, metavar="FILE", help="write the rules as JUnit XML")
    record = parser.add_argument_group("record")
    kept = f"keep every gate in this record, with its verdict (promote: {RECORD})"
    record.add_argument("--record", type=Path, metavar="FILE", help=kept)
    record.add_argument("--head", metavar="HASH", help="go on only if this is the hash of the record's last line")
    record.add_argument("--as", dest="model", metavar="ID", help="the model that a bare recording CANDIDATE is of")
    record.add_argument("--incumbent", metavar="ID", help="the model that a bare recording MODEL is of")
    signed = "take recordings only with a manifest that one of these public SSH keys signed"
    record.add_argument("--require-signature", type=Path, metavar="FILE", help=signed)
    options.add_case_arguments(parser, default_all=True)
    options.add_asking_arguments(parser, candidate=True)
    options.add_batch_arguments(parser)
    options.add_pack_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Decide, keep and show it, and return the verdict's exit code."""
    return show(args, *decide(args)).verdict.exit_code


def decide(args: argparse.Namespace) -> tuple[Judged, Attempt | None]:
    """Collect what is missing and judge it, with a record as a look of its own."""
    from harness import promotion
    from harness.attempts import judge_as_look
    from harness.gate.judge import judge
    from harness.gate.signature import require_signature
    from harness.policy import load_policy

    entries = []
    if args.record is not None:
        # Read before gating: what is in use now is what the verdict is about.
        entries = promotion.read(args.record)
        last = promotion.last_hash(entries)
        if args.head is not None and not promotion.is_head(args.head, last):
            problem = "lines were added or cut since, or the record was written anew"
            raise EvidenceError(f"{args.record}: the last line has the hash {last}, not {args.head!r}: {problem}")
    elif {args.head, args.model, args.incumbent} != {None}:
        raise InputError("--head, --as and --incumbent are about a record", hint="name one with --record FILE")
    pack, settings = options.setup(args)
    policy = load_policy(args.policy, pack)
    arms = options.arms(args, (args.against, args.candidate), pack, settings)
    if args.require_signature is not None:
        for arm in arms:
            if arm.spec.path is not None:
                require_signature(arm.spec.path, args.require_signature)
    options.ask_by_batch(args, arms, settings)

    def judged(own: Policy) -> Judged:
        return judge(arms, settings, own, training=args.training, early_stop=args.early_stop)

    if args.record is None:
        return judged(policy), None
    return judge_as_look(judged, policy, entries, (args.model, args.incumbent), early_stop=args.early_stop)


def show(args: argparse.Namespace, judged: Judged, attempt: Attempt | None) -> Decision:
    """Keep the attempt, and show the decision in every form that was asked for.

    Raises:
        InputError: the record, the report, the JUnit file or the GitHub summary cannot be written.
        EvidenceError: the record was tampered with meanwhile.
    """
    from harness import promotion, terminal
    from harness.files import os_errors, write_whole
    from harness.gate import output
    from harness.gate.verdict import Verdict
    from harness.text import one_line

    (decision,) = judged.decisions
    console = terminal.console(stderr=args.json)
    if attempt is not None:  # kept before anybody sees the verdict
        kept = promotion.attempt(args.record, attempt.model, attempt.against, attempt.details(decision))
        told = f"{attempt}; kept in {args.record} as {kept.hash[: promotion.SHORT]}"
        console.print(one_line(told), markup=False, highlight=False)
    written = _write_report(judged, args) if args.report else []
    if args.record is None and decision.verdict is Verdict.INCONCLUSIVE:
        console.print(NOT_KEPT)
    output.show(decision, console)
    if args.junit:
        with os_errors(args.junit, "cannot write the JUnit file", "choose another place"):
            write_whole(args.junit, output.to_junit(decision))
    output.publish(decision, sys.stderr if args.json else sys.stdout)
    if args.json:
        record: dict[str, object] = {**output.to_record(decision), "files": [str(path) for path in written]}
        if attempt is not None:
            record["look"] = {**asdict(attempt.look), "tried_before": [asdict(look) for look in attempt.tried]}
        print(json.dumps(record, indent=1))
    return decision


def _write_report(judged: Judged, args: argparse.Namespace) -> list[Path]:
    """The HTML report, where every answer is there."""
    from harness import report
    from harness.gate.judge import comparison_of
    from harness.prices import load_prices

    prices = load_prices(args.prices)
    try:
        comparison = comparison_of(judged, shlex.join(["gonogo", *sys.argv[1:]]))
    except EvidenceError:
        print(f"no report: {judged.decisions[0].deciding[0].detail}", file=sys.stderr)
        return []
    return report.write_all(comparison, args.report, ("html",), judged.decisions, prices)
