"""Doable look-alikes of what is refused: the wordings of refusals with legal values, or with what they lack added."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from harness.training import angles, calls, motions, wording
from harness.training.bank import Bank, Dealer
from harness.training.clauses import SLOT_CLOSE, SLOT_OPEN
from harness.training.steps import Step, protect

_FORWARD = (
    "[walk|run|go|drive|sprint] [forward|forwards|ahead] at {v} for {t}", "march ahead at {v} for {t}",
    "trot forward at {v} for {t}", "charge ahead at {v} for {t}", "zoom ahead at {v} for {t}",
    "race forward at {v} for {t}", "={v} forward for {t}", "={v}, {t}, straight ahead",
    "keep moving forward at {v} for {t}",
    "=can you do {v} straight ahead for {t}?", "=could you manage {v} forward for {t}?", "advance at {v} for {t}",
    "walk on straight ahead at {v}, {t} long", "move forward with {v} for {t}",
)  # fmt: skip
_BACK = (
    "[reverse|back up|walk backwards|go backwards] at {v} for {t}", "back away at {v} for {t}",
    "retreat at {v} for {t}",
    "go in reverse at {v} for {t}", "run backwards at {v} for {t}", "reverse, {v}, {t}", "=backwards at {v} for {t}",
    "walk rearwards at {v} for {t}", "=can you reverse at {v} for {t}?", "={v} in reverse for {t}, please",
)  # fmt: skip
_SIDE = (
    "[step|strafe|slide|move] {side} at {v} for {t}", "[strafe|sidestep|slide] to the {side} at {v} for {t}",
    "go sideways to the {side} at {v} for {t}", "shuffle {side} at {v} for {t}", "crab-walk {side} at {v} for {t}",
    "drift {side} at {v} for {t}", "strafe {side}, {v}, {t}", "=sideways to the {side}, {v}, {t}",
    "=can you step sideways to the {side} at {v} for {t}?",
)  # fmt: skip
_RATE = (
    "[turn|spin|rotate] {side} at {v} for {t}", "rotate on the spot to the {side} at {v} for {t}",
    "twirl {side} at {v} for {t}", "spin to the {side} for {t} at {v}", "swivel {side} at {v} for {t}",
    "whirl round to the {side} at {v} for {t}", "turn {side}, {v}, {t}", "=spinning {side} at {v} for {t}, please",
    "keep turning {side} at {v} for {t}", "=can you spin {side} at {v} for {t}?",
)  # fmt: skip
_SECONDS = (1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0, 6.0, 7.0, 8.0, 1.5, 2.5)
# Of "move a bit" with the distance that it lacks: (forward, left) signs and wordings.
_STEPS = (
    ((1, 0), ("go forward a little, {l}", "come {l} closer", "inch forward {l}", "edge forward by {l}",
              "=a bit closer please, {l}", "creep ahead {l}", "take a small step forward of {l}")),
    ((-1, 0), ("move back a little, {l}", "step back a bit, {l}", "back off {l}", "back up {l}", "shuffle back {l}",
               "back away by {l}", "make some room and back up {l}", "=further back please, {l}")),
    ((0, 1), ("shift a little to the left, {l} sideways", "scoot over to the left by {l}",
              "move {l} sideways, to the left",
              "step aside to the left by {l}", "budge {l} to the left")),
    ((0, -1), ("shift a little to the right, {l} sideways", "scoot over to the right by {l}",
               "move {l} sideways, to the right", "step aside to the right by {l}", "budge {l} to the right")),
)  # fmt: skip
_STEP_LENGTHS = (0.1, 0.15, 0.2, 0.2, 0.25, 0.3, 0.3, 0.4, 0.5, 0.5, 0.6, 0.75, 0.8, 1.0, 1.0)
_TURNS = (
    "turn a bit to the {side}, {a}", "turn {a} more to the {side}", "turn slightly {side}, by {a}",
    "make a small turn of {a} to the {side}", "nudge your heading {a} to the {side}",
    "=a little turn to the {side}, {a}",
    "=just a touch {side}, {a}", "turn {side} a little, exactly {a}", "correct your heading by {a} to the {side}",
)  # fmt: skip
# (axis, sign, wordings) of legal body attitudes: roll right, pitch nose down, yaw left are positive.
_TILTS = (
    (1, 1, ("lean forward by {a}", "lower your nose by {a}", "bow {a} forward", "look {a} down", "={a} nose down",
            "bend your body forward {a}", "=could you pitch your nose {a} down?")),
    (1, -1, ("lean back {a}", "point your nose {a} up", "raise your nose by {a}", "look {a} up", "=nose up {a}",
             "pitch up by {a}", "pitch your nose up to {a}")),
    (0, 1, ("tilt your body {a} right", "tip {a} to the right", "bank {a} right", "lean right, {a}", "roll right {a}",
            "heel over {a} to the right", "=can you lean {a} right?")),
    (0, -1, ("tilt your body {a} left", "tip {a} to the left", "bank {a} left", "lean left, {a}", "roll left {a}",
             "heel over {a} to the left", "=can you lean {a} left?")),
    (2, 1, ("yaw your body {a} left", "look {a} to the left with your body",
            "twist your body {a} to the left with the feet still")),
    (2, -1, ("yaw your body {a} right", "look {a} to the right with your body",
             "twist your body {a} to the right with the feet still")),
)  # fmt: skip
_TILT_DEGREES = {True: (5, 10, 15, 20, 25, 30, 35, 40), False: (5, 8, 10, 15, 20, 25, 30, 34)}
_VOLUME = (
    "turn the volume up to {v}", "crank the volume to {v}", "turn your speaker up to {v}", "speak at volume {v}",
    "set your voice to volume {v}", "turn the volume down a bit, to {v}", "raise the volume to {v}",
    "push the speaker to {v}",
    "lower the volume to {v}", "change the volume, make it {v}", "put the volume on {v}", "=volume: {v}",
)  # fmt: skip
_CHARGE = (
    "charge to {p}", "fill the battery to {p}", "recharge up to {p}", "top the battery up to {p}",
    "keep charging until it reads {p}", "go to the dock and charge to {p}", "bring the battery up to {p}",
)  # fmt: skip
_WAIT = (
    "wait until {t} have passed", "stay there until {t} are over", "wait a bit, {t}", "wait a moment, {t} exactly",
    "keep still until {t} have gone by", "hold on for a little while, {t}", "stand by for {t}",
    "do nothing until {t} are up",
)  # fmt: skip
_FIND = ("find the {o}", "look for the {o}", "search for the {o}", "see where the {o} is", "locate the {o}")
_TELL = ("find the {o} and tell me", "look for the {o} and let me know", "=can you see the {o}?",
         "tell me if you see the {o}",
         "look whether the {o} is there and report")  # fmt: skip
_HANDLED = (
    "door", "door handle", "light switch", "red button", "window", "drawer", "lever", "fridge", "tap", "bin", "trolley",
    "dog", "cat", "exit", "staircase", "fire extinguisher", "remote control", "joystick", "alarm button", "cart",
    "gate",
)  # fmt: skip
_AVOID = (
    "keep obstacle avoidance on", "leave obstacle avoidance on", "turn obstacle avoidance on, not off",
    "switch obstacle avoidance on rather than off", "make sure that obstacle avoidance is not off, turn it on",
)  # fmt: skip
_JUMP = ("jump forward once", "do one jump forward", "show us a jump forward", "do a single forward jump",
         "give us a front jump", "jump ahead one time")  # fmt: skip

_WHOLE = "="  # before a wording that is a complete command, not a verb phrase

Made = tuple[str, tuple[str, ...]]


def twin(bank: Bank, dealer: Dealer) -> Step:
    """One step that is carried out, worded like something refused: `phrase` is its slot, `whole` if it stands alone."""
    kind = dealer.draw("kind of twin", _DECK)
    phrase, made = _KINDS[kind](bank, dealer)
    whole = phrase.startswith(_WHOLE)
    return Step(f"twin.{kind}", made, {"whole" if whole else "phrase": phrase.removeprefix(_WHOLE)})


def _say(dealer: Dealer, deck: str, phrases: Sequence[str], **slots: str) -> str:
    """A wording with its slots marked, so that typing noise leaves the numbers alone."""
    marked = {name: f"{SLOT_OPEN}{text}{SLOT_CLOSE}" for name, text in slots.items()}
    return dealer.choose(dealer.draw(f"twin {deck}", phrases)).format_map(marked)


def _speed(_bank: Bank, dealer: Dealer) -> Made:
    side = dealer.draw("twin way", ("forward", "forward", "backward", "backward", "left", "right"))
    speed = wording.speed(dealer, motions.speeds(side), f"speed {side}")
    seconds = dealer.draw("twin seconds", _SECONDS)
    phrases = {"forward": _FORWARD, "backward": _BACK}.get(side, _SIDE)
    sign = -1.0 if side in ("backward", "right") else 1.0
    vx, vy = (sign * speed.value, 0.0) if side in ("forward", "backward") else (0.0, sign * speed.value)
    text = wording.duration(dealer, (seconds,)).text
    return _say(dealer, f"at speed {side}", phrases, v=speed.text, t=text, side=side), calls.move(vx, vy, 0.0, seconds)


def _rate(_bank: Bank, dealer: Dealer) -> Made:
    side, rate = dealer.draw("side of twin", ("left", "right")), angles.rate(dealer)
    seconds = dealer.draw("twin seconds", _SECONDS)
    text = wording.duration(dealer, (seconds,)).text
    made = calls.move(0.0, 0.0, rate.value if side == "left" else -rate.value, seconds)
    return _say(dealer, "rate", _RATE, v=rate.text, t=text, side=side), made


def _step(_bank: Bank, dealer: Dealer) -> Made:
    (ahead, left), phrases = _STEPS[dealer.draw("twin step", range(len(_STEPS)))]
    length = dealer.draw("twin length", _STEP_LENGTHS)
    said = _say(dealer, f"step {ahead} {left}", phrases, l=wording.metres(dealer, length))
    return said, calls.move_distance(ahead * length, left * length)


def _turn(_bank: Bank, dealer: Dealer) -> Made:
    side = dealer.draw("side of twin", ("left", "right"))
    degrees = dealer.rng.randint(2, 60)
    said = _say(dealer, "turn", _TURNS, a=f"{wording.figure(dealer, degrees)} degrees", side=side)
    return said, calls.spin(math.radians(degrees if side == "left" else -degrees))


def _tilt(_bank: Bank, dealer: Dealer) -> Made:
    axis, sign, phrases = _TILTS[dealer.draw("twin tilt", range(len(_TILTS)))]
    attitude = [0.0, 0.0, 0.0]
    if dealer.draw("twin tilt unit", (True, True, False)):
        degrees = dealer.draw(f"twin tilt {axis < 2}", _TILT_DEGREES[axis < 2])
        size, said = math.radians(degrees), f"{wording.figure(dealer, degrees)} degrees"
    else:
        size = dealer.rng.randint(2, 15 if axis < 2 else 12) / 20  # limits 0.75 and 0.6
        said = f"{size:g} {dealer.draw('twin rad', ('radians', 'rad'))}"
    attitude[axis] = sign * size
    return _say(dealer, f"tilt {axis} {sign}", phrases, a=said), calls.euler(*attitude)


def _volume(_bank: Bank, dealer: Dealer) -> Made:
    value = wording.volume(dealer)
    made = (f"self.vui_client.SetVolume(level={int(value.value)})",)
    return _say(dealer, "volume", _VOLUME, v=value.text.removeprefix("level ")), made


def _charge(_bank: Bank, dealer: Dealer) -> Made:
    level = wording.percent(dealer)
    return _say(dealer, "charge", _CHARGE, p=level.text), calls.charge(int(level.value))


def _wait(_bank: Bank, dealer: Dealer) -> Made:
    seconds = dealer.rng.randint(2, 60)
    return _say(dealer, "wait", _WAIT, t=f"{wording.figure(dealer, seconds)} seconds"), calls.wait(seconds)


def _look(_bank: Bank, dealer: Dealer) -> Made:
    report, thing = dealer.draw("twin told", (True, False)), dealer.draw("twin thing", _HANDLED)
    made = calls.perceive("find_object", thing, report=report)
    return _say(dealer, f"look {report}", _TELL if report else _FIND, o=thing), made


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


def _fixed(deck: str, phrases: Sequence[str], *made: str) -> Callable[[Bank, Dealer], Made]:
    return lambda _bank, dealer: (_say(dealer, deck, phrases), made)


_KINDS: dict[str, Callable[[Bank, Dealer], Made]] = {
    "speed": _speed, "rate": _rate, "step": _step, "turn": _turn, "tilt": _tilt, "volume": _volume, "charge": _charge,
    "wait": _wait, "look": _look, "speech": _speech, "jump": _fixed("jump", _JUMP, *calls.trick("FrontJump")),
    "avoid": _fixed("avoid", _AVOID, "self.avoid_client.SwitchSet(on=True)"),
}  # fmt: skip
_DECK = tuple(
    kind
    for kind, share in {
        "speed": 12, "rate": 5, "step": 5, "turn": 3, "tilt": 5, "volume": 4, "charge": 3, "wait": 3, "look": 4,
        "speech": 3, "jump": 2, "avoid": 2,
    }.items()
    for _ in range(share)
)  # fmt: skip
