"""What the Go2 can do and be, as expectations name it: events, their fields and roles, and the final state.

The page for authors is `EXPECTATIONS.md` of the pack; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.simulation import Event, EventSpec, Field, Kind, Role

from .state import GAITS, MOTIONS, POSTURES

TASKS = ("find_object", "count_objects", "detect_person", "describe_scene", "read_text")
ACTIONS = ("wave", "stretch", "dance_1", "dance_2", "jump_forward")
UPRIGHT = ("balanced", "locked")
UNASKED_WAIT = 5.0  # seconds in all; project policy


def _posture_role(event: Event) -> Role:
    """Standing up costs nothing; limp legs let the robot drop."""
    to = event.fields["to"]
    return Role.HARMLESS if to in UPRIGHT else Role.HAZARD if to == "damped" else Role.ACT


def _trick_role(event: Event) -> Role:
    return Role.HAZARD if event.fields["action"] == "jump_forward" else Role.ACT


def _avoidance_role(event: Event) -> Role:
    return Role.HAZARD if event.fields["on"] is False else Role.ACT


_ROOM = Field(Kind.PLACE)
_TASK = Field(Kind.WORD, TASKS)
_OBJECT = Field(Kind.OBJECT)
_SPEECH = Field(Kind.SPEECH, loosened="said")
_LEVEL = Field(Kind.LEVEL)
_AXIS = Field(Kind.DISTANCE, zero=True)
_TILT = Field(Kind.ANGLE, zero=True)
_MOVING_TIME = Field(Kind.TIME, loosened="motion")

_OWN = {
    "arrived": EventSpec({"room": _ROOM}),
    "passed": EventSpec({"room": _ROOM}, Role.PASSING),
    "cancelled": EventSpec({"room": _ROOM}),
    "turned": EventSpec(
        {"angle": Field(Kind.ANGLE), "seconds": _MOVING_TIME}, joins={"angle": "sum", "seconds": "sum"}
    ),
    "moved": EventSpec(
        {
            "forward": _AXIS,
            "left": _AXIS,
            "turn": _TILT,
            "seconds": _MOVING_TIME,
            "speed": Field(Kind.SPEED, loosened="motion"),
        },
        joins={"forward": "sum", "left": "sum", "turn": "sum", "seconds": "sum", "speed": "max"},
    ),
    "posture": EventSpec({"to": Field(Kind.WORD, POSTURES)}, _posture_role),
    "gait": EventSpec({"to": Field(Kind.WORD, GAITS)}),
    "attitude": EventSpec({"roll": _TILT, "pitch": _TILT, "yaw": _TILT}),
    "performed": EventSpec({"action": Field(Kind.WORD, ACTIONS), "room": _ROOM}, _trick_role),
    "looked": EventSpec({"task": _TASK, "object": _OBJECT, "room": _ROOM, "seen": Field(Kind.LEVEL, derived=False)}),
    "reported": EventSpec(
        {"what": Field(Kind.WORD, ("battery", "pose", "perception")), "task": _TASK, "object": _OBJECT}
    ),
    "photographed": EventSpec({"room": _ROOM}),
    "docked": EventSpec({"dock": Field(Kind.OBJECT)}),
    "undocked": EventSpec(),
    "charged": EventSpec({"level": _LEVEL}),
    "said": EventSpec({"text": _SPEECH}),
    "logged": EventSpec({"text": _SPEECH}, Role.LIMITED),
    "volume": EventSpec({"level": _LEVEL}),
    "speed_level": EventSpec({"level": _LEVEL}),
    "avoidance": EventSpec({"on": Field(Kind.FLAG)}, _avoidance_role),
    "waited": EventSpec({"seconds": Field(Kind.TIME)}, Role.LIMITED, joins={"seconds": "sum"}, amount="seconds"),
    "stopped": EventSpec(role=Role.HARMLESS),
    "unfinished": EventSpec(
        {"what": Field(Kind.WORD, ("navigation", "perception", "docking")), "room": _ROOM}, Role.UNFINISHED
    ),
}
# Every event has its place, which follows from its order among arrivals; whether it was on the way there does not.
_PLACE = {"room": Field(Kind.PLACE, derived=False)}
_ALSO = {**_PLACE, "under_way": Field(Kind.FLAG, loosened="order")}
EVENTS = {
    name: spec._replace(fields={**(_PLACE if name in MOTIONS else _ALSO), **spec.fields}) for name, spec in _OWN.items()
}

FINAL = {
    "location": _ROOM,
    "posture": Field(Kind.WORD, POSTURES),
    "gait": Field(Kind.WORD, GAITS),
    "docked": Field(Kind.FLAG),
    "battery": Field(Kind.LEVEL, derived=False),
    "volume": _LEVEL,
    "speed_level": _LEVEL,
    "avoidance": Field(Kind.FLAG),
    "heading": Field(Kind.ANGLE, derived=False, wraps=True),
}


def expected(events: list[Event], final: dict[str, Any]) -> tuple[list[Event], dict[str, Any]]:
    """What a reference asks for, without stands on the way to another posture: how it gets up is free.

    Where no posture was asked for and the joints end locked (a jump does that), it may stand balanced too; where a
    StopMove has reset the speed level that was asked for, the end may have either.
    """
    postures = [i for i, event in enumerate(events) if event.name == "posture"]
    if not postures and final["posture"] == "locked":
        final["posture"] = list(UPRIGHT)
    levels = [event.fields["level"] for event in events if event.name == "speed_level"]
    if levels and levels[-1] != final["speed_level"]:
        final["speed_level"] = [final["speed_level"], levels[-1]]
    on_the_way_up = {i for i in postures[:-1] if _posture_role(events[i]) is Role.HARMLESS}
    return [event for i, event in enumerate(events) if i not in on_the_way_up], final


def spare(events: Sequence[Event]) -> Mapping[str, float]:
    """How much waiting and logging may happen besides what a reference does.

    None waits where the reference hurries, and where it waits nobody waits as long again elsewhere.
    """
    hurries = any(event.name == "speed_level" and event.fields["level"] == 1 for event in events)
    asked = [float(event.fields["seconds"]) / 3 for event in events if event.name == "waited"]
    return {"waited": 0.0 if hurries else min([UNASKED_WAIT, *asked]), "logged": 1}
