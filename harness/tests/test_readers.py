"""What careful readers of the card prompt answered: right answers that no writer of the references thought of.

`golden/reader_answers.jsonl` holds those of a strong language model to one command of each of the 634 intents, given
blind on 2026-11-28 from the card prompt alone, where they differ from every reference and a second writer found them
right.
"""

from __future__ import annotations

import json
from pathlib import Path

from harness.models.outcomes import Completion, Outcome
from harness.pack import load_pack
from harness.score import Scorer

ANSWERS = Path(__file__).parent / "golden" / "reader_answers.jsonl"


def test_every_right_answer_of_a_reader_is_right() -> None:
    """None of them is rejected: other spellings, orders, texts and ways round."""
    pack = load_pack()
    cases = pack.cases()
    scorer, known = Scorer(pack, cases), {case.id: case for case in cases}
    answers = [json.loads(line) for line in ANSWERS.read_text(encoding="utf-8").splitlines()]
    rejected = {}
    for answer in answers:
        given = Completion("", "reader", answer["case_id"], 0, Outcome.ANSWERED, answer["output"])
        score = scorer.score(given)
        if not score.success:
            rejected[score.case_id] = (answer["output"], score.reason)
        assert json.loads(answer["output"]) not in [[*one] for one in known[score.case_id].references]
    assert len(answers) > 200
    assert rejected == {}
