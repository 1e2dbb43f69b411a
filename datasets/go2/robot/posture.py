"""Postures, gaits, body attitude and tricks of the sport client."""

from __future__ import annotations

from collections.abc import Callable

from harness.simulation.robot import Skill

from .preconditions import at_rest, may_act, may_move, trick_over, upright
from .state import ON_THE_WAY, Go2

TRICK_SECONDS = 3.0  # CONVENTIONS: every trick is followed by a wait of three seconds
JUMP_BATTERY = 20  # percent; project policy, see the profile
JUMP_SPACE = 2.0  # metres; the same


def _take(posture: str, origins: tuple[str, ...], doing: str) -> Callable[[Go2], None]:
    """A skill that changes the posture from one of `origins`."""

    def skill(robot: Go2) -> None:
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


def _damp(robot: Go2) -> None:
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
    robot.let_go()
    robot.emit("posture", to="damped")


def _euler(robot: Go2, roll: float, pitch: float, yaw: float) -> None:
    if may_move(robot, "Euler") and at_rest(robot, "Euler"):
        robot.attitude = (roll, pitch, yaw)
        robot.emit("attitude", roll=roll, pitch=pitch, yaw=yaw)


def _gait(robot: Go2, gait: str, doing: str) -> None:
    """Gaits free the joints, so they work from a locked stand too; also on the way."""
    ready = (robot.posture == "locked" and not robot.docked) or upright(robot, doing)
    if ready and trick_over(robot, doing):
        robot.posture = "balanced"
        robot.gait = gait
        robot.emit("gait", to=gait)


def _free_walk(robot: Go2, flag: bool = True) -> None:
    """Firmware before 1.1.6 has a flag; off, the robot keeps walking in this gait."""
    _gait(robot, "agile", "FreeWalk")


def _classic_walk(robot: Go2, flag: bool) -> None:
    _gait(robot, "classic" if flag else "agile", "ClassicWalk")


def _trick(action: str, doing: str) -> Callable[[Go2], bool]:
    def skill(robot: Go2) -> bool:
        if not (may_move(robot, doing) and at_rest(robot, doing)):
            return False
        robot.trick_s = TRICK_SECONDS
        robot.let_go()
        robot.emit("performed", action=action, room=robot.place)
        return True

    return skill


_jump = _trick("jump_forward", "FrontJump")


def _front_jump(robot: Go2) -> None:
    if robot.battery < JUMP_BATTERY:
        robot.refuse("R517", f"FrontJump at {robot.battery}% battery: it needs {JUMP_BATTERY}%")
    elif robot.clear_space < JUMP_SPACE:
        robot.refuse("R517", f"FrontJump with {robot.clear_space:g} m ahead: it needs {JUMP_SPACE:g} m")
    elif _jump(robot):
        robot.posture, robot.gait = "locked", "none"  # it lands on locked joints


SKILLS: dict[str, Skill] = {
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
