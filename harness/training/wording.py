"""Numbers, angles, times and speeds, as people write them and as the SDK wants them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.training.bank import Dealer

_ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
# Short waits are asked for most; every whole number to sixty occurs, and some longer than one call allows.
_SECONDS: tuple[float, ...] = (
    *range(1, 61), *range(1, 13), *(2, 3, 4, 5, 5, 10, 10, 15, 20, 30, 30, 45, 60, 60),
    *(0.5, 1.5, 2.5, 3.5, 4.5, 0.25, 7.5),
    *(65, 70, 75, 75, 80, 90, 90, 90, 100, 105, 110, 120, 120, 120, 130, 150, 150, 180, 180, 200, 240, 300),
)  # fmt: skip
_MINUTES = {
    15: ("a quarter of a minute",), 30: ("half a minute", "half a minute", "30 seconds", "0.5 minutes"),
    45: ("three quarters of a minute",),
    60: ("a minute", "one minute", "1 minute", "60 seconds", "1 min", "a full minute"),
    90: ("a minute and a half", "one and a half minutes", "1.5 minutes", "90 seconds", "a minute and thirty seconds"),
    120: ("two minutes", "2 minutes", "2 min", "120 seconds"),
    150: ("two and a half minutes", "2.5 minutes", "2 minutes 30 seconds"),
    180: ("three minutes", "3 minutes", "3 min"),
    240: ("four minutes", "4 minutes", "240 seconds"), 300: ("five minutes", "5 minutes", "5 min"),
}  # fmt: skip
_KMH = (0.5, 0.72, 0.9, 1, 1, 1.08, 1.2, 1.44, 1.5, 1.8, 1.8, 2, 2, 2.16, 2.5, 2.52, 2.7, 3, 3, 3.24, 3.5, 3.6, 3.6)
_FOREIGN_SPEEDS = (
    ("1 mph", 0.44704), ("2 mph", 0.89408), ("half a mile per hour", 0.22352), ("1 foot per second", 0.3048),
    ("2 feet per second", 0.6096), ("one mile an hour", 0.44704), ("3 ft/s", 0.9144), ("1 ft/s", 0.3048),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """A quantity: its words and its value in SDK units (seconds, radians, m/s, whole numbers)."""

    text: str
    value: float


def number(value: float) -> str:
    """A Python float literal with at most three decimals: 0.5, 1.0, -1.571."""
    return repr(round(float(value), 3) + 0.0)


def in_words(value: int) -> str:
    """Whole numbers from 0 to 999 in English words; higher ones stay digits."""
    if value > 999:
        return str(value)
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
        if not dealer.draw("digits or words", (True, False, False)):
            return str(whole)
        words = in_words(whole)
        if 100 < whole < 1000:  # "a hundred and ten", "one hundred ten"
            swap = dealer.draw("hundred", (("", ""), ("one hundred", "a hundred"), (" and ", " ")))
            words = words.replace(*swap) if swap[0] else words
        return words
    if value in (0.5, 1.5, 2.5, 3.5, 4.5) and dealer.draw("halves in words", (True, False, False)):
        return "half a" if value == 0.5 else f"{in_words(int(value))} and a half"
    return f"{value:g}"


def duration(dealer: Dealer, values: tuple[float, ...] = _SECONDS) -> Said:
    """A time to wait, in seconds."""
    value = dealer.draw(f"seconds {values[0]}-{values[-1]}", values)
    if value in _MINUTES and _often(dealer, "as minutes", likely=value >= 60):
        return Said(dealer.draw(f"minutes {value}", _MINUTES[int(value)]), value)
    if value > 60 and value % 60 and dealer.draw("minutes and seconds", (True, False)):
        return Said(_minutes_and_seconds(dealer, int(value)), value)
    if value < 3 and value != int(value) and dealer.draw("milliseconds", (True,) + (False,) * 5):
        return Said(f"{round(value * 1000)} {dealer.draw('ms', ('ms', 'milliseconds'))}", value)
    if value == 1:
        return Said(dealer.draw("one second", ("a second", "one second", "1 second", "1 s")), value)
    said = figure(dealer, value)
    unit = dealer.draw("unit of time", ("seconds",) * 7 + ("s", "s", "secs", "sec", "full seconds"))
    return Said("half a second" if said == "half a" else f"{said} {unit}", value)


def _often(dealer: Dealer, deck: str, *, likely: bool) -> bool:
    """True in two of three cases if likely, else in one of three."""
    return dealer.draw(f"{deck} {likely}", (True, likely, False))


def _minutes_and_seconds(dealer: Dealer, value: int) -> str:
    minutes, seconds = divmod(value, 60)
    whole = "minute" if minutes == 1 else "minutes"
    forms = (
        *(f"{minutes} {whole} and {seconds} seconds", f"{minutes} {whole} {seconds} seconds"),
        *(f"{minutes} min {seconds} s", f"{in_words(minutes)} {whole} and {in_words(seconds)} seconds"),
    )
    return forms[dealer.draw("form of minutes", range(len(forms)))]


def adjective(dealer: Dealer, seconds: float) -> str:
    """A time before its noun: "five-second", "2-minute"."""
    if seconds >= 60 and seconds % 60 == 0:
        return f"{figure(dealer, seconds // 60)}-minute"
    return f"{figure(dealer, seconds) if seconds == int(seconds) else f'{seconds:g}'}-second".replace(" ", "-")


def speed(dealer: Dealer, values: Sequence[float], deck: str) -> Said:
    """A speed in m/s of at most the highest of `values`, worded in one of several units."""
    top = max(values)
    unit = dealer.draw(
        "unit of speed",
        ("m/s",) * 9 + ("metres per second",) * 5 + ("meters per second",) * 2
        + ("metres a second", "metres every second") + ("cm",) * 5 + ("km/h",) * 6 + ("mm/s", "m/min") + ("other",) * 2,
    )  # fmt: skip
    if unit in ("km/h", "other") and min(values) == top:
        unit = "m/s"  # these draw a speed of their own, but this one is given
    if unit == "km/h":
        kmh = dealer.draw(f"km/h to {top}", [value for value in _KMH if value / 3.6 <= top + 1e-9])
        words = ("km/h", "km/h", "kph", "kilometres per hour", "kilometres an hour")
        return Said(f"{kmh:g} {dealer.draw('kmh', words)}", kmh / 3.6)
    if unit == "other":
        return Said(*dealer.draw(f"other to {top}", [item for item in _FOREIGN_SPEEDS if item[1] <= top]))
    value = dealer.draw(deck, values)
    if unit == "cm":
        words = ("cm/s", "cm/s", "centimetres per second", "cm per second", "centimetres a second")
        return Said(f"{round(value * 100)} {dealer.draw('cm', words)}", value)
    if unit == "mm/s":
        return Said(f"{round(value * 1000)} {dealer.draw('mm', ('mm/s', 'millimetres per second'))}", value)
    if unit == "m/min":
        return Said(f"{value * 60:g} {dealer.draw('per minute', ('metres a minute', 'metres per minute'))}", value)
    return _plain_speed(dealer, value, unit)


def _plain_speed(dealer: Dealer, value: float, unit: str) -> Said:
    """A speed worded in metres per second, which `unit` spells."""
    if value == 0.5 and dealer.draw("half a metre", (True, False)):
        return Said("half a metre per second", value)
    if value == 1.0:
        return Said(dealer.draw("one metre", ("1 m/s", "one metre per second", "1.0 m/s", "a metre per second")), value)
    if unit != "m/s" and dealer.draw("point in words", (True,) + (False,) * 7):
        return Said(f"{'zero ' if dealer.rng.random() < 0.5 else ''}point {_digits(value)} {unit}", value)
    return Said(f"{value:g} {unit}", value)


def _digits(value: float) -> str:
    """The decimals of a number below one, digit by digit: "two five"."""
    return " ".join(_ONES[int(digit)] for digit in f"{value:g}".split(".")[1])


def metres(dealer: Dealer, value: float) -> str:
    """A distance in metres, worded in metres, centimetres or (seldom) millimetres."""
    if value in _METRES and dealer.draw(f"metre {value}", (True, False)):
        return dealer.draw(f"metres in words {value}", _METRES[value])
    if value < 2.3 and _often(dealer, "centimetres", likely=value < 1):
        if dealer.draw("millimetres", (True,) + (False,) * 11):
            return f"{round(value * 1000)} {dealer.draw('mm unit', ('mm', 'millimetres'))}"
        unit = dealer.draw("cm unit", ("cm", "centimetres", "cm", "centimeters"))
        return f"{round(value * 100) if unit == 'cm' else figure(dealer, round(value * 100))} {unit}"
    unit = dealer.draw("metre unit", ("metres", "metres", "meters", "m"))
    said = f"{value:g}" if unit == "m" else figure(dealer, value)
    return "half a metre" if said == "half a" else f"{said} {unit}"


_METRES = {
    0.25: ("a quarter of a metre", "a quarter metre"), 0.5: ("half a metre", "half a meter", "0.5 m"),
    0.75: ("three quarters of a metre",), 1.0: ("a metre", "one metre", "1 metre", "1 m", "a meter"),
    1.5: ("a metre and a half", "one and a half metres"), 2.5: ("two and a half metres",),
}  # fmt: skip


def percent(dealer: Dealer) -> Said:
    """A charge level, 1 to 100."""
    value = dealer.draw("percent", (*range(1, 101), *range(20, 101, 5), *range(50, 101, 10), 80, 80, 90, 90, 100, 100))
    unit = dealer.draw("percent unit", ("percent", "percent", "%", "per cent"))
    if value == 100 and dealer.draw("full charge", (True, False)):
        return Said("full" if dealer.draw("full", (True, False)) else "one hundred percent", 100)
    if value in (50, 75) and dealer.draw("part of a charge", (True, False, False)):
        return Said({50: "half", 75: "three quarters"}[value], value)
    return Said(f"{value}%" if unit == "%" else f"{figure(dealer, value)} {unit}", value)


def volume(dealer: Dealer) -> Said:
    """A speaker volume, 0 to 10; percentages are divided by ten."""
    value = dealer.draw("volume", tuple(range(11)))
    kind = dealer.draw("volume unit", ("plain",) * 5 + ("percent",) * 3 + ("of ten",))
    if kind == "percent":
        unit = dealer.draw("volume %", ("%", " percent", " percent", " %", " per cent"))
        return Said(f"{figure(dealer, value * 10) if 'per' in unit else value * 10}{unit}", value)
    if kind == "of ten":
        return Said(dealer.draw("of ten", ("{} out of 10", "{} out of ten", "{}/10", "{} of 10")).format(value), value)
    return Said(f"{dealer.draw('level', ('', '', 'level '))}{figure(dealer, value)}", value)
