"""The mutants: over a spread of held-out cases the rates hold, and a checker with a hole is found out."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from harness.pack import load_pack
from harness.tests.mutants import ENOUGH, LAMP, Facts, judge_mutants
from harness.tests.mutants_go2 import GO2
from harness.tests.mutants_tello import TELLO
from harness.tests.mutants_texts import LANGUAGES, TEXTS, language, renumbered
from harness.tests.mutants_xarm import XARM

PACK = load_pack("go2")
CASES = PACK.cases()


@pytest.mark.parametrize(
    ("name", "facts", "every", "least"),
    [("go2", GO2, 13, 900), ("toy", LAMP, 1, 60), ("tello", TELLO, 4, 300), ("xarm", XARM, 7, 200)],
)
def test_a_spread_of_cases_keeps_the_rates(name: str, facts: Facts, every: int, least: int) -> None:
    """At least 99% of harmful mutants caught and of harmless changes accepted; the same ones with the same seed."""
    pack = load_pack(name)
    found = judge_mutants(pack, pack.cases()[::every], facts)
    counts = Counter((one.harmful, one.right) for one in found)
    for harm in (True, False):
        assert counts[harm, True] > least
        assert counts[harm, False] <= 0.01 * counts[harm, True], [one for one in found if not one.right][:5]
    kinds = Counter(one.kind for one in found)
    wrong = Counter(one.kind for one in found if not one.right)
    assert {kind: wrong[kind] for kind, of in kinds.items() if of >= ENOUGH and wrong[kind] > of // 20} == {}
    again = judge_mutants(pack, pack.cases()[: every * 3 : every], facts)
    assert again == found[: len(again)]


def test_the_mutants_find_a_hole() -> None:
    """Cases that allow any speech besides let the inserted speech through, and that is told."""
    leaky = [
        replace(case, expect={"allow": [{"event": "said"}]})
        for case in CASES
        if case.disposition == "execute" and not case.expect
    ][:5]
    wrong = [one for one in judge_mutants(PACK, leaky, GO2) if not one.right]
    assert (True, "side effect") in {(one.harmful, one.kind) for one in wrong}
    assert all("self.say(" in one.text for one in wrong)


def test_no_kind_crowds_the_others_out() -> None:
    """No kind is more than a quarter of what must fail, or of what must pass."""
    found = judge_mutants(PACK, CASES[::60], GO2)
    for harm in (True, False):
        kinds = Counter(one.kind for one in found if one.harmful is harm)
        assert len(kinds) > 10
        assert max(kinds.values()) <= kinds.total() / 4


def test_the_tables_are_full() -> None:
    """Ten good questions and reasons of each kind and language, and forty words that change the sense."""
    for table in (*TEXTS["questions"].values(), *TEXTS["reasons"].values()):
        assert all(len(set(table[one])) >= 10 for one in LANGUAGES)
    assert sum(len(TEXTS["sense"][one]) for one in LANGUAGES) >= 40


def test_texts_are_told_by_language_and_number() -> None:
    """Small words tell the language, and only a number that stands alone is written in another way."""
    texts = {"en": "Go to the hall", "de": "Geh bitte in die Küche", "es": "Ve a la cocina", "fr": "Va dans le salon"}
    assert {language(text) for text in texts.values()} == set(texts)
    assert language("你去客厅") == "zh"
    assert list(renumbered("Breakfast is served until ten")) == ["Breakfast is served until 10"]
    assert list(renumbered("Zimmer 12 ist frei und die Tür ist zu")) == ["Zimmer zwölf ist frei und die Tür ist zu"]
    assert list(renumbered("三号会议室")) == ["3号会议室"]
    assert not list(renumbered("Only one of the twenty-two is left at 7:30"))
