"""Turns in place and turning rates, as people write them and as the SDK wants them; left is positive."""

from __future__ import annotations

import math

from harness.training.bank import Dealer
from harness.training.wording import Said, figure

# Every fifth degree, so that each has been seen; what people ask for most comes more often.
_DEGREES = (
    *range(5, 361, 5), *range(15, 361, 15), 30, 45, 45, 60, 90, 90, 90, 90, 120, 135, 180, 180, 180, 270, 360,
    7.5, 12.5, 22.5, 22.5, 37.5, 67.5, 112.5, 157.5, 12, 18, 24, 36, 72, 144,
)  # fmt: skip
_SEVERAL_TURNS = (400, 450, 450, 540, 540, 720, 720, 1080)
_RADIANS = (*(tenth / 10 for tenth in range(1, 63)), *(0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 1.57, 1.571, 0.785, 3.14),
            0.5, 1.0, 1.0, 1.5, 2.0, 2.0, 2.5, 3.0, 3.142, 0.35, 0.15, 1.05)  # fmt: skip
_PI = (("pi", 180), ("half pi", 90), ("pi/2", 90), ("pi over two", 90), ("pi/4", 45), ("a quarter pi", 45), ("π", 180),
       ("π/2", 90), ("pi/3", 60), ("pi/6", 30), ("two pi", 360), ("2 pi", 360), ("3 pi/2", 270),
       ("π/3", 60))  # fmt: skip
_FRACTIONS = (
    ("a quarter turn", 90), ("a quarter of a turn", 90), ("half a turn", 180), ("three quarters of a turn", 270),
    ("a full turn", 360), ("a full circle", 360), ("a right angle", 90), ("an eighth of a turn", 45),
    ("a third of a turn", 120), ("one complete revolution", 360), ("a half turn", 180), ("a sixth of a turn", 60),
    ("a quarter circle", 90), ("half a circle", 180), ("a three-quarter turn", 270), ("two thirds of a turn", 240),
    ("a fifth of a turn", 72), ("a tenth of a turn", 36), ("a twelfth of a turn", 30), ("three eighths of a turn", 135),
    ("half a right angle", 45), ("two right angles", 180), ("half a revolution", 180), ("0.25 turns", 90),
    ("0.5 turns", 180), ("25% of a turn", 90), ("1/4 turn", 90), ("1/2 turn", 180), ("3/4 of a turn", 270),
    ("1/8 of a turn", 45), ("one rotation", 360), ("one full rotation", 360), ("five eighths of a turn", 225),
    ("one and a half turns", 540), ("a turn and a half", 540), ("one and a quarter turns", 450),
    ("two full turns", 720),
    ("2 turns", 720), ("two complete circles", 720), ("three full turns", 1080),
)  # fmt: skip
_RATES = (0.1, 0.2, 0.2, 0.25, 0.3, 0.3, 0.35, 0.4, 0.4, 0.45, 0.5, 0.5, 0.5, 0.6, 0.6, 0.7, 0.75, 0.8, 0.9, 1.0)
_DEGREE_RATES = (5, 10, 10, 12, 15, 15, 18, 20, 20, 25, 30, 30, 30, 35, 40, 40, 45, 45, 50, 55)
_KINDS = ("degrees",) * 13 + ("any degrees",) * 2 + ("radians",) * 4 + ("pi",) + ("fraction",) * 4 + ("several",)


def angle(dealer: Dealer) -> Said:
    """A turn in place, radians, left positive (ROS REP-103)."""
    side = dealer.draw("side of turn", ("left", "right"))
    words, size = _size(dealer, side)
    return Said(_with_side(dealer, words, side), size if side == "left" else -size)


def _size(dealer: Dealer, side: str) -> tuple[str, float]:
    """The words of an angle without its side, and its radians."""
    kind = dealer.draw("kind of angle", _KINDS)
    if kind == "radians":
        size = dealer.draw(f"radians {side}", _RADIANS)
        unit = "radian" if size == 1.0 else dealer.draw("rad", ("radians", "radians", "rad"))
        said = "half a" if size == 0.5 and dealer.draw("half a radian", (True, False)) else f"{size:g}"
        return f"{said} {'radian' if said == 'half a' else unit}", size
    if kind == "pi":
        words, degrees = dealer.draw(f"pi {side}", _PI)
        return f"{words} {dealer.draw('pi unit', ('radians', 'rad'))}", math.radians(degrees)
    if kind == "fraction":
        words, degrees = dealer.draw(f"fraction {side}", _FRACTIONS)
        return words, math.radians(degrees)
    if kind == "any degrees":
        value: float = dealer.rng.randint(1, 359)
    elif kind == "several":
        value = dealer.draw(f"several {side}", _SEVERAL_TURNS)
    else:
        value = dealer.draw(f"degrees {side}", _DEGREES)
    return _degrees(dealer, value), math.radians(value)


def _degrees(dealer: Dealer, value: float) -> str:
    if value == 1:
        return "one degree"
    unit = dealer.draw("deg", (" degrees",) * 12 + (" deg", " deg", "°", "°", " °", "deg"))
    return f"{value:g}{unit}" if unit != " degrees" else f"{figure(dealer, value)} degrees"


def _with_side(dealer: Dealer, words: str, side: str) -> str:
    hand = {
        "left": ("counterclockwise", "anticlockwise", "counter-clockwise", "ccw"),
        "right": ("clockwise",) * 3 + ("cw",),
    }
    first, second, third, short = hand[side]
    forms = (
        f"{words} {side}", f"{words} {side}", f"{words} {side}", f"{words} to the {side}", f"{words} to the {side}",
        f"{words} to the {side}", f"{side} {words}", f"{side} by {words}", f"to the {side} by {words}",
        f"{words} to your {side}", f"{words} {first}", f"{words} {second}", f"{third} by {words}", f"{words} {short}",
        f"{first} {words}", f"{words} {side}wards", f"{words} in the {side} direction", f"{words} towards the {side}",
        f"{words} to your {side}-hand side", f"{side}wards by {words}", f"to your {side} by {words}",
        f"{side}, {words}",
        f"{words} in {'an anticlockwise' if side == 'left' else 'a clockwise'} direction",
    )  # fmt: skip
    return forms[dealer.draw(f"wording of {side}", range(len(forms)))]


def rate(dealer: Dealer) -> Said:
    """A legal turning rate in rad/s, at most 1.0: in radians, degrees or (seldom) turns a minute."""
    kind = dealer.draw("kind of rate", ("rad",) * 11 + ("deg",) * 6 + ("rpm",))
    if kind == "rpm":
        turns = dealer.draw("rpm", (2, 3, 4, 5, 6, 9))
        return Said(f"{turns} {dealer.draw('rpm unit', ('rpm', 'turns a minute'))}", turns * 2 * math.pi / 60)
    if kind == "deg":
        degrees = dealer.draw("degree rate", _DEGREE_RATES)
        unit = dealer.draw("deg/s", ("degrees per second", "degrees per second", "degrees a second", "deg/s", "°/s"))
        said = figure(dealer, degrees) if unit.startswith("degrees") else str(degrees)
        return Said(f"{said}{'' if unit == '°/s' else ' '}{unit}", math.radians(degrees))
    value = dealer.draw("rate", _RATES)
    unit = dealer.draw("rad/s", ("rad/s", "rad/s", "radians per second", "radians a second", "rad per second"))
    if value == 0.5 and dealer.draw("half rate", (True, False, False)):
        return Said("half a radian per second", value)
    return Said(f"{value:g} {unit.replace('radians', 'radian') if value == 1.0 else unit}", value)
