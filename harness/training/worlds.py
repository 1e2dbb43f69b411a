"""The world in which a training example is tried, taken from its own plan.

As in Robo-Instruct (Hu et al. 2024, arXiv:2405.20179): the rooms and objects that a plan names exist, each where the
plan looks for it, and the robot begins in the state that the plan's first steps take for granted (on the dock before
`undock`, sitting before `RiseSit`, under way before `cancel_navigation`). A plan that no world fits does not run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.checks import Call
from harness.simulation.assume import assume_rooms
from harness.simulation.scene import Scene, with_start

# The first of these that a plan calls says how the robot stood before it.
_POSTURE_BEFORE = {
    "sport_client.RiseSit": "sitting",
    "sport_client.RecoveryStand": "fallen",
    "sport_client.StandUp": "lying",
}
_POSTURE_AFTER = frozenset({"sport_client.Sit", "sport_client.StandDown", "sport_client.Damp"})
_GOALS = frozenset({"nav_publisher.publish", "follow_waypoints"})
_BATTERY = 15  # low enough for every level that a plan may charge up to


def infer_scene(base: Scene, calls: Sequence[Call]) -> Scene:
    """The base scene with what the calls name and what they take for granted.

    Args:
        base: Gives the start room and the docks.
        calls: Bound calls of one plan.
    """
    scene = assume_rooms(base, calls)
    changes = {**_start(scene, calls), "objects": _objects(scene, calls)}
    return with_start(scene, {key: value for key, value in changes.items() if value})


def _start(scene: Scene, calls: Sequence[Call]) -> Mapping[str, Any]:
    paths = [call.path for call in calls]
    first = next((path for path in paths if path in _POSTURE_BEFORE or path in _POSTURE_AFTER), "")
    start: dict[str, Any] = {}
    if _comes_before(paths, "undock", {"dock"}) or _comes_before(paths, "wait_for_charge", {"dock"}):
        start["docked"] = True
    elif _comes_before(paths, "cancel_navigation", _GOALS):
        start["driving_to"] = next(room for room in sorted(scene.rooms) if room != scene.start.location)
    elif first in _POSTURE_BEFORE:
        start["posture"] = _POSTURE_BEFORE[first]
    if "wait_for_charge" in paths:
        start["battery"] = _BATTERY
    return start


def _comes_before(paths: Sequence[str], wanted: str, others: frozenset[str] | set[str]) -> bool:
    if wanted not in paths:
        return False
    return not others & set(paths[: paths.index(wanted)])


def _objects(scene: Scene, calls: Sequence[Call]) -> dict[str, dict[str, int]]:
    """Each object that is looked for, in every room where the plan looks for it."""
    found: dict[str, dict[str, int]] = {}
    room = scene.start.location
    for call in calls:
        for name, value in _arguments(call):
            if name == "room":
                room = value
            elif name == "object_name":
                found.setdefault(value, {})[room] = 1
    return {thing: places for thing, places in found.items() if all(place in scene.rooms for place in places)}


def _arguments(call: Call) -> Iterator[tuple[str, str]]:
    """Text arguments, those of nested calls too; of a list of rooms the last, where the robot ends."""
    for name, value in call.args.items():
        if isinstance(value, Call):
            yield from _arguments(value)
        elif name == "rooms" and isinstance(value, tuple) and value:
            yield "room", value[-1]
        elif isinstance(value, str):
            yield name, value
