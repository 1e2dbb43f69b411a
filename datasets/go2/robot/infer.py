"""The world in which a plan is tried although nobody described it, taken from the plan itself.

The rooms and objects that a plan names exist, each where the plan looks for it, and the robot begins in the state that
the plan's first steps take for granted (on the dock before `undock`, sitting before `RiseSit`, under way before
`cancel_navigation`). A plan that no world fits does not run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from harness.checks import Call
from harness.simulation import Scene

# The first of these that a plan calls says how the robot stood before it.
_POSTURE_BEFORE = {
    "sport_client.RiseSit": "sitting",
    "sport_client.RecoveryStand": "fallen",
    "sport_client.StandUp": "lying",
}
_POSTURE_AFTER = frozenset({"sport_client.Sit", "sport_client.StandDown", "sport_client.Damp"})
_GOALS = frozenset({"nav_publisher.publish", "follow_waypoints"})
_BATTERY = 15  # low enough for every level that a plan may charge up to


def missing_rooms(scene: Scene, calls: Sequence[Call]) -> Mapping[str, Any]:
    """A start that adds every room that the calls name, each behind a door of the start room."""
    named = [room for call in calls for name, room in _arguments(call) if name == "room"]
    unknown = {room: scene.start["location"] for room in named if scene.room(room) is None}
    return {"rooms": unknown} if unknown else {}


def infer_start(scene: Scene, calls: Sequence[Call]) -> Mapping[str, Any]:
    """A start with what the calls name and what they take for granted."""
    start = dict(missing_rooms(scene, calls))
    known = {*scene.rooms, *start.get("rooms", ())}
    paths = [call.path for call in calls]
    first = next((path for path in paths if path in _POSTURE_BEFORE or path in _POSTURE_AFTER), "")
    if _comes_before(paths, "undock", {"dock"}) or _comes_before(paths, "wait_for_charge", {"dock"}):
        start["docked"] = True
    elif _comes_before(paths, "cancel_navigation", _GOALS):
        start["driving_to"] = next(room for room in sorted(known) if room != scene.start["location"])
    elif first in _POSTURE_BEFORE:
        start["posture"] = _POSTURE_BEFORE[first]
    if "wait_for_charge" in paths:
        start["battery"] = _BATTERY
    # Each object that is looked for is in every room where the plan looks for it.
    found: dict[str, dict[str, int]] = {}
    room = scene.start["location"]
    for name, value in (argument for call in calls for argument in _arguments(call)):
        if name == "room":
            room = scene.room(value) or value
        elif name == "object_name":
            found.setdefault(value, {})[room] = 1
    if found:
        start["objects"] = {thing: places for thing, places in found.items() if places.keys() <= known}
    return start


def _comes_before(paths: Sequence[str], wanted: str, others: AbstractSet[str]) -> bool:
    return wanted in paths and not others & set(paths[: paths.index(wanted)])


def _arguments(call: Call) -> Iterator[tuple[str, str]]:
    """Text arguments, those of nested calls too; each room of a list, the last being where the robot ends."""
    for name, value in call.args.items():
        if name == "rooms" and isinstance(value, tuple):
            yield from (("room", str(room)) for room in value)
        elif isinstance(value, str):
            yield name, value
        elif isinstance(value, Call):
            yield from _arguments(value)
