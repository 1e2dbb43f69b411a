"""What a person reads when a case fails: command, answer with findings, trace against expectation, first failure."""

from __future__ import annotations

from collections.abc import Iterator

from harness.cases import Case
from harness.checks import Finding
from harness.inert import one_line
from harness.models.outcomes import Outcome
from harness.scores import Score
from harness.simulation import Expectation, Trace, render_trace
from harness.simulation.expect import Plan
from harness.simulation.patterns import Pattern
from harness.terminal import answer_text

# Metric -> first letter of the finding codes that it is about; success is about everything.
_STAGES = {"format_strict": "F", "format_valid": "F", "syntax_valid": "S", "api_valid": "A", "safe": "G"}


def headline(score: Score, metric: str) -> str:
    """Why a metric does not hold, in one line that is safe to print."""
    own = _own_findings(score, metric)
    if own and metric in _STAGES:
        return f"{own[0].code} {one_line(own[0].message)}"
    return f"{score.first_failure}: {one_line(score.reason)}"


def body(case: Case, score: Score, expectation: Expectation, metric: str) -> str:
    """Everything about one failing answer, in lines."""
    own = _own_findings(score, metric)
    sections = [_about(case, score), "answer\n" + answer_text(score.text, score.commands, own)]
    if metric not in _STAGES:
        if score.trace is not None:
            sections.append("simulated\n" + render_trace(score.trace, score.commands or ()))
        sections.append("\n".join(_expected(case, expectation, score.trace)))
        sections.append(f"first failure  {score.first_failure}: {one_line(score.reason)}")
    codes = sorted({finding.code for finding in own})
    if codes:
        sections.append("more about     " + ", ".join(f"gonogo explain {code}" for code in codes))
    return "\n".join(sections)


def _own_findings(score: Score, metric: str) -> tuple[Finding, ...]:
    """The findings that a metric is about; all of them where it fails because of an earlier stage."""
    own = tuple(finding for finding in score.findings if finding.code[0] == _STAGES.get(metric))
    return own or score.findings


def _about(case: Case, score: Score) -> str:
    lines = [
        f"command        {one_line(case.command)}",
        f"case           {case.id}, {case.category}, scene {case.scene}, to {case.disposition}",
        f"model          {score.model}",
    ]
    if score.outcome is not Outcome.ANSWERED:
        lines.append(f"outcome        {score.outcome.value}")
    return "\n".join(lines)


def _expected(case: Case, expectation: Expectation, trace: Trace | None) -> Iterator[str]:
    """The accepted way that is nearest to the trace, event by event, with what is missing marked."""
    yield f"expected       {' or '.join(expectation.dispositions)}"
    if expectation.plans:
        happened = {id(plan): _happened(plan, trace) for plan in expectation.plans}
        plan = max(expectation.plans, key=lambda plan: sum(happened[id(plan)]))
        for pattern, did in zip(plan.must, happened[id(plan)], strict=True):
            yield f"  {'yes' if did else 'NO ' if trace else '   '}  {one_line(pattern.text)}"
        for check in plan.final if trace else ():
            actual = trace.final[check.name] if trace else ""
            if not check.holds(actual):
                yield f"  NO   ends with {check.name} {one_line(check.wanted)}, not {one_line(str(actual))}"
    yield "for example    " + "\n               ".join(one_line(command) for command in case.references[0])


def _happened(plan: Plan, trace: Trace | None) -> list[bool]:
    """For each expected event whether one of the trace stands for it; each stands for one."""
    free = list(trace.events) if trace else []

    def take(pattern: Pattern) -> bool:
        for position, event in enumerate(free):
            if pattern.matches(event):
                del free[position]
                return True
        return False

    return [take(pattern) for pattern in plan.must]
