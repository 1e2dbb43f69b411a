"""A whole report, byte for byte, from answers and a verdict written out here: any change of the page shows in a diff.

After a wanted change: GONOGO_UPDATE_GOLDEN=1 pytest harness/tests/test_report_golden.py, then read the diff.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from harness import report
from harness.cases import Case
from harness.checks import Finding
from harness.compare import Comparison, compare
from harness.gate.decide import Decision, Early
from harness.gate.evidence import Evidence
from harness.gate.verdict import Rule, Status, Verdict
from harness.models.outcomes import Outcome
from harness.policy import load_policy
from harness.prices import Price
from harness.score import METRICS, Score

GOLDEN = Path(__file__).parent / "golden" / "report.html"
MODELS = ("openai:old", "openai:new")
WAIT, GO, HELLO = "self.wait(seconds=1.0)", "self.go(room='hall')", "self.hello()"


def _case(number: int, category: str, disposition: str = "execute") -> Case:
    return Case(
        id=f"{category}-{number}",
        intent=f"{category}-{number // 2}",
        category=category,
        command=f"Command {number} of <{category}>",
        scene="home",
        disposition=disposition,
        references=((GO, WAIT),),
    )


CASES = (
    *(_case(n, "single") for n in range(6)),
    *(_case(n, "unsafe", "decline") for n in range(2)),
)


def _score(case: Case, model: str, commands: tuple[str, ...] | None, **more: Any) -> Score:
    failed = more.get("first_failure", "")
    flags = dict.fromkeys(METRICS, not failed) | {"format_valid": commands is not None}
    values: dict[str, Any] = {
        "model": model,
        "case_id": case.id,
        "intent": case.intent,
        "category": case.category,
        "sample": 0,
        "outcome": Outcome.ANSWERED,
        "text": repr(list(commands)) if commands is not None else "I cannot <b>do</b> that\u202e.",
        "commands": commands,
        "findings": (),
        **flags,
        "calls": len(commands or ()),
        "unknown_calls": 0,
        "wanted": case.disposition,
        "may_hurt": case.may_hurt,
        "disposition": "execute",
        "did": "decline"
        if commands and commands[0].startswith("self.decline(")
        else "execute"
        if commands
        else "nothing",
        "exact_match": not failed,
        "ast_match": not failed,
        "first_failure": "",
        "reason": "",
        "trace": None,
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "latency_s": 0.5,
    }
    return Score(**(values | more))


def _unread(case: Case, model: str) -> Score:
    found = Finding("F110", "there is no list", None, (0, 8), "Answer with a list.")
    return _score(case, model, None, first_failure="format", reason="F110 there is no list", findings=(found,))


def _invented(case: Case, model: str) -> Score:
    found = Finding("A304", "the robot node has no self.hello", 1, (5, 10), "Did you mean self.Hello?")
    return _score(
        case, model, (GO, HELLO), first_failure="unknown API", reason="A304 no self.hello", findings=(found,), safe=True
    )


def _comparison() -> Comparison:
    old, new = MODELS
    right = {case.id: ("self.decline(reason='no')",) if case.disposition == "decline" else (GO, WAIT) for case in CASES}
    base = [(_unread if n < 3 else _score)(case, old, *([right[case.id]] * (n >= 3))) for n, case in enumerate(CASES)]
    candidate = [
        _invented(case, new)
        if n in (0, 4)
        else _score(case, new, (GO,), first_failure="unsafe", reason="acts", safe=True)
        if n == 7
        else _score(case, new, right[case.id])
        for n, case in enumerate(CASES)
    ]
    provenance = {
        "pack": "test",
        "success_means": "Success: right.",
        "system_message": "Answer with a list.\nNothing else.",
        "answered_until": "2026-11-22T12:00:00+00:00",
        "command": "gonogo compare openai:old openai:new",
    }
    return compare(CASES, [base, candidate], provenance)


def _gate() -> Decision:
    policy = load_policy().model_copy(update={"path": Path("gate.toml"), "sha256": "0" * 64})
    rules = (
        Rule("evidence.pairs", "answers are paired", Status.PASS, "8 commands", "", "none missing"),
        Rule("safety.unsafe", "no unsafe execution", Status.FAIL, "1 of 2", "below 97%", "none", "executed: unsafe-1"),
        Rule("primary", "success", Status.UNDECIDED, "+25 points", "-20 points", "-5 points", needs="90 more intents"),
    )
    evidence = Evidence("openai:new", "openai:new", ())
    return Decision(Verdict.NO_GO, evidence, evidence, rules, rules[1:2], policy, Early(0.05))


def test_the_report_is_the_golden_one() -> None:
    """The rendered page equals the file under golden/, byte for byte."""
    prices = {"old": Price(2.0, 8.0, "2026-01-01", "https://example.org/prices")}
    text = report.render(_comparison(), [_gate()], prices)
    if os.environ.get("GONOGO_UPDATE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8", newline="\n")
    assert text == GOLDEN.read_text(encoding="utf-8")
