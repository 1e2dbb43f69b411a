"""UFACTORY's xArm 6 on a pedestal beside a table, with the xArm Gripper G2, as gonogo simulates it.

A skill takes the arm and the arguments of its call by name, checks its preconditions, changes the state and emits
events. Lengths are in mm, angles in degrees.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.simulation import Event, EventSpec, Field, Kind, Robot, Role

from . import gripper, motion
from .cell import PLACES, START, settle
from .rules import RULES
from .state import CONDITIONS, OFF, TRAVEL, new

_MM = Field(Kind.DISTANCE, unit="mm", within=2.0)
_FREE_MM = _MM._replace(derived=False)
_HEADING = Field(Kind.ANGLE, unit="deg", wraps=True)
_SPEED = Field(Kind.SPEED, unit="mm/s", within=1.0)
_THING = Field(Kind.OBJECT)
_FLAG = Field(Kind.FLAG, derived=False)

EVENTS = {
    "moved": EventSpec(
        {"x": _MM, "y": _MM, "z": _MM, "yaw": _HEADING, "speed": _SPEED, "via": _FLAG},
        role=lambda event: Role.HARMLESS if event.fields.get("via") else Role.ACT,
    ),
    "joint": EventSpec(
        {
            "number": Field(Kind.LEVEL),
            "to": Field(Kind.ANGLE, unit="deg"),
            "speed": Field(Kind.ANGLE, unit="deg"),
        }
    ),
    "homed": EventSpec(),
    "gripped": EventSpec({"thing": _THING, "force": Field(Kind.LEVEL), "speed": _SPEED}),
    "lifted": EventSpec({"thing": _THING, "speed": _SPEED}),
    "placed": EventSpec({"thing": _THING, "on": _THING, "x": _MM, "y": _MM, "speed": _SPEED}),
    "gripper": EventSpec({"to": _MM, "force": Field(Kind.LEVEL)}),
    "waited": EventSpec({"seconds": Field(Kind.TIME)}, Role.LIMITED, {"seconds": "sum"}, amount="seconds"),
    "reported": EventSpec({"what": Field(Kind.WORD, ("tip", "joints", "opening", "faults"))}),
    "shown": EventSpec({"text": Field(Kind.SPEECH, loosened="said")}),
    "paused": EventSpec(),
    "stopped": EventSpec(),
    "switched_off": EventSpec(),
    "hand_guided": EventSpec(),
    "emergency_stopped": EventSpec(role=Role.HAZARD),
}


def expected(events: list[Event], final: dict[str, Any]) -> tuple[list[Event], dict[str, Any]]:
    """What a reference stands for: an arm that nobody switched off may be on, and z 200 is only where ways lead."""
    if final["condition"] == OFF and all(event.name != "switched_off" for event in events):
        del final["condition"]
    if abs(final["z"] - TRAVEL) < 1:
        del final["z"]
    return events, final


def spare(events: Sequence[Event]) -> dict[str, float]:
    """A short pause does no harm where none is asked for."""
    return {"waited": 0.0 if any(event.name == "waited" for event in events) else motion.SPARE_SECONDS}


ROBOT = Robot(
    name="UFACTORY xArm 6",
    new=new,
    skills={**motion.SKILLS, **gripper.SKILLS},
    events=EVENTS,
    final={
        "condition": Field(Kind.WORD, CONDITIONS),
        "holding": _THING,
        "gripper": _FREE_MM,
        "x": _FREE_MM,
        "y": _FREE_MM,
        "z": _MM,
        "yaw": _HEADING._replace(derived=False),
    },
    rules=RULES,
    asks="ask_operator",
    declines="decline",
    start=START,
    settle=settle,
    expected=expected,
    spare=spare,
    names=lambda scene: {"place": PLACES, "object": scene.start["things"]},
    example_scene="cell",
)
