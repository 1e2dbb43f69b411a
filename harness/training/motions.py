"""Steps that move the robot by hand: turns, timed and measured movement, body attitude. Left is positive."""

from __future__ import annotations

import math

from harness.training import angles, calls, wording
from harness.training.bank import Bank, Dealer
from harness.training.steps import Step

_SPEEDS_FORWARD = (0.1, 0.15, 0.2, 0.25, 0.3, 0.3, 0.35, 0.4, 0.4, 0.45, 0.5, 0.5, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8,
                   0.85, 0.9, 0.95, 1.0, 1.0, 0.12, 0.33, 0.62)  # fmt: skip
_SPEEDS_BACK = (0.1, 0.15, 0.2, 0.2, 0.25, 0.3, 0.3, 0.35, 0.4, 0.45, 0.5, 0.5, 0.55, 0.6, 0.12, 0.33)
_SPEEDS_SIDE = (0.1, 0.15, 0.2, 0.2, 0.25, 0.3, 0.3, 0.35, 0.4, 0.12, 0.24)
# Up to ten seconds: the count of repeated calls must be learnt, and every second more costs tokens.
_MOVE_SECONDS = (1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0, 4.0, 4.0, 4.0, 4.0, 5.0, 5.0, 5.0,
                 5.5, 6.0, 6.0, 7.0, 8.0, 9.0, 10.0, 0.5, 0.5, 1.5, 1.5, 2.5, 2.5, 3.5, 4.5)  # fmt: skip
_DISTANCES = (
    0.1, 0.15, 0.2, 0.2, 0.25, 0.3, 0.3, 0.35, 0.4, 0.45, 0.5, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 1.0, 1.0, 1.0, 1.0, 1.1,
    1.2, 1.25, 1.3, 1.4, 1.5, 1.5, 1.6, 1.75, 1.8, 2.0, 2.0, 2.0, 2.0, 2.2, 2.25, 2.5, 2.5, 2.75, 3.0, 3.0, 3.0, 3.5,
    4.0, 4.0, 5.0,
)  # fmt: skip
_SIDE_DISTANCES = (0.1, 0.15, 0.2, 0.2, 0.25, 0.25, 0.3, 0.35, 0.4, 0.5, 0.5, 0.5, 0.6, 0.7, 0.75, 0.8, 1.0, 1.0, 1.0,
                   1.1, 1.2, 1.25, 1.5, 2.0)  # fmt: skip
# (speed, seconds) of "2 metres at 0.4 m/s" and "1.5 metres in 3 seconds", so that both are round.
_PACES_FORWARD = ((0.2, 5), (0.25, 4), (0.25, 2), (0.2, 1), (0.3, 2), (0.4, 5), (0.5, 2), (0.5, 4), (0.5, 3), (0.8, 5),
                  (0.3, 5), (0.4, 3), (1.0, 2), (1.0, 3), (1.0, 4), (0.6, 5), (0.6, 2), (0.75, 4), (0.8, 2.5),
                  (0.4, 2.5), (0.7, 2))  # fmt: skip
_PACES_BACK = (
    (0.2, 5), (0.25, 4), (0.25, 2), (0.3, 2), (0.4, 5), (0.5, 3), (0.2, 2), (0.6, 5), (0.4, 2.5), (0.1, 5), (0.6, 2),
)  # fmt: skip
_PACES_SIDE = ((0.2, 5), (0.25, 4), (0.25, 2), (0.3, 2), (0.4, 5), (0.2, 2), (0.1, 5), (0.4, 2.5), (0.3, 5), (0.1, 3))
_TILTS = (*range(2, 31), 5, 8, 10, 10, 10, 12, 15, 15, 15, 20, 20, 20, 25, 25, 30, 30, 7.5, 12.5, 22.5)
_STEEP_TILTS = (32, 34, 35, 35, 36, 38, 40, 40, 42)  # up to 0.75 rad, of roll and pitch alone
_TILT_SIZES = (
    *(size / 20 for size in range(1, 13)), 0.1, 0.2, 0.2, 0.3, 0.3, 0.4, 0.5, 0.5, 0.08, 0.12, 0.18, 0.22, 0.33,
)  # fmt: skip
# Axis of roll, pitch, yaw and sign: roll positive right, pitch positive nose down, yaw positive left.
_TILT_AXES = {
    "lean_right": (0, 1.0),
    "lean_left": (0, -1.0),
    "down": (1, 1.0),
    "up": (1, -1.0),
    "look_left": (2, 1.0),
    "look_right": (2, -1.0),
}


