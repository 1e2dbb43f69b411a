"""Traces beside what was expected: which expected event each model made happen, and what it did besides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.simulation.expect import Expectation, Plan
from harness.simulation.judge import match_events, may_stay
from harness.simulation.trace import Trace, describe_event


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What one model's trace holds, seen from a plan.

    Attributes:
        simulated: False where the answer could not be simulated; everything else is empty then.
        met: For each expected event whether it happened.
        besides: Events that nobody asked for, as lines.
        broken: Preconditions that did not hold, as (code, message).
        ends: Mismatches of the final state, as lines.
    """

    simulated: bool
    met: tuple[bool, ...] = ()
    besides: tuple[str, ...] = ()
    broken: tuple[tuple[str, str], ...] = ()
    ends: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether everything expected happened and nothing else."""
        return self.simulated and all(self.met) and not (self.besides or self.broken or self.ends)


@dataclass(frozen=True, slots=True)
class Against:
    """Traces of all models against one plan.

    Attributes:
        expected: The plan's events, as lines.
        behaviours: One a model.
        ways: How many accepted plans there are.
    """

    expected: tuple[str, ...]
    behaviours: tuple[Behaviour, ...]
    ways: int


def against(traces: Sequence[Trace | None], expectation: Expectation) -> Against:
    """Set traces against the accepted plan that they come nearest to.

    This is for people: `harness.simulation.judge` alone decides success, this shows what it looked at.
    """
    seen = [[_behaviour(trace, plan, expectation) for trace in traces] for plan in expectation.plans]
    best = max(range(len(seen)), key=lambda k: (sum(b.clean for b in seen[k]), sum(sum(b.met) for b in seen[k]), -k))
    expected = tuple(pattern.text for pattern in expectation.plans[best].must)
    return Against(expected, tuple(seen[best]), len(seen))


def _behaviour(trace: Trace | None, plan: Plan, expectation: Expectation) -> Behaviour:
    if trace is None:
        return Behaviour(simulated=False)
    robot = expectation.scene.robot
    events = [event for event in trace.events if event.name not in robot.passing]
    matched, free = match_events(plan.must, events)
    besides = tuple(describe_event(event) for event in free if not may_stay(event, expectation.allow, robot))
    ends = tuple(
        f"{check.name} {trace.final[check.name]}, wanted {check.wanted}"
        for check in plan.final
        if not check.holds(trace.final[check.name])
    )
    broken = tuple((one.code, one.message) for one in trace.broken)
    return Behaviour(True, tuple(event is not None for event in matched), besides, broken, ends)
