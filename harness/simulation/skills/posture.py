"""Postures, gaits, body attitude and tricks of the sport client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.simulation.skills.preconditions import at_rest, may_act, may_move, trick_over, upright
from harness.simulation.state import ON_THE_WAY, Robot

TRICK_SECONDS = 3.0  # CONVENTIONS: every trick is followed by a wait of three seconds
JUMP_BATTERY = 20  # percent; project policy, see the profile
JUMP_SPACE = 2.0  # metres; the same


def _take(posture: str, origins: tuple[str, ...], doing: str) -> Callable[[Robot, Mapping[str, Any]], None]:
    """A skill that changes the posture from one of `origins`."""

    def skill(robot: Robot, _: Mapping[str, Any]) -> None:
        if robot.docked:
            robot.refuse("R510", f"{doing} on the dock: undock first")
        elif robot.posture not in origins:
            robot.refuse("R501", f"{doing} while {robot.posture}: possible while {', '.join(origins)}")
        elif may_act(robot, doing) and at_rest(robot, doing):
            robot.posture = posture
            robot.by_hand = False
            if posture != "balanced":
                robot.gait = "none"
            robot.emit("posture", to=posture)

    return skill


def _damp(robot: Robot, _: Mapping[str, Any]) -> None:
    """Emergency stop: always possible, ends whatever is in progress."""
    if robot.goals:
        robot.emit("cancelled", room=robot.goals[-1])
        robot.location = ON_THE_WAY
    robot.posture = "damped"
    robot.gait = "none"
    robot.goals = ()
    robot.spin = None
    robot.docking = ""
    robot.move_s = robot.trick_s = 0.0
    robot.by_hand = False
    robot.attitude = (0.0, 0.0, 0.0)
    robot.emit("posture", to="damped")


def _euler(robot: Robot, args: Mapping[str, Any]) -> None:
    if may_move(robot, "Euler") and at_rest(robot, "Euler"):
        robot.attitude = (args["roll"], args["pitch"], args["yaw"])
        robot.emit("attitude", roll=args["roll"], pitch=args["pitch"], yaw=args["yaw"])


def _gait(robot: Robot, gait: str, doing: str) -> None:
    """Gaits free the joints, so they work from a locked stand too; also on the way."""
    ready = (robot.posture == "locked" and not robot.docked) or upright(robot, doing)
    if ready and trick_over(robot, doing):
        robot.posture = "balanced"
        robot.gait = gait
        robot.emit("gait", to=gait)


def _free_walk(robot: Robot, _: Mapping[str, Any]) -> None:
    _gait(robot, "agile", "FreeWalk")


def _classic_walk(robot: Robot, args: Mapping[str, Any]) -> None:
    _gait(robot, "classic" if args["flag"] else "agile", "ClassicWalk")


def _trick(action: str, doing: str) -> Callable[[Robot, Mapping[str, Any]], None]:
    def skill(robot: Robot, _: Mapping[str, Any]) -> None:
        if may_move(robot, doing) and at_rest(robot, doing):
            robot.trick_s = TRICK_SECONDS
            robot.by_hand = False
            robot.attitude = (0.0, 0.0, 0.0)
            robot.emit("performed", action=action, room=robot.place)

    return skill


_jump = _trick("jump_forward", "FrontJump")


def _front_jump(robot: Robot, args: Mapping[str, Any]) -> None:
    if robot.battery < JUMP_BATTERY:
        robot.refuse("R517", f"FrontJump at {robot.battery}% battery: it needs {JUMP_BATTERY}%")
    elif robot.clear_space < JUMP_SPACE:
        robot.refuse("R517", f"FrontJump with {robot.clear_space:g} m ahead: it needs {JUMP_SPACE:g} m")
    else:
        _jump(robot, args)


SKILLS = {
    "sport_client.StandUp": _take("locked", ("lying", "locked", "balanced", "damped"), "StandUp"),
    "sport_client.StandDown": _take("lying", ("balanced", "locked", "sitting", "damped", "lying"), "StandDown"),
    "sport_client.BalanceStand": _take("balanced", ("locked", "balanced"), "BalanceStand"),
    "sport_client.RecoveryStand": _take(
        "balanced", ("fallen", "lying", "damped", "sitting", "locked", "balanced"), "RecoveryStand"
    ),
    "sport_client.Sit": _take("sitting", ("balanced",), "Sit"),
    "sport_client.RiseSit": _take("balanced", ("sitting",), "RiseSit"),
    "sport_client.Damp": _damp,
    "sport_client.Euler": _euler,
    "sport_client.FreeWalk": _free_walk,
    "sport_client.ClassicWalk": _classic_walk,
    "sport_client.Hello": _trick("wave", "Hello"),
    "sport_client.Stretch": _trick("stretch", "Stretch"),
    "sport_client.Dance1": _trick("dance_1", "Dance1"),
    "sport_client.Dance2": _trick("dance_2", "Dance2"),
    "sport_client.FrontJump": _front_jump,
}