def spin(_bank: Bank, dealer: Dealer) -> Step:
    """A turn in place by a given angle."""
    said = angles.angle(dealer)
    return Step("spin", calls.spin(said.value), {"angle": said.text})


def spin_word(bank: Bank, dealer: Dealer) -> Step:
    """A turn whose wording holds its angle: "turn around"."""
    turns = [(said, float(share)) for share, phrases in bank.vocabulary["turns"].items() for said in phrases]
    said, share = dealer.draw("spin word", turns)
    return Step("spin_word", calls.spin(share * 2 * math.pi), {"spin": said})


def move(bank: Bank, dealer: Dealer) -> Step:
    """Forward, back or sideways: a distance, or a speed for a time."""
    side = dealer.draw("way of move", ("forward", "backward", "left", "right", "forward"))
    way = dealer.draw(f"way {side}", bank.vocabulary["ways"][side])
    lateral = side in ("left", "right")
    skill = "sidestep" if lateral else "move"
    sign = -1.0 if side in ("backward", "right") else 1.0
    kind = dealer.draw("kind of move", ("distance",) * 9 + ("time",) * 8 + ("pace",) * 3 + ("slant",))
    if kind == "distance":
        length, words = _distance(dealer, lateral=lateral)
        form = dealer.draw(
            "distance first",
            ("{way} {length}", "{length} {way}", "{way} by {length}", "{way} {length}", "{way} for {length}"),
        )
        said = form.format(way=way, length=words)
        made = calls.move_distance(0.0, sign * length) if lateral else calls.move_distance(sign * length, 0.0)
        return Step(skill, made, {"motion": said})
    if kind == "pace":
        paces = _PACES_SIDE if lateral else _PACES_FORWARD if side == "forward" else _PACES_BACK
        value, seconds = dealer.draw(f"pace {side}", paces)
        said = _paced(dealer, way, value, seconds)
    elif kind == "slant" and not lateral:
        return _slant(dealer, side, way)
    else:
        seconds = dealer.draw("move seconds", _MOVE_SECONDS)
        speed = wording.speed(dealer, speeds(side), f"speed {side}")
        value, said = speed.value, _joined(dealer, speed.text, _time(dealer, seconds), way)
    made = calls.move(0.0, sign * value, 0.0, seconds) if lateral else calls.move(sign * value, 0.0, 0.0, seconds)
    return Step(skill, made, {"motion": said})


def speeds(side: str) -> tuple[float, ...]:
    """The legal speeds of a way of moving, in m/s."""
    return {"forward": _SPEEDS_FORWARD, "backward": _SPEEDS_BACK}.get(side, _SPEEDS_SIDE)


def _distance(dealer: Dealer, *, lateral: bool) -> tuple[float, str]:
    """A distance and its words; a few are in feet."""
    if dealer.draw("feet", (True,) + (False,) * 39):
        feet = dealer.draw(f"feet {lateral}", (1, 2, 3) if lateral else (1, 2, 3, 5))
        return feet * 0.3048, f"{wording.figure(dealer, feet)} {'foot' if feet == 1 else 'feet'}"
    length = dealer.draw(f"metres {lateral}", _SIDE_DISTANCES if lateral else _DISTANCES)
    return length, wording.metres(dealer, length)


def _paced(dealer: Dealer, way: str, value: float, seconds: float) -> str:
    """A distance with its speed, or with the time it is to take: the third quantity follows from the two."""
    length = wording.metres(dealer, round(value * seconds, 3))
    forms = ("{way} {l} at {v}", "{l} {way} at {v}", "{way} {l} with a speed of {v}", "{way} {l} in {t}",
             "{l} {way} in {t}",
             "{way} {l} at {v}")  # fmt: skip
    form = dealer.draw("form of a pace", forms)
    speed = wording.speed(dealer, (value,), f"pace of {value}").text if "{v}" in form else ""
    return form.format(way=way, l=length, v=speed, t=_time(dealer, seconds) if "{t}" in form else "")


