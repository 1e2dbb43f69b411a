"""The gate: from the scores of two models and a policy to GO, NO-GO, INCONCLUSIVE or INVALID.

`decide` is a pure function. Each group of rules is a module of its own: `validity`, `safety`, `primary`, `guards`,
`lifecycle`; `rules` says how they make a verdict, `needs` how much more evidence would settle it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from harness.gate.differences import Difference, differences
from harness.gate.evidence import Evidence, Lifecycle
from harness.gate.guards import category_rules, floor_rules, reliability_rules
from harness.gate.lifecycle import lifecycle_rule
from harness.gate.primary import primary_rule
from harness.gate.rules import Rule, Verdict, verdict_of
from harness.gate.safety import safety_rules
from harness.gate.validity import Contamination, evidence_rules, pair
from harness.policy import Policy
from harness.statistics.sign_flips import Bounds

__all__ = [
    "Circumstances",
    "Contamination",
    "Decision",
    "Difference",
    "Early",
    "Evidence",
    "Lifecycle",
    "Rule",
    "Verdict",
    "decide",
]


@dataclass(frozen=True, slots=True)
class Circumstances:
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


def decide(
    base: Evidence, candidate: Evidence, policy: Policy, now: Circumstances, early: Early | None = None
) -> Decision:
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
        rules += safety_rules(pairs, policy)
        rules.append(primary_rule(pairs, policy, early.alpha, early.bounds))
        rules += floor_rules(pairs, policy)
        rules += category_rules(pairs, policy)
        rules += reliability_rules(pairs, policy)
        rules.append(lifecycle_rule(now.lifecycle, policy, now.today))
        verdict, deciding = verdict_of(rules)
    return Decision(verdict, base, candidate, tuple(rules), deciding, policy, early)
