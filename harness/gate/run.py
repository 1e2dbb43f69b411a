"""From two specs to a decision: collect the answers, judge them, ask for the shut-down date."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from harness import evaluation
from harness.cases import Case
from harness.config import Settings
from harness.errors import EvidenceError
from harness.gate import Circumstances, Decision, decide
from harness.gate.early_stop import decide_early
from harness.gate.evidence import Evidence
from harness.gate.sources import evidence, lifecycle
from harness.gate.validity import Contamination
from harness.models.connect import connect_all
from harness.models.specs import ModelSpec
from harness.policy import Policy
from harness.progress import ProgressBar


@dataclass(frozen=True, slots=True)
class How:
    """How to gate.

    Attributes:
        policy: The thresholds.
        training: The candidate's training file, to look for held-out commands in; None to leave that out.
        early: Ask in batches and stop as soon as the verdict is clear.
    """

    policy: Policy
    training: Path | None = None
    early: bool = False


def run_gate(plan: evaluation.Plan, base: ModelSpec, candidate: ModelSpec, settings: Settings, how: How) -> Decision:
    """Decide on a candidate, asking for whatever answers are not on file.

    Answers that cannot be had make the verdict INVALID; what arrived stays in the journal.

    Args:
        plan: What both models are asked.
        base: The model in use.
        candidate: The model that may replace it.
        settings: Endpoints and keys.
        how: Policy and options.

    Raises:
        InputError, EndpointError: as `harness.evaluation.answers`.
    """
    contamination = Contamination()
    if how.training is not None:
        from harness.gate.contamination import check_training

        contamination = check_training(how.training, plan.cases)
    with connect_all([base, candidate], settings) as connect:
        now = Circumstances(datetime.now(UTC).date(), lifecycle(candidate, connect), contamination)

        def judged(spec: ModelSpec, part: evaluation.Plan) -> Evidence:
            try:
                completions = evaluation.answers(part, spec, settings, connect=connect, progress=ProgressBar())
            except EvidenceError as error:
                return Evidence(spec.text, spec.text, (), problems=(" ".join(str(error).split()),))
            return evidence(part, spec, completions)

        def collect(cases: Sequence[Case]) -> tuple[Evidence, Evidence]:
            part = replace(plan, cases=tuple(cases))
            return judged(base, part), judged(candidate, part)

        if how.early:
            return decide_early(plan.cases, collect, how.policy, now, _tell)
        return decide(*collect(plan.cases), how.policy, now)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201  progress of a command
