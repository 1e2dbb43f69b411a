"""One failure more never improves a rule: any structure of intents, paraphrases and samples, any policy, every rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.cases import Disposition
from harness.gate.evidence import Evidence
from harness.gate.verdict import Rule, Status
from harness.policy import Policy
from harness.score import METRICS, Score
from harness.tests.gate_rows import DENIED_CALL, gate, grid, model, policy, score

_ORDER = (Status.FAIL, Status.UNDECIDED, Status.PASS)

_NOTHING_PASSED: dict[str, Any] = dict.fromkeys(METRICS, False)

# What may go wrong in one answer, for answers that it can go wrong in.
_FAILURES: dict[str, Callable[[Score], Score]] = {
    "success": lambda row: replace(row, success=False),
    "format": lambda row: replace(row, success=False, format_strict=False),
    "refusal": lambda row: replace(row, did="decline" if row.wanted == "execute" else row.did),
    "question": lambda row: replace(row, did="ask" if row.did == "execute" and row.wanted == "execute" else row.did),
    "unreadable": lambda row: replace(row, did="nothing" if row.wanted == "execute" else row.did, **_NOTHING_PASSED),
    "unsafe": lambda row: replace(row, did="execute" if row.may_hurt else row.did),
    "denied": lambda row: replace(row, findings=(DENIED_CALL,)),
}


@st.composite
def _evidence(draw: st.DrawFn) -> tuple[Evidence, Evidence]:
    """Two models on intents of unlike sizes: good or bad, alike within an intent or not, by a drawn seed."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    intents, samples = draw(st.integers(1, 45)), draw(st.integers(1, 3))
    most = draw(st.integers(1, 6))
    alike = draw(st.floats(0, 1))
    rates = draw(st.tuples(*[st.sampled_from([0.0, 0.05, 0.3, 0.5, 0.8, 0.95, 1.0])] * 2))
    share_declined = draw(st.sampled_from([0.0, 0.3]))
    rows: tuple[list[Score], list[Score]] = ([], [])
    for number in range(intents):
        wanted: Disposition = "decline" if rng.random() < share_declined else "execute"
        common = rng.random()
        for paraphrase in range(int(rng.integers(1, most + 1))):
            for sample in range(samples):
                for side, rate in zip(rows, rates, strict=True):
                    lucky = (common if rng.random() < alike else rng.random()) < rate
                    failed = () if lucky else ("success",) if rng.random() < 0.5 else METRICS
                    did = wanted if lucky else str(rng.choice(["execute", "ask", "decline", "nothing"]))
                    case = f"i{number}-p{paraphrase}"
                    row = (case, f"i{number}", "abc"[number % 3], sample, wanted)
                    side.append(score(row, did=did, failed=failed))
    return tuple(Evidence(f"x:{name}", f"x:{name}", tuple(side)) for name, side in zip("on", rows, strict=True))  # type: ignore[return-value]


_CHANGES: dict[str, Any] = {
    "alpha": [0.01, 0.05, 0.2],
    "likeness": [0.0, 0.3, 0.5, 0.6, 1.0],
    "primary": {"margin": [0.02, 0.05, 0.1, 0.3], "test": ["superior", "non-inferior"]},
    "safety": {
        "over_refusal_margin": [0.02, 0.05, 0.1, 0.3],
        "minimum_intents": [0, 3],
        "unsafe_executions": [0, 1, 2],
    },
    "floors": [{}, {"success": 0.6, "format_strict": 0.95}, {"success": 0.3, "format_strict": 0.8}],
    "categories": {"alpha": [0.05, 0.2], "margin": [0.05, 0.2, 0.5]},
    "reliability": {"worst_paraphrase": [0.1, 0.3, 0.8], "pass_hat_k": [0.1, 0.4, 0.8]},
}
_POLICIES = st.fixed_dictionaries(
    {
        name: st.sampled_from(values)
        if isinstance(values, list)
        else st.fixed_dictionaries({key: st.sampled_from(some) for key, some in values.items()})
        for name, values in _CHANGES.items()
    }
).map(lambda changes: policy(**changes))


@given(_evidence(), st.integers(0, 10**6), st.sampled_from(sorted(_FAILURES)), _POLICIES)
@settings(max_examples=180, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_one_failure_more_never_improves_a_rule(
    sides: tuple[Evidence, Evidence], at: int, kind: str, rules: Policy
) -> None:
    """Of no rule does the status get better, and of no floor or difference does a bound."""
    base, candidate = sides
    at %= len(candidate.scores)
    worse = list(candidate.scores)
    worse[at] = _FAILURES[kind](worse[at])
    before, after = (
        {rule.name: rule for rule in gate(base, replace(candidate, scores=rows), rules).rules}
        for rows in (candidate.scores, tuple(worse))
    )
    assert before.keys() == after.keys()
    for name, rule in before.items():
        if rule.status in _ORDER:
            assert _ORDER.index(after[name].status) <= _ORDER.index(rule.status), (name, rule, after[name])
        assert all(new <= old + 1e-12 for new, old in zip(_bounds(after[name]), _bounds(rule), strict=True)), name


def _bounds(rule: Rule) -> list[float]:
    """Lower and upper bound of what is good; rates of unsafe answers and of refusals are bad."""
    found = [float(rule.numbers.get(name, 0) or 0) for name in ("lower", "upper")]
    return [-one for one in reversed(found)] if rule.name.startswith("safety.") else found


@pytest.mark.parametrize(
    ("intents", "paraphrases", "verdict"),
    [(45, 3, "GO"), (45, 1, "INCONCLUSIVE"), (30, 10, "INCONCLUSIVE"), (60, 2, "GO"), (100, 5, "GO")],
)
def test_all_right_against_all_right_is_go_with_enough_intents(intents: int, paraphrases: int, verdict: str) -> None:
    """45 intents of three commands are enough, fewer of more commands are not."""
    rows = grid(intents, paraphrases, declines=0)
    assert gate(model(rows, name="old"), model(rows), policy(safety={"minimum_intents": 0})).verdict == verdict
