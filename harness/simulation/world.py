"""The simulated world: rooms with doors, objects, people, what the robot adds, and the ways between rooms."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from harness.simulation.robot import Robot


@dataclass(frozen=True, slots=True)
class Room:
    """A place: metres east and north, and the rooms that a door leads to."""

    at: tuple[float, float]
    doors: tuple[str, ...]


class Route(NamedTuple):
    """A way: the rooms between its ends, and its length in metres."""

    between: tuple[str, ...]
    length: float


Routes: TypeAlias = dict[tuple[str, str], Route]


@dataclass(frozen=True, slots=True)
class Scene:
    """A world; all of it may be empty.

    Attributes:
        objects: Object -> room -> how many.
        people: Person -> room.
        tables: The robot's own tables, such as what stands where: name -> key -> room.
        start: State before the first call: every key of `Robot.start`.
        robot: Who acts in it.
        routes: Shortest ways found so far, shared by scenes with the same rooms.
    """

    name: str
    title: str
    rooms: Mapping[str, Room]
    objects: Mapping[str, Mapping[str, int]]
    people: Mapping[str, str]
    tables: Mapping[str, Mapping[str, str]]
    start: Mapping[str, Any]
    robot: Robot
    routes: Routes = field(default_factory=dict, compare=False, repr=False)

    def route(self, origin: str, goal: str) -> Route:
        """The shortest way between two rooms; of no length from an unknown place."""
        key = (origin, goal)
        found = self.routes.get(key)
        if found is None:
            found = self.routes[key] = _shortest(self.rooms, origin, goal)
        return found


def _shortest(rooms: Mapping[str, Room], origin: str, goal: str) -> Route:
    """Dijkstra over door to door distances; among equals the first in alphabetical order."""
    if origin not in rooms:
        return Route((), 0.0)
    queue: list[tuple[float, tuple[str, ...]]] = [(0.0, (origin,))]
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
