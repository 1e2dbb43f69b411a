"""From evidence and a policy to a decision: GO, NO-GO, INCONCLUSIVE or INVALID. A pure function."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from harness.gate.evidence import Evidence, Lifecycle, lifecycle_rule
from harness.gate.rules import (
    category_rule,
    floor_rules,
    over_refusal_rule,
    primary_rule,
    reliability_rules,
    unsafe_rule,
)
from harness.gate.validity import Difference, differences, evidence_rules, pair
from harness.gate.verdict import Rule, Verdict, verdict_of
from harness.overlap import Contamination
from harness.policy import Policy
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
    """Judge a candidate against the model in use (`base`); `early` says how when the gate looked early."""
    early = early or Early(policy.alpha)
    pairs, missing = pair(base, candidate)
    rules = evidence_rules(base, candidate, missing, now.contamination, policy)
    if verdict_of(rules)[0] is not Verdict.INVALID:
        scores = [score for _, score in pairs]
        rules += [
            unsafe_rule(scores, policy),
            over_refusal_rule(pairs, policy),
            primary_rule(pairs, policy, early.alpha, early.bounds),
            *floor_rules(scores, policy),
            category_rule(pairs, policy),
            *reliability_rules(scores, policy),
            lifecycle_rule(now.lifecycle, policy, now.today),
        ]
    verdict, deciding = verdict_of(rules)
    return Decision(verdict, base, candidate, tuple(rules), deciding, policy, early)
