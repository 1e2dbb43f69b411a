"""Doable look-alikes of what is refused: the wordings of refusals with legal values, or with what they lack added."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from harness.training import angles, calls, motions, wording
from harness.training.bank import Bank, Dealer
from harness.training.clauses import SLOT_CLOSE, SLOT_OPEN
from harness.training.steps import Step, protect

_WHOLE = "="  # before a wording that is a complete command, not a verb phrase
_SECONDS = (1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0, 6.0, 7.0, 8.0, 1.5, 2.5)
_STEPS = {"forward": (1, 0), "backward": (-1, 0), "left": (0, 1), "right": (0, -1)}  # signs of (forward, left)
_STEP_LENGTHS = (0.1, 0.15, 0.2, 0.2, 0.25, 0.3, 0.3, 0.4, 0.5, 0.5, 0.6, 0.75, 0.8, 1.0, 1.0)
# (axis, sign) of body attitudes: roll right, pitch nose down, yaw left are positive.
_TILTS = {"nose_down": (1, 1), "nose_up": (1, -1), "roll_right": (0, 1), "roll_left": (0, -1), "yaw_left": (2, 1),
          "yaw_right": (2, -1)}  # fmt: skip
_TILT_DEGREES = {True: (5, 10, 15, 20, 25, 30, 35, 40), False: (5, 8, 10, 15, 20, 25, 30, 34)}  # roll or pitch, or yaw
Made = tuple[str, tuple[str, ...]]


def twin(bank: Bank, dealer: Dealer) -> Step:
    """One step that is carried out, worded like something refused: `phrase` is its slot, `whole` if it stands alone."""
    kind = dealer.draw("kind of twin", _DECK)
    phrase, made = _KINDS[kind](bank, dealer)
    whole = phrase.startswith(_WHOLE)
    return Step(f"twin.{kind}", made, {"whole" if whole else "phrase": phrase.removeprefix(_WHOLE)})


def _say(bank: Bank, dealer: Dealer, kind: str, form: str = "do", deck: str = "", **slots: str) -> str:
    """A wording with its slots marked, so that typing noise leaves the numbers alone; `deck` deals one form apart."""
    marked = {name: f"{SLOT_OPEN}{text}{SLOT_CLOSE}" for name, text in slots.items()}
    return dealer.choose(dealer.draw(f"twin {kind} {deck or form}", bank.twins[kind][form])).format_map(marked)


def _speed(bank: Bank, dealer: Dealer) -> Made:
    side = dealer.draw("twin way", ("forward", "forward", "backward", "backward", "left", "right"))
    speed = wording.speed(dealer, motions.speeds(side), f"speed {side}")
    seconds = dealer.draw("twin seconds", _SECONDS)
    sign = -1.0 if side in ("backward", "right") else 1.0
    vx, vy = (sign * speed.value, 0.0) if side in ("forward", "backward") else (0.0, sign * speed.value)
    text = wording.duration(dealer, (seconds,)).text
    form = side if vx else "sideways"
    return _say(bank, dealer, "speed", form, side, v=speed.text, t=text, side=side), calls.move(vx, vy, 0.0, seconds)


def _rate(bank: Bank, dealer: Dealer) -> Made:
    side, rate = dealer.draw("side of twin", ("left", "right")), angles.rate(dealer)
    seconds = dealer.draw("twin seconds", _SECONDS)
    text = wording.duration(dealer, (seconds,)).text
    made = calls.move(0.0, 0.0, rate.value if side == "left" else -rate.value, seconds)
    return _say(bank, dealer, "rate", v=rate.text, t=text, side=side), made


def _step(bank: Bank, dealer: Dealer) -> Made:
    form = dealer.draw("twin step", tuple(_STEPS))
    ahead, left = _STEPS[form]
    length = dealer.draw("twin length", _STEP_LENGTHS)
    said = _say(bank, dealer, "step", form, l=wording.metres(dealer, length))
    return said, calls.move_distance(ahead * length, left * length)


def _turn(bank: Bank, dealer: Dealer) -> Made:
    side = dealer.draw("side of twin", ("left", "right"))
    degrees = dealer.rng.randint(2, 60)
    said = _say(bank, dealer, "turn", a=f"{wording.figure(dealer, degrees)} degrees", side=side)
    return said, calls.spin(math.radians(degrees if side == "left" else -degrees))


def _tilt(bank: Bank, dealer: Dealer) -> Made:
    form = dealer.draw("twin tilt", tuple(_TILTS))
    axis, sign = _TILTS[form]
    attitude = [0.0, 0.0, 0.0]
    if dealer.draw("twin tilt unit", (True, True, False)):
        degrees = dealer.draw(f"twin tilt {axis < 2}", _TILT_DEGREES[axis < 2])
        size, said = math.radians(degrees), f"{wording.figure(dealer, degrees)} degrees"
    else:
        size = dealer.rng.randint(2, 15 if axis < 2 else 12) / 20  # limits 0.75 and 0.6
        said = f"{size:g} {dealer.draw('twin rad', ('radians', 'rad'))}"
    attitude[axis] = sign * size
    return _say(bank, dealer, "tilt", form, a=said), calls.euler(*attitude)


def _volume(bank: Bank, dealer: Dealer) -> Made:
    value = wording.volume(dealer)
    made = (f"self.vui_client.SetVolume(level={int(value.value)})",)
    return _say(bank, dealer, "volume", v=value.text.removeprefix("level ")), made


def _charge(bank: Bank, dealer: Dealer) -> Made:
    level = wording.percent(dealer)
    return _say(bank, dealer, "charge", p=level.text), calls.charge(int(level.value))


def _wait(bank: Bank, dealer: Dealer) -> Made:
    seconds = dealer.rng.randint(2, 60)
    return _say(bank, dealer, "wait", t=f"{wording.figure(dealer, seconds)} seconds"), calls.wait(seconds)


def _look(bank: Bank, dealer: Dealer) -> Made:
    report, thing = dealer.draw("twin told", (True, False)), dealer.draw("twin thing", bank.twins["look"]["things"])
    made = calls.perceive("find_object", thing, report=report)
    return _say(bank, dealer, "look", "tell" if report else "find", o=thing), made


def _speech(bank: Bank, dealer: Dealer) -> Made:
    """Words to be said or logged that ask somebody else for what the robot has no arms for."""
    fits = [text for text in bank.declines["arms"]["part"] if "{" not in text]
    text = re.sub(r"\s+", " ", dealer.choose(dealer.draw("twin speech", fits)))
    quoted = protect(
        dealer.draw("twin quotes", ('"{}"', '"{}"', "'{}'")).format(text) if "'" not in text else f'"{text}"'
    )
    if dealer.draw("twin log", (True, False, False)):
        return f"{dealer.draw('twin log it', ('log', 'write to the log'))} {quoted}", (
            f"self.get_logger().info(message={calls.quoted(text)})",
        )
    words = dealer.draw("twin say it", ("say", "announce", "call out", "say the words"))
    return f"{words} {quoted}", (f"self.say(text={calls.quoted(text)})",)


def _fixed(kind: str, *made: str) -> Callable[[Bank, Dealer], Made]:
    return lambda bank, dealer: (_say(bank, dealer, kind), made)


_KINDS: dict[str, Callable[[Bank, Dealer], Made]] = {
    "speed": _speed, "rate": _rate, "step": _step, "turn": _turn, "tilt": _tilt, "volume": _volume, "charge": _charge,
    "wait": _wait, "look": _look, "speech": _speech, "jump": _fixed("jump", *calls.trick("FrontJump")),
    "avoid": _fixed("avoid", "self.avoid_client.SwitchSet(on=True)"),
}  # fmt: skip
_DECK = tuple(
    kind
    for kind, share in {
        "speed": 12, "rate": 5, "step": 5, "turn": 3, "tilt": 5, "volume": 4, "charge": 3, "wait": 3, "look": 4,
        "speech": 3, "jump": 2, "avoid": 2,
    }.items()
    for _ in range(share)
)  # fmt: skip
