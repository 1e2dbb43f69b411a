"""The DJI Tello as gonogo simulates it: lengths in cm, angles in degrees, clockwise positive; no rooms, no posture.

Flights and turns the same way with nothing between them are one event, so that eight metres may be flown in any pieces.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.checks import Call
from harness.simulation import Robot, Scene, StartError, StartKey, State, Value
from harness.simulation.robot import Skill

from .events import EVENTS, FINAL, expected, spare
from .rules import ALONE_SECONDS, BATTERY, HIGHEST, HOVER, LOWEST, NEAR, RULES, UNDER_CEILING

_FLIGHTS = ("tello.takeoff", "tello.land", "tello.move", "tello.rotate", "tello.go")


@dataclass(slots=True)
class Tello(State):
    """Where it is and what it does.

    Attributes:
        ceiling: Height of the ceiling in cm; 0 for none.
        ahead, left: cm from the start, along the axes that the drone had there.
        heading: Degrees clockwise from the start.
        speed: cm/s, as a call has set it; 0 where none has.
        took_off: By a call of this list.
        idle, waited: Seconds of the last waits in a row, and the position of the last of them.
    """

    flying: bool
    height: int
    battery: int
    ceiling: int
    streaming: bool
    ahead: float = 0.0
    left: float = 0.0
    heading: int = 0
    speed: int = 0
    took_off: bool = False
    idle: float = 0.0
    waited: int = -2

    def describe(self) -> str:
        """The state in a line, for people."""
        where = f"in the air at {self.height} cm" if self.flying else "on the ground"
        return f"{where}, battery {self.battery}%"

    def final(self) -> dict[str, Value]:
        """The state that expectations may name."""
        return {
            "flying": self.flying,
            "height": self.height,
            "ahead": self.ahead,
            "left": self.left,
            "heading": self.heading % 360,
            "speed": self.speed,
            "streaming": self.streaming,
        }

    def finish(self) -> None:
        """Nobody commands it after the list, so what took off has to land."""
        if self.took_off and self.flying:
            self.refuse("R504", "the list takes off and ends in the air: land at its end")

    def fly(self, forward: int, left: int, up: int, speed: int) -> None:
        """Move along its own axes; the event has the speed where one was asked for."""
        turn = math.radians(self.heading)
        self.ahead += forward * math.cos(turn) + left * math.sin(turn)
        self.left += left * math.cos(turn) - forward * math.sin(turn)
        self.height += up
        fields: dict[str, Value] = {"speed": speed} if speed else {}
        self.emit("flew", forward=forward, left=left, up=up, **fields)


def _may_fly(drone: Tello, doing: str) -> bool:
    if not drone.flying:
        return drone.refuse("R501", f"{doing} on the ground: take off first")
    if drone.battery < BATTERY:
        return drone.refuse("R505", f"{doing} at {drone.battery}% battery: it needs {BATTERY}%")
    return True


def _has_room(drone: Tello, doing: str, height: int) -> bool:
    """Whether it may be so high."""
    if not LOWEST <= height <= HIGHEST:
        return drone.refuse("R503", f"{doing} ends at {height} cm: it flies between {LOWEST} and {HIGHEST}")
    if drone.ceiling and height > drone.ceiling - UNDER_CEILING:
        return drone.refuse("R503", f"{doing} ends at {height} cm, less than {UNDER_CEILING} below the ceiling")
    return True


def _takeoff(drone: Tello) -> None:
    if drone.flying:
        drone.refuse("R502", "takeoff in the air")
    elif drone.battery < BATTERY:
        drone.refuse("R505", f"takeoff at {drone.battery}% battery: it needs {BATTERY}%")
    elif _has_room(drone, "takeoff", HOVER):
        drone.flying = drone.took_off = True
        drone.height = HOVER
        drone.emit("took_off")


def _land(drone: Tello) -> None:
    if drone.flying or drone.refuse("R501", "land on the ground"):
        drone.flying = False
        drone.height = 0
        drone.emit("landed")


def _emergency(drone: Tello) -> None:
    drone.flying = False
    drone.height = 0
    drone.emit("motors_cut")


def _move(name: str, forward: int = 0, left: int = 0, up: int = 0) -> Skill:
    """One of the six moves along an axis."""

    def skill(drone: Tello, x: int) -> None:
        if _may_fly(drone, name) and _has_room(drone, name, drone.height + up * x):
            drone.fly(forward * x, left * x, up * x, drone.speed)

    return skill


def _go(drone: Tello, x: int, y: int, z: int, speed: int) -> None:
    if not _may_fly(drone, "go_xyz_speed"):
        return
    if max(abs(x), abs(y), abs(z)) < NEAR:
        drone.refuse("R508", f"go_xyz_speed to ({x}, {y}, {z}): one of them must be {NEAR} cm away at least")
    elif _has_room(drone, "go_xyz_speed", drone.height + z):
        drone.fly(x, y, z, speed)


def _rotate(name: str, sign: int) -> Skill:
    def skill(drone: Tello, x: int) -> None:
        if _may_fly(drone, name):
            drone.heading += sign * x
            drone.emit("turned", clockwise=sign * x)

    return skill


def _set_speed(drone: Tello, x: int) -> None:
    drone.speed = x
    drone.emit("speed", set=x)


def _keep_alive(drone: Tello) -> None:
    """A command like any other that ends the time without one; it changes nothing."""


def _wait(drone: Tello, seconds: float) -> None:
    drone.idle = seconds + (drone.idle if drone.waited == drone.item - 1 else 0.0)
    drone.waited = drone.item
    if drone.flying and drone.idle > ALONE_SECONDS:
        drone.refuse("R507", f"{drone.idle:g} s in the air without a command to the drone: after 15 it lands by itself")
    else:
        drone.emit("waited", seconds=seconds)


def _stream(on: bool) -> Skill:
    def skill(drone: Tello) -> None:
        drone.streaming = on
        drone.emit("stream", on=on)

    return skill


def _take_picture(drone: Tello) -> None:
    if drone.streaming or drone.refuse("R506", "take_picture without a video stream"):
        drone.emit("photographed")


def _report(what: str) -> Skill:
    return lambda drone: drone.emit("reported", what=what)


def _settle(scene: Scene, changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """The scene's start with changes; in the air it hovers where takeoff leaves it, if nothing else is said."""
    start = {**scene.start, **changes}
    if start["flying"] and not start["height"]:
        start["height"] = HOVER
    if start["height"] and not start["flying"]:
        raise StartError("a drone on the ground has no height", "height", 'add "flying": true')
    return start


