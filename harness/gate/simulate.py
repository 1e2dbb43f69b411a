"""How often a policy gives each verdict: whole gates on made-up answers with a known truth.

Each command is drawn to be passed by both models, by one of the two, or by neither. A failing answer carries out
something wrong, so that rules about refusals, format and safety have nothing to find.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from harness.ask.record import ArmRecord
from harness.cases import Case
from harness.gate.decide import Context, decide
from harness.gate.evidence import Evidence
from harness.gate.verdict import Status, Verdict
from harness.models.outcomes import Outcome
from harness.policy import Policy
from harness.score import METRICS, Score
from harness.statistics.clusters import Floats


@dataclass(frozen=True, slots=True)
class Truth:
    """What two models really are.

    Attributes:
        base: Success rate of the model in use.
        change: What the candidate's is beyond that, -1 to 1.
        discordance: Share of commands that only one of the two passes.
        likeness: Correlation of two commands of one intent, above 0.
        categories: Categories whose change is another.
    """

    base: float
    change: float = 0.0
    discordance: float = 0.2
    likeness: float = 0.45
    categories: Mapping[str, float] = field(default_factory=dict)

    def cells(self, category: str) -> Floats:
        """Probabilities of: both pass, only the candidate, only the base, neither; the nearest that there can be."""
        change = self.categories.get(category, self.change)
        most = min(2 * self.base + change, 2 - 2 * self.base - change)  # of what can differ at all
        differ = max(abs(change), min(self.discordance, most))
        gained, lost = (differ + change) / 2, (differ - change) / 2
        both = self.base - lost
        return np.array([both, gained, lost, 1 - both - gained - lost]).clip(0)


@dataclass(frozen=True, slots=True)
class Chances:
    """Shares of the simulated gates that ended so, and the share in which each rule stood in the way of a GO."""

    go: float
    no_go: float
    inconclusive: float
    rounds: int
    costs: Mapping[str, float]

    @property
    def error(self) -> float:
        """Largest Monte-Carlo standard error of these shares.

        With one gate more of each kind, so that a share of 0 or 1 has an error too: A. Agresti and B. Coull, American
        Statistician 52 (1998) 119-126.
        """
        shares = ((share * self.rounds + 1) / (self.rounds + 2) for share in (self.go, self.no_go, self.inconclusive))
        return max(math.sqrt(share * (1 - share) / self.rounds) for share in shares)


def chances(
    cases: Sequence[Case],
    truth: Truth,
    policy: Policy,
    rounds: int,
    *,
    tell: Callable[[], object] = lambda: None,
) -> Chances:
    """Verdicts of `rounds` gates on these cases; `tell` is called after each."""
    verdicts, costs = Counter[Verdict](), Counter[str]()
    now = Context(date(2026, 1, 1))
    for base, candidate in answers(cases, truth, rounds):
        decision = decide(base, candidate, policy, now)
        verdicts[decision.verdict] += 1
        costs.update(rule.name for rule in decision.rules if rule.status in (Status.FAIL, Status.UNDECIDED))
        tell()
    go, no_go, open_ = (verdicts[word] / rounds for word in (Verdict.GO, Verdict.NO_GO, Verdict.INCONCLUSIVE))
    return Chances(go, no_go, open_, rounds, {name: count / rounds for name, count in costs.most_common()})


def answers(cases: Sequence[Case], truth: Truth, rounds: int, seed: int = 0) -> Iterator[tuple[Evidence, Evidence]]:
    """Answers of base and candidate to these cases, drawn anew in each round; one sample of each command."""
    rng = np.random.default_rng(seed)
    scores = [(made_up(case), made_up(case, failed=("success",))) for case in cases]
    category = {case.intent: case.category for case in cases}
    number = {intent: n for n, intent in enumerate(category)}
    intent = np.array([number[case.intent] for case in cases])
    below = np.cumsum([truth.cells(name) for name in category.values()], axis=1)[:, :3]
    for _ in range(rounds):
        # A command has what its intent drew, or a draw of its own: two of one intent then correlate by the likeness.
        shared = (rng.random(len(category))[:, None] > below).sum(axis=1)[intent]
        own = (rng.random(len(cases))[:, None] > below[intent]).sum(axis=1)
        cell = np.where(rng.random(len(cases)) < math.sqrt(truth.likeness), shared, own)
        base, candidate = (
            Evidence(name, name, tuple(one[failed] for one, failed in zip(scores, fails.tolist(), strict=True)), _ARM)
            for name, fails in (("base", cell % 2), ("candidate", cell // 2))
        )
        yield base, candidate


_ARM = ArmRecord(prompt="plain", system_message="", as_declared=True, answers=1)


def made_up(case: Case, *, failed: Collection[str] = (), did: str = "", sample: int = 0) -> Score:
    """A score as if an answer had been judged: all metrics but those that `failed`; it does what is right or `did`."""
    passed: dict[str, Any] = {metric: metric not in failed for metric in METRICS}
    return Score(
        model="",
        case_id=case.id,
        intent=case.intent,
        category=case.category,
        sample=sample,
        outcome=Outcome.ANSWERED,
        text="[]",
        commands=(),
        findings=(),
        **passed,
        wanted=case.disposition,
        may_hurt=case.may_hurt,
        disposition=case.disposition,
        did=did or case.disposition,
    )
