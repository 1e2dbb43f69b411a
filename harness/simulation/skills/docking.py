"""The charging dock: approach, wait, charge, leave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.simulation.skills.preconditions import at_rest, may_move
from harness.simulation.state import Robot


def _dock(robot: Robot, args: Mapping[str, Any]) -> None:
    dock = args["dock_id"]
    room = robot.scene.docks.get(dock)
    if not (may_move(robot, "dock") and at_rest(robot, "dock")):
        return
    if room is None:
        robot.refuse("R513", f"there is no dock {dock!r}: docks are {', '.join(robot.scene.docks)}")
    elif room != robot.location:
        robot.refuse("R513", f"docking at {dock!r} from {robot.location}: go to {room} first")
    else:
        robot.docking = dock
        robot.by_hand = False
        robot.attitude = (0.0, 0.0, 0.0)


def _wait_for_docking(robot: Robot, _: Mapping[str, Any]) -> None:
    if not robot.docking:
        robot.refuse("R507", "wait_for_docking without a dock call before it")
        return
    robot.docked = True
    robot.posture = "lying"
    robot.gait = "none"
    robot.emit("docked", dock=robot.docking)
    robot.docking = ""


def _undock(robot: Robot, _: Mapping[str, Any]) -> None:
    if not robot.docked:
        robot.refuse("R511", "undock while not docked")
        return
    robot.docked = False
    robot.posture = "balanced"
    robot.emit("undocked")


def _wait_for_charge(robot: Robot, args: Mapping[str, Any]) -> None:
    if not robot.docked:
        robot.refuse("R511", "wait_for_charge while not docked: dock and wait for it first")
        return
    robot.battery = max(robot.battery, args["level"])
    robot.emit("charged", level=args["level"])


SKILLS = {
    "dock": _dock,
    "wait_for_docking": _wait_for_docking,
    "undock": _undock,
    "wait_for_charge": _wait_for_charge,
}
