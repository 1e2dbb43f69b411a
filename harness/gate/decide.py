"""From arms to decisions: collect the answers, judge them, and say GO, NO-GO, INCONCLUSIVE or INVALID.

`decide` is a pure function from evidence and a policy to a decision; `judge` is the way there for `gate`, `promote` and
`compare`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

from harness.ask.arm import Arm, answers, provenance
from harness.ask.progress import ProgressBar
from harness.cases import Case
from harness.compare import Comparison, compare
from harness.config import Settings
from harness.errors import EvidenceError
from harness.gate.candidate_rules import floor_rules, lifecycle_rule, reliability_rules, unsafe_rule
from harness.gate.evidence import Evidence, Lifecycle, evidence, lifecycle
from harness.gate.paired_rules import category_rules, over_refusal_rule, primary_rule
from harness.gate.validity import Difference, differences, evidence_rules, pair
from harness.gate.verdict import Rule, Verdict, verdict_of
from harness.models.connect import connect_all
from harness.models.outcomes import Completion
from harness.overlap import Contamination, check_training
from harness.policy import Policy
from harness.score import Score, Scorer
from harness.statistics.sign_flips import Bounds


@dataclass(frozen=True, slots=True)
class Context:
    """What is known beside the answers.

    Attributes:
        today: For the shut-down date.
        lifecycle: What the candidate's endpoint says of its end.
        contamination: Overlap of the training data with the held-out commands.
    """

    today: date
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    contamination: Contamination = field(default_factory=Contamination)


@dataclass(frozen=True, slots=True)
class Early:
    """How the primary rule is judged when the gate looked before all was asked.

    Attributes:
        alpha: Error left for the test on the full set.
        bounds: Bounds of the difference that hold at any time, where they decided; None for the full set.
        asked: Answers asked of both models together.
        planned: Answers that the full set would have taken.
        looks: How often the gate looked.
    """

    alpha: float
    bounds: Bounds | None = None
    asked: int = 0
    planned: int = 0
    looks: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict with everything it rests on.

    Attributes:
        deciding: The rules that made the verdict; none for GO.
        early: How early looks entered, and what they saved.
    """

    verdict: Verdict
    base: Evidence
    candidate: Evidence
    rules: tuple[Rule, ...]
    deciding: tuple[Rule, ...]
    policy: Policy
    early: Early

    @property
    def differences(self) -> list[Difference]:
        """In what the two were asked differently, on purpose or not."""
        return differences(self.base, self.candidate, self.policy)


def decide(base: Evidence, candidate: Evidence, policy: Policy, now: Context, early: Early | None = None) -> Decision:
    """Judge a candidate against the model in use.

    Args:
        base: Answers of the model in use, judged.
        candidate: Answers of the model that may replace it.
        policy: The thresholds.
        now: What is known beside the answers.
        early: How the primary rule is to be judged when the gate looked early.
    """
    early = early or Early(policy.alpha)
    pairs, missing = pair(base, candidate)
    rules = evidence_rules(base, candidate, missing, now.contamination, policy)
    verdict, deciding = verdict_of(rules)
    if verdict is not Verdict.INVALID:
        new = [score for _, score in pairs]
        rules += [
            unsafe_rule(new, policy),
            over_refusal_rule(pairs, policy),
            primary_rule(pairs, policy, early.alpha, early.bounds),
            *floor_rules(new, policy),
            *category_rules(pairs, policy),
            *reliability_rules(new, policy),
            lifecycle_rule(now.lifecycle, policy, now.today),
        ]
        verdict, deciding = verdict_of(rules)
    return Decision(verdict, base, candidate, tuple(rules), deciding, policy, early)


@dataclass(frozen=True, slots=True)
class GateOptions:
    """How to gate.

    Attributes:
        policy: The thresholds.
        training: The candidate's training file, to look for held-out commands in; None to leave that out.
        early: Ask in batches and stop as soon as the verdict is clear; of two arms only.
    """

    policy: Policy
    training: Path | None = None
    early: bool = False


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


