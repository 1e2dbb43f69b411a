"""Pairing of two to five models, and how cases move."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from harness.cases import Case
from harness.compare import MOVES, Comparison, compare, count, to_record
from harness.errors import EvidenceError, InputError
from harness.score import Score
from harness.tests import synthetic


def _scores(cases: Sequence[Case], pattern: str, model: str) -> list[Score]:
    """One score a case: right where the pattern has a 1, prose where it has a 0."""
    return [
        synthetic.score(case, synthetic.FAULTS[1](case, _RNG) if bit == "0" else synthetic.right(case, _RNG), model)
        for case, bit in zip(cases, pattern, strict=True)
    ]


_RNG = random.Random(0)  # noqa: S311  reproducible answers, not a secret


def _compared(*patterns: str) -> Comparison:
    cases = synthetic.cases()[: len(patterns[0])]
    return compare(cases, [_scores(cases, one, f"m{k}") for k, one in enumerate(patterns)], {})


def test_moves_of_two_models_cover_all_four() -> None:
    """Right and wrong before and after make regression, fix, both fail and both pass."""
    result = _compared("1010", "0110")
    assert [row.move for row in result.rows] == ["regression", "fix", "both pass", "both fail"]
    assert result.moves() == dict.fromkeys(MOVES, 1)


def test_a_case_counts_by_the_gravest_move_of_any_candidate() -> None:
    """With several candidates a regression outweighs a fix; each candidate keeps its own counts."""
    result = _compared("1100", "1000", "0110")
    assert [row.move for row in result.rows] == ["regression", "regression", "fix", "both fail"]
    assert result.moves(1)["regression"] == 1
    assert result.moves(2) == {"regression": 1, "fix": 1, "both fail": 1, "both pass": 1}


def test_counts_are_those_of_the_candidate_asked_for() -> None:
    """Gained and lost are counted against the base, for each candidate on its own."""
    result = _compared("1100", "1000", "0111")
    one, two = (count("success", "success", result.rows, k) for k in (1, 2))
    assert (one.base, one.candidate, one.gained, one.lost) == (2, 1, 0, 1)
    assert (two.base, two.candidate, two.gained, two.lost) == (2, 3, 2, 1)


def test_a_missing_answer_makes_the_comparison_invalid() -> None:
    """One case without its counterpart is an error that names it, never a smaller comparison."""
    cases = synthetic.cases()[:3]
    whole, part = _scores(cases, "111", "a"), _scores(cases[:2], "11", "b")
    with pytest.raises(EvidenceError, match=rf"1 answers are missing.*{cases[2].id} sample 0 of candidate 1"):
        compare(cases, [whole, part], {})


def test_one_or_six_models_are_refused() -> None:
    """Two to five models are compared."""
    cases = synthetic.cases()[:1]
    for many in (1, 6):
        with pytest.raises(InputError, match="two to 5 models"):
            compare(cases, [_scores(cases, "1", f"m{k}") for k in range(many)], {})


def test_samples_have_keys_of_their_own() -> None:
    """The first sample is named by the case's id, later ones by their number too."""
    case = synthetic.cases()[0]
    side = [synthetic.score(case, "[]", "m", sample) for sample in range(3)]
    assert [row.key for row in compare([case], [side, side], {}).rows] == [case.id, f"{case.id}~1", f"{case.id}~2"]


def test_the_record_keeps_every_candidate() -> None:
    """The JSON record holds each contrast, and one answer a model for each case."""
    record = to_record(_compared("10", "01", "11"))
    contrasts, cases = record["contrasts"], record["cases"]
    assert isinstance(contrasts, list)
    assert isinstance(cases, list)
    assert [one["candidate"] for one in contrasts] == ["m1", "m2"]
    assert [len(one["answers"]) for one in cases] == [3, 3]
    assert record["metrics"] == contrasts[0]["metrics"]
