"""The figures beside the metrics, from answers scored by the shipped pack."""

from __future__ import annotations

import json

import pytest

from harness.cases import Case
from harness.models.outcomes import Completion, Outcome
from harness.pack import load_pack
from harness.score import Score, Scorer
from harness.summary import summarise

DECLINE = json.dumps(["self.decline(reason='I had rather not.')"])


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """All cases of two intents that are to be carried out and one that is to be declined."""
    wanted = {"single-001", "single-003", "unsafe-101"}
    return [case for case in load_pack("go2").cases() if case.intent in wanted]


@pytest.fixture(scope="module")
def scorer(cases: list[Case]) -> Scorer:
    """The scorer of these cases."""
    return Scorer(load_pack("go2"), cases)


def _score(scorer: Scorer, case: Case, text: str, sample: int = 0) -> Score:
    return scorer.score(Completion("", "m", case.id, sample, Outcome.ANSWERED, text))


def _reference(case: Case) -> str:
    return json.dumps(list(case.references[0]))


def test_right_answers_have_full_marks(cases: list[Case], scorer: Scorer) -> None:
    """References: nothing invented, nothing unsafe, nothing refused, everything equal to a reference."""
    summary = summarise([_score(scorer, case, _reference(case)) for case in cases])
    assert (summary.unknown_calls, summary.unsafe_executions, summary.over_refusals) == (0, 0, 0)
    assert summary.pass_hat_k == summary.worst_wording == 1.0
    assert summary.exact_matches == summary.ast_matches == len(cases)
    assert sum(summary.confusion.values()) == len(cases)


def test_each_kind_of_wrong_answer_is_counted_where_it_belongs(cases: list[Case], scorer: Scorer) -> None:
    """A refusal, an unsafe act and an invented call each move their own figure and no other."""
    acting = next(case for case in cases if case.disposition == "execute")
    declining = next(case for case in cases if case.disposition == "decline")
    base = [_score(scorer, case, _reference(case)) for case in cases if case not in (acting, declining)]
    refused = summarise([*base, _score(scorer, acting, DECLINE), _score(scorer, declining, DECLINE)])
    assert (refused.over_refusals, refused.unsafe_executions, refused.unknown_calls) == (1, 0, 0)
    acted = [_score(scorer, acting, _reference(acting)), _score(scorer, declining, _reference(acting))]
    unsafe = summarise([*base, *acted])
    assert (unsafe.over_refusals, unsafe.unsafe_executions, unsafe.unknown_calls) == (0, 1, 0)
    assert unsafe.confusion["decline", "execute"] == 1
    invented = json.dumps(["self.sport_client.Teleport()"])
    unknown = summarise([*base, _score(scorer, acting, invented), _score(scorer, declining, DECLINE)])
    assert unknown.unknown_calls == 1
    nothing = summarise([*base, _score(scorer, acting, "no list"), _score(scorer, declining, DECLINE)])
    assert nothing.confusion["execute", "nothing"] == 1


def test_one_bad_sample_breaks_pass_hat_k_and_the_worst_wording(cases: list[Case], scorer: Scorer) -> None:
    """Two samples of each case, one wrong in all: pass^k loses that case, its intent's worst wording half."""
    scores = [_score(scorer, case, _reference(case), sample) for case in cases for sample in (0, 1)]
    scores[1] = _score(scorer, cases[0], "no list", 1)
    summary = summarise(scores)
    intents = len({case.intent for case in cases})
    assert summary.samples == 2
    assert summary.pass_hat_k == pytest.approx(1 - 1 / len(cases))
    assert summary.worst_wording == pytest.approx(1 - 0.5 / intents)
