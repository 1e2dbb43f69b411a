"""A lamp on a pan-tilt head: the smallest robot that shows every part. No rooms, no scene, angles in degrees."""

from __future__ import annotations

from dataclasses import dataclass

from harness.simulation import EventSpec, Field, Kind, Robot, Rule, Scene, StartKey, State, Value

HIGHEST = 60  # degrees up or down; beyond it the head meets its arm


@dataclass(slots=True)
class Lamp(State):
    """Whether it is lit, and where it points: degrees to the right of the start, and above level."""

    lit: bool
    pan: float = 0.0
    tilt: float = 0.0

    def describe(self) -> str:
        """The state in a line, shown beside a refusal."""
        return f"{'lit' if self.lit else 'dark'}, {self.pan:g} degrees right, {self.tilt:g} up"

    def final(self) -> dict[str, Value]:
        """The state that expectations may name."""
        return {"lit": self.lit, "pan": self.pan, "tilt": self.tilt}


def new(scene: Scene) -> Lamp:
    """The lamp before the first call."""
    return Lamp(scene, lit=scene.start["lit"])


def light(lamp: Lamp, on: bool) -> None:
    """Switch the light."""
    lamp.lit = on
    lamp.emit("switched", on=on)


def turn(lamp: Lamp, right: float, up: float) -> None:
    """Turn the head from where it points."""
    if abs(lamp.tilt + up) > HIGHEST:
        lamp.refuse("R501", f"turning {up:g} degrees up from {lamp.tilt:g}: the head ends at {HIGHEST}")
        return
    lamp.pan += right
    lamp.tilt += up
    lamp.emit("turned", right=right, up=up)


def blink(lamp: Lamp, times: int) -> None:
    """Go dark for a moment, so many times."""
    if lamp.lit or lamp.refuse("R502", "blinking while dark: switch the light on first"):
        lamp.emit("blinked", times=times)


_TURN = Field(Kind.ANGLE, unit="deg", zero=True)
_ON = "self.light(on=True)"

ROBOT = Robot(
    name="pan-tilt lamp",
    new=new,
    skills={"light": light, "turn": turn, "blink": blink},
    events={
        "switched": EventSpec({"on": Field(Kind.FLAG)}),
        "turned": EventSpec({"right": _TURN, "up": _TURN}, joins={"right": "sum", "up": "sum"}),
        "blinked": EventSpec({"times": Field(Kind.LEVEL)}),
    },
    final={
        "lit": Field(Kind.FLAG),
        "pan": Field(Kind.ANGLE, unit="deg", wraps=True),
        "tilt": Field(Kind.ANGLE, unit="deg"),
    },
    rules={
        "R501": Rule(
            "the head cannot point there",
            f"The head points at most {HIGHEST} degrees up or down.",
            "Beyond that it meets its arm.",
            wrong=("self.turn(right=0.0, up=40.0)", "self.turn(right=0.0, up=40.0)"),
            right=("self.turn(right=0.0, up=40.0)", "self.turn(right=0.0, up=-80.0)"),
        ),
        "R502": Rule(
            "blinking needs light",
            "Switch the light on before blink, unless it is said to be on.",
            "A dark lamp that blinks shows nothing.",
            wrong=("self.blink(times=2)",),
            right=(_ON, "self.blink(times=2)"),
        ),
    },
    asks="ask",
    declines="refuse",
    start={"lit": StartKey(False, lambda value: isinstance(value, bool), "true or false")},
)
