"""Requests to the perception service, their results, and photographs."""

from __future__ import annotations

from harness.checks import Call
from harness.simulation.names import same_object
from harness.simulation.robot import Skill

from .preconditions import at_rest, trick_over
from .state import Go2

# Only these two take an object; a name given to another task changes nothing.
OBJECT_TASKS = ("find_object", "count_objects")
LOOK_SECONDS = 1.0  # no camera service answers sooner; project policy


def _call_async(robot: Go2, request: Call) -> None:
    task, name = str(request.args["task"]), str(request.args.get("object_name", ""))
    if robot.request:
        robot.refuse("R514", f"{task} while {robot.request[0]} is pending: wait for it first")
    elif robot.goals or robot.spin is not None:
        robot.refuse("R503", f"{task} while navigation is active: wait for it first")
    elif at_rest(robot, task) and trick_over(robot, task):
        robot.request = (task, name if task in OBJECT_TASKS else "")
        robot.result = None


def _wait_for_perception(robot: Go2, timeout_sec: float | None = None) -> None:
    if robot.request is None:
        robot.refuse("R505", "wait_for_perception with no request pending: call_async first")
        return
    if timeout_sec is not None and timeout_sec < LOOK_SECONDS:
        robot.refuse("R519", f"wait_for_perception gives up after {timeout_sec:g} s: a look takes {LOOK_SECONDS:g} s")
        return
    task, name = robot.result = robot.request
    robot.request = None
    robot.emit("looked", task=task, object=name, room=robot.place, seen=_seen(robot, task, name))


def _seen(robot: Go2, task: str, name: str) -> int:
    """How many the scene holds where the robot is: objects of that name, or people."""
    room = robot.location
    if task in OBJECT_TASKS:
        return sum(places.get(room, 0) for thing, places in robot.scene.objects.items() if same_object(thing, name))
    if task == "detect_person":
        return sum(place == room for place in robot.scene.people.values())
    return 0


def _report_perception(robot: Go2) -> None:
    if robot.result is None:
        robot.refuse("R506", "report_perception with no result: request one and wait for it first")
        return
    task, name = robot.result
    robot.result = None
    robot.emit("reported", what="perception", task=task, object=name)


def _capture_image(robot: Go2) -> None:
    robot.emit("photographed", room=robot.place)


SKILLS: dict[str, Skill] = {
    "perception_client.call_async": _call_async,
    "wait_for_perception": _wait_for_perception,
    "report_perception": _report_perception,
    "capture_image": _capture_image,
}
