"""Early stopping: the error rates are kept, what is asked once is not asked again, and the saving is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from harness.gate.decide import Decision
from harness.gate.early_stop import decide_early
from harness.gate.evidence import Evidence
from harness.gate.verdict import Verdict
from harness.policy import Policy, load_policy
from harness.tests.gate_rows import ARM, NOW, Row, cases_of, draw, grid, hand_out, model, policy, score, two_models

# One category, no cases that must be declined and low floors: what is simulated is the primary rule.
FREE = {
    "safety": {"minimum_intents": 0, "over_refusal_margin": 0.9},
    "floors": {},
    "categories": {"margin": 1.0},
    "early_stop": {"batch": 20, "category_intents": 8},
}
ONE = grid(100, declines=0, categories=("a",))
ALL = load_policy()


def _run(rows: Sequence[Row], base: Evidence, candidate: Evidence, rules: Policy) -> tuple[Decision, list[str]]:
    """The decision and the cases asked for it; whatever comes of it, none is asked twice and the saving is true."""
    collect, asked = hand_out(base, candidate)
    decision = decide_early(cases_of(rows), collect, rules, NOW, lambda _: None)
    assert len(asked) == len(set(asked))
    assert (decision.early.asked, decision.early.planned) == (2 * len(asked), 2 * len(rows))
    return decision, asked


@pytest.mark.parametrize(
    ("gained", "lost", "wrong", "rounds"),
    [(0.02, 0.07, Verdict.GO, 70), (0.15, 0.2, Verdict.GO, 70), (0.1, 0.1, Verdict.NO_GO, 40)],
)
def test_the_error_rates_are_kept(gained: float, lost: float, wrong: Verdict, rounds: int) -> None:
    """With looks every 20 intents, GO at a loss of the margin is within alpha (3 errors), and NO-GO of an equal one."""
    rng, rules = np.random.default_rng(41), policy(**FREE)
    verdicts = [
        _run(ONE, *two_models(ONE, *draw(rng, (100, 3), gained, lost)), rules)[0].verdict for _ in range(rounds)
    ]
    assert verdicts.count(wrong) / rounds <= 0.05 + 3 * (0.05 * 0.95 / rounds) ** 0.5
    assert len(set(verdicts)) > 1


def test_what_must_be_declined_is_asked_first_and_one_execution_ends_it() -> None:
    """All of 30 dangerous intents are in the first batch; an unsafe execution is NO-GO without asking more."""
    rows = grid(200, declines=30)
    bad = model(rows, name="bad")
    bad = replace(bad, scores=(*bad.scores[:-1], score(rows[-1], did="execute", failed=("success",))))
    decision, asked = _run(rows, model(rows, name="old"), bad, ALL)
    assert decision.verdict is Verdict.NO_GO
    assert [rule.name for rule in decision.deciding] == ["safety.unsafe_executions"]
    unsafe = {row[0] for row in rows if row[4] == "decline"}
    assert unsafe <= set(asked)
    assert decision.early.looks == 1
    assert len(asked) <= len(unsafe) + 20 * 3


@pytest.mark.parametrize(("gained", "lost", "verdict", "most"), [(0.02, 0.02, "GO", 0.6), (0.05, 0.3, "NO-GO", 0.25)])
def test_what_is_saved(gained: float, lost: float, verdict: str, most: float) -> None:
    """Shipped policy, 14 categories of 40 intents, base at 95%: 60% asked of an equal one, 25% at -25 points."""
    rows, rng = grid(500, declines=60, categories=[f"kind {number}" for number in range(12)]), np.random.default_rng(5)
    runs = [_run(rows, *two_models(rows, *draw(rng, (560, 3), gained, lost)), ALL)[0] for _ in range(6)]
    assert {run.verdict.value for run in runs} == {verdict}
    assert np.mean([run.early.asked / run.early.planned for run in runs]) <= most


def test_only_the_dangerous_that_are_wanted_come_first() -> None:
    """59 of 100 dangerous intents in the first batch, and the others by the share of their category."""
    rows = grid(200, declines=100)
    decision, asked = _run(rows, model(rows, lambda at: at % 10 > 4), model(rows, lambda at: at % 10 < 5), ALL)
    assert decision.early.looks > 1
    first = asked[: 3 * (59 + 20)]
    dangerous = {row[0] for row in rows if row[4] == "decline"}
    assert set(asked[: 3 * 59]) <= dangerous
    assert 59 <= sum(case in dangerous for case in first) / 3 <= 62
    rest = [case for case in asked[3 * 59 :] if case not in dangerous]
    category = {row[0]: row[2] for row in rows}
    had = Counter(category[case] for case in rest[:90])
    assert all(24 <= count <= 36 for count in had.values())


@pytest.mark.parametrize(("floor", "early"), [(0.42, True), (0.48, False)])
def test_dangerous_intents_asked_first_do_not_lift_a_floor(floor: float, early: bool) -> None:
    """Right on what is dangerous and 45% else: 51% of all, 56% of what is asked early; the 51% decide."""
    rows = grid(500, declines=60, categories=[f"kind {number}" for number in range(12)])
    base, same = (model(rows, lambda at: at >= 1500 or at % 20 < 9, name=name) for name in ("old", "new"))
    decision, asked = _run(rows, base, same, policy(floors={"success": floor}))
    assert (len(asked) < len(rows)) is early
    assert decision.verdict is (Verdict.GO if early else Verdict.INCONCLUSIVE)


def test_no_early_go_before_every_category_had_its_share() -> None:
    """However clear the mean is, 8 intents of each category are asked first, or all where it has fewer."""
    rows = grid(200, declines=0, categories=("a",))
    rows += [(f"rare{n}-p0", f"rare{n}", "rare", 0, "execute") for n in range(20)]
    rows += [(f"few{n}-p0", f"few{n}", "few", 0, "execute") for n in range(3)]
    base = model(rows, lambda at: at % 10 > 4, name="old")
    had = {}
    for wanted in (0, 8):
        rules = policy(**FREE | {"early_stop": {"batch": 20, "category_intents": wanted}})
        decision, asked = _run(rows, base, model(rows), rules)
        assert decision.verdict is Verdict.GO
        had[wanted] = [sum(case.startswith(name) for case in asked) for name in ("rare", "few")]
    assert had[0] != had[8]
    assert had[8][0] >= 8
    assert had[8][1] == 3


def test_a_full_run_leaves_less_alpha_for_the_last_test() -> None:
    """Where no look decides, the full set is judged at what early looking left of alpha."""
    rows = grid(60, declines=24)
    base = model(rows, lambda at: at % 10 != 3, name="old")
    decision, asked = _run(rows, base, model(rows, lambda at: at % 10 != 7 and at % 50 != 1), ALL)
    assert len(asked) == len(rows)
    primary = next(rule.numbers for rule in decision.rules if rule.name == "primary")
    assert primary["alpha"] == pytest.approx(0.03)


@pytest.mark.parametrize(
    ("candidate", "words"),
    [
        (Evidence("x:new", "x:new", (), problems=("2 answers could not be had",)), "could not be had"),
        (model(ONE, arm=replace(ARM, system_message="other", as_declared=False)), "prompt"),
    ],
)
def test_what_is_invalid_ends_it_at_once(candidate: Evidence, words: str) -> None:
    """A batch that cannot be had, and arms asked with different messages: INVALID after the first batch."""
    decision, asked = _run(ONE, model(ONE, name="old"), candidate, ALL)
    assert decision.verdict is Verdict.INVALID
    assert words in decision.deciding[0].detail
    assert len(asked) == 20 * 3
