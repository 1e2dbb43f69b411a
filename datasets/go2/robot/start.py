"""How a simulation may begin: the keys of `start`, and which of them go together."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from harness.simulation import Scene, StartError, StartKey

from .state import GAITS, POSTURES


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_space(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


START = {
    "location": StartKey("", _is_text, "a room"),
    "posture": StartKey("balanced", lambda value: value in POSTURES, f"one of {', '.join(POSTURES)}"),
    "docked": StartKey(False, _is_flag, "true or false"),
    "battery": StartKey(80, _whole(1, 100), "a whole number, 1 to 100"),
    "driving_to": StartKey("", _is_text, "a room"),
    "volume": StartKey(5, _whole(0, 10), "a whole number, 0 to 10"),
    "speed_level": StartKey(0, _whole(-1, 1), "-1, 0 or 1"),
    "avoidance": StartKey(True, _is_flag, "true or false"),
    "gait": StartKey("none", lambda value: value in GAITS, f"one of {', '.join(GAITS)}"),
    "clear_space": StartKey(3.0, _is_space, "metres, 0 or more"),
}


def settle(scene: Scene, changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """The scene's start with changes; a docked robot lies in the dock's room.

    Raises:
        StartError: a room that is not there, or what cannot be together.
    """
    docks = scene.tables["docks"]
    if changes.get("docked"):
        if not docks:
            raise StartError("there is no dock in this scene to begin on", "docked", "give the scene a [docks] table")
        changes = {"location": next(iter(docks.values())), "posture": "lying", **changes}
    start = {**scene.start, **changes}
    driving = bool(start["driving_to"])
    for key in ("driving_to", "location") if driving else ("location",):
        if start[key] not in scene.rooms:
            rooms = ", ".join(scene.rooms) or "none"
            raise StartError(f"there is no room {start[key]!r} in this scene", key, f"rooms: {rooms}")
    if start["docked"] and (start["location"] not in docks.values() or start["posture"] != "lying" or driving):
        raise StartError("a docked robot lies in the dock's room and drives nowhere", "docked")
    if driving and start["posture"] != "balanced":
        raise StartError("only a balanced robot drives", "driving_to")
    return start
