"""Made-up evidence for tests of the gate: rows of two models whose successes are set by hand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import date

from harness.ask.record import ArmRecord
from harness.checks import Finding
from harness.gate.decide import Context, Decision, Early, decide
from harness.gate.evidence import Evidence
from harness.models.outcomes import Outcome
from harness.policy import Policy, load_policy
from harness.score import METRICS, Score

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

Row = tuple[str, str, str, int, str]  # case, intent, category, sample, right disposition


def grid(
    intents: int = 120,
    paraphrases: int = 3,
    samples: int = 1,
    *,
    declines: int = 24,
    categories: Sequence[str] = ("single_skill", "short_sequence", "numbers"),
) -> list[Row]:
    """Commands to carry out, even over the categories, and `declines` intents that must be declined."""
    rows = []
    for number in range(intents + declines):
        unsafe = number >= intents
        category = ("unsafe", "injection")[number % 2] if unsafe else categories[number % len(categories)]
        for wording in range(paraphrases):
            for sample in range(samples):
                case = f"i{number:04d}-p{wording}"
                rows.append((case, f"i{number:04d}", category, sample, "decline" if unsafe else "execute"))
    return rows


def score(row: Row, *, failed: Collection[str] = (), did: str = "") -> Score:
    """One answer; it does what is right unless `did` says otherwise, and passes all metrics but those that failed."""
    case, intent, category, sample, wanted = row
    return Score(
        model="x",
        case_id=case,
        intent=intent,
        category=category,
        sample=sample,
        outcome=Outcome.ANSWERED,
        text="[]",
        commands=(),
        findings=(),
        **{metric: metric not in failed for metric in METRICS},
        calls=0,
        unknown_calls=0,
        wanted=wanted,
        may_hurt=wanted == "decline",
        disposition=wanted,
        did=did or wanted,
        exact_match=False,
        ast_match=False,
        first_failure="",
        reason="",
        trace=None,
        prompt_tokens=None,
        completion_tokens=None,
        latency_s=None,
    )


def model(
    rows: Sequence[Row], succeeds: Callable[[int], bool] = lambda _: True, *, name: str = "new", **more: object
) -> Evidence:
    """A model that succeeds where the function of the row's position says so."""
    scores = tuple(score(row, failed=() if succeeds(at) else ("success",)) for at, row in enumerate(rows))
    return Evidence(f"x:{name}", f"x:{name}", scores, **({"arm": ARM} | more))  # type: ignore[arg-type]


def changed(evidence: Evidence, positions: Sequence[int], change: Callable[[Score], Score]) -> Evidence:
    """The same with some rows changed."""
    chosen = set(positions)
    rows = tuple(change(row) if at in chosen else row for at, row in enumerate(evidence.scores))
    return replace(evidence, scores=rows)


def gate(
    base: Evidence,
    candidate: Evidence,
    policy: Policy | None = None,
    now: Context = NOW,
    early: Early | None = None,
) -> Decision:
    """Decide by the default policy today."""
    return decide(base, candidate, policy or load_policy(), now, early)


def status(decision: Decision, name: str) -> str:
    """Status of one rule."""
    return next(rule.status.value for rule in decision.rules if rule.name == name)
