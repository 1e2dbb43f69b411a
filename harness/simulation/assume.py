"""A scene in which a plan can be tried although nobody described its world: the rooms that it names exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from harness.checks import Call
from harness.simulation.scene import Scene, with_start


def assume_rooms(scene: Scene, calls: Sequence[Call]) -> Scene:
    """The scene with every room that the calls name, each behind a door of the start room.

    As in Robo-Instruct (Hu et al. 2024, arXiv:2405.20179), the world is taken from the plan itself, so that what is
    tried is whether the plan runs, not whether its place is known.
    """
    unknown = {room: scene.start.location for room in _rooms(calls) if room not in scene.rooms}
    return with_start(scene, {"rooms": unknown} if unknown else {})


def _rooms(calls: Iterable[object]) -> Iterator[str]:
    for call in calls:
        if not isinstance(call, Call):
            continue
        for name, value in call.args.items():
            if isinstance(value, Call):
                yield from _rooms([value])
            elif name == "room" and isinstance(value, str):
                yield value
            elif name == "rooms" and isinstance(value, tuple):
                yield from (room for room in value if isinstance(room, str))
