"""The Go2 while a command list runs, and how a run may begin: the keys of `start`, and which of them go together.

One `Go2` lives for one simulation and is the only mutable object in it. A skill reads and changes it, reports what
happened with `emit`, and what could not happen with `refuse`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.simulation import Scene, StartError, StartKey, State, Value
from harness.simulation.trace import ASKED, DECLINED

POSTURES = ("balanced", "locked", "lying", "sitting", "fallen", "damped")
GAITS = ("none", "agile", "classic")
ON_THE_WAY = "on_the_way"
# Ways and motions: that the robot is under way meanwhile goes without saying.
MOTIONS = frozenset({"arrived", "passed", "cancelled", "turned", "moved", "docked", "unfinished"})
_NO_ACT = frozenset({ASKED, DECLINED})
LEVEL = (0.0, 0.0, 0.0)  # no roll, pitch or yaw; no speed
EPSILON = 1e-6  # seconds; below it a Move or a wait is over


@dataclass(slots=True)
class Go2(State):
    """State of the robot.

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
    velocity: tuple[float, float, float] = LEVEL
    move_s: float = 0.0
    by_hand: bool = False
    attitude: tuple[float, float, float] = LEVEL

    @property
    def place(self) -> str:
        """The room it is in, or `on_the_way`."""
        return ON_THE_WAY if self.goals else self.location

    def emit(self, event: str, /, **fields: Value) -> None:
        """Record an event with the place where it happens, and whether the robot was under way."""
        if event not in _NO_ACT:
            if "room" not in fields:
                fields["room"] = ON_THE_WAY if self.goals else self.location
            if event not in MOTIONS and (self.goals or self.spin is not None or self.docking or self.move_s > 0):
                fields["under_way"] = True
        State.emit(self, event, **fields)  # zero-argument super() does not work in a class with slots

    def let_go(self) -> None:
        """End driving by hand and bring the body level."""
        self.by_hand = False
        self.attitude = LEVEL

    def pass_time(self, seconds: float) -> float:
        """Let the current Move run for up to `seconds`; returns how long it ran."""
        ran = min(self.move_s, seconds)
        if ran <= 0:
            return 0.0
        vx, vy, vyaw = self.velocity
        middle = self.heading + vyaw * ran / 2  # midpoint rule: exact direction of the chord of an arc
        self.x += (vx * math.cos(middle) - vy * math.sin(middle)) * ran
        self.y += (vx * math.sin(middle) + vy * math.cos(middle)) * ran
        self.heading += vyaw * ran
        if vx == 0 and vy == 0:
            self.emit("turned", angle=vyaw * ran, seconds=ran)
        else:
            speed = math.hypot(vx, vy)
            self.emit("moved", forward=vx * ran, left=vy * ran, turn=vyaw * ran, seconds=ran, speed=speed)
        self.move_s = self.move_s - ran if self.move_s - ran > EPSILON else 0.0
        return ran

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

    def finish(self) -> None:
        """A Move runs out, and what was not waited for is left unfinished."""
        if self.move_s > 0:
            self.pass_time(self.move_s)
        if self.goals:
            self.emit("unfinished", what="navigation", room=self.goals[-1])
        elif self.spin is not None:
            self.emit("unfinished", what="navigation", room=self.location)
        if self.docking:
            self.emit("unfinished", what="docking", room=self.location)
        if self.request:
            self.emit("unfinished", what="perception", room=self.place)


def new(scene: Scene) -> Go2:
    """The robot in the start state of a scene, with an empty record."""
    begin = dict(scene.start)
    goal = begin.pop("driving_to")
    x, y = scene.rooms[begin["location"]].at
    return Go2(scene, x=x, y=y, goals=(goal,) if goal else (), **begin)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_space(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


START = {
    "location": StartKey("", _is_text, "a room"),
    "posture": StartKey("balanced", lambda value: value in POSTURES, f"one of {', '.join(POSTURES)}"),
    "docked": StartKey(False, _is_flag, "true or false"),
    "battery": StartKey(80, _whole(1, 100), "a whole number, 1 to 100"),
    "driving_to": StartKey("", _is_text, "a room"),
    "volume": StartKey(5, _whole(0, 10), "a whole number, 0 to 10"),
    "speed_level": StartKey(0, _whole(-1, 1), "-1, 0 or 1"),
    "avoidance": StartKey(True, _is_flag, "true or false"),
    "gait": StartKey("none", lambda value: value in GAITS, f"one of {', '.join(GAITS)}"),
    "clear_space": StartKey(3.0, _is_space, "metres, 0 or more"),
}


def settle(scene: Scene, changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """The scene's start with changes; a docked robot lies in the dock's room.

    Raises:
        StartError: a room that is not there, or what cannot be together.
    """
    docks = scene.tables["docks"]
    if changes.get("docked"):
        if not docks:
            raise StartError("there is no dock in this scene to begin on", "docked", "give the scene a [docks] table")
        changes = {"location": next(iter(docks.values())), "posture": "lying", **changes}
    start = {**scene.start, **changes}
    driving = bool(start["driving_to"])
    for key in ("driving_to", "location") if driving else ("location",):
        if start[key] not in scene.rooms:
            rooms = ", ".join(scene.rooms) or "none"
            raise StartError(f"there is no room {start[key]!r} in this scene", key, f"rooms: {rooms}")
    if start["docked"] and (start["location"] not in docks.values() or start["posture"] != "lying" or driving):
        raise StartError("a docked robot lies in the dock's room and drives nowhere", "docked")
    if driving and start["posture"] != "balanced":
        raise StartError("only a balanced robot drives", "driving_to")
    return start
