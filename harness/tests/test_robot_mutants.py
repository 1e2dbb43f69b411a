"""The mutants: over a spread of held-out cases the rates hold, and a checker with a hole is found out."""

from __future__ import annotations

from dataclasses import replace

from harness.benchmarks.mutants.tally import tally
from harness.pack import load_pack

PACK = load_pack("go2")
CASES = PACK.cases()


def test_a_spread_of_cases_keeps_the_rates() -> None:
    """Every tenth case: at least 99% of harmful mutants caught and of harmless changes accepted."""
    result = tally(PACK, CASES[::10])
    assert result.cases > 20
    for harm in (True, False):
        right, total = result.rate(harm)
        assert total > 500
        assert right >= 0.99 * total, result.odd[:5]


def test_the_mutants_find_a_hole() -> None:
    """Cases that allow any speech besides let the inserted speech through, and the tally says so."""
    leaky = [
        replace(case, expect={"allow": [{"event": "said"}]})
        for case in CASES
        if case.disposition == "execute" and not case.expect
    ][:5]
    result = tally(PACK, leaky)
    assert {(odd.harmful, odd.kind) for odd in result.odd} >= {(True, "side effect")}
    assert all("speech" in odd.detail or odd.kind == "duplicate" for odd in result.odd)


def test_the_same_seed_makes_the_same_mutants() -> None:
    """Rates can be made again."""
    first, second = tally(PACK, CASES[:10], seed=3), tally(PACK, CASES[:10], seed=3)
    assert first.by_kind == second.by_kind
    assert first.labels == second.labels
