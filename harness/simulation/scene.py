"""Scene files: a world in TOML, read with every mistake as an `InputError` with file and line.

One file a scene, its name the file's; `EXPECTATIONS.md` of the pack documents the start keys.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.simulation.world import GAITS, POSTURES, Room, Scene, Start

__all__ = ["Scene", "load_scene", "load_scenes", "with_start"]


def load_scenes(folder: Path) -> dict[str, Scene]:
    """All scenes of a pack, by name.

    Raises:
        InputError: no scene there, or one that cannot be used.
    """
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise InputError("there is no scene (*.toml) in this folder", path=folder, hint="see the pack's `scenes`")
    return {path.stem: load_scene(path) for path in files}


def load_scene(path: Path) -> Scene:
    """Read one scene.

    Raises:
        InputError: unreadable, not TOML, an unknown or missing key, a room that is named but not there, or one
            that no door leads to.
    """
    try:
        text = path.read_text(encoding="utf-8")
        raw = tomllib.loads(text)
    except OSError as error:
        raise InputError(f"cannot read the scene: {error.strerror}", path=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"not valid TOML: {error}", path=path, hint="mend the line named above") from error
    source = _Source(path, text)
    known = {"title": str, "rooms": dict, "objects": dict, "people": dict, "docks": dict, "start": dict}
    for key, value in raw.items():
        if key not in known:
            raise source.error(f"unknown key {key!r}", key, hint=f"known keys: {', '.join(known)}")
        if not isinstance(value, known[key]):
            raise source.error(f"{key!r} has the wrong type", key, hint="see the other scenes")
    for key in ("title", "rooms", "docks", "start"):
        if not raw.get(key):
            raise source.error(f"{key!r} is missing or empty", hint="see the other scenes")
    rooms = _read_rooms(raw["rooms"], source)
    docks = {name: _known(room, rooms, source, name) for name, room in raw["docks"].items()}
    scene = Scene(
        name=path.stem,
        title=raw["title"],
        rooms=rooms,
        objects=_read_objects(raw.get("objects", {}), rooms, source),
        people={name: _known(room, rooms, source, name) for name, room in raw.get("people", {}).items()},
        docks=docks,
        start=_read_start(raw["start"], Start(location=""), rooms, docks, source),
    )
    _check_connected(scene, source)
    return scene


def with_start(scene: Scene, changes: Mapping[str, Any], *, path: Path | None = None, line: int | None = None) -> Scene:
    """The scene with one case's `start` applied: another start state, more rooms, objects or people.

    Raises:
        InputError: an unknown key, a wrong type or value, or a room that is not there.
    """
    if not changes:
        return scene
    source = _Source(path, "", line)
    rooms: Mapping[str, Room] = scene.rooms
    added = changes.get("rooms", {})
    if not isinstance(added, Mapping) or not all(isinstance(value, str) for value in added.values()):
        raise source.error("start 'rooms' maps each new room to a neighbour", hint='{"annas_office": "corridor"}')
    if added:
        raw = {name: {"at": list(room.at), "doors": list(room.doors)} for name, room in rooms.items()}
        for name, neighbour in added.items():
            x, y = rooms[_known(neighbour, {**raw, **added}, source, name)].at if neighbour in rooms else (0.0, 0.0)
            raw[name] = {"at": [x + 2.0, y + 2.0], "doors": [neighbour]}
        rooms = _read_rooms(raw, source)
    objects = changes.get("objects", {})
    people = changes.get("people", {})
    for key, value in (("objects", objects), ("people", people)):
        if not isinstance(value, Mapping):
            raise source.error(f"start {key!r} maps names to rooms", hint='{"teapot": "kitchen"}')
    state = {key: value for key, value in changes.items() if key not in ("rooms", "objects", "people")}
    return replace(
        scene,
        rooms=rooms,
        objects={**scene.objects, **_read_objects(objects, rooms, source)},
        people={**scene.people, **{name: _known(room, rooms, source, name) for name, room in people.items()}},
        start=_read_start(state, scene.start, rooms, scene.docks, source),
        routes=scene.routes if rooms is scene.rooms else {},
    )


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a value comes from, for messages: a TOML text, or one line of a case file."""

    path: Path | None
    text: str
    line: int | None = None

    def error(self, message: str, key: str = "", *, hint: str = "") -> InputError:
        """An `InputError` at the line that defines `key`, where it can be told."""
        line = self.line
        if line is None and key:
            for number, content in enumerate(self.text.split("\n"), start=1):
                if content.partition("=")[0].strip().strip("[]\"' ") == key:
                    line = number
                    break
        return InputError(message, path=self.path, line=line, hint=hint)


