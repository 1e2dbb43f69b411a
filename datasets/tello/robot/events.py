"""What a Tello can do and be, as expectations name it: events, their fields and roles, and the final state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.simulation import Event, EventSpec, Field, Kind, Role

UNASKED_WAIT = 5.0  # seconds in all; project policy

_CM = Field(Kind.DISTANCE, unit="cm", zero=True)
_SPEED = Field(Kind.SPEED, unit="cm/s")
_WHERE = Field(Kind.DISTANCE, unit="cm", derived=False)  # follows from the flights

EVENTS = {
    "took_off": EventSpec(),
    "landed": EventSpec(),
    "flew": EventSpec(
        {
            "forward": _CM,
            "left": _CM,
            "up": _CM,
            "speed": _SPEED._replace(loosened="motion"),
        },
        joins={"forward": "sum", "left": "sum", "up": "sum"},
    ),
    "turned": EventSpec({"clockwise": Field(Kind.ANGLE, unit="deg")}, joins={"clockwise": "sum"}),
    "speed": EventSpec({"set": _SPEED}, Role.HARMLESS),  # the final state has it
    "waited": EventSpec({"seconds": Field(Kind.TIME)}, Role.LIMITED, joins={"seconds": "sum"}, amount="seconds"),
    "stream": EventSpec({"on": Field(Kind.FLAG)}, Role.HARMLESS),  # the final state has it
    "photographed": EventSpec(),
    "reported": EventSpec({"what": Field(Kind.WORD, ("battery", "height", "temperature", "flight_time"))}),
    "motors_cut": EventSpec(role=Role.HAZARD),
}
FINAL = {
    "flying": Field(Kind.FLAG),
    "height": _WHERE,
    "ahead": _WHERE,
    "left": _WHERE,
    "heading": Field(Kind.ANGLE, unit="deg", derived=False, wraps=True),
    "speed": _SPEED,
    "streaming": Field(Kind.FLAG),
}


def expected(events: list[Event], final: dict[str, Any]) -> tuple[list[Event], dict[str, Any]]:
    """What a reference asks for: when a speed is set or the stream begins is free where a flight or picture shows it.

    A flight at a speed may be a `go_xyz_speed`, which leaves the speed of later flights as it was.
    """
    kept = []
    for at, event in enumerate(events):
        shown = {"speed": "flew", "stream": "photographed"}.get(event.name)
        before = [one.name for one in events[at + 1 :] if one.name in (event.name, shown)]
        if shown is None or before[:1] != [shown] or event.fields == {"on": False}:
            kept.append(event)
    if final["speed"] and all(event.name != "speed" for event in kept):
        final["speed"] = [final["speed"], 0]
    return kept, final


def spare(events: Sequence[Event]) -> Mapping[str, float]:
    """Where a reference waits, nobody waits as long again elsewhere."""
    return {
        "waited": min([UNASKED_WAIT, *(float(one.fields["seconds"]) / 3 for one in events if one.name == "waited")])
    }
