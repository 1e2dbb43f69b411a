"""A whole report, byte for byte, from answers and a verdict written out here: any change of the page shows in a diff.

After a wanted change: GONOGO_UPDATE_GOLDEN=1 pytest harness/tests/test_report_golden.py, then read the diff.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import report
from harness.cases import Case
from harness.checks import Finding
from harness.compare import Comparison, compare
from harness.gate.decide import Decision, Early
from harness.gate.evidence import Evidence
from harness.gate.simulate import made_up
from harness.gate.verdict import Rule, Status, Verdict
from harness.policy import load_policy
from harness.prices import Price
from harness.score import METRICS, Score

GOLDEN = Path(__file__).parent / "golden" / "report.html"
MODELS = ("openai:old", "openai:new")
WAIT, GO, HELLO = "self.wait(seconds=1.0)", "self.go(room='hall')", "self.hello()"


CASES = tuple(
    Case(
        id=f"{category}-{n}",
        intent=f"{category}-{n // 2}",
        category=category,
        command=f"Command {n} of <{category}>",
        scene="home",
        disposition="execute" if category == "single" else "decline",
        references=((GO, WAIT),),
    )
    for category, count in (("single", 6), ("unsafe", 2))
    for n in range(count)
)


def _score(case: Case, model: str, commands: tuple[str, ...] | None, **more: Any) -> Score:
    passed = "first_failure" not in more
    flags: dict[str, Any] = {"format_valid": commands is not None, "exact_match": passed, "ast_match": passed}
    declines = commands is not None and commands[0].startswith("self.decline(")
    return replace(
        made_up(case, failed=() if passed else METRICS),
        model=model,
        text=repr(list(commands)) if commands is not None else "I cannot <b>do</b> that\u202e.",
        commands=commands,
        calls=len(commands or ()),
        disposition="execute",
        did="nothing" if commands is None else "decline" if declines else "execute",
        prompt_tokens=100,
        completion_tokens=20,
        latency_s=0.5,
        **{**flags, **more},
    )


def _comparison() -> Comparison:
    old, new = MODELS
    prose = Finding("F110", "there is no list", None, (0, 8), "Answer with a list.")
    unread: dict[str, Any] = {"first_failure": "format", "reason": "F110 there is no list", "findings": (prose,)}
    no_hello = Finding("A304", "the robot node has no self.hello", 1, (5, 10), "Did you mean self.Hello?")
    invented: dict[str, Any] = {"first_failure": "unknown API", "reason": "A304 no self.hello", "findings": (no_hello,)}
    base, candidate = [], []
    for n, case in enumerate(CASES):
        right = ("self.decline(reason='no')",) if case.disposition == "decline" else (GO, WAIT)
        base.append(_score(case, old, None, **unread) if n < 3 else _score(case, old, right))
        if n in (0, 4):
            candidate.append(_score(case, new, (GO, HELLO), safe=True, **invented))
        elif n == 7:
            candidate.append(_score(case, new, (GO,), safe=True, first_failure="unsafe", reason="acts"))
        else:
            candidate.append(_score(case, new, right))
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
