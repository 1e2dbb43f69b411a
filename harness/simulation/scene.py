"""Scenes: a world in TOML, one file a scene, its name the file's; and what a case or a plan changes in it.

Rooms, objects and people are the engine's and optional; further tables and the keys of [start] are the robot's.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from harness.checks import Call
from harness.errors import InputError
from harness.files import STRICT, read_toml, read_whole, validated
from harness.pack import Pack
from harness.parsed import toml_line
from harness.sdk.profile import Profile
from harness.simulation.load import load_robot
from harness.simulation.names import place_names, place_words
from harness.simulation.robot import Robot, StartError


@dataclass(frozen=True, slots=True)
class Room:
    """A place: metres east and north, and the rooms that a door leads to."""

    __pydantic_config__ = STRICT
    at: tuple[float, float]
    doors: tuple[str, ...] = ()


class Route(NamedTuple):
    """A way: the rooms between its ends, and its length in metres."""

    between: tuple[str, ...]
    length: float


@dataclass(frozen=True, slots=True)
class Scene:
    """A world; all of it may be empty."""

    name: str
    rooms: Mapping[str, Room]
    objects: Mapping[str, Mapping[str, int]]  # object -> room -> how many
    people: Mapping[str, str]  # person -> room
    tables: Mapping[str, Mapping[str, str]]  # the robot's own tables, such as what stands where: name -> key -> room
    start: Mapping[str, Any]  # state before the first call: every key of `Robot.start`
    robot: Robot  # who acts in it
    # Words of another name -> the room that it means, beside the rooms' own names.
    names: Mapping[str, str] = field(default_factory=dict)
    # Shortest ways found so far, shared by scenes with the same rooms.
    routes: dict[tuple[str, str], Route] = field(default_factory=dict, compare=False, repr=False)

    def room(self, name: str) -> str | None:
        """The room that a name means: its own, another that the scene gives it, or its own with a number in words."""
        if name in self.rooms:
            return name
        words = place_words(name)
        return self.names.get(words) or next((room for room in self.rooms if words in place_names(room)), None)

    def route(self, origin: str, goal: str) -> Route:
        """The shortest way between two rooms; of no length from an unknown place."""
        key = (origin, goal)
        found = self.routes.get(key)
        if found is None:
            found = self.routes[key] = _shortest(self.rooms, origin, goal)
        return found


def _shortest(rooms: Mapping[str, Room], origin: str, goal: str) -> Route:
    """Dijkstra over door to door distances; among equals the first in alphabetical order."""
    queue: list[tuple[float, tuple[str, ...]]] = [(0.0, (origin,))] if origin in rooms else []
    done: set[str] = set()
    while queue:
        length, path = heapq.heappop(queue)
        here = path[-1]
        if here == goal:
            return Route(path[1:-1], length)
        if here in done:
            continue
        done.add(here)
        for door in rooms[here].doors:
            if door not in done:
                heapq.heappush(queue, (length + math.dist(rooms[here].at, rooms[door].at), (*path, door)))
    return Route((), 0.0)


@dataclass(frozen=True, slots=True)
class SceneFile:
    """What a scene file holds beside the robot's own tables; `same_place`: room -> other names of it."""

    __pydantic_config__ = STRICT
    title: str
    rooms: dict[str, Room] = field(default_factory=dict)
    objects: dict[str, dict[str, int]] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    same_place: dict[str, tuple[str, ...]] = field(default_factory=dict)
    start: dict[str, Any] = field(default_factory=dict)


class _Place(NamedTuple):
    """Where a world is described, for errors: a TOML file, or one line of a file of cases."""

    path: Path | None
    line: int | None = None

    def error(self, message: str, *location: str, hint: str = "") -> InputError:
        """An error at the keys that lead to a value of the file."""
        line = self.line
        if line is None and self.path is not None:
            line = toml_line(read_whole(self.path), location)
        return InputError(message, path=self.path, line=line, hint=hint)

    def check_room(self, room: Any, rooms: Collection[str], *location: str) -> None:
        """Refuse what is no room of the scene."""
        if not isinstance(room, str) or room not in rooms:
            message = f"there is no room {room!r} in this scene"
            raise self.error(message, *location, hint=f"rooms: {', '.join(rooms) or 'none'}")


def load_scenes(pack: Pack, profile: Profile | None = None) -> dict[str, Scene]:
    """All scenes of a pack, by name, with its robot in them; one empty scene named "" where the pack has none."""
    robot = load_robot(pack, profile)
    if pack.scenes is None:
        return {"": _furnished(_empty("", robot), {}, {}, {}, _Place(None))}
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
    raw = read_toml(path)
    place = _Place(path)
    known = [one.name for one in fields(SceneFile)] + list(robot.tables)
    for key in raw:
        if key not in known:
            raise place.error(f"unknown key {key!r}", key, hint=f"known keys: {', '.join(known)}")
    tables = {table: raw.pop(table, {}) for table in robot.tables}
    objects = raw.get("objects")
    if isinstance(objects, dict):
        raw["objects"] = {name: {one: 1} if isinstance(one, str) else one for name, one in objects.items()}
    file = validated(SceneFile, raw, path, "a scene")
    rooms = _linked(file.rooms, place)
    for table, entries in tables.items():
        if not isinstance(entries, dict):
            raise place.error(f"{table!r} is a table of names and their rooms", table)
        for key, room in entries.items():
            place.check_room(room, rooms, table, key)
    scene = replace(_empty(path.stem, robot), rooms=rooms, tables=tables)
    names: dict[str, str] = {}
    for room, others in file.same_place.items():
        place.check_room(room, rooms, "same_place", room)
        for other in others:
            if scene.room(other) or names.setdefault(place_words(other), room) != room:
                raise place.error(f"{other!r} names a place already", "same_place", room)
    scene = replace(scene, names=names)
    return _furnished(scene, file.objects, file.people, file.start, place)