def _infer(_scene: Scene, calls: Sequence[Call]) -> Mapping[str, Any]:
    """A start in which a plan makes sense: in the air where it does not take off, the stream on if it starts none."""
    paths = [call.path for call in calls]
    first = next((path for path in paths if path.startswith(_FLIGHTS)), "tello.takeoff")
    start = {} if first == "tello.takeoff" else {"flying": True, "height": HIGHEST // 2}
    return {**start, "streaming": "take_picture" in paths and "tello.streamon" not in paths}


def _whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and low <= value <= high


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


ROBOT = Robot(
    name="DJI Tello",
    new=lambda scene: Tello(scene, **scene.start),
    skills={
        "tello.takeoff": _takeoff,
        "tello.land": _land,
        "tello.emergency": _emergency,
        "tello.move_up": _move("move_up", up=1),
        "tello.move_down": _move("move_down", up=-1),
        "tello.move_left": _move("move_left", left=1),
        "tello.move_right": _move("move_right", left=-1),
        "tello.move_forward": _move("move_forward", forward=1),
        "tello.move_back": _move("move_back", forward=-1),
        "tello.rotate_clockwise": _rotate("rotate_clockwise", 1),
        "tello.rotate_counter_clockwise": _rotate("rotate_counter_clockwise", -1),
        "tello.go_xyz_speed": _go,
        "tello.set_speed": _set_speed,
        "tello.send_keepalive": _keep_alive,
        "wait": _wait,
        "tello.streamon": _stream(on=True),
        "tello.streamoff": _stream(on=False),
        "take_picture": _take_picture,
        "tello.query_battery": _report("battery"),
        "tello.query_height": _report("height"),
        "tello.query_temperature": _report("temperature"),
        "tello.query_flight_time": _report("flight_time"),
    },
    events=EVENTS,
    final=FINAL,
    rules=RULES,
    asks="ask_operator",
    declines="decline",
    start={
        "flying": StartKey(False, _is_flag, "true or false"),
        "height": StartKey(0, _whole(0, HIGHEST), f"whole cm above the ground, 0 to {HIGHEST}"),
        "battery": StartKey(80, _whole(1, 100), "a whole number, 1 to 100"),
        "ceiling": StartKey(0, _whole(0, 10_000), "whole cm above the ground; 0 for none"),
        "streaming": StartKey(False, _is_flag, "true or false"),
    },
    settle=_settle,
    expected=expected,
    spare=spare,
    infer_start=_infer,
    example_scene="field",
)
