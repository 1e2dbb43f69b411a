"""`gonogo compare`: two to five models on the same held-out commands, as a table, JSON and one HTML report."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli import options
from harness.errors import InputError

if TYPE_CHECKING:
    from harness.evaluation import Plan
    from harness.gate import Decision
    from harness.models.outcomes import Completion
    from harness.models.specs import ModelSpec
    from harness.policy import Policy

EPILOG = """examples:
  gonogo compare                                        the embedded model against its fine-tuned adapter
  gonogo compare openai:gpt-4.1-mini vllm:my-model      any two endpoints
  gonogo compare recorded:old.jsonl openai:gpt-4.1      a model that exists only as answers on file
  gonogo compare BASE ONE TWO                           several candidates in one report
  gonogo compare --all --prompt card                    every command, with the card of allowed calls
  gonogo compare --format md --format csv               also a summary for a pull request, and the tables

Answers are kept in runs/: run the same command again and only what is missing is asked."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.epilog = EPILOG
    parser.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        help="two to five model specs, the base first (default: BASE_MODEL and CANDIDATE_MODEL)",
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="where to write the HTML report (default: reports/<models>.html)",
    )
    parser.add_argument(
        "--format",
        action="append",
        default=[],
        choices=("html", "md", "csv", "parquet", "json"),
        help="write this beside the HTML report too, under the same name; repeatable",
    )
    parser.add_argument(
        "--policy", type=Path, metavar="FILE", help="thresholds of the verdict in the report (default: the pack's)"
    )
    parser.add_argument("--prices", type=Path, metavar="FILE", help="prices of models (default: datasets/prices.toml)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON on stdout, the rest on stderr")
    options.add_case_arguments(parser, default_all=False)
    options.add_asking_arguments(parser)
    options.add_batch_arguments(parser)
    options.add_pack_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Compare and return 0; see `harness.errors` for what can go wrong."""
    if len(args.models) not in (0, 2, 3, 4, 5):
        raise InputError(
            f"compare takes two to five models, not {len(args.models)}", hint="gonogo compare BASE CANDIDATE"
        )
    # Imported here: they pull in the client, the checks and the template engine.
    from harness import comparison, evaluation, report, terminal  # noqa: PLC0415
    from harness.models.connect import connect_all  # noqa: PLC0415
    from harness.models.specs import parse_spec  # noqa: PLC0415
    from harness.policy import load_policy  # noqa: PLC0415
    from harness.prices import load_prices  # noqa: PLC0415
    from harness.progress import ProgressBar  # noqa: PLC0415
    from harness.scores import Scorer  # noqa: PLC0415

    pack, settings = options.setup(args)
    policy, prices = load_policy(args.policy), load_prices(args.prices)
    plan = options.plan(args, pack, settings)
    texts = args.models or (settings.base_model, settings.candidate_model)
    specs = [parse_spec(text, settings, pack.adapters) for text in texts]
    options.ask_by_batch(args, plan, specs, settings)
    path = args.report or Path("reports") / f"{'-vs-'.join(_slug(spec.text) for spec in reversed(specs))}.html"
    with connect_all(specs, settings) as connect:
        completions = [
            evaluation.answers(plan, spec, settings, connect=connect, progress=ProgressBar()) for spec in specs
        ]
        evaluation.require_same_decoding(specs, completions)
    scorer = Scorer(pack, plan.cases)
    made_from = evaluation.provenance(plan, specs, [one for many in completions for one in many])
    result = comparison.compare(
        plan.cases,
        [[scorer.score(one) for one in answered] for answered in completions],
        {**made_from, "command": shlex.join(["gonogo", *sys.argv[1:]])},
        {case.id: scorer.demand(case) for case in plan.cases},
    )
    gates = _gates(plan, specs, completions, policy)
    written = report.write_all(result, path, ("html", *args.format), gates, prices)
    console = terminal.console(stderr=args.json)
    for role, model in zip(("base", *["candidate"] * len(specs)), result.models, strict=False):
        console.print(f"{role:10} {model}")
    for table in terminal.comparison_tables(result):
        console.print(table)
    console.print(result.provenance["success_means"])
    for gate, model in zip(gates, result.models[1:], strict=True):
        why = "; ".join(f"{rule.title}: {rule.figure}" for rule in gate.deciding) or "every rule is kept"
        console.print(f"\n{gate.verdict.value}  {model}: {why}")
    console.print("\n" + "\n".join(f"{file.suffix[1:]:8}{file}" for file in written))
    if args.json:
        from harness.report.tables import to_json  # noqa: PLC0415  only for --json

        sys.stdout.write(to_json(result, gates))
    return 0


def _gates(
    plan: Plan, specs: Sequence[ModelSpec], completions: Sequence[Sequence[Completion]], policy: Policy
) -> list[Decision]:
    """What the gate says of each candidate; shown in the report, without weight for the exit code of `compare`.

    No endpoint is asked for a shut-down date, so that answers on file need neither network nor key: only
    `gonogo gate` can say GO for a model behind an endpoint.
    """
    from datetime import UTC, datetime  # noqa: PLC0415  with the gate

    from harness.gate import Circumstances, Lifecycle, decide  # noqa: PLC0415  numpy and scipy, only where compared
    from harness.gate.sources import evidence  # noqa: PLC0415  the same

    unasked = Lifecycle(None, "compare does not ask the endpoint, `gonogo gate` does", reachable=False)
    base, *candidates = (evidence(plan, spec, one) for spec, one in zip(specs, completions, strict=True))
    today = datetime.now(UTC).date()
    return [
        decide(
            base,
            candidate,
            policy,
            Circumstances(today, unasked if spec.kind in ("openai", "endpoint") else Lifecycle()),
        )
        for spec, candidate in zip(specs[1:], candidates, strict=True)
    ]


def _slug(text: str) -> str:
    """A spec as part of a file name."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", Path(text).name if text.startswith("recorded:") else text).strip("-")
