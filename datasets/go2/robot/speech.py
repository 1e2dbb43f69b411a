"""Saying and logging; asking the operator and declining are the engine's."""

from __future__ import annotations

from harness.simulation.robot import Skill

from .state import Go2


def _say(robot: Go2, text: str) -> None:
    robot.emit("said", text=text)


def _log(robot: Go2, message: str) -> None:
    robot.emit("logged", text=message)


SKILLS: dict[str, Skill] = {"say": _say, "get_logger().info": _log}
