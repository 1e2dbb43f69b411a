"""Steps that move the robot by hand: turns, timed and measured movement, body attitude. Left is positive."""

from __future__ import annotations

import math

from harness.training import calls, wording
from harness.training.bank import Bank, Dealer
from harness.training.steps import Step

_SPEEDS_FORWARD = (0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 1.0)
_SPEEDS_BACK = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6)
_SPEEDS_SIDE = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)
_RATES = (0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
_MOVE_SECONDS = (1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0, 6.0, 1.5, 2.5, 0.5, 3.5)
_DISTANCES = (0.25, 0.5, 0.75, 1.0, 1.0, 1.25, 1.5, 2.0, 2.0, 2.5, 3.0, 3.0, 4.0)
_SIDE_DISTANCES = (0.25, 0.5, 0.5, 0.75, 1.0, 1.0, 1.25, 1.5)
_TILTS = (5, 8, 10, 12, 15, 18, 20, 25, 30)
_TILT_SIZES = (0.05, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
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
    said = wording.angle(dealer)
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
    if dealer.draw("distance or time", ("distance", "time")) == "distance":
        length = dealer.draw(f"metres {lateral}", _SIDE_DISTANCES if lateral else _DISTANCES)
        form = dealer.draw(
            "distance first", ("{way} {length}", "{length} {way}", "{way} by {length}", "{way} {length}")
        )
        said = form.format(way=way, length=wording.metres(dealer, length))
        made = calls.move_distance(0.0, sign * length) if lateral else calls.move_distance(sign * length, 0.0)
        return Step(skill, made, {"motion": said})
    speeds = {"forward": _SPEEDS_FORWARD, "backward": _SPEEDS_BACK}.get(side, _SPEEDS_SIDE)
    value = dealer.draw(f"speed {side}", speeds)
    seconds = dealer.draw("move seconds", _MOVE_SECONDS)
    made = calls.move(0.0, sign * value, 0.0, seconds) if lateral else calls.move(sign * value, 0.0, 0.0, seconds)
    return Step(skill, made, {"motion": _joined(dealer, wording.speed(dealer, value), _time(dealer, seconds), way)})


def _time(dealer: Dealer, seconds: float) -> str:
    return wording.duration(dealer, (seconds,)).text


def turn_rate(bank: Bank, dealer: Dealer) -> Step:
    """Turning at a rate for a time, on the spot or along a curve."""
    side = dealer.draw("side of turn", ("left", "right"))
    sign = 1.0 if side == "left" else -1.0
    rate, seconds = dealer.draw("rate", _RATES), dealer.draw("move seconds", _MOVE_SECONDS)
    words = f"{rate:g} {dealer.draw('rad/s', ('rad/s', 'radians per second', 'radians a second'))}"
    if dealer.draw("curve", (True, False, False)):
        value = dealer.draw("speed forward", _SPEEDS_FORWARD)
        ahead = (
            f"{dealer.draw('way of a curve', bank.vocabulary['ways']['forward'][:3])} at {wording.speed(dealer, value)}"
        )
        meanwhile = dealer.draw("while", ("while turning", "and at the same time turn", "whilst turning"))
        said = f"{ahead} {meanwhile} {side} at {words} for {_time(dealer, seconds)}"
        return Step("curve", calls.move(value, 0.0, sign * rate, seconds), {"motion": said})
    return Step(
        "yaw_move",
        calls.move(0.0, 0.0, sign * rate, seconds),
        {"motion": _joined(dealer, words, _time(dealer, seconds), side)},
    )


def _joined(dealer: Dealer, speed: str, time: str, way: str) -> str:
    forms = (
        *(f"{way} at {speed} for {time}", f"{way} for {time} at {speed}", f"for {time} {way} at {speed}"),
        *(f"at {speed} {way} for {time}", f"{way} with a speed of {speed} for {time}", f"{way}, {speed}, {time}"),
        f"{way} at a speed of {speed} for {time}",
    )
    return forms[dealer.draw("speed and time", (0, 0, 0, 1, 1, 2, 3, 4, 5, 6))]


def euler(bank: Bank, dealer: Dealer) -> Step:
    """A body attitude about one axis."""
    way = dealer.draw("tilt", tuple(_TILT_AXES))
    axis, sign = _TILT_AXES[way]
    if dealer.draw("tilt unit", (True, False)):
        size = dealer.draw("tilt radians", _TILT_SIZES)
        said = f"{size:g} {dealer.draw('rad', ('radians', 'radians', 'rad'))}"
    else:
        degrees = dealer.draw("tilt degrees", _TILTS)
        size, said = math.radians(degrees), f"{wording.figure(dealer, degrees)} degrees"
    angles = [0.0, 0.0, 0.0]
    angles[axis] = sign * size
    return Step(
        "euler",
        calls.euler(*angles),
        {"attitude": dealer.draw(f"tilt {way}", bank.vocabulary["tilts"][way]).format(a=said)},
    )
