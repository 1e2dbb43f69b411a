"""The work cell: its fixed places, things that stand about, and what is under a point. Lengths in mm.

x is ahead of the arm's axis, y to its left, z up from the table top. The card prompt names the same places.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from harness.simulation import Scene, StartError, StartKey

from .kinematics import HOME, Pose, forward

TABLE = "table"
PLACES: Mapping[str, tuple[float, float, float]] = {  # middle, and height of what a thing stands on
    "tray": (400, 200, 10),
    "scale": (450, -100, 40),
    "bin": (350, -300, 0),
    "crate": (150, -400, 0),
    "shelf": (220, 440, 100),
}
RADIUS = 100  # a thing this near the middle of a place stands on it
NEAR, FAR, HIGH = 175, 600, 500  # from the arm's axis, on the level; above the table
OPEN = 84  # widest opening of the gripper
EXACT = 10  # how far from its middle a thing can be gripped
_HOME = forward(HOME)[0]


class Thing(NamedTuple):
    """A thing: its middle, the height it stands at, its own height, and how wide it is for the gripper."""

    name: str
    x: float
    y: float
    base: float
    height: float
    width: float

    def reaches(self, x: float, y: float, width: float) -> bool:
        """Whether something that wide over a point is over it too."""
        return math.hypot(x - self.x, y - self.y) < (self.width + width) / 2


def nearest(one: Pose, two: Pose) -> float:
    """How near the straight way between two poses passes the arm's axis, on the level."""
    dx, dy = two.x - one.x, two.y - one.y
    along = -(one.x * dx + one.y * dy) / (dx * dx + dy * dy) if dx or dy else 0.0
    along = min(1.0, max(0.0, along))
    return math.hypot(one.x + along * dx, one.y + along * dy)


class Support(NamedTuple):
    """What is under a point: its name, and its height."""

    name: str
    height: float


def support(things: Iterable[Thing], x: float, y: float, width: float) -> Support:
    """The highest of what is under something that wide."""
    under = [Support(TABLE, 0.0)]
    under += [Support(name, h) for name, (px, py, h) in PLACES.items() if math.hypot(x - px, y - py) <= RADIUS]
    under += [Support(one.name, one.base + one.height) for one in things if one.reaches(x, y, width)]
    return max(under, key=lambda one: one.height)


def stand(described: Mapping[str, list[float]]) -> dict[str, Thing]:
    """Things as they stand, each on what is under it already."""
    things: dict[str, Thing] = {}
    for name, (x, y, height, width) in described.items():
        things[name] = Thing(name, x, y, support(things.values(), x, y, width).height, height, width)
    return things


def settle(scene: Scene, changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """The start state with changes applied: things by the name of a place, of a sort that can be."""
    things = dict(scene.start["things"])
    for name, where in changes.get("things", {}).items():
        if isinstance(where, str):
            if name not in things:
                message = f"{name!r} is none of the scene's things, so that its size is unknown"
                raise StartError(message, "things", "give [x, y, height, width]")
            things[name] = [*PLACES[where][:2], *things.pop(name)[2:]]  # last, on top of what stands there
        else:
            things[name] = where
    start = {**scene.start, **changes, "things": things}
    if start["holding"] and start["holding"] not in things:
        raise StartError(f"there is no {start['holding']!r} to hold", "holding", f"things: {', '.join(things)}")
    if start["paused"] and not start["ready"]:
        raise StartError("an arm that is not ready cannot be paused", "paused", 'add "ready": true')
    return start


def _is_thing(value: object) -> bool:
    if isinstance(value, str):
        return value in PLACES
    return isinstance(value, list) and len(value) == 4 and all(map(_is_number, value)) and min(value[2:]) > 0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_point(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 3 or not all(map(_is_number, value)):
        return False
    return NEAR <= math.hypot(value[0], value[1]) <= FAR and 0 <= value[2] <= HIGH


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


START = {
    "ready": StartKey(False, _is_flag, "true where the command says that the arm is ready, switched on or enabled"),
    "paused": StartKey(False, _is_flag, "true where the command says that the arm is paused"),
    "at": StartKey([*map(round, _HOME[:3])], _is_point, "[x, y, z] of the tip within reach, in mm"),
    "gripper": StartKey(OPEN, lambda value: _is_number(value) and 0 <= value <= OPEN, f"0 to {OPEN} mm"),
    "holding": StartKey("", lambda value: isinstance(value, str), "the name of a thing"),
    "things": StartKey(
        {},
        lambda value: isinstance(value, dict) and all(map(_is_thing, value.values())),
        f"thing -> [x, y, height, width] in mm, or the name of a place: {', '.join(PLACES)}",
    ),
}
