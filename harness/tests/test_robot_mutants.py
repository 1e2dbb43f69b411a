"""The mutants: over a spread of held-out cases the rates hold, and a checker with a hole is found out."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from harness.pack import load_pack
from harness.tests.mutants import LAMP, Facts, judge_mutants
from harness.tests.mutants_go2 import GO2

PACK = load_pack("go2")
CASES = PACK.cases()


@pytest.mark.parametrize(("name", "facts", "every", "least"), [("go2", GO2, 15, 400), ("toy", LAMP, 1, 60)])
def test_a_spread_of_cases_keeps_the_rates(name: str, facts: Facts, every: int, least: int) -> None:
    """At least 99% of harmful mutants caught and of harmless changes accepted; the same ones with the same seed."""
    pack = load_pack(name)
    found = judge_mutants(pack, pack.cases()[::every], facts)
    counts = Counter((one.harmful, one.right) for one in found)
    for harm in (True, False):
        assert counts[harm, True] > least
        assert counts[harm, False] <= 0.01 * counts[harm, True], [one for one in found if not one.right][:5]
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
