"""Runs a bound command list against a scene, step by step, on the state that the robot module defines.

Symbolic and deterministic: nothing a model wrote is executed, no clock is read, and the only limit is a number of
steps. A call whose precondition is broken is recorded and skipped, and the rest runs on, so that one trace shows
everything there is to see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.checks import Call
from harness.simulation.robot import UndeclaredError
from harness.simulation.trace import ASKED, DECLINED, Broken, Event, Trace, Value

if TYPE_CHECKING:
    from harness.simulation.scene import Scene

STEP_BUDGET = 200  # calls; the longest plan of a shipped pack has about thirty


@dataclass(slots=True)
class State:
    """One robot in one simulation, and what has happened so far; a robot module adds its fields."""

    scene: Scene
    events: list[Event] = field(default_factory=list, init=False)
    broken: list[Broken] = field(default_factory=list, init=False)
    item: int = field(default=0, init=False)  # position of the call that runs; the number of calls after the last

    def emit(self, event: str, /, **fields: Value) -> None:
        """Record an event, joined to the one before where it goes on the same way.

        Raises:
            UndeclaredError: the robot declares no such event, or not this field or kind of value.
        """
        # Called for every event of every answer: what is declared is looked up in tables made beforehand.
        robot = self.scene.robot
        declared = robot.types.get(event)
        if declared is None:
            raise UndeclaredError(f"emits the event {event!r}, which is not declared")
        for key, value in fields.items():
            if value.__class__ not in declared.get(key, ()):
                known = ", ".join(f"{name} ({one.kind})" for name, one in robot.events[event].fields.items())
                raise UndeclaredError(f"emits {event!r} with {key} = {value!r}; declared are {known or 'no fields'}")
        events = self.events
        if events and events[-1].name == event and (joins := robot.events[event].joins):
            joined = _joined(joins, events[-1].fields, fields)
            if joined is not None:
                events[-1] = Event(event, joined, self.item)
                return
        events.append(Event(event, fields, self.item))

    def refuse(self, rule: str, message: str) -> bool:
        """Record a broken rule; always False, so that a guard can return it."""
        if rule not in self.scene.robot.rules:
            raise UndeclaredError(f"refuses by the rule {rule!r}, which is not declared")
        self.broken.append(Broken(rule, message, self.item, self.describe()))
        return False

    def describe(self) -> str:
        """The state in a line, shown beside a refusal."""
        return ""

    def final(self) -> dict[str, Value]:
        """The state at the end: exactly the keys of `Robot.final`."""
        return {}

    def finish(self) -> None:
        """What goes on, or is left open, after the last call."""


def _joined(joins: Mapping[str, str], before: Mapping[str, Value], now: Mapping[str, Value]) -> dict[str, Value] | None:
    """The fields of both together; None where the second does not go on as the first did."""
    if before.keys() != now.keys():
        return None
    together: dict[str, Value] = {}
    moving = False
    for key, value in now.items():
        how = joins.get(key)
        if how is None:
            if value != before[key]:
                return None
            together[key] = value
            continue
        one, two = float(before[key]), float(value)
        if how == "max":
            together[key] = max(one, two)
        elif (one > 0) - (one < 0) != (two > 0) - (two < 0):
            return None
        else:
            together[key] = one + two
            moving = moving or two != 0
    return together if moving else None


def simulate(calls: Sequence[Call], scene: Scene, budget: int = STEP_BUDGET, about: str = "") -> Trace:
    """What the robot of the scene does when it is given these calls.

    Beyond the budget simulation stops, and the trace is marked exhausted. `about` is what the calls belong to, such as
    a case, for the message of a robot module that fails.

    Raises:
        InputError: the robot module raises, or breaks its own declarations; with its file and line.
    """
    try:
        return _run(calls, scene, budget)
    except Exception as error:  # whatever a robot module may raise
        shown = ", ".join(call.path for call in calls[:8]) or "an empty list"
        raise scene.robot.fault(error, f"{about}: {shown}" if about else shown) from error


def _run(calls: Sequence[Call], scene: Scene, budget: int) -> Trace:
    state = scene.robot.new(scene)
    skills = scene.robot.skills
    exhausted = len(calls) > budget
    for item, call in enumerate(calls[:budget] if exhausted else calls):
        state.item = item
        skill = skills.get(call.path)
        if skill is None:
            state.refuse("R598", f"{call.path} has no meaning in the simulator")
        else:
            skill(state, **call.args)
    if exhausted:
        state.item = budget
        state.refuse("R599", f"{len(calls)} calls are more than the budget of {budget}")
    else:
        state.item = len(calls)
        state.finish()
        spoken = next((event for event in state.events if event.name in (ASKED, DECLINED)), None)
        if spoken is not None and len(calls) > 1:
            state.item = spoken.item
            state.refuse("R516", "asking or declining beside other calls: it stands alone, or not at all")
    return Trace(tuple(state.events), tuple(state.broken), _final(state), exhausted)


def _final(state: State) -> dict[str, Value]:
    robot, final, code = state.scene.robot, state.final(), type(state).final.__code__
    if final.keys() != robot.final.keys():
        odd = ", ".join(sorted(final.keys() ^ robot.final.keys()))
        raise UndeclaredError(f"final() and the declared final state differ in {odd}", code)
    types = robot.final_types
    for name, value in final.items():
        if value.__class__ not in types[name]:
            message = f"final() gives {name} = {value!r}, declared as {robot.final[name].kind}"
            raise UndeclaredError(message, code)
    return final