def with_start(scene: Scene, changes: Mapping[str, Any], *, path: Path | None = None, line: int | None = None) -> Scene:
    """The scene with one case's `start` applied: another start state, more rooms, objects or people.

    Raises:
        InputError: an unknown key, a wrong type or value, or a room that is not there.
    """
    if not changes:
        return scene
    place = _Place(path, line)
    state = dict(changes)
    added, objects, people = (state.pop(key, {}) for key in ("rooms", "objects", "people"))
    for key, value in (("rooms", added), ("objects", objects), ("people", people)):
        if not isinstance(value, Mapping):
            raise place.error(f"start {key!r} maps names to rooms", hint='{"new_name": "room_a"}')
    if added:
        rooms = dict(scene.rooms)
        for name, neighbour in added.items():
            place.check_room(neighbour, {**rooms, **added})
            x, y = scene.rooms[neighbour].at if neighbour in scene.rooms else (0.0, 0.0)
            rooms[name] = Room((x + 2.0, y + 2.0), (neighbour,))
        scene = replace(scene, rooms=_linked(rooms, place), routes={})
    counted = {name: {one: 1} if isinstance(one, str) else one for name, one in objects.items()}
    return _furnished(scene, counted, people, state, place)


def with_inferred_start(scene: Scene, calls: Sequence[Call]) -> Scene:
    """The scene with everything in it that a plan takes for granted: its start state, its rooms, its objects.

    As in Robo-Instruct (Hu et al. 2024, arXiv:2405.20179), the world is taken from the plan itself: what is tried is
    whether the plan runs, not whether its place is known.
    """
    robot = scene.robot
    return with_start(scene, robot.hook("what a plan takes for granted", robot.infer_start, scene, calls))


def with_missing_rooms(scene: Scene, calls: Sequence[Call]) -> Scene:
    """The scene with the rooms that a plan names and that nobody described."""
    robot = scene.robot
    return with_start(scene, robot.hook("the rooms that a plan names", robot.missing_rooms, scene, calls))


def _empty(name: str, robot: Robot) -> Scene:
    tables: dict[str, dict[str, str]] = {table: {} for table in robot.tables}
    return Scene(name, {}, {}, {}, tables, {key: entry.default for key, entry in robot.start.items()}, robot)


def _linked(described: Mapping[str, Room], place: _Place) -> dict[str, Room]:
    """Rooms with doors made two-way, each of them reached from the first."""
    doors: dict[str, set[str]] = {name: set() for name in described}
    for name, room in described.items():
        if not name.replace("_", "").isalnum() or name != name.lower():
            raise place.error(f"the room {name!r} is not in snake_case", "rooms", name, hint="for example big_room")
        for door in room.doors:
            place.check_room(door, described, "rooms", name)
            doors[name].add(door)
            doors[door].add(name)
    front = list(described)[:1]
    reached = set(front)
    while front:
        fresh = doors[front.pop()] - reached
        reached |= fresh
        front += fresh
    for name in described:
        if name not in reached:
            message = f"no way leads from {next(iter(described))!r} to {name!r}"
            raise place.error(message, "rooms", name, hint="give it a door")
    return {name: Room(room.at, tuple(sorted(doors[name]))) for name, room in described.items()}


def _furnished(
    scene: Scene, objects: Mapping[str, Any], people: Mapping[str, Any], start: Mapping[str, Any], place: _Place
) -> Scene:
    """The scene with objects and people added and start keys replaced, as the robot says that they can be."""
    for name, counts in objects.items():
        if not isinstance(counts, Mapping) or not counts:
            message = f"{name!r} needs a room, or rooms with how many"
            raise place.error(message, "objects", name, hint="{ room_a = 2 }")
        for room, count in counts.items():
            place.check_room(room, scene.rooms, "objects", name)
            if not isinstance(count, int) or isinstance(count, bool) or count < 0:
                message = f"{name!r} in {room!r} needs a whole number"
                raise place.error(message, "objects", name, hint="{ room_a = 2 }")
    for name, room in people.items():
        place.check_room(room, scene.rooms, "people", name)
    robot = scene.robot
    for key, value in start.items():
        if key not in robot.start:
            hint = f"known keys: {', '.join([*robot.start, 'rooms', 'objects', 'people'])}"
            raise place.error(f"unknown start key {key!r}", "start", key, hint=hint)
        if not robot.hook(f"the start {key!r}", robot.start[key].test, value):
            message = f"start {key!r} cannot be {value!r}"
            raise place.error(message, "start", key, hint=f"it is {robot.start[key].wanted}")
    scene = replace(scene, objects={**scene.objects, **objects}, people={**scene.people, **people})
    try:
        settled = robot.hook(f"the start {dict(start)}", robot.settle, scene, start)
    except StartError as error:
        raise place.error(error.message, "start", error.key, hint=error.hint) from None
    if odd := settled.keys() ^ robot.start.keys():
        raise InputError(f"`settle` and `start` differ in {', '.join(sorted(odd))}", path=robot.path)
    return replace(scene, start=settled)
