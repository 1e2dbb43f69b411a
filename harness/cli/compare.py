"""`gonogo compare`: two to five models on the same held-out commands, as a table, JSON and one HTML report."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from pathlib import Path

from harness.cli import options
from harness.errors import InputError

EPILOG = """examples:
  gonogo compare                                        the embedded model against its fine-tuned adapter
  gonogo compare openai:gpt-4.1-mini vllm:my-model      any two endpoints
  gonogo compare recorded:old.jsonl openai:gpt-4.1      a model that exists only as answers on file
  gonogo compare BASE ONE TWO                           several candidates in one report
  gonogo compare --all --prompt card                    every command, with the card of allowed calls
  gonogo compare OLD NEW@card                           only NEW gets the card, and the report says so
  gonogo compare --format md --format csv               also a summary for a pull request, and the tables

Answers are kept in runs/: run the same command again and only what is missing is asked."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.epilog = EPILOG
    add = parser.add_argument
    models_help = "two to five model specs or arms, the base first (default: BASE_MODEL and CANDIDATE_MODEL)"
    add("models", nargs="*", metavar="MODEL", help=models_help)
    add("--report", type=Path, metavar="FILE", help="where to write the HTML report (default: reports/<models>.html)")
    format_help = "write this beside the HTML report too, under the same name; repeatable"
    add("--format", action="append", default=[], choices=("html", "md", "csv", "parquet", "json"), help=format_help)
    add("--policy", type=Path, metavar="FILE", help=options.POLICY_HELP)
    add("--prices", type=Path, metavar="FILE", help="prices of models (default: datasets/prices.toml)")
    add("--json", action="store_true", help="print the result as JSON on stdout, the rest on stderr")
    options.add_case_arguments(parser, default_all=False)
    options.add_asking_arguments(parser, candidate=True)
    options.add_batch_arguments(parser)
    options.add_pack_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Compare and return 0; see `harness.errors` for what can go wrong."""
    if len(args.models) not in (0, 2, 3, 4, 5):
        raise InputError(
            f"compare takes two to five models, not {len(args.models)}", hint="gonogo compare BASE CANDIDATE"
        )
    from harness import report, terminal
    from harness.ask.record import warnings
    from harness.gate.judge import comparison_of, judge
    from harness.gate.output import show_differences
    from harness.gate.verdict import EACH_ALONE
    from harness.policy import load_policy
    from harness.prices import load_prices
    from harness.text import one_line

    pack, settings = options.setup(args)
    policy, prices = load_policy(args.policy, pack), load_prices(args.prices)
    texts = args.models or (settings.base_model, settings.candidate_model)
    arms = options.arms(args, texts, pack, settings)
    options.ask_by_batch(args, arms, settings)
    path = args.report or Path("reports") / f"{'-vs-'.join(_slug(text) for text in reversed(texts))}.html"
    judged = judge(arms, settings, policy)
    result = comparison_of(judged, shlex.join(["gonogo", *sys.argv[1:]]))
    gates = judged.decisions
    written = report.write_all(result, path, ("html", *args.format), gates, prices)
    console = terminal.console(stderr=args.json)
    for k, model in enumerate(result.models):
        console.print(one_line(f"{'candidate' if k else 'base':10} {model}"))
    for table in terminal.comparison_tables(result):
        console.print(table)
    console.print(result.provenance["success_means"])
    for gate, model in zip(gates, result.models[1:], strict=True):
        why = "; ".join(f"{rule.title}: {rule.figure}" for rule in gate.deciding) or "every rule passes"
        console.print(f"\n{gate.verdict.value}  {one_line(f'{model}: {why}')}")
        show_differences(gate, console)
    if len(gates) > 1:
        console.print(EACH_ALONE)
    for evidence in judged.evidence:
        for line in warnings(evidence.arm):
            console.print(one_line(f"{evidence.spec}: {line}"))
    console.print("\n" + "\n".join(f"{file.suffix[1:]:8}{file}" for file in written))
    if args.json:
        from harness.report.tables import to_json

        sys.stdout.write(to_json(result, judged.decisions, written))
    return 0


def _slug(text: str) -> str:
    """A spec as part of a file name."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", Path(text).name if text.startswith("recorded:") else text).strip("-")
