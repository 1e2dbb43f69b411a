"""Moving by hand and waiting: velocities integrated over time.

`Move` lasts one second (FACTS of the SDK) unless another Move or StopMove comes first; only `wait` lets time pass.
Axes follow ROS REP-103: x forward, y left, yaw positive to the left. Movements in the same direction with nothing
between them are one event (`joins` of the events), so that a distance can be judged whatever speed it was walked at.
"""

from __future__ import annotations

from harness.simulation.robot import Skill

from .preconditions import may_move
from .state import EPSILON, LEVEL, Go2

MOVE_SECONDS = 1.0


def _move(robot: Go2, vx: float, vy: float, vyaw: float) -> None:
    velocity = (float(vx), float(vy), float(vyaw))
    if velocity == LEVEL:
        _stop(robot)
    elif may_move(robot, "Move") and _had_time(robot, "Move"):
        robot.velocity = velocity
        robot.move_s = MOVE_SECONDS
        robot.by_hand = True
        robot.attitude = LEVEL


def _stop_move(robot: Go2) -> None:
    """Also restores most settings to their defaults (Unitree, sport mode service): here, the speed level."""
    if _stop(robot):
        robot.speed_level = 0


def _stop(robot: Go2) -> bool:
    """End a Move and bring the body level. While nothing moved by hand it is an event of its own."""
    if not _had_time(robot, "StopMove"):
        return False
    if robot.attitude != LEVEL:
        robot.attitude = LEVEL
        robot.emit("attitude", roll=0.0, pitch=0.0, yaw=0.0)
    elif not robot.by_hand:
        robot.emit("stopped")
    robot.move_s = 0.0
    robot.by_hand = False
    return True


def _had_time(robot: Go2, doing: str) -> bool:
    """Whether the Move before had any time to act."""
    if robot.move_s == MOVE_SECONDS:
        return robot.refuse("R515", f"{doing} at once after a Move: wait between them, for how long it shall run")
    return True


def _wait(robot: Go2, seconds: float) -> None:
    seconds = idle = float(seconds)
    if robot.move_s > 0:
        idle -= robot.pass_time(seconds)
    if robot.trick_s > 0:
        used = min(robot.trick_s, seconds)
        robot.trick_s = robot.trick_s - used if robot.trick_s - used > EPSILON else 0.0
        idle = min(idle, seconds - used)
    if idle > EPSILON:
        robot.emit("waited", seconds=idle)


SKILLS: dict[str, Skill] = {
    "sport_client.Move": _move,
    "sport_client.StopMove": _stop_move,
    "wait": _wait,
}
