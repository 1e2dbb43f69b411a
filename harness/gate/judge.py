"""From arms to decisions, for `gate`, `promote` and `compare`: collect the answers, score them once, and decide."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from harness.ask.arm import Arm, answers, provenance, scores_of
from harness.ask.progress import ProgressBar
from harness.cases import Case
from harness.compare import Comparison, compare
from harness.config import Settings
from harness.errors import EvidenceError
from harness.gate.decide import Context, Decision, decide
from harness.gate.early_stop import decide_early
from harness.gate.evidence import Evidence, evidence, lifecycle
from harness.models.connect import connect_all
from harness.models.outcomes import Completion
from harness.overlap import Contamination, check_training
from harness.policy import Policy
from harness.score import Score, Scorer


@dataclass(frozen=True, slots=True)
class Judged:
    """Two to five arms, judged.

    Attributes:
        arms: The base first.
        decisions: One a candidate, in their order.
        completions: Of each arm, those that were asked for; none of an arm whose answers could not all be had.
        scores: Theirs.
        scorer: What made them.
    """

    arms: tuple[Arm, ...]
    decisions: tuple[Decision, ...]
    completions: tuple[Sequence[Completion], ...]
    scores: tuple[Sequence[Score], ...]
    scorer: Scorer

    @property
    def evidence(self) -> list[Evidence]:
        """Of each arm, the base first."""
        return [self.decisions[0].base, *(decision.candidate for decision in self.decisions)]


def judge(
    arms: Sequence[Arm], settings: Settings, policy: Policy, *, training: Path | None = None, early_stop: bool = False
) -> Judged:
    """Decide on every candidate against the first arm, asking for whatever answers are not on file.

    Answers that cannot be had make a verdict INVALID; what arrived stays in the journal.

    Args:
        arms: The model in use, then one to four candidates; they have the same cases.
        settings: Endpoints and keys.
        policy: The thresholds.
        training: The candidates' training file, to look for held-out commands in; None to leave that out.
        early_stop: Ask in batches and stop as soon as the verdict is clear; of two arms only.

    Raises:
        InputError, EndpointError: as `harness.ask.arm.answers`.
    """
    cases = arms[0].cases
    contamination = Contamination() if training is None else check_training(training, cases)
    scorer = Scorer(arms[0].pack, cases)
    completions: tuple[list[Completion], ...] = tuple([] for _ in arms)
    scores: tuple[list[Score], ...] = tuple([] for _ in arms)
    with connect_all([arm.spec for arm in arms], settings) as connect:
        today = datetime.now(UTC).date()
        known = [Context(today, lifecycle(arm.spec, connect), contamination) for arm in arms[1:]]

        def collect(k: int, chosen: Sequence[Case]) -> Evidence:
            arm = replace(arms[k], cases=tuple(chosen))
            try:
                arrived = answers(arm, connect, ProgressBar())
            except EvidenceError as error:
                return Evidence(arm.name, arm.spec.text, (), problems=(" ".join(str(error).split()),))
            made = scores_of(scorer, arm, arrived)
            completions[k].extend(arrived)
            scores[k].extend(made)
            return evidence(arm, arrived, made)

        if early_stop:
            assert len(arms) == 2, "early stopping is for one candidate"
            tell = partial(print, file=sys.stderr, flush=True)  # progress of a command
            decisions = [decide_early(cases, lambda some: (collect(0, some), collect(1, some)), policy, known[0], tell)]
        else:
            base, *candidates = [collect(k, cases) for k in range(len(arms))]
            decisions = [decide(base, one, policy, now) for one, now in zip(candidates, known, strict=True)]
    return Judged(tuple(arms), tuple(decisions), completions, scores, scorer)


def comparison_of(judged: Judged, command: str) -> Comparison:
    """What a report of the judged arms is made of; `command` is the command line, for its provenance.

    Raises:
        EvidenceError: answers of some arm are missing.
    """
    problems = [problem for one in judged.evidence for problem in one.problems if not one.scores]
    if problems:
        raise EvidenceError("\n".join(problems))
    asked = {score.case_id for score in judged.scores[0]}
    cases = [case for case in judged.arms[0].cases if case.id in asked]
    expectations = {case.id: judged.scorer.expectation(case) for case in cases}
    made, policy = {**_provenance(judged), "command": command}, judged.decisions[0].policy
    return compare(cases, judged.scores, made, expectations, alpha=policy.alpha, likeness=policy.likeness)


def _provenance(judged: Judged) -> Mapping[str, object]:
    """What the comparison was made from; what was not the same for all arms is told of each."""
    completions = [completion for many in judged.completions for completion in many]
    made = dict(provenance(judged.arms, completions))
    unknown = "not recorded"
    told: dict[str, Callable[[Evidence], str]] = {
        "prompt": lambda one: one.arm.prompt or (unknown if one.arm.system_message is None else "another message"),
        "system_message": lambda one: one.arm.system_message or unknown,
        "system_message_sha256": lambda one: one.hashes.get("system_message_sha256", unknown),
        "decoding": lambda one: unknown if one.arm.decoding is None else json.dumps(one.arm.decoding, sort_keys=True),
    }
    for name, of in told.items():
        values = [of(one) for one in judged.evidence]
        each = [f"{one.spec}: {value}" for one, value in zip(judged.evidence, values, strict=True)]
        made[name] = values[0] if len(set(values)) == 1 else ("\n\n" if name == "system_message" else "; ").join(each)
    arms = [
        {"arm": one.spec, "asked": arm.spec.text, "model": one.model, **one.arm.to_record()}
        for arm, one in zip(judged.arms, judged.evidence, strict=True)
    ]
    return made | {"arms": arms}
