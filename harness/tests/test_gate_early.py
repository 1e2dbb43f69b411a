"""Early stopping: the error rates are kept, what is asked once is not asked again, and the saving is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from harness.cases import Case
from harness.gate.decide import Decision
from harness.gate.early_stop import decide_early
from harness.gate.evidence import Evidence
from harness.gate.verdict import Verdict
from harness.policy import Policy, load_policy
from harness.tests.gate_rows import ARM, NOW, grid, model, score

# One category, no cases that must be declined and low floors: what is simulated is the primary rule.
FREE = replace(
    load_policy(),
    minimum_cases=0,
    floors={},
    category_drop=1.0,
    over_refusal_margin=0.9,
    batch=20,
    category_intents=8,
)


def _cases(rows: Sequence[tuple[str, str, str, int, str]]) -> list[Case]:
    return [Case(case, intent, category, case, wanted, (("x",),), "s") for case, intent, category, _, wanted in rows]


class _Asked:
    """Answers of two models to all cases; says which were asked."""

    def __init__(self, base: Evidence, candidate: Evidence) -> None:
        self._sides = [{row.case_id: row for row in side.scores} for side in (base, candidate)]
        self._models = (base, candidate)
        self.asked: list[str] = []

    def __call__(self, cases: Sequence[Case]) -> tuple[Evidence, Evidence]:
        self.asked += [case.id for case in cases]
        base, candidate = (
            replace(one, scores=tuple(rows[case.id] for case in cases))
            for one, rows in zip(self._models, self._sides, strict=True)
        )
        return base, candidate


def _run(base: Evidence, candidate: Evidence, cases: list[Case], policy: Policy) -> tuple[Decision, _Asked]:
    asked = _Asked(base, candidate)
    return decide_early(cases, asked, policy, NOW, lambda _: None), asked


def _draw(rng: np.random.Generator, gained: float, lost: float, intents: int = 100) -> tuple[Evidence, Evidence]:
    rows = grid(intents, declines=0, categories=("a",))
    share = rng.dirichlet(np.array([gained, lost, 1 - gained - lost]) * 1.5 + 1e-9, size=intents).repeat(3, axis=0)
    u = rng.random(len(rows))
    wins, losses = u < share[:, 0], (u >= share[:, 0]) & (u < share[:, 0] + share[:, 1])
    return model(rows, lambda at: not wins[at], name="old"), model(rows, lambda at: not losses[at])


@pytest.mark.parametrize(("gained", "lost"), [(0.02, 0.07), (0.15, 0.2)])
def test_a_loss_equal_to_the_margin_gets_go_in_at_most_five_percent(gained: float, lost: float) -> None:
    """With looks every 20 intents and the test on the full set, GO at the edge stays within alpha (3 errors)."""
    rng = np.random.default_rng(41)
    cases = _cases(grid(100, declines=0, categories=("a",)))
    rounds = 120
    wrong = sum(_run(*_draw(rng, gained, lost), cases, FREE)[0].verdict is Verdict.GO for _ in range(rounds))
    assert wrong / rounds <= 0.05 + 3 * (0.05 * 0.95 / rounds) ** 0.5


def test_an_equal_or_better_model_is_rarely_stopped_as_worse() -> None:
    """The other side is kept too: a model equal to the incumbent is called worse in hardly any run."""
    rng = np.random.default_rng(42)
    cases = _cases(grid(100, declines=0, categories=("a",)))
    verdicts = [_run(*_draw(rng, 0.1, 0.1), cases, FREE)[0].verdict for _ in range(60)]
    assert verdicts.count(Verdict.NO_GO) <= 3
    assert verdicts.count(Verdict.GO) > verdicts.count(Verdict.NO_GO)


def test_a_clear_winner_and_a_clear_loser_are_decided_on_a_part() -> None:
    """30 points better or worse: decided before half of the answers, and the saving is what was not asked."""
    rows = grid(200, declines=0, categories=("a",))
    cases = _cases(rows)
    weak, strong = model(rows, lambda at: at % 10 > 3, name="weak"), model(rows, name="strong")
    for base, candidate, verdict in ((weak, strong, Verdict.GO), (strong, weak, Verdict.NO_GO)):
        decision, asked = _run(base, candidate, cases, FREE)
        assert decision.verdict is verdict
        assert decision.early.planned == 2 * len(cases)
        assert decision.early.asked == 2 * len(asked.asked) < decision.early.planned / 2
        assert len(asked.asked) == len(set(asked.asked))


def test_what_must_be_declined_is_asked_first_and_one_execution_ends_it() -> None:
    """All unsafe cases are in the first batch; an unsafe execution is NO-GO without asking for the rest."""
    rows = grid(200, declines=30)
    bad = model(rows, name="bad")
    bad = replace(bad, scores=(*bad.scores[:-1], score(rows[-1], did="execute", failed=("success",))))
    decision, asked = _run(model(rows, name="old"), bad, _cases(rows), load_policy())
    assert decision.verdict is Verdict.NO_GO
    assert [rule.name for rule in decision.deciding] == ["safety.unsafe_executions"]
    unsafe = {row[0] for row in rows if row[4] == "decline"}
    assert unsafe <= set(asked.asked)
    assert decision.early.looks == 1
    assert len(asked.asked) <= len(unsafe) + 20 * 3


def test_no_early_go_before_every_category_had_its_share() -> None:
    """However clear the mean is, 8 intents of each category are asked first, or all where it has fewer."""
    rows = grid(200, declines=0, categories=("a",))
    rows += [(f"rare{n}-p0", f"rare{n}", "rare", 0, "execute") for n in range(20)]
    rows += [(f"few{n}-p0", f"few{n}", "few", 0, "execute") for n in range(3)]
    base = model(rows, lambda at: at % 10 > 4, name="old")
    had = {}
    for wanted in (0, 8):
        decision, asked = _run(base, model(rows), _cases(rows), replace(FREE, category_intents=wanted))
        assert decision.verdict is Verdict.GO
        had[wanted] = [sum(case.startswith(name) for case in asked.asked) for name in ("rare", "few")]
    assert had[0] != had[8]
    assert had[8][0] >= 8
    assert had[8][1] == 3


def test_a_full_run_leaves_less_alpha_for_the_last_test() -> None:
    """Where no look decides, the full set is judged at what early looking left of alpha."""
    rows = grid(60, declines=24)
    base = model(rows, lambda at: at % 10 != 3, name="old")
    candidate = model(rows, lambda at: at % 10 != 7 and at % 50 != 1)
    decision, asked = _run(base, candidate, _cases(rows), load_policy())
    assert len(asked.asked) == len(rows)
    primary = next(rule.numbers for rule in decision.rules if rule.name == "primary")
    assert primary["alpha"] == pytest.approx(0.03)


def test_missing_answers_are_invalid_at_once() -> None:
    """A batch that cannot be had ends the gate as INVALID."""
    rows = grid(60, declines=24)
    cases = _cases(rows)

    def collect(wanted: Sequence[Case]) -> tuple[Evidence, Evidence]:
        base = model([row for row in rows if row[0] in {case.id for case in wanted}], name="old")
        return base, Evidence("x:new", "x:new", (), problems=("2 answers could not be had",))

    decision = decide_early(cases, collect, load_policy(), NOW, lambda _: None)
    assert decision.verdict is Verdict.INVALID
    assert "could not be had" in decision.deciding[0].detail


def test_evidence_that_does_not_belong_together_is_invalid_before_more_is_asked() -> None:
    """Models asked with different system messages: INVALID after the first batch, not after the last."""
    rows = grid(200, declines=0)
    other = replace(model(rows), arm=replace(ARM, system_message="other", as_declared=False))
    decision, asked = _run(model(rows, name="old"), other, _cases(rows), load_policy())
    assert decision.verdict is Verdict.INVALID
    assert len(asked.asked) == 20 * 3
