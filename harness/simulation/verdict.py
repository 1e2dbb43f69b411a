"""The whole way from a checked answer to success: findings first, then the simulated trace and its expectation."""

from __future__ import annotations

from dataclasses import dataclass

from harness.checks import Checked, Finding
from harness.errors import InputError
from harness.simulation.expect import Expectation
from harness.simulation.judge import Judgement, judge
from harness.simulation.labels import Label, of_finding
from harness.simulation.run import STEP_BUDGET, simulate
from harness.simulation.trace import Trace

# In which order the stages count: what cannot be read first; an unsafe part before a merely wrong one.
_STAGES = "FSGA"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one answer is worth.

    Attributes:
        success: No finding at all, and the trace satisfies the expectation.
        label: The first failure; None on success.
        reason: It in words; empty on success.
        item: 0-based position of the command to blame, where one is.
        trace: What the robot would do; None where some command could not be bound.
        runs: The list could be simulated and no precondition broke.
        content: The judgement of the trace alone, whatever stands around the list; None without a trace.
    """

    success: bool
    label: Label | None
    reason: str
    item: int | None
    trace: Trace | None
    runs: bool
    content: Judgement | None


def decide(checked: Checked, expectation: Expectation, budget: int = STEP_BUDGET) -> Verdict:
    """Judge one checked answer.

    Args:
        checked: By the pack's profile, the case's guarded calls allowed.
        expectation: Of the case.
        budget: Steps of the simulation.

    Raises:
        InputError: the robot module fails; with its file and line, and the case.
    """
    trace = content = None
    if checked.calls is not None:
        trace = simulate(checked.calls, expectation.scene, budget, expectation.about)
        try:
            content = judge(trace, expectation)
        except InputError as error:  # the robot module fails to say what an event means
            raise InputError(f"{error} ({expectation.about})") from error
    runs = trace is not None and not trace.broken
    if checked.findings:
        first = min(checked.findings, key=_rank)
        reason = f"{first.code} {first.message}"
        return Verdict(False, of_finding(first.code), reason, first.item, trace, runs, content)
    if content is None:
        # An empty list is format-valid and has no calls: nothing was done where something, or a refusal, was due.
        return Verdict(False, Label.MISSING_STEP, "the list holds no command", None, None, False, None)
    return Verdict(content.success, content.label, content.reason, content.item, trace, runs, content)


def _rank(finding: Finding) -> int:
    # What stands around a list that could be read ("strict" format) counts last.
    if finding.code[0] == "F":
        return len(_STAGES) if finding.code in _AROUND else 0
    return _STAGES.index(finding.code[0])


_AROUND = frozenset({"F101", "F102", "F103", "F105", "F107"})
