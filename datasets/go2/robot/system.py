"""Battery and pose reports, volume, obstacle avoidance."""

from __future__ import annotations

from harness.simulation.robot import Skill

from .state import Go2


def _report_battery_level(robot: Go2) -> None:
    robot.emit("reported", what="battery")


def _report_pose(robot: Go2) -> None:
    if robot.goals or robot.spin is not None:
        robot.refuse("R503", "report_pose while navigation is active: wait for it first")
    else:
        robot.emit("reported", what="pose")


def _set_volume(robot: Go2, level: int) -> None:
    robot.volume = level
    robot.emit("volume", level=level)


def _switch_avoidance(robot: Go2, on: bool) -> None:
    robot.avoidance = on
    robot.emit("avoidance", on=on)


SKILLS: dict[str, Skill] = {
    "report_battery_level": _report_battery_level,
    "report_pose": _report_pose,
    "vui_client.SetVolume": _set_volume,
    "avoid_client.SwitchSet": _switch_avoidance,
}
