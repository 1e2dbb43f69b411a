"""The charging dock: approach, wait, charge, leave."""

from __future__ import annotations

from harness.simulation.robot import Skill

from .preconditions import at_rest, may_move
from .state import Go2

DOCK_SECONDS = 5.0  # Nav2's docking server waits so long for its first sight of the dock (`initial_perception_timeout`)


def _dock(robot: Go2, dock_id: str) -> None:
    docks = robot.scene.tables["docks"]
    room = docks.get(dock_id)
    if not (may_move(robot, "dock") and at_rest(robot, "dock")):
        return
    if room is None:
        robot.refuse("R513", f"there is no dock {dock_id!r}: docks are {', '.join(docks) or 'none'}")
    elif room != robot.location:
        robot.refuse("R513", f"docking at {dock_id!r} from {robot.location}: go to {room} first")
    else:
        robot.docking = dock_id
        robot.let_go()


def _wait_for_docking(robot: Go2, timeout_sec: float | None = None) -> None:
    if not robot.docking:
        robot.refuse("R507", "wait_for_docking without a dock call before it")
        return
    if timeout_sec is not None and timeout_sec < DOCK_SECONDS:
        robot.refuse("R519", f"wait_for_docking gives up after {timeout_sec:g} s: docking takes {DOCK_SECONDS:g} s")
        return
    robot.docked = True
    robot.posture = "lying"
    robot.gait = "none"
    robot.emit("docked", dock=robot.docking)
    robot.docking = ""


def _undock(robot: Go2) -> None:
    if not robot.docked:
        robot.refuse("R511", "undock while not docked")
        return
    robot.docked = False
    robot.posture = "balanced"
    robot.emit("undocked")


def _wait_for_charge(robot: Go2, level: int) -> None:
    if not robot.docked:
        robot.refuse("R511", "wait_for_charge while not docked: dock and wait for it first")
        return
    robot.battery = max(robot.battery, level)
    robot.emit("charged", level=level)


SKILLS: dict[str, Skill] = {
    "dock": _dock,
    "wait_for_docking": _wait_for_docking,
    "undock": _undock,
    "wait_for_charge": _wait_for_charge,
}
