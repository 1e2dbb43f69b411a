"""`gonogo gate`: the verdict on a candidate, as a screen, JSON, JUnit and for a GitHub workflow."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli import options
from harness.errors import EvidenceError, InputError

if TYPE_CHECKING:
    from harness.gate.decide import Decision, Judged

EPILOG = """examples:
  gonogo gate local:smollm2-135m+go2 --against local:smollm2-135m      may the tuned model replace the base?
  gonogo gate openai:NEW --against recorded:old.jsonl                  the old model exists only as a recording
  gonogo gate openai:NEW --candidate-prompt card --against recorded:old.jsonl   the new one needs the card of calls
  gonogo gate NEW --against OLD --policy gate.toml --junit gate.xml    own thresholds, JUnit for a pipeline
  gonogo gate NEW --against OLD --early-stop                           ask only as much as the verdict needs

exit codes: 0 GO   1 NO-GO   3 INCONCLUSIVE   4 INVALID   (2 bad input, 5 endpoint trouble, 70 fault)
The default policy, each line explained: datasets/go2/gate.toml"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.epilog = EPILOG
    add_gate_arguments(parser)


def add_gate_arguments(parser: argparse.ArgumentParser) -> None:
    """What `gate` and `promote` have in common."""
    parser.add_argument("candidate", metavar="CANDIDATE", help="spec of the model that may replace the other")
    parser.add_argument("--against", required=True, metavar="MODEL", help="spec of the model in use")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="thresholds (default: those of the go2 pack)")
    parser.add_argument(
        "--training", type=Path, metavar="FILE", help="the candidate's training file, to look for held-out commands"
    )
    parser.add_argument(
        "--early-stop", action="store_true", help="ask bit by bit and stop as soon as the verdict is clear"
    )
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON on stdout, the rest on stderr")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the HTML report of `gonogo compare` too")
    parser.add_argument("--prices", type=Path, metavar="FILE", help="prices of models in the report")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the rules as JUnit XML")
    options.add_case_arguments(parser, default_all=True)
    options.add_asking_arguments(parser, candidate=True)
    options.add_batch_arguments(parser)
    options.add_pack_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Decide, show, and return the verdict's exit code."""
    return show(decide(args), args).verdict.exit_code


def decide(args: argparse.Namespace) -> Judged:
    """Collect what is missing, judge it and decide.

    Raises:
        InputError, EndpointError, EvidenceError: as `harness.ask.arm.answers` and `harness.policy.load_policy`.
    """
    # Imported here: they pull in the client, the checks, numpy and scipy.
    from harness.gate.decide import GateOptions, judge
    from harness.policy import load_policy

    pack, settings = options.setup(args)
    policy = load_policy(args.policy)
    arms = options.arms(args, (args.against, args.candidate), pack, settings)
    options.ask_by_batch(args, arms, settings)
    return judge(arms, settings, GateOptions(policy, args.training, args.early_stop))


def show(judged: Judged, args: argparse.Namespace) -> Decision:
    """Screen, and whatever else was asked for.

    Raises:
        InputError: the report, the JUnit file or the GitHub summary cannot be written.
    """
    from harness import terminal
    from harness.gate import output

    (decision,) = judged.decisions
    written = _write_report(judged, args)
    console = terminal.console(stderr=args.json)
    output.show(decision, console)
    if args.junit:
        try:
            args.junit.parent.mkdir(parents=True, exist_ok=True)
            args.junit.write_text(output.to_junit(decision), encoding="utf-8")
        except OSError as error:
            raise InputError(
                f"cannot write the JUnit file: {error.strerror}", path=args.junit, hint="choose another place"
            ) from None
    output.publish(decision, sys.stderr if args.json else sys.stdout)
    if args.json:
        import json

        json.dump({**output.to_record(decision), "files": [str(path) for path in written]}, sys.stdout, indent=1)
        sys.stdout.write("\n")
    return decision


def _write_report(judged: Judged, args: argparse.Namespace) -> list[Path]:
    """The HTML report, where one was asked for and every answer is there."""
    if not args.report:
        return []
    from harness import report
    from harness.gate.decide import comparison_of
    from harness.prices import load_prices

    prices = load_prices(args.prices)
    try:
        comparison = comparison_of(judged, {"command": shlex.join(["gonogo", *sys.argv[1:]])})
    except EvidenceError:
        print(f"no report: {judged.decisions[0].deciding[0].detail}", file=sys.stderr)
        return []
    return report.write_all(comparison, args.report, ("html",), judged.decisions, prices)
