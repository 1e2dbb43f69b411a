"""The words of expectations in one place: events with their fields, what is harmless, what the final state holds.

The page for authors is `EXPECTATIONS.md` of the pack; a test holds the two together.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from harness.simulation.trace import Event
from harness.simulation.world import GAITS, POSTURES


class Kind(StrEnum):
    """What the values of a field are, and with that how they compare."""

    ANGLE = "angle"  # rad
    DISTANCE = "distance"  # m
    SPEED = "speed"  # m/s
    TIME = "time"  # s
    LEVEL = "level"  # whole number, exact
    FLAG = "flag"
    ROOM = "room"
    OBJECT = "object"
    WORD = "word"  # one of a closed set
    SPEECH = "speech"


class Field(NamedTuple):
    """A field of an event.

    Attributes:
        kind: How it compares.
        choices: The closed set of a WORD.
        derived: Whether a plan derived from a reference requires it.
        zero: Left out of an expectation, it must be 0 rather than anything.
    """

    kind: Kind
    choices: tuple[str, ...] = ()
    derived: bool = True
    zero: bool = False


TASKS = ("find_object", "count_objects", "detect_person", "describe_scene", "read_text")
ACTIONS = ("wave", "stretch", "dance_1", "dance_2", "jump_forward")

_ROOM = Field(Kind.ROOM)
_TASK = Field(Kind.WORD, TASKS)
_OBJECT = Field(Kind.OBJECT)
_SPEECH = Field(Kind.SPEECH)
_REASON = Field(Kind.SPEECH, derived=False)
_LEVEL = Field(Kind.LEVEL)
_TIME = Field(Kind.TIME)

EVENTS: dict[str, dict[str, Field]] = {
    "arrived": {"room": _ROOM},
    "passed": {"room": _ROOM},
    "cancelled": {"room": _ROOM},
    "turned": {"angle": Field(Kind.ANGLE), "seconds": _TIME},
    "moved": {
        "forward": Field(Kind.DISTANCE, zero=True),
        "left": Field(Kind.DISTANCE, zero=True),
        "turn": Field(Kind.ANGLE, zero=True),
        "seconds": _TIME,
        "speed": Field(Kind.SPEED),
    },
    "posture": {"to": Field(Kind.WORD, POSTURES)},
    "gait": {"to": Field(Kind.WORD, GAITS)},
    "attitude": {
        "roll": Field(Kind.ANGLE, zero=True),
        "pitch": Field(Kind.ANGLE, zero=True),
        "yaw": Field(Kind.ANGLE, zero=True),
    },
    "performed": {"action": Field(Kind.WORD, ACTIONS), "room": _ROOM},
    "looked": {"task": _TASK, "object": _OBJECT, "room": _ROOM, "seen": Field(Kind.LEVEL, derived=False)},
    "reported": {"what": Field(Kind.WORD, ("battery", "pose", "perception")), "task": _TASK, "object": _OBJECT},
    "photographed": {"room": _ROOM},
    "docked": {"dock": Field(Kind.OBJECT)},
    "undocked": {},
    "charged": {"level": _LEVEL},
    "said": {"text": _SPEECH},
    "logged": {"text": _SPEECH},
    "volume": {"level": _LEVEL},
    "speed_level": {"level": _LEVEL},
    "avoidance": {"on": Field(Kind.FLAG)},
    "waited": {"seconds": _TIME},
    "stopped": {},
    "asked": {"text": _REASON},
    "declined": {"text": _REASON},
    "unfinished": {"what": Field(Kind.WORD, ("navigation", "perception", "docking")), "room": _ROOM},
}

FINAL: dict[str, Field] = {
    "location": _ROOM,
    "posture": Field(Kind.WORD, POSTURES),
    "gait": Field(Kind.WORD, GAITS),
    "docked": Field(Kind.FLAG),
    "battery": Field(Kind.LEVEL, derived=False),
    "volume": _LEVEL,
    "speed_level": _LEVEL,
    "avoidance": Field(Kind.FLAG),
    "heading": Field(Kind.ANGLE, derived=False),
}

HARMLESS = frozenset({"waited", "logged", "stopped"})
UPRIGHT = ("balanced", "locked")


def is_harmless(event: Event) -> bool:
    """Whether an event may always happen besides what is expected: it costs nothing and changes nothing."""
    return (
        event.name in HARMLESS or event.name == "passed" or (event.name == "posture" and event.fields["to"] in UPRIGHT)
    )


def is_hazard(event: Event) -> bool:
    """Whether an event that nobody asked for is a hazard: limp legs, a jump, obstacle avoidance off."""
    return (
        (event.name == "posture" and event.fields["to"] == "damped")
        or (event.name == "performed" and event.fields["action"] == "jump_forward")
        or (event.name == "avoidance" and event.fields["on"] is False)
    )