def _read_rooms(raw: Mapping[str, Any], source: _Source) -> dict[str, Room]:
    """Rooms with doors made two-way."""
    doors: dict[str, set[str]] = {name: set() for name in raw}
    places: dict[str, tuple[float, float]] = {}
    for name in raw:
        if not name.replace("_", "").isalnum() or name != name.lower():
            raise source.error(f"the room {name!r} is not in snake_case", name, hint="for example living_room")
    for name, entry in raw.items():
        if not isinstance(entry, Mapping) or set(entry) - {"at", "doors"}:
            raise source.error(
                f"the room {name!r} takes `at` and `doors`", name, hint="{ at = [0.0, 1.0], doors = [] }"
            )
        at = entry.get("at")
        if not isinstance(at, list) or len(at) != 2 or not all(_is_number(value) for value in at):
            raise source.error(f"the room {name!r} needs `at`, metres east and north", name, hint="at = [0.0, 1.0]")
        places[name] = (float(at[0]), float(at[1]))
        for door in entry.get("doors", []):
            _known(door, raw, source, name)
            doors[name].add(door)
            doors[door].add(name)
    return {name: Room(places[name], tuple(sorted(doors[name]))) for name in raw}


def _read_objects(raw: Mapping[str, Any], rooms: Mapping[str, Any], source: _Source) -> dict[str, dict[str, int]]:
    objects: dict[str, dict[str, int]] = {}
    for name, places in raw.items():
        counted = {places: 1} if isinstance(places, str) else places
        if not isinstance(counted, Mapping) or not counted:
            raise source.error(f"{name!r} needs a room, or rooms with how many", name, hint="{ kitchen = 2 }")
        for room, count in counted.items():
            _known(room, rooms, source, name)
            if not isinstance(count, int) or isinstance(count, bool) or count < 0:
                raise source.error(f"{name!r} in {room!r} needs a whole number", name, hint="{ kitchen = 2 }")
        objects[name] = dict(counted)
    return objects


def _read_start(
    raw: Mapping[str, Any], base: Start, rooms: Mapping[str, Room], docks: Mapping[str, str], source: _Source
) -> Start:
    """`base` with the given keys replaced."""
    for key, value in raw.items():
        if key not in _START:
            raise source.error(
                f"unknown start key {key!r}", key, hint=f"known keys: {', '.join(_START)}, rooms, objects, people"
            )
        test, wanted = _START[key]
        if not test(value):
            raise source.error(f"start {key!r} cannot be {value!r}", key, hint=f"it is {wanted}")
    changes = dict(raw)
    goal = changes.pop("driving_to", None)
    if goal is not None:
        changes["goals"] = (_known(goal, rooms, source, "driving_to"),)
    if changes.get("docked"):
        changes = {"location": next(iter(docks.values())), "posture": "lying", **changes}
    start = replace(base, **changes)
    _known(start.location, rooms, source, "location")
    if start.docked and (start.location not in docks.values() or start.posture != "lying" or start.goals):
        raise source.error("a docked robot lies in the dock's room and drives nowhere", "docked")
    if start.goals and start.posture != "balanced":
        raise source.error("only a balanced robot drives", "driving_to")
    return start


def _check_connected(scene: Scene, source: _Source) -> None:
    first = next(iter(scene.rooms))
    reached = {first}
    front = [first]
    while front:
        for door in scene.rooms[front.pop()].doors:
            if door not in reached:
                reached.add(door)
                front.append(door)
    for name in scene.rooms:
        if name not in reached:
            raise source.error(f"no way leads from {first!r} to {name!r}", name, hint="give it a door")


def _known(room: Any, rooms: Mapping[str, Any], source: _Source, key: str) -> str:
    if not isinstance(room, str) or room not in rooms:
        raise source.error(f"there is no room {room!r} in this scene", key, hint=f"rooms: {', '.join(rooms)}")
    return room


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _whole(low: int, high: int) -> Any:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


_START: dict[str, tuple[Any, str]] = {
    "location": (lambda value: isinstance(value, str), "a room"),
    "posture": (lambda value: value in POSTURES, f"one of {', '.join(POSTURES)}"),
    "docked": (lambda value: isinstance(value, bool), "true or false"),
    "battery": (_whole(1, 100), "a whole number, 1 to 100"),
    "driving_to": (lambda value: isinstance(value, str), "a room"),
    "volume": (_whole(0, 10), "a whole number, 0 to 10"),
    "speed_level": (_whole(-1, 1), "-1, 0 or 1"),
    "avoidance": (lambda value: isinstance(value, bool), "true or false"),
    "gait": (lambda value: value in GAITS, f"one of {', '.join(GAITS)}"),
    "clear_space": (lambda value: _is_number(value) and value >= 0, "metres, 0 or more"),
}
