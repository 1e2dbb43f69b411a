"""The Go2 while a command list runs.

One `Go2` lives for one simulation and is the only mutable object in it. A skill reads and changes it, reports what
happened with `emit`, and what could not happen with `refuse`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.simulation import Scene, State, Value

POSTURES = ("balanced", "locked", "lying", "sitting", "fallen", "damped")
GAITS = ("none", "agile", "classic")
ON_THE_WAY = "on_the_way"
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
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    move_s: float = 0.0
    by_hand: bool = False
    attitude: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def place(self) -> str:
        """The room it is in, or `on_the_way`."""
        return ON_THE_WAY if self.goals else self.location

    def pass_time(self, seconds: float) -> float:
        """Let the current Move run for up to `seconds`; returns how long it ran."""
        ran = min(self.move_s, seconds)
        if ran <= 0:
            return 0.0
        self.move_s = self.move_s - ran if self.move_s - ran > EPSILON else 0.0
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
    begin = scene.start
    x, y = scene.rooms[begin["location"]].at
    goal = begin["driving_to"]
    return Go2(
        scene,
        location=begin["location"],
        x=x,
        y=y,
        posture=begin["posture"],
        gait=begin["gait"],
        docked=begin["docked"],
        battery=begin["battery"],
        goals=(goal,) if goal else (),
        volume=begin["volume"],
        speed_level=begin["speed_level"],
        avoidance=begin["avoidance"],
        clear_space=begin["clear_space"],
    )
