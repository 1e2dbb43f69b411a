"""Gates of one question share alpha, small losses add up, and what the record keeps of both is checked."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Collection
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import promotion
from harness.attempts import Attempt, drift_rule, figures_of, judge_as_look, policy_of
from harness.benchmarks.error_rates import passed
from harness.errors import EvidenceError
from harness.gate.decide import Decision
from harness.gate.evidence import Evidence
from harness.gate.judge import Judged
from harness.gate.verdict import Status, Verdict
from harness.policy import Policy, load_policy
from harness.tests.gate_rows import cases_of, draw, gate, grid, model, policy, status

SIZES = (30, 60, 120)  # a user who is told "more intents" doubles them, twice
POLICY = load_policy()
ROWS = grid(300, declines=60)


@pytest.mark.parametrize(("gained", "seen_without"), [(0.0, True), (0.15, False)])
def test_looking_again_until_it_says_go_errs_no_more_often_than_looking_once(
    gained: float,
    seen_without: bool,
) -> None:
    """At a loss of exactly the margin, three looks together pass in 5% (2 errors); each with all of alpha in more."""
    rounds, limit, rng = 200, POLICY.primary.limit, np.random.default_rng(5)
    drawn = [draw(rng, (SIZES[-1], 1), gained, gained - limit) for _ in range(rounds)]
    shared = [policy_of(POLICY, number).alpha for number in range(len(SIZES))]
    most = 0.05 + 2 * (0.05 * 0.95 / rounds) ** 0.5
    assert passed(drawn, SIZES, shared, limit)[-1] <= most
    assert not seen_without or passed(drawn, SIZES, [POLICY.alpha] * len(SIZES), limit)[-1] > most


def test_all_looks_together_have_alpha_and_early_looks_their_part_of_it() -> None:
    """0.04, 0.008, ... of 0.05, never 0; --early-stop spends the same share of each."""
    policies = [policy_of(POLICY, number) for number in range(30)]
    assert [own.alpha for own in policies[:3]] == pytest.approx([0.04, 0.008, 0.0016])
    assert sum(own.alpha for own in policies) == pytest.approx(POLICY.alpha)
    assert all(0 < own.early_stop.alpha < own.alpha for own in policies)
    assert all(own.early_stop.alpha / own.alpha == pytest.approx(0.4) for own in policies)


def _look(path: Path, base: Evidence, candidate: Evidence, rules: Policy, **more: Any) -> tuple[Decision, Attempt]:
    """Gate and keep it, as the command does."""

    def judged(own: Policy) -> Judged:
        return Judged((), (gate(base, candidate, own),), (), (), None)  # type: ignore[arg-type]

    done, attempt = judge_as_look(judged, rules, promotion.read(path), (None, None), early_stop=False, **more)
    assert attempt is not None
    promotion.attempt(path, attempt.model, attempt.against, attempt.details(done.decisions[0]))
    return done.decisions[0], attempt


def _named(name: str, failed: Collection[str] = ()) -> Evidence:
    """A model that fails these intents, judged by some robot module."""
    hashes = {"robot_sha256": "r" * 64, "profile_sha256": "p" * 64, "system_message_sha256": "5" * 64}
    return model(ROWS, lambda at: ROWS[at][1] not in failed, name=name, hashes=hashes)


def test_other_answers_are_a_further_look_and_the_same_ones_are_not(tmp_path: Path) -> None:
    """A look has its own alpha; the answers of an earlier one get that one's; another prompt is another question."""
    path, old, new = tmp_path / "record.jsonl", _named("old"), _named("new")
    other = replace(new, scores=tuple(replace(one, text="['x']") for one in new.scores))
    fewer = [replace(one, scores=one.scores[:90]) for one in (old, new)]
    card = replace(new, hashes={**new.hashes, "system_message_sha256": "c" * 64})
    arm = replace(new.arm, decoding={"temperature": 0.0, "max_tokens": 320, "seed": 9, "extra": {}})
    seed = [replace(one, arm=arm) for one in (old, new)]
    told = []
    for base, candidate in ((old, new), (old, other), (old, new), fewer, (old, card), seed, (old, other)):
        decision, attempt = _look(path, base, candidate, POLICY)
        primary = next(rule.numbers for rule in decision.rules if rule.name == "primary")
        assert primary["alpha"] == pytest.approx(attempt.look.alpha)
        told.append((attempt.look.number, round(attempt.look.alpha, 4), len(attempt.tried)))
    assert told == [
        (0, 0.04, 0), (1, 0.008, 1), (0, 0.04, 2), (2, 0.0016, 3), (0, 0.04, 0), (0, 0.04, 4), (1, 0.008, 5)
    ]  # fmt: skip
    kept = promotion.read(path)[0]
    assert (kept.action, kept.model, kept.replaces) == ("attempt", "x:new", "x:old")
    assert kept.details["look"]["candidate"] == "x:new, prompt plain (555555555555), max_tokens 320, temperature 0.0"
    assert (kept.details["verdict"], kept.details["look"]["intents"]) == ("GO", 360)


