"""The simulated robot while a command list runs.

One `Robot` lives for one simulation and is the only mutable object in it. A skill reads and changes it, reports
what happened with `emit`, and what could not happen with `refuse`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.simulation.trace import Broken, Event, Value
from harness.simulation.world import Scene

ON_THE_WAY = "on_the_way"


@dataclass(slots=True)
class Robot:
    """State of the robot, and what has happened so far.

    Attributes:
        posture: balanced, locked, lying, sitting, damped or fallen.
        gait: none, agile or classic.
        location: Room, or `on_the_way` after a cancelled trip.
        x, y: Metres east and north in the scene; `heading` radians, positive to the left.
        goals: Rooms on the way to which the robot is; empty when not driving.
        spin: Angle (rad) of a spin not yet waited for; None when there is none.
        docking: Dock being approached, or "".
        request: (task, object) of a perception request not yet waited for, or None.
        result: (task, object) of a perception result not yet reported, or None.
        trick_s: Seconds that the current trick still takes.
        velocity: (vx, vy, vyaw) of the last Move, in m/s and rad/s.
        move_s: Seconds that the last Move still lasts; 1.0 means it has had no time yet.
        by_hand: A Move ran and no StopMove has followed.
        attitude: (roll, pitch, yaw) of the body, in rad.
    """

    scene: Scene
    events: list[Event]
    broken: list[Broken]
    item: int
    location: str
    x: float
    y: float
    posture: str
    gait: str
    docked: bool
    battery: int
    goals: tuple[str, ...]
    volume: int
    speed_level: int
    avoidance: bool
    clear_space: float
    heading: float = 0.0
    spin: float | None = None
    docking: str = ""
    request: tuple[str, str] | None = None
    result: tuple[str, str] | None = None
    trick_s: float = 0.0
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    move_s: float = 0.0
    by_hand: bool = False
    attitude: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def place(self) -> str:
        """The room it is in, or `on_the_way`."""
        return ON_THE_WAY if self.goals else self.location

    def emit(self, name: str, **fields: Value) -> None:
        """Append an event."""
        self.events.append(Event(name, fields, self.item))

    def refuse(self, code: str, message: str) -> bool:
        """Record a broken precondition; always False, so that a guard can return it."""
        self.broken.append(Broken(code, message, self.item, self.describe()))
        return False

    def describe(self) -> str:
        """The state in a line, for people."""
        parts = [f"{self.posture} in {self.location}" if not self.goals else f"driving to {self.goals[0]}"]
        parts += ["docked"] if self.docked else []
        parts += [f"docking at {self.docking}"] if self.docking else []
        parts += ["spinning"] if self.spin is not None else []
        parts += ["moving"] if self.move_s > 0 else []
        parts += ["trick not finished"] if self.trick_s > 0 else []
        if self.request:
            parts.append(f"{self.request[0]} pending")
        elif self.result:
            parts.append(f"{self.result[0]} result not reported")
        return ", ".join([*parts, f"battery {self.battery}%"])

    def final(self) -> dict[str, Value]:
        """The state that expectations may name."""
        return {
            "location": self.place,
            "posture": self.posture,
            "gait": self.gait,
            "docked": self.docked,
            "battery": self.battery,
            "volume": self.volume,
            "speed_level": self.speed_level,
            "avoidance": self.avoidance,
            "heading": math.remainder(self.heading, math.tau),
        }


def start(scene: Scene) -> Robot:
    """A robot in the start state of a scene, with an empty record."""
    begin = scene.start
    x, y = scene.rooms[begin.location].at
    return Robot(
        scene,
        [],
        [],
        0,
        begin.location,
        x,
        y,
        begin.posture,
        begin.gait,
        begin.docked,
        begin.battery,
        begin.goals,
        begin.volume,
        begin.speed_level,
        begin.avoidance,
        begin.clear_space,
    )
