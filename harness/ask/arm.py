"""An arm of a comparison: a model with what it is asked; its answers, and what they were made from."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import __version__
from harness.answers import read_journal
from harness.ask.collect import Connect, collect, in_place
from harness.ask.progress import Progress
from harness.cases import Case, cases_hash
from harness.errors import EndpointError, EvidenceError
from harness.models.outcomes import Completion
from harness.models.requests import Decoding, Request, request_keys
from harness.models.specs import ModelSpec
from harness.pack import Pack, messages, system_message
from harness.score import Score, Scorer, success_means
from harness.simulation.load import robot_digest


@dataclass(frozen=True, slots=True)
class Arm:
    """A model and what it is asked. The arms of a comparison have the same cases; prompts may differ on purpose.

    Attributes:
        journal: Where answers are kept and looked for first.
        since: Unix time: answers on file from before are asked anew.
        label: What results call it; by default its spec.
        own: Parameters of the decoding that it has on purpose, as declared.
    """

    spec: ModelSpec
    pack: Pack
    cases: tuple[Case, ...]
    prompt: str
    decoding: Decoding
    samples: int
    journal: Path
    since: float = 0.0
    label: str = ""
    own: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What results call it."""
        return self.label or self.spec.text

    def system_message(self) -> str:
        """The system message of its prompt."""
        return system_message(self.pack, self.prompt)

    def requests(self) -> list[Request]:
        """Everything it is asked: case after case, sample after sample."""
        system = self.system_message()
        return [
            Request(case.id, sample, messages(system, case.command))
            for case in self.cases
            for sample in range(self.samples)
        ]


def answers(arm: Arm, connect: Connect, progress: Progress) -> list[Completion]:
    """Every answer of an arm, from the journal or asked now.

    Raises:
        EvidenceError: some could not be had; they are named, and asked for again by the next run.
        InputError, EndpointError: as `harness.ask.collect.collect`.
    """
    known = _known_cases(arm)
    asking = (arm.requests(), arm.spec, arm.decoding, arm.journal)
    completions = collect(*asking, connect=connect, progress=progress, known_cases=known, since=arm.since)
    lost = [completion for completion in completions if not completion.outcome.scored]
    if lost:
        reasons = ", ".join(sorted({completion.outcome.value for completion in lost}))
        raise EvidenceError(
            f"INVALID: {len(lost)} of {len(completions)} answers of {arm.name} could not be had ({reasons}); "
            f"the first is {lost[0].case_id}: {lost[0].detail}\n"
            "  what arrived is kept; run the same command again to ask for the rest"
        )
    return completions


def answers_to_be_had(arm: Arm, connect: Connect, progress: Progress) -> tuple[list[Completion], str]:
    """What can be had of `answers`, for those who judge answer by answer, and why the rest cannot.

    Returns:
        Completions in the order of the cases, some perhaps not scored and some perhaps absent; and the endpoint's
        trouble, empty where every request was sent.

    Raises:
        InputError: as `harness.ask.collect.collect`.
    """
    asking, known = (arm.requests(), arm.spec, arm.decoding, arm.journal), _known_cases(arm)
    try:
        return collect(*asking, connect=connect, progress=progress, known_cases=known, complete=False), ""
    except EndpointError as error:
        keys = request_keys(tuple(arm.requests()), arm.spec, arm.decoding)
        kept = read_journal(arm.journal, frozenset(keys))
        return in_place(kept, keys, arm.requests()), str(error)


def _known_cases(arm: Arm) -> dict[str, str] | None:
    """Ids that a recording may hold, with their commands: all of the pack, also where only some are asked for."""
    return {case.id: case.command for case in arm.pack.cases()} if arm.spec.path else None


def scores_of(scorer: Scorer, arm: Arm, completions: Sequence[Completion]) -> list[Score]:
    """The scores of an arm's completions, under its name."""
    return [scorer.score(one if arm.name == one.model else replace(one, model=arm.name)) for one in completions]


def provenance(arms: Sequence[Arm], completions: Sequence[Completion]) -> Mapping[str, object]:
    """What a result was made from; equal hashes mean that two results are comparable.

    Args:
        arms: The base first; what they have in common is read from it.
        completions: Of all arms: for the dates and the model ids that the endpoints gave.
    """
    arm, specs = arms[0], [one.spec for one in arms]
    system = arm.system_message()
    arrived = [completion.at for completion in completions if completion.at]
    served = sorted({completion.served_model for completion in completions if completion.served_model})
    return {
        "pack": arm.pack.name,
        "success_means": success_means(arm.pack),
        "models": ", ".join(spec.text for spec in specs),
        "served_as": ", ".join(served) or "not recorded",
        "base_urls": ", ".join(f"{spec.text} {spec.address}" for spec in specs if spec.address) or "none",
        "asked_as": json.dumps({spec.text: spec.asked_as for spec in specs if spec.asked_as}, sort_keys=True),
        "adapter_hashes": ", ".join(f"{spec.text} {spec.revision}" for spec in specs if spec.revision) or "none",
        "cases": len(arm.cases),
        "samples": arm.samples,
        "cases_sha256": cases_hash(arm.cases),
        "robot_sha256": robot_digest(arm.pack),
        "profile_sha256": hashlib.sha256(arm.pack.profile.read_bytes()).hexdigest(),
        "prompt": arm.prompt,
        "system_message": system,
        "system_message_sha256": hashlib.sha256(system.encode()).hexdigest(),
        "decoding": json.dumps(arm.decoding.to_record(), sort_keys=True),
        "answered_from": _utc(min(arrived, default=0.0)),
        "answered_until": _utc(max(arrived, default=0.0)),
        "gonogo": __version__,
        "python": platform.python_version(),
    }


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else "not recorded"