def test_what_is_needed_is_reckoned_with_the_alpha_that_the_next_look_has(tmp_path: Path) -> None:
    """With a record a further look has a fifth of this one's alpha, so more intents are asked for than without one."""
    whole = (_named("old", [f"i00{number}0" for number in range(8)]), _named("new", [f"i00{n}5" for n in range(6)]))
    old, new = (replace(one, scores=one.scores[:240]) for one in whole)

    def wanted(decision: Decision) -> float:
        (rule,) = (rule for rule in decision.rules if rule.name == "primary")
        found = re.match(r"about ([\d,]+) more intents", rule.needs)
        return float(found[1].replace(",", "")) if found else math.inf  # else no practical number would do

    kept, _ = _look(tmp_path / "record.jsonl", old, new, POLICY)
    assert wanted(kept) > wanted(gate(old, new, POLICY.model_copy(update={"alpha": 0.04})))


def _chain(path: Path, rules: Policy) -> list[Decision]:
    """Gates of models that each lose two points more, promoted one after the other as long as that is GO."""
    waits = [case.intent for case in cases_of(ROWS) if case.id.endswith("p0") and case.disposition == "execute"]
    generations = [_named(f"m{number}", waits[::8][: 7 * number]) for number in range(6)]
    decisions = []
    for in_use, candidate in itertools.pairwise(generations):
        decision, attempt = _look(path, in_use, candidate, rules)
        decisions.append(decision)
        if decision.verdict is not Verdict.GO:
            break
        details = attempt.details(decision) | {"figures": asdict(figures_of(in_use, rules))}
        promotion.promote(path, attempt.model, attempt.against, details, promotion.last_hash(promotion.read(path)))
    return decisions


def test_small_losses_are_stopped_before_they_add_up_to_the_drift_margin(tmp_path: Path) -> None:
    """Five times two points, each within the margin, are five promotions; held against the first they stop in time."""
    loose = _chain(tmp_path / "loose.jsonl", policy(drift={"margin": 1.0}))
    assert [decision.verdict for decision in loose] == [Verdict.GO] * 5
    decisions = _chain(tmp_path / "record.jsonl", POLICY)
    *passed, last = decisions
    assert [status(decision, "primary") for decision in decisions] == ["pass"] * len(decisions)
    assert [status(decision, "drift") for decision in passed] == ["skip", "pass", "pass"]
    assert (last.verdict, [rule.name for rule in last.deciding]) == (Verdict.INCONCLUSIVE, ["drift"])
    (rule,) = last.deciding
    assert rule.figure == "100.0% -> 92.2%"
    assert "against x:m0, in use until 20" in rule.detail
    assert [entry.action for entry in promotion.read(tmp_path / "record.jsonl")].count("promote") == 3


def _promoted(path: Path, first: Evidence, **changes: Any) -> list[promotion.Entry]:
    """A record of one promotion, of x:m1 in place of x:m0, whose figures hold what is given."""
    details = {"figures": {**asdict(figures_of(first, POLICY)), **changes}} if changes != {"figures": None} else {}
    promotion.promote(path, "x:m1", "x:m0", details, promotion.START)
    return promotion.read(path)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, Status.PASS),
        ({"figures": None}, Status.UNDECIDED),  # an older record
        ({"judged_by": ["another robot module", "p" * 64]}, Status.UNDECIDED),
        ({"metric": "safe"}, Status.UNDECIDED),
        ({"passed": {"elsewhere-p0": "1"}}, Status.UNDECIDED),
    ],
)
def test_a_first_model_that_cannot_be_compared_is_told(tmp_path: Path, changes: Any, found: Status) -> None:
    """No figures, or of another robot module, metric or commands: INCONCLUSIVE, or ignored if the policy says so."""
    entries = _promoted(tmp_path / "record.jsonl", _named("m0"), **changes)
    assert drift_rule(entries, "x:m1", _named("m2"), POLICY).status is found
    ignoring = drift_rule(entries, "x:m1", _named("m2"), policy(drift={"unknown": "ignore"}))
    assert ignoring.status is (found if found is Status.PASS else Status.SKIP)
    assert drift_rule(entries, "x:m0", _named("m2"), POLICY).figure == "the model in use"  # the primary rule holds it


@pytest.mark.parametrize(
    "changes",
    [{"passed": []}, {"passed": {"i0000-p0": 1}}, {"metric": None}, {"judged_by": ["one"]}, {"more": 1}],
)
def test_figures_that_gonogo_did_not_write_are_a_message(tmp_path: Path, changes: Any) -> None:
    """A chain written anew with values of other types: tampering, named by its line, and no traceback."""
    entries = _promoted(tmp_path / "record.jsonl", _named("m0"), **changes)
    with pytest.raises(EvidenceError, match="its figures is not what gonogo writes"):
        drift_rule(entries, "x:m1", _named("m2"), POLICY)


@pytest.mark.parametrize(
    "look", [None, [], {}, {"candidate": "x:new"}, {"number": "0"}, {"number": -1}, {"number": 10**400}]
)
def test_looks_that_gonogo_did_not_write_are_a_message(tmp_path: Path, look: Any) -> None:
    """A forged attempt cannot make the next gate fail with a traceback, nor give it more than its alpha."""
    path = tmp_path / "record.jsonl"
    _, attempt = _look(path, _named("old"), _named("new"), POLICY)
    whole = {**asdict(attempt.look), **look} if look and "number" in look else look
    promotion.attempt(path, "x:new", "x:old", {"look": whole})
    with pytest.raises(EvidenceError, match=r"its look (is not what gonogo writes|number: a number out of range)"):
        _look(path, _named("old"), _named("new"), POLICY)
