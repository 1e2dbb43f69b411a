"""The way from model specs to scores: the requests, the answers, their scores, and what they were made from."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness import __version__
from harness.answers import Progress, collect
from harness.arms import Arm
from harness.cases import Case, cases_hash
from harness.config import Settings
from harness.errors import EndpointError, EvidenceError
from harness.journal import read_journal
from harness.models.outcomes import Completion
from harness.models.recorded import load_recording
from harness.models.requests import Decoding, Request, request_keys
from harness.models.specs import ModelSpec
from harness.pack import Pack
from harness.prompts import messages, system_message
from harness.score import SUCCESS_MEANS, Score, Scorer
from harness.simulation.load import robot_digest

if TYPE_CHECKING:
    from harness.models.connect import Endpoint


@dataclass(frozen=True, slots=True)
class Plan:
    """What a model is asked, and how.

    Attributes:
        prompt: `plain`, `card` or a file.
        samples: Answers per case.
        journal: Where answers are kept and looked for first.
        since: Unix time: answers on file from before are asked anew.
    """

    pack: Pack
    cases: tuple[Case, ...]
    prompt: str
    decoding: Decoding
    samples: int
    journal: Path
    since: float = 0.0


def answers(
    arm: Arm,
    settings: Settings,
    *,
    connect: Callable[[ModelSpec], AbstractContextManager[Endpoint]],
    progress: Progress,
) -> list[Completion]:
    """Every answer of one arm, from the journal or asked now.

    Raises:
        EvidenceError: some could not be had; they are named, and asked for again by the next run.
        InputError, EndpointError: as `harness.answers.collect`.
    """
    plan, requests = arm.plan, requests_of(arm.plan)
    completions = collect(
        requests,
        arm.spec,
        plan.decoding,
        plan.journal,
        settings=settings,
        connect=connect,
        progress=progress,
        known_cases=_known(plan),
        since=plan.since,
    )
    lost = [completion for completion in completions if not completion.outcome.scored]
    if lost:
        reasons = ", ".join(sorted({completion.outcome.value for completion in lost}))
        raise EvidenceError(
            f"INVALID: {len(lost)} of {len(requests)} answers of {arm.spec.text} could not be had ({reasons}); "
            f"the first is {lost[0].case_id}: {lost[0].detail}\n"
            "  what arrived is kept; run the same command again to ask for the rest"
        )
    return completions


def answers_to_be_had(
    plan: Plan,
    spec: ModelSpec,
    settings: Settings,
    *,
    connect: Callable[[ModelSpec], AbstractContextManager[Endpoint]],
    progress: Progress,
) -> tuple[list[Completion], str]:
    """What can be had of `answers`, for those who judge answer by answer, and why the rest cannot.

    Returns:
        Completions, some perhaps not scored and some perhaps absent, in the order of the cases; and the endpoint's
        trouble, empty where every request was sent.

    Raises:
        InputError: as `harness.answers.collect`.
    """
    requests = requests_of(plan)
    if spec.path is not None:
        return load_recording(spec.path, spec.text, requests, _known(plan), complete=False), ""
    try:
        return collect(
            requests, spec, plan.decoding, plan.journal, settings=settings, connect=connect, progress=progress
        ), ""
    except EndpointError as error:
        keys = request_keys(tuple(requests), spec, plan.decoding)
        kept = read_journal(plan.journal, frozenset(keys))
        return [kept[key] for key in keys if key in kept], str(error)


def requests_of(plan: Plan) -> list[Request]:
    """Every request of the plan: case after case, sample after sample."""
    system = system_message(plan.pack, plan.prompt)
    return [
        Request(case.id, sample, messages(system, case.command))
        for case in plan.cases
        for sample in range(plan.samples)
    ]


def _known(plan: Plan) -> frozenset[str]:
    """Ids that a recording may hold: all of the pack, also where only some are asked for."""
    return frozenset(case.id for case in plan.pack.cases())


def scores(plan: Plan, completions: Sequence[Completion]) -> list[Score]:
    """Score completions of one model, in their order."""
    scorer = Scorer(plan.pack, plan.cases)
    return [scorer.score(completion) for completion in completions]


def provenance(plan: Plan, specs: Sequence[ModelSpec], completions: Sequence[Completion]) -> Mapping[str, object]:
    """What a result was made from; equal hashes mean that two results are comparable.

    Args:
        plan: What was asked.
        specs: The models, base first.
        completions: Of all models: for the dates and the model ids that the endpoints gave.
    """
    system = system_message(plan.pack, plan.prompt)
    arrived = [completion.at for completion in completions if completion.at]
    served = sorted({completion.served_model for completion in completions if completion.served_model})
    return {
        "pack": plan.pack.name,
        "success_means": SUCCESS_MEANS,
        "models": ", ".join(spec.text for spec in specs),
        "served_as": ", ".join(served) or "not recorded",
        "base_urls": ", ".join(f"{spec.text} {spec.address}" for spec in specs if spec.address) or "none",
        "asked_as": json.dumps({spec.text: spec.asked_as for spec in specs if spec.asked_as}, sort_keys=True),
        "adapter_hashes": ", ".join(f"{spec.text} {spec.revision}" for spec in specs if spec.revision) or "none",
        "cases": len(plan.cases),
        "samples": plan.samples,
        "cases_sha256": cases_hash(plan.cases),
        "robot_sha256": robot_digest(plan.pack),
        "profile_sha256": hashlib.sha256(plan.pack.profile.read_bytes()).hexdigest(),
        "prompt": plan.prompt,
        "system_message": system,
        "system_message_sha256": hashlib.sha256(system.encode()).hexdigest(),
        "decoding": json.dumps(plan.decoding.to_record(), sort_keys=True),
        "answered_from": _utc(min(arrived)) if arrived else "not recorded",
        "answered_until": _utc(max(arrived)) if arrived else "not recorded",
        "gonogo": __version__,
        "python": platform.python_version(),
    }


def _utc(seconds: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
