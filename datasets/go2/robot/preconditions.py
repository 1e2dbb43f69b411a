"""Preconditions that several skills share: each returns whether it holds, and records it where it does not."""

from __future__ import annotations

from .state import Go2


def may_move(robot: Go2, doing: str) -> bool:
    """Upright, and nothing else in progress but a Move: what every motion needs."""
    return upright(robot, doing) and may_act(robot, doing)


def upright(robot: Go2, doing: str) -> bool:
    """Standing with free joints, undocked."""
    if robot.docked:
        return robot.refuse("R510", f"{doing} on the dock: undock first")
    if robot.posture != "balanced":
        return robot.refuse("R501", f"{doing} while {robot.posture}: {_REMEDIES[robot.posture]}")
    return True


def may_act(robot: Go2, doing: str) -> bool:
    """Nothing in progress that a motion would disturb: goal, spin, docking, trick."""
    if robot.goals or robot.spin is not None:
        return robot.refuse("R503", f"{doing} while navigation is active: wait for it or cancel it first")
    if robot.docking:
        return robot.refuse("R518", f"{doing} while docking: wait for it first")
    return trick_over(robot, doing)


def trick_over(robot: Go2, doing: str) -> bool:
    """No trick in progress."""
    if robot.trick_s > 0:
        return robot.refuse("R509", f"{doing} before the trick is over: it needs {robot.trick_s:g} s more of waiting")
    return True


def at_rest(robot: Go2, doing: str) -> bool:
    """No Move in progress."""
    if robot.move_s > 0:
        return robot.refuse("R502", f"{doing} while a Move still runs: wait, or stop it first")
    return True


_REMEDIES = {
    "locked": "the joints are locked, BalanceStand first",
    "lying": "stand up first",
    "sitting": "rise first",
    "damped": "the legs are limp, stand up first",
    "fallen": "recover first",
}
