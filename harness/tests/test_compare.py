"""Pairing of two to five models, how cases move, and the figures of each."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from harness.cases import Case
from harness.compare import MOVES, Comparison, compare
from harness.errors import EvidenceError
from harness.report import tables
from harness.score import Score
from harness.tests import synthetic

CASES = synthetic.cases()[:4]


def _scores(cases: Sequence[Case], pattern: str, model: str) -> list[Score]:
    """One score a case: right where the pattern has a 1, prose where it has a 0."""
    rng = random.Random(0)  # noqa: S311  reproducible answers, not a secret
    texts = [(synthetic.faults(case, rng)[0], synthetic.right(case)) for case in cases]
    return [synthetic.score(case, text[int(bit)], model) for case, text, bit in zip(cases, texts, pattern, strict=True)]


def _compared(*patterns: str) -> Comparison:
    return compare(CASES, [_scores(CASES, one, f"m{k}") for k, one in enumerate(patterns)], {})


def test_moves_of_two_models_cover_all_four() -> None:
    """Right and wrong before and after make regression, fix, both fail and both pass."""
    result = _compared("1010", "0110")
    assert [row.move for row in result.rows] == ["regression", "fix", "both pass", "both fail"]
    assert result.moves() == dict.fromkeys(MOVES, 1)


def test_a_case_counts_by_the_gravest_move_and_each_candidate_keeps_its_own_counts() -> None:
    """With several candidates a regression outweighs a fix; figures are those of each candidate against the base."""
    result = _compared("1100", "1000", "0110")
    assert [row.move for row in result.rows] == ["regression", "regression", "fix", "both fail"]
    assert result.moves(1)["regression"] == 1
    assert result.moves(2) == {"regression": 1, "fix": 1, "both fail": 1, "both pass": 1}
    success = result.by_metric[-1]
    assert [(rate.passed, rate.total) for rate in success.rates] == [(2, 4), (1, 4), (2, 4)]
    assert [(one.gained, one.lost) for one in success.differences] == [(0, 1), (1, 1)]


def test_figures_agree_with_a_count_by_pandas() -> None:
    """Rates, gained and lost of every category are those of a groupby over the answers."""
    comparison = synthetic.comparison(60)
    frame = tables.answers(comparison)
    for figure in comparison.by_category:
        own = frame[frame["category"] == figure.name]
        for model, rate in zip(comparison.models, figure.rates, strict=True):
            assert rate.passed == own[own["model"] == model]["success"].sum()
            assert rate.low <= rate.share <= rate.high
        wide = own.pivot_table(index=["case_id", "sample"], columns="model", values="success", aggfunc="first")
        change = wide[comparison.models[1]].astype(int) - wide[comparison.models[0]].astype(int)
        assert figure.differences[0].estimate == pytest.approx(change.mean())
        assert (figure.differences[0].gained, figure.differences[0].lost) == ((change > 0).sum(), (change < 0).sum())


def test_a_missing_answer_makes_the_comparison_invalid() -> None:
    """One case without its counterpart is an error that names it, never a smaller comparison."""
    whole, part = _scores(CASES, "1111", "a"), _scores(CASES[:3], "111", "b")
    with pytest.raises(EvidenceError, match=rf"1 answers are missing.*{CASES[3].id} sample 0 of candidate 1"):
        compare(CASES, [whole, part], {})


def test_samples_have_keys_of_their_own() -> None:
    """The first sample is named by the case's id, later ones by their number too."""
    case = CASES[0]
    side = [synthetic.score(case, "[]", "m", sample) for sample in range(3)]
    assert [row.key for row in compare([case], [side, side], {}).rows] == [case.id, f"{case.id}~1", f"{case.id}~2"]
