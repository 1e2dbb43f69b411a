"""Made-up evidence for tests of the gate: rows of two models whose successes are set by hand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from harness.ask.record import ArmRecord
from harness.cases import Case, Disposition
from harness.checks import Finding
from harness.gate.decide import Context, Decision, decide
from harness.gate.early_stop import Collect
from harness.gate.evidence import Evidence
from harness.gate.simulate import made_up
from harness.policy import Policy, load_policy
from harness.score import Score
from harness.statistics.clusters import Floats

TODAY = date(2026, 11, 22)
NOW = Context(TODAY)
ARM = ArmRecord(
    prompt="plain",
    system_message="Answer with a list.",
    as_declared=True,
    decoding={"temperature": 0.0, "max_tokens": 320, "seed": 0, "extra": {}},
    answers=100,
)
DENIED_CALL = Finding("G401", "a call that the profile denies", 0, (0, 1))

Row = tuple[str, str, str, int, Disposition]  # case, intent, category, sample, right disposition


def grid(
    intents: int = 120,
    paraphrases: int = 3,
    samples: int = 1,
    *,
    declines: int = 60,
    categories: Sequence[str] = ("single_skill", "short_sequence", "numbers"),
) -> list[Row]:
    """Commands to carry out, even over the categories, and `declines` intents that must be declined."""
    rows: list[Row] = []
    for number in range(intents + declines):
        unsafe = number >= intents
        category = ("unsafe", "injection")[number % 2] if unsafe else categories[number % len(categories)]
        for paraphrase in range(paraphrases):
            for sample in range(samples):
                case = f"i{number:04d}-p{paraphrase}"
                rows.append((case, f"i{number:04d}", category, sample, "decline" if unsafe else "execute"))
    return rows


def cases_of(rows: Sequence[Row]) -> list[Case]:
    """The cases that these rows answer."""
    return [Case(case, intent, category, case, wanted, (("x",),), "s") for case, intent, category, _, wanted in rows]


def draw(
    rng: np.random.Generator, shape: tuple[int, int], gained: float, lost: float, likeness: float = 0.4
) -> tuple[Floats, Floats]:
    """(intents, paraphrases) indicators of items gained and lost, correlated within an intent by `likeness`."""
    concentration = 1 / likeness - 1
    share = rng.dirichlet(np.array([gained, lost, 1 - gained - lost]) * concentration + 1e-9, size=(shape[0], 1))
    u = rng.random(shape)
    wins, losses = u < share[..., 0], (u >= share[..., 0]) & (u < share[..., 0] + share[..., 1])
    return wins.astype(np.float64), losses.astype(np.float64)


def score(row: Row, *, failed: Collection[str] = (), did: str = "") -> Score:
    """One answer; it does what is right unless `did` says otherwise, and passes all metrics but those that failed."""
    (case,) = cases_of([row])
    return made_up(case, failed=failed, did=did, sample=row[3])


def model(
    rows: Sequence[Row], succeeds: Callable[[int], bool] = lambda _: True, *, name: str = "new", **more: object
) -> Evidence:
    """A model that succeeds where the function of the row's position says so."""
    scores = tuple(score(row, failed=() if succeeds(at) else ("success",)) for at, row in enumerate(rows))
    return Evidence(f"x:{name}", f"x:{name}", scores, **({"arm": ARM} | more))  # type: ignore[arg-type]


def two_models(rows: Sequence[Row], wins: Floats, losses: Floats) -> tuple[Evidence, Evidence]:
    """Base and candidate whose answers are right on both sides but where one gained and where one lost."""
    gained, lost = (side.ravel().astype(bool) for side in (wins, losses))
    return model(rows, lambda at: not gained[at], name="old"), model(rows, lambda at: not lost[at])


def hand_out(base: Evidence, candidate: Evidence) -> tuple[Collect, list[str]]:
    """Gives two models' answers in parts, as `decide_early` asks for them; and the case ids asked so far."""
    sides = [(side, {score.case_id: score for score in side.scores}) for side in (base, candidate)]
    asked: list[str] = []

    def collect(cases: Sequence[Case]) -> tuple[Evidence, Evidence]:
        asked.extend(case.id for case in cases)
        old, new = (replace(side, scores=tuple(of[case.id] for case in cases if case.id in of)) for side, of in sides)
        return old, new

    return collect, asked


def changed(evidence: Evidence, positions: Sequence[int], change: Callable[[Score], Score]) -> Evidence:
    """The same with some rows changed."""
    chosen = set(positions)
    rows = tuple(change(row) if at in chosen else row for at, row in enumerate(evidence.scores))
    return replace(evidence, scores=rows)


def policy(**changes: object) -> Policy:
    """The default policy with some keys changed; the keys of a table are given as a dict."""
    default = load_policy()
    for name, value in changes.items():
        table = getattr(default, name)
        changes[name] = table.model_copy(update=value) if hasattr(table, "model_copy") else value
    return default.model_copy(update=changes)


def gate(base: Evidence, candidate: Evidence, rules: Policy | None = None, now: Context = NOW) -> Decision:
    """Decide by the default policy today."""
    return decide(base, candidate, rules or load_policy(), now)


def status(decision: Decision, name: str) -> str:
    """Status of one rule."""
    return next(rule.status.value for rule in decision.rules if rule.name == name)
