"""Numbers, angles, times and speeds, as people write them and as the SDK wants them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.training.bank import Dealer

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_DEGREES = (
    *(5, 10, 12, 15, 18, 20, 22, 24, 25, 30, 35, 36, 40, 45, 48, 50, 55, 60, 65, 70, 72, 75, 80, 85, 90, 90, 90, 95),
    *(100, 105, 110, 115, 120, 125, 130, 135, 140, 145, 150, 160, 165, 170, 175, 180, 180, 190, 200, 210, 225, 240),
    *(250, 260, 270, 280, 300, 315, 320, 330, 340, 350, 360),
)
# Every multiple of five twice, and some angles between, so that the conversion is learnt rather than a list of angles.
_DEGREES += (*range(5, 361, 5), *range(5, 361, 5), *range(2, 360, 6))
_RADIANS: tuple[float, ...] = (
    0.1,
    0.2,
    0.25,
    0.3,
    0.4,
    0.5,
    0.6,
    0.7,
    0.75,
    0.8,
    0.9,
    1.0,
    1.2,
    1.25,
    1.4,
    1.5,
    1.57,
    1.6,
    1.75,
    1.8,
    2.0,
    2.25,
)
_RADIANS += (2.4, 2.5, 2.75, 3.0, 3.14, 3.2, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0)
_FRACTIONS = (
    *(("a quarter turn", 90), ("a quarter of a turn", 90), ("half a turn", 180), ("three quarters of a turn", 270)),
    *(("a full turn", 360), ("a full circle", 360), ("a right angle", 90), ("an eighth of a turn", 45)),
    *(("a third of a turn", 120), ("one complete revolution", 360), ("a half turn", 180), ("a sixth of a turn", 60)),
)
_SECONDS: tuple[float, ...] = (
    1,
    1.5,
    2,
    2,
    2.5,
    3,
    3,
    4,
    5,
    5,
    6,
    7,
    8,
    9,
    10,
    10,
    11,
    12,
    13,
    14,
    15,
    16,
    18,
    20,
    20,
    22,
    24,
    25,
    28,
)
_SECONDS += (30, 30, 32, 35, 38, 40, 42, 45, 48, 50, 55, 58, 60, 0.5, 70, 75, 80, 90, 100, 120)


@dataclass(frozen=True, slots=True)
class Said:
    """A quantity: its words and its value in SDK units (seconds, radians, m/s, whole numbers)."""

    text: str
    value: float


def number(value: float) -> str:
    """A Python float literal with at most three decimals: 0.5, 1.0, -1.571."""
    return repr(round(float(value), 3) + 0.0)


def in_words(value: int) -> str:
    """Whole numbers from 0 to 399 in English words."""
    if value < len(_ONES):
        return _ONES[value]
    if value < 100:
        return _TENS[value // 10 - 1] + (f"-{_ONES[value % 10]}" if value % 10 else "")
    rest = f" and {in_words(value % 100)}" if value % 100 else ""
    return f"{_ONES[value // 100]} hundred{rest}"


def figure(dealer: Dealer, value: float) -> str:
    """The number as digits or words."""
    if value == int(value):
        whole = int(value)
        return in_words(whole) if dealer.draw("digits or words", (True, False, False)) else str(whole)
    if value in (0.5, 1.5, 2.5, 3.5, 4.5) and dealer.draw("halves in words", (True, False, False)):
        return "half a" if value == 0.5 else f"{in_words(int(value))} and a half"
    return f"{value:g}"


def duration(dealer: Dealer, values: tuple[float, ...] = _SECONDS) -> Said:
    """A time to wait, in seconds."""
    value = dealer.draw(f"seconds {values[0]}-{values[-1]}", values)
    minutes = {30: ("half a minute",), 60: ("a minute", "one minute", "1 minute", "60 seconds", "1 min"),
               90: ("a minute and a half", "one and a half minutes", "1.5 minutes", "90 seconds"),
               120: ("two minutes", "2 minutes", "2 min", "120 seconds")}  # fmt: skip
    if value in minutes and dealer.draw("minutes", (True, True, False)):
        return Said(dealer.draw(f"minutes {value}", minutes[int(value)]), value)
    if value == 1:
        return Said(dealer.draw("one second", ("a second", "one second", "1 second", "1 s")), value)
    said = figure(dealer, value)
    unit = dealer.draw("unit of time", ("seconds", "seconds", "seconds", "seconds", "s", "secs", "sec", "full seconds"))
    return Said("half a second" if said == "half a" else f"{said} {unit}", value)


def angle(dealer: Dealer) -> Said:
    """A turn in place, radians, left positive (ROS REP-103)."""
    side = dealer.draw("side of turn", ("left", "right"))
    kind = dealer.draw("kind of angle", ("degrees",) * 7 + ("radians",) * 2 + ("fraction",))
    if kind == "degrees":
        degrees = dealer.draw(f"degrees {side}", _DEGREES)
        size, words = (
            math.radians(degrees),
            f"{figure(dealer, degrees)} {dealer.draw('deg', ('degrees',) * 5 + ('deg',))}",
        )
        if dealer.draw("degree sign", (True,) + (False,) * 9):
            words = f"{degrees}°"
    elif kind == "radians":
        size = dealer.draw(f"radians {side}", _RADIANS)
        words = f"{size:g} {dealer.draw('rad', ('radians', 'radians', 'rad'))}" if size != 1.0 else "1 radian"
    else:
        words, degrees = dealer.draw(
            f"fraction {side}",
            _FRACTIONS,
        )
        size = math.radians(degrees)
    return Said(_with_side(dealer, words, side), size if side == "left" else -size)


def _with_side(dealer: Dealer, words: str, side: str) -> str:
    hand = {"left": ("counterclockwise", "anticlockwise", "counter-clockwise"), "right": ("clockwise",) * 3}[side]
    forms = (
        *(
            f"{words} {side}",
            f"{words} to the {side}",
            f"{side} {words}",
            f"{side} by {words}",
            f"to the {side} by {words}",
        ),
        *(
            f"{words} to your {side}",
            f"{words} {hand[0]}",
            f"{words} {hand[1]}",
            f"{words} {side}",
            f"{words} to the {side}",
        ),
        *(f"{hand[2]} by {words}", f"{words} {side}wards", f"{words} in the {side} direction"),
    )
    return forms[dealer.draw(f"wording of {side}", range(len(forms)))]


def speed(dealer: Dealer, value: float) -> str:
    """A speed in m/s, worded in one of several units."""
    unit = dealer.draw(
        "unit of speed",
        ("m/s",) * 4 + ("metres per second",) * 3 + ("cm/s", "metres a second", "meters per second", "km/h"),
    )
    if unit == "cm/s":
        return f"{round(value * 100)} {dealer.draw('cm', ('cm/s', 'centimetres per second', 'cm per second'))}"
    if unit == "km/h" and abs(value * 3.6 - round(value * 3.6, 1)) < 1e-9:
        return f"{value * 3.6:g} km/h"
    if unit == "km/h":
        unit = "m/s"
    if value == 0.5 and dealer.draw("half a metre", (True, False)):
        return "half a metre per second"
    if value == 1.0:
        return dealer.draw("one metre", ("1 m/s", "one metre per second", "1.0 m/s", "a metre per second"))
    return f"{value:g} {unit}"


def metres(dealer: Dealer, value: float) -> str:
    """A distance in metres, worded in metres or centimetres."""
    if value in (0.5, 1.0) and dealer.draw(f"metre {value}", (True, False)):
        return "half a metre" if value == 0.5 else dealer.draw("one m", ("a metre", "one metre", "1 metre"))
    if value < 1.3 and dealer.draw("centimetres", (True, False)):
        return f"{round(value * 100)} {dealer.draw('cm unit', ('cm', 'centimetres', 'cm', 'centimeters'))}"
    unit = dealer.draw("metre unit", ("metres", "metres", "meters", "m"))
    said = f"{value:g}" if unit == "m" else figure(dealer, value)
    return "half a metre" if said == "half a" else f"{said} {unit}"


def percent(dealer: Dealer) -> Said:
    """A charge level, 1 to 100."""
    value = dealer.draw("percent", (*range(20, 101, 5), 80, 90, 100, 62, 77, 88, 93, 99, 84, 100))
    unit = dealer.draw("percent unit", ("percent", "percent", "%", "per cent"))
    if value == 100 and dealer.draw("full charge", (True, False)):
        return Said("full" if dealer.draw("full", (True, False)) else "one hundred percent", 100)
    return Said(f"{value}%" if unit == "%" else f"{figure(dealer, value)} {unit}", value)


def volume(dealer: Dealer) -> Said:
    """A speaker volume, 0 to 10; percentages are divided by ten."""
    value = dealer.draw("volume", tuple(range(11)))
    kind = dealer.draw("volume unit", ("plain",) * 5 + ("percent",) * 3 + ("of ten",))
    if kind == "percent":
        return Said(f"{value * 10}{dealer.draw('volume %', ('%', ' percent', ' %'))}", value)
    if kind == "of ten":
        return Said(f"{value} out of 10", value)
    return Said(f"{dealer.draw('level', ('', '', 'level '))}{figure(dealer, value)}", value)
