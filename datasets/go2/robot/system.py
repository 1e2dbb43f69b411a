"""Reports, speech and settings: what the robot does without moving."""

from __future__ import annotations

from harness.simulation.robot import Skill

from .preconditions import upright
from .state import Go2


def _say(robot: Go2, text: str) -> None:
    robot.emit("said", text=text)


def _log(robot: Go2, message: str) -> None:
    robot.emit("logged", text=message)


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


def _speed_level(robot: Go2, level: int) -> None:
    if upright(robot, "SpeedLevel"):  # also on the way: "slow down"
        robot.speed_level = level
        robot.emit("speed_level", level=level)


def _switch_avoidance(robot: Go2, on: bool) -> None:
    robot.avoidance = on
    robot.emit("avoidance", on=on)


SKILLS: dict[str, Skill] = {
    "say": _say,
    "get_logger().info": _log,
    "report_battery_level": _report_battery_level,
    "report_pose": _report_pose,
    "vui_client.SetVolume": _set_volume,
    "sport_client.SpeedLevel": _speed_level,
    "avoid_client.SwitchSet": _switch_avoidance,
}