def _slant(dealer: Dealer, side: str, way: str) -> Step:
    """Forward or back and sideways at once."""
    across = dealer.draw("across", ("left", "right"))
    ahead = wording.speed(dealer, speeds(side), f"speed {side}")
    beside = wording.speed(dealer, speeds(across), f"speed {across}")
    seconds = dealer.draw("move seconds", _MOVE_SECONDS)
    meanwhile = dealer.draw("slant", ("and at the same time", "while also moving", "and simultaneously"))
    said = f"{way} at {ahead.text} {meanwhile} {across} at {beside.text} for {_time(dealer, seconds)}"
    vx, vy = (ahead.value if side == "forward" else -ahead.value), (beside.value if across == "left" else -beside.value)
    return Step("move", calls.move(vx, vy, 0.0, seconds), {"motion": said})


def _time(dealer: Dealer, seconds: float) -> str:
    return wording.duration(dealer, (seconds,)).text


def turn_rate(bank: Bank, dealer: Dealer) -> Step:
    """Turning at a rate for a time, on the spot or along a curve."""
    side = dealer.draw("side of turn", ("left", "right"))
    sign = 1.0 if side == "left" else -1.0
    rate, seconds = angles.rate(dealer), dealer.draw("move seconds", _MOVE_SECONDS)
    if dealer.draw("curve", (True, False, False)):
        speed = wording.speed(dealer, _SPEEDS_FORWARD, "speed forward")
        ahead = f"{dealer.draw('way of a curve', bank.vocabulary['ways']['forward'][:3])} at {speed.text}"
        meanwhile = dealer.draw("while", ("while turning", "and at the same time turn", "whilst turning"))
        said = f"{ahead} {meanwhile} {side} at {rate.text} for {_time(dealer, seconds)}"
        return Step("curve", calls.move(speed.value, 0.0, sign * rate.value, seconds), {"motion": said})
    said = _joined(dealer, rate.text, _time(dealer, seconds), side)
    return Step("yaw_move", calls.move(0.0, 0.0, sign * rate.value, seconds), {"motion": said})


def _joined(dealer: Dealer, speed: str, time: str, way: str) -> str:
    forms = (
        *(f"{way} at {speed} for {time}", f"{way} for {time} at {speed}", f"for {time} {way} at {speed}"),
        *(f"at {speed} {way} for {time}", f"{way} with a speed of {speed} for {time}", f"{way}, {speed}, {time}"),
        *(f"{way} at a speed of {speed} for {time}", f"{way} {time} at {speed}", f"{way} for {time}, at {speed}"),
    )
    return forms[dealer.draw("speed and time", (0, 0, 0, 0, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8))]


def euler(bank: Bank, dealer: Dealer) -> Step:
    """A body attitude about one axis, or (seldom) two."""
    attitude = [0.0, 0.0, 0.0]
    first = dealer.draw("tilt", tuple(_TILT_AXES))
    said = _tilt(bank, dealer, first, attitude)
    if dealer.draw("second axis", (True,) + (False,) * 8):
        others = [way for way, (axis, _) in _TILT_AXES.items() if axis != _TILT_AXES[first][0]]
        said += dealer.draw("tilts joined", (" and at the same time ", " and simultaneously "))
        said += _tilt(bank, dealer, dealer.draw(f"tilt beside {first}", others), attitude)
    return Step("euler", calls.euler(*attitude), {"attitude": said})


def _tilt(bank: Bank, dealer: Dealer, way: str, attitude: list[float]) -> str:
    """Sets one axis of the attitude; the words."""
    axis, sign = _TILT_AXES[way]
    if dealer.draw("tilt unit", ("radians", "radians", "degrees", "degrees", "degrees")) == "radians":
        size = dealer.draw("tilt radians", _TILT_SIZES)
        said = f"{size:g} {dealer.draw('rad', ('radians', 'radians', 'rad'))}"
    else:
        steep = axis < 2 and dealer.draw("steep", (True,) + (False,) * 9)
        degrees = dealer.draw(f"tilt degrees {steep}", _STEEP_TILTS if steep else _TILTS)
        unit = dealer.draw("tilt deg", (" degrees",) * 8 + ("°", " deg"))
        size, said = (
            math.radians(degrees),
            f"{wording.figure(dealer, degrees) if unit == ' degrees' else f'{degrees:g}'}{unit}",
        )
    attitude[axis] = sign * size
    return str(dealer.draw(f"tilt {way}", bank.vocabulary["tilts"][way]).format(a=said))
