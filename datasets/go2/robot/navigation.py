"""Goals, waypoints, spins, waiting for them and cancelling them.

Arrival happens when it is waited for. Which rooms lie between is told by the scene's shortest way. There are no travel
times, but a timeout in which even the fastest allowed walk would not arrive is a finding.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.checks import Call
from harness.simulation.robot import Skill

from .preconditions import at_rest, may_move
from .state import ON_THE_WAY, Go2

FASTEST = 1.0  # m/s; the planner's highest speed, Unitree's SLAM navigation service
FASTEST_TURN = 1.0  # rad/s; policy limit of the profile


def _publish(robot: Go2, msg: Call) -> None:
    _drive(robot, (str(msg.args["room"]),), "a navigation goal")


def _follow_waypoints(robot: Go2, rooms: Sequence[str]) -> None:
    _drive(robot, tuple(rooms), "follow_waypoints")


def _drive(robot: Go2, rooms: tuple[str, ...], doing: str) -> None:
    if not (may_move(robot, doing) and at_rest(robot, doing)):
        return
    if robot.request:
        robot.refuse("R514", f"{doing} while a perception request is pending: wait for it first")
        return
    goals = []
    for name in rooms:
        room = robot.scene.room(name)
        if room is None:
            robot.refuse("R512", f"there is no room {name!r} in the scene {robot.scene.name}")
            return
        goals.append(room)
    robot.goals = tuple(goals)
    robot.let_go()  # the planner walks level


def _spin(robot: Go2, angle: float) -> None:
    if may_move(robot, "spin") and at_rest(robot, "spin"):
        robot.spin = float(angle)
        robot.let_go()


def _wait_for_navigation(robot: Go2, timeout_sec: float | None = None) -> None:
    if timeout_sec is not None and (needed := _least_time(robot)) > timeout_sec:
        robot.refuse(
            "R519", f"wait_for_navigation gives up after {timeout_sec:g} s: the way takes {needed:.0f} s at least"
        )
    elif robot.spin is not None:
        robot.heading += robot.spin
        robot.emit("turned", angle=robot.spin)  # without seconds: the planner sets its own pace
        robot.spin = None
    elif robot.goals:
        scene = robot.scene
        for room in robot.goals:
            for between in scene.route(robot.location, room).between:
                robot.emit("passed", room=between)
            robot.location = room
            robot.x, robot.y = scene.rooms[room].at
            robot.emit("arrived", room=room)
        robot.goals = ()
    else:
        robot.refuse("R504", "wait_for_navigation with no goal and no spin: publish one first")


def _least_time(robot: Go2) -> float:
    """Seconds below which the pending goals or spin cannot be done; 0 when nothing is pending."""
    if robot.spin is not None:
        return abs(robot.spin) / FASTEST_TURN
    length = 0.0
    here = robot.location
    for room in robot.goals:
        length += robot.scene.route(here, room).length
        here = room
    return length / FASTEST


def _cancel_navigation(robot: Go2) -> None:
    if robot.goals:
        robot.emit("cancelled", room=robot.goals[-1])
        robot.goals = ()
        robot.location = ON_THE_WAY
    elif robot.spin is not None:
        robot.emit("cancelled", room=robot.location)
        robot.spin = None
    else:
        robot.refuse("R508", "cancel_navigation with nothing to cancel")


SKILLS: dict[str, Skill] = {
    "nav_publisher.publish": _publish,
    "follow_waypoints": _follow_waypoints,
    "spin": _spin,
    "wait_for_navigation": _wait_for_navigation,
    "cancel_navigation": _cancel_navigation,
}
