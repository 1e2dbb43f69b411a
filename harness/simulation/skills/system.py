"""Battery and pose reports, volume, obstacle avoidance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.simulation.state import Robot


def _report_battery_level(robot: Robot, _: Mapping[str, Any]) -> None:
    robot.emit("reported", what="battery")


def _report_pose(robot: Robot, _: Mapping[str, Any]) -> None:
    if robot.goals or robot.spin is not None:
        robot.refuse("R503", "report_pose while navigation is active: wait for it first")
    else:
        robot.emit("reported", what="pose")


def _set_volume(robot: Robot, args: Mapping[str, Any]) -> None:
    robot.volume = args["level"]
    robot.emit("volume", level=args["level"])


def _switch_avoidance(robot: Robot, args: Mapping[str, Any]) -> None:
    robot.avoidance = args["on"]
    robot.emit("avoidance", on=args["on"])


SKILLS = {
    "report_battery_level": _report_battery_level,
    "report_pose": _report_pose,
    "vui_client.SetVolume": _set_volume,
    "avoid_client.SwitchSet": _switch_avoidance,
}
