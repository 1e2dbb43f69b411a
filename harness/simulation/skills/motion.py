"""Moving by hand and waiting: velocities integrated over time.

`Move` lasts one second (FACTS of the SDK) unless another Move or StopMove comes first; only `wait` lets time pass.
Axes follow ROS REP-103: x forward, y left, yaw positive to the left. Movements in the same direction with nothing
between them are one event, so that a distance can be judged whatever speed it was walked at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from harness.simulation.skills.preconditions import may_move, upright
from harness.simulation.state import Robot
from harness.simulation.trace import Event, Value

MOVE_SECONDS = 1.0
_LEVEL = (0.0, 0.0, 0.0)
_EPSILON = 1e-6  # seconds; below it a wait is over


def _move(robot: Robot, args: Mapping[str, Any]) -> None:
    velocity = (float(args["vx"]), float(args["vy"]), float(args["vyaw"]))
    if velocity == _LEVEL:
        _stop_move(robot, args)
    elif may_move(robot, "Move") and _had_time(robot, "Move"):
        robot.velocity = velocity
        robot.move_s = MOVE_SECONDS
        robot.by_hand = True
        robot.attitude = _LEVEL


def _stop_move(robot: Robot, _: Mapping[str, Any]) -> None:
    """Ends a Move and brings the body level. While nothing moved by hand it is an event of its own."""
    if not _had_time(robot, "StopMove"):
        return
    if robot.attitude != _LEVEL:
        robot.attitude = _LEVEL
        robot.emit("attitude", roll=0.0, pitch=0.0, yaw=0.0)
    elif not robot.by_hand:
        robot.emit("stopped")
    robot.move_s = 0.0
    robot.by_hand = False


def _had_time(robot: Robot, doing: str) -> bool:
    """Whether the Move before had any time to act."""
    if robot.move_s == MOVE_SECONDS:
        return robot.refuse("R515", f"{doing} at once after a Move: wait between them, for how long it shall run")
    return True


def _wait(robot: Robot, args: Mapping[str, Any]) -> None:
    seconds = float(args["seconds"])
    idle = seconds
    if robot.move_s > 0:
        idle -= pass_time(robot, seconds)
    if robot.trick_s > 0:
        used = min(robot.trick_s, seconds)
        robot.trick_s = robot.trick_s - used if robot.trick_s - used > _EPSILON else 0.0
        idle = min(idle, seconds - used)
    if idle > _EPSILON:
        _append_wait(robot, idle)


def _append_wait(robot: Robot, seconds: float) -> None:
    events = robot.events
    if events and events[-1].name == "waited":
        seconds += float(events.pop().fields["seconds"])
    robot.emit("waited", seconds=seconds)


def pass_time(robot: Robot, seconds: float) -> float:
    """Let the current Move run for up to `seconds`; returns how long it ran."""
    ran = min(robot.move_s, seconds)
    if ran <= 0:
        return 0.0
    robot.move_s = robot.move_s - ran if robot.move_s - ran > _EPSILON else 0.0
    vx, vy, vyaw = robot.velocity
    middle = robot.heading + vyaw * ran / 2  # midpoint rule: exact direction of the chord of an arc
    robot.x += (vx * math.cos(middle) - vy * math.sin(middle)) * ran
    robot.y += (vx * math.sin(middle) + vy * math.cos(middle)) * ran
    robot.heading += vyaw * ran
    if vx == 0 and vy == 0:
        append_turn(robot, vyaw * ran, ran)
    else:
        _append_move(robot, ran)
    return ran


def append_turn(robot: Robot, angle: float, seconds: float | None) -> None:
    """A turn on the spot, joined to the one before if that went the same way by the same means.

    Args:
        robot: Its record is appended to.
        angle: In rad, positive to the left.
        seconds: How long it took by Move; None for a spin of the planner, which sets its own pace.
    """
    last = robot.events[-1] if robot.events else None
    if last is not None and last.name == "turned" and ("seconds" in last.fields) == (seconds is not None):
        before = float(last.fields["angle"])
        if before * angle > 0:
            robot.events.pop()
            angle += before
            seconds = None if seconds is None else seconds + float(last.fields["seconds"])
    fields: dict[str, Value] = {"angle": angle} if seconds is None else {"angle": angle, "seconds": seconds}
    robot.events.append(Event("turned", fields, robot.item))


def _append_move(robot: Robot, ran: float) -> None:
    vx, vy, vyaw = robot.velocity
    forward, left, turn, seconds, speed = vx * ran, vy * ran, vyaw * ran, ran, math.hypot(vx, vy)
    last = robot.events[-1] if robot.events else None
    if last is not None and last.name == "moved":
        was = last.fields
        if _sign(was["forward"]) == _sign(vx) and _sign(was["left"]) == _sign(vy) and _sign(was["turn"]) == _sign(vyaw):
            robot.events.pop()
            forward += float(was["forward"])
            left += float(was["left"])
            turn += float(was["turn"])
            seconds += float(was["seconds"])
            speed = max(speed, float(was["speed"]))
    robot.emit("moved", forward=forward, left=left, turn=turn, seconds=seconds, speed=speed)


def _sign(value: Value) -> int:
    number = float(value)
    return (number > 0) - (number < 0)


def _speed_level(robot: Robot, args: Mapping[str, Any]) -> None:
    if upright(robot, "SpeedLevel"):  # also on the way: "slow down"
        robot.speed_level = args["level"]
        robot.emit("speed_level", level=args["level"])


SKILLS = {
    "sport_client.Move": _move,
    "sport_client.StopMove": _stop_move,
    "sport_client.SpeedLevel": _speed_level,
    "wait": _wait,
}
