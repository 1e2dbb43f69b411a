"""Saying, logging, asking the operator, declining."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.simulation.state import Robot


def _say(robot: Robot, args: Mapping[str, Any]) -> None:
    robot.emit("said", text=args["text"])


def _log(robot: Robot, args: Mapping[str, Any]) -> None:
    robot.emit("logged", text=args["message"])


def _ask_operator(robot: Robot, args: Mapping[str, Any]) -> None:
    robot.emit("asked", text=args["question"])


def _decline(robot: Robot, args: Mapping[str, Any]) -> None:
    robot.emit("declined", text=args["reason"])


SKILLS = {"say": _say, "get_logger().info": _log, "ask_operator": _ask_operator, "decline": _decline}
