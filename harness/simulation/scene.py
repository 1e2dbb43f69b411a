"""Scene files: a world in TOML, read with every mistake as an `InputError` with file and line.

One file a scene, its name the file's. Rooms, objects and people are the engine's and optional; further tables and the
keys of [start] are the robot's.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.pack import Pack
from harness.sdk.profile import Profile
from harness.simulation.load import load_robot
from harness.simulation.robot import BoundCall, Robot, StartError, declared
from harness.simulation.world import Room, Scene

__all__ = ["Scene", "assume_scene", "infer_scene", "load_scene", "load_scenes", "with_start"]


def load_scenes(pack: Pack, profile: Profile | None = None) -> dict[str, Scene]:
    """All scenes of a pack, by name, with its robot in them; one empty scene named "" where the pack has none.

    Args:
        pack: Names the robot module and the folder.
        profile: The pack's own, where it is loaded already.

    Raises:
        InputError: as `load_robot`; no scene in the folder, or one that cannot be used.
    """
    robot = load_robot(pack, profile)
    if pack.scenes is None:
        return {"": _read({"title": pack.name}, "", robot, _Source(None, ""))}
    files = sorted(pack.scenes.glob("*.toml"))
    if not files:
        raise InputError("there is no scene (*.toml) in this folder", path=pack.scenes, hint="see the pack's `scenes`")
    return {path.stem: load_scene(path, robot) for path in files}


def load_scene(path: Path, robot: Robot) -> Scene:
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
    return _read(raw, path.stem, robot, _Source(path, text))


def _read(raw: Mapping[str, Any], name: str, robot: Robot, source: _Source) -> Scene:
    known = {"title": str, "rooms": dict, "objects": dict, "people": dict, "start": dict}
    known |= dict.fromkeys(robot.tables, dict)
    for key, value in raw.items():
        if key not in known:
            raise source.error(f"unknown key {key!r}", key, hint=f"known keys: {', '.join(known)}")
        if not isinstance(value, known[key]):
            raise source.error(f"{key!r} has the wrong type", key, hint="see the other scenes")
    if not raw.get("title"):
        raise source.error("'title' is missing or empty", hint="see the other scenes")
    rooms = _read_rooms(raw.get("rooms", {}), source)
    tables = {
        table: {key: _known(room, rooms, source, key) for key, room in raw.get(table, {}).items()}
        for table in robot.tables
    }
    scene = Scene(
        name=name,
        title=raw["title"],
        rooms=rooms,
        objects=_read_objects(raw.get("objects", {}), rooms, source),
        people={person: _known(room, rooms, source, person) for person, room in raw.get("people", {}).items()},
        tables=tables,
        start={key: entry.default for key, entry in robot.start.items()},
        robot=robot,
    )
    scene = replace(scene, start=_settled(raw.get("start", {}), scene, source))
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
        raise source.error("start 'rooms' maps each new room to a neighbour", hint='{"new_room": "old_room"}')
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
            raise source.error(f"start {key!r} maps names to rooms", hint='{"ball": "room_a"}')
    state = {key: value for key, value in changes.items() if key not in ("rooms", "objects", "people")}
    changed = replace(
        scene,
        rooms=rooms,
        objects={**scene.objects, **_read_objects(objects, rooms, source)},
        people={**scene.people, **{name: _known(room, rooms, source, name) for name, room in people.items()}},
        routes=scene.routes if rooms is scene.rooms else {},
    )
    return replace(changed, start=_settled(state, changed, source))


def infer_scene(base: Scene, calls: Sequence[BoundCall]) -> Scene:
    """The scene with everything in it that a plan takes for granted: its start state, its rooms, its objects.

    As in Robo-Instruct (Hu et al. 2024, arXiv:2405.20179), the world is taken from the plan itself: what is tried is
    whether the plan runs, not whether its place is known.
    """
    return with_start(base, base.robot.hook("what a plan takes for granted", base.robot.infer, base, calls))


def assume_scene(base: Scene, calls: Sequence[BoundCall]) -> Scene:
    """The scene with the rooms that a plan names and that nobody described."""
    return with_start(base, base.robot.hook("the rooms that a plan names", base.robot.assume, base, calls))


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
            raise source.error(f"the room {name!r} is not in snake_case", name, hint="for example big_room")
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
            raise source.error(f"{name!r} needs a room, or rooms with how many", name, hint="{ room_a = 2 }")
        for room, count in counted.items():
            _known(room, rooms, source, name)
            if not isinstance(count, int) or isinstance(count, bool) or count < 0:
                raise source.error(f"{name!r} in {room!r} needs a whole number", name, hint="{ room_a = 2 }")
        objects[name] = dict(counted)
    return objects


def _settled(raw: Mapping[str, Any], scene: Scene, source: _Source) -> Mapping[str, Any]:
    """The scene's start with the given keys replaced, as the robot says that it can be."""
    known = scene.robot.start
    for key, value in raw.items():
        if key not in known:
            hint = f"known keys: {declared(known)}, rooms, objects, people"
            raise source.error(f"unknown start key {key!r}", key, hint=hint)
        if not scene.robot.hook(f"the start {key!r}", known[key].test, value):
            raise source.error(f"start {key!r} cannot be {value!r}", key, hint=f"it is {known[key].wanted}")
    try:
        start = scene.robot.hook(f"the start {dict(raw)}", scene.robot.settle, scene, raw)
    except StartError as error:
        raise source.error(error.message, error.key, hint=error.hint) from None
    if odd := start.keys() ^ known.keys():
        raise InputError(f"`settle` and `start` differ in {', '.join(sorted(odd))}", path=scene.robot.path)
    return start


def _check_connected(scene: Scene, source: _Source) -> None:
    front = list(scene.rooms)[:1]
    reached = set(front)
    while front:
        for door in scene.rooms[front.pop()].doors:
            if door not in reached:
                reached.add(door)
                front.append(door)
    for name in scene.rooms:
        if name not in reached:
            first = next(iter(scene.rooms))
            raise source.error(f"no way leads from {first!r} to {name!r}", name, hint="give it a door")


def _known(room: Any, rooms: Mapping[str, Any], source: _Source, key: str) -> str:
    if not isinstance(room, str) or room not in rooms:
        raise source.error(f"there is no room {room!r} in this scene", key, hint=f"rooms: {', '.join(rooms)}")
    return room


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