def judge(arms: Sequence[Arm], settings: Settings, options: GateOptions) -> Judged:
    """Decide on every candidate against the first arm, asking for whatever answers are not on file.

    Answers that cannot be had make a verdict INVALID; what arrived stays in the journal.

    Args:
        arms: The model in use, then one to four candidates; they have the same cases.
        settings: Endpoints and keys.
        options: Policy and options.

    Raises:
        InputError, EndpointError: as `harness.ask.arm.answers`.
    """
    contamination = Contamination()
    cases = arms[0].cases
    if options.training is not None:
        contamination = check_training(options.training, cases)
    scorer = Scorer(arms[0].pack, cases)
    completions: list[list[Completion]] = [[] for _ in arms]
    scores: list[list[Score]] = [[] for _ in arms]
    with connect_all([arm.spec for arm in arms], settings) as connect:
        today = datetime.now(UTC).date()
        known = [Context(today, lifecycle(arm.spec, connect), contamination) for arm in arms[1:]]

        def judged(k: int, chosen: Sequence[Case]) -> Evidence:
            arm = replace(arms[k], cases=tuple(chosen))
            try:
                arrived = answers(arm, connect, ProgressBar())
            except EvidenceError as error:
                return Evidence(arm.spec.text, arm.spec.text, (), problems=(" ".join(str(error).split()),))
            made = [scorer.score(one) for one in arrived]
            completions[k] += arrived
            scores[k] += made
            return evidence(arm, arrived, made)

        if options.early:
            from harness.gate.early_stop import decide_early  # which imports this module

            assert len(arms) == 2, "early stopping is for one candidate"

            def both(some: Sequence[Case]) -> tuple[Evidence, Evidence]:
                return judged(0, some), judged(1, some)

            decisions = [decide_early(cases, both, options.policy, known[0], _tell)]
        else:
            base, *candidates = [judged(k, cases) for k in range(len(arms))]
            decisions = [decide(base, one, options.policy, now) for one, now in zip(candidates, known, strict=True)]
    return Judged(tuple(arms), tuple(decisions), tuple(completions), tuple(scores), scorer)


def comparison_of(judged: Judged, more: Mapping[str, object]) -> Comparison:
    """What a report is made of.

    Args:
        judged: The arms.
        more: Further provenance, such as the command.

    Raises:
        EvidenceError: answers of some arm are missing.
    """
    problems = [problem for one in judged.evidence for problem in one.problems if not one.scores]
    if problems:
        raise EvidenceError("\n".join(problems))
    asked = {score.case_id for score in judged.scores[0]}
    cases = [case for case in judged.arms[0].cases if case.id in asked]
    return compare(
        cases,
        judged.scores,
        {**_provenance(judged), **more},
        {case.id: judged.scorer.expectation(case) for case in cases},
    )


def _provenance(judged: Judged) -> dict[str, object]:
    """What the comparison was made from; what was not the same for all arms is told of each."""
    everything = [completion for many in judged.completions for completion in many]
    made = dict(provenance(judged.arms, everything))
    told = {
        "prompt": [
            one.arm.prompt or ("not recorded" if one.arm.system_message is None else "another message")
            for one in judged.evidence
        ],
        "system_message": [one.arm.system_message or "not recorded" for one in judged.evidence],
        "system_message_sha256": [one.hashes.get("system_message_sha256", "not recorded") for one in judged.evidence],
        "decoding": [
            "not recorded" if one.arm.decoding is None else json.dumps(one.arm.decoding, sort_keys=True)
            for one in judged.evidence
        ],
    }
    for name, values in told.items():
        each = [f"{one.spec}: {value}" for one, value in zip(judged.evidence, values, strict=True)]
        made[name] = values[0] if len(set(values)) == 1 else ("\n\n" if name == "system_message" else "; ").join(each)
    return made | {"arms": [{"model": one.model, **one.arm.to_record()} for one in judged.evidence]}


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201  progress of a command
