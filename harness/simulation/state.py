"""The state of one robot in one simulation: what a robot module subclasses, and what it reports with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import CodeType
from typing import TYPE_CHECKING

from harness.simulation.trace import Broken, Event, Value

if TYPE_CHECKING:
    from harness.simulation.world import Scene


class UndeclaredError(Exception):
    """A robot module does what it does not declare; `code` says where, if the traceback does not."""

    def __init__(self, message: str, code: CodeType | None = None) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class State:
    """One robot in one simulation, and what has happened so far; a robot module adds its fields.

    Attributes:
        item: Position of the call that runs; the number of calls after the last.
    """

    scene: Scene
    events: list[Event] = field(default_factory=list, init=False)
    broken: list[Broken] = field(default_factory=list, init=False)
    item: int = field(default=0, init=False)

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
            if key not in declared or value.__class__ not in declared[key]:
                known = ", ".join(f"{name} ({one.kind})" for name, one in robot.events[event].fields.items())
                raise UndeclaredError(f"emits {event!r} with {key} = {value!r}; declared are {known or 'no fields'}")
        events = self.events
        if event in robot.joining and events and events[-1].name == event:
            joined = _joined(robot.joining[event], events[-1].fields, fields)
            if joined is not None:
                events[-1] = Event(event, joined, self.item)
                return
        events.append(Event(event, fields, self.item))

    def refuse(self, rule: str, message: str) -> bool:
        """Record a broken rule; always False, so that a guard can return it.

        Raises:
            UndeclaredError: the robot declares no such rule.
        """
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
        other = before[key]
        how = joins.get(key)
        if how is None:
            if value != other:
                return None
            together[key] = value
            continue
        one, two = float(other), float(value)
        if how == "max":
            together[key] = max(one, two)
        elif (one > 0) - (one < 0) != (two > 0) - (two < 0):
            return None
        else:
            together[key] = one + two
            moving = moving or two != 0
    return together if moving else None
