"""`gonogo compare`: two models on the same held-out commands, as a table, JSON and one HTML report."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from harness.cli import options
from harness.errors import InputError

EPILOG = """examples:
  gonogo compare                                        the embedded model against its fine-tuned adapter
  gonogo compare openai:gpt-4.1-mini vllm:my-model      any two endpoints
  gonogo compare recorded:old.jsonl openai:gpt-4.1      a model that exists only as answers on file
  gonogo compare --all --prompt card                    every command, with the card of allowed calls

Answers are kept in runs/: run the same command again and only what is missing is asked."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.epilog = EPILOG
    parser.add_argument(
        "models",
        nargs="*",
        metavar="BASE CANDIDATE",
        help="two model specs (default: BASE_MODEL and CANDIDATE_MODEL)",
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="where to write the HTML report (default: reports/<models>.html)",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON on stdout, the rest on stderr")
    options.add_case_arguments(parser, default_all=False)
    options.add_asking_arguments(parser)
    options.add_pack_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Compare and return 0; see `harness.errors` for what can go wrong."""
    if len(args.models) not in (0, 2):
        raise InputError(f"compare takes two models, not {len(args.models)}", hint="gonogo compare BASE CANDIDATE")
    # Imported here: they pull in the client, the checks and the template engine.
    from harness import comparison, evaluation, report, terminal  # noqa: PLC0415
    from harness.models.connect import connect_all  # noqa: PLC0415
    from harness.models.specs import parse_spec  # noqa: PLC0415
    from harness.progress import ProgressBar  # noqa: PLC0415

    pack, settings = options.setup(args)
    plan = options.plan(args, pack, settings)
    texts = args.models or (settings.base_model, settings.candidate_model)
    specs = [parse_spec(text, settings, pack.adapters) for text in texts]
    path = args.report or Path("reports") / f"{'-vs-'.join(_slug(spec.text) for spec in reversed(specs))}.html"
    with connect_all(specs, settings) as connect:
        completions = [
            evaluation.answers(plan, spec, settings, connect=connect, progress=ProgressBar()) for spec in specs
        ]
    evaluation.require_same_decoding(specs, completions)
    scores = [evaluation.scores(plan, answered) for answered in completions]
    made_from = evaluation.provenance(plan, specs, [one for many in completions for one in many])
    result = comparison.compare(plan.cases, scores[0], scores[1], made_from)
    report.write(result, path)
    console = terminal.console(stderr=args.json)
    console.print(f"\nbase       {result.base}\ncandidate  {result.candidate}")
    for table in terminal.comparison_tables(result):
        console.print(table)
    console.print(result.provenance["success_means"])
    console.print(f"\nreport: {path}")
    if args.json:
        import json  # noqa: PLC0415

        json.dump(comparison.to_record(result), sys.stdout, indent=1)
        sys.stdout.write("\n")
    return 0


def _slug(text: str) -> str:
    """A spec as part of a file name."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", Path(text).name if text.startswith("recorded:") else text).strip("-")
