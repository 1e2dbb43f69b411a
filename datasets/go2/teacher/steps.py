"""Steps: a skill, its calls, and what fills the slots of its phrases; and plans of several steps."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from .bank import Bank
from .calls import ARRIVE, FIXED, Calls, euler, go, look, move, quoted, say, spin, volume, wait, walk
from .slots import EXACT, SLOT, place, quantity, thing


class Step(NamedTuple):
    """One thing that is asked for."""

    skill: str
    calls: Calls
    slots: Mapping[str, str] = {}


Made = tuple[Calls, dict[str, str]]
GOALS = ("goto", "slow", "fast", "tour")
# Signs of (forward, left) of each way of moving, and the highest speed allowed there, m/s.
WAYS = {"forward": (1, 0, 1.0), "backward": (-1, 0, 0.6), "left": (0, 1, 0.4), "right": (0, -1, 0.4)}
# Axis of roll, pitch and yaw, sign and limit (radians) of each attitude.
TILTS = {"lean_right": (0, 1, 0.75), "lean_left": (0, -1, 0.75), "down": (1, 1, 0.75), "up": (1, -1, 0.75),
         "look_left": (2, 1, 0.6), "look_right": (2, -1, 0.6)}  # fmt: skip


def step(bank: Bank, skill: str) -> Step:
    """One step of a skill, everything about it drawn."""
    calls, slots = MAKERS[skill](bank, skill) if skill in MAKERS else (FIXED[skill], {})
    return Step(skill, calls, {name: SLOT.format(text) for name, text in slots.items()})


def goal(bank: Bank, skill: str) -> Made:
    """Go to a room, at the speed that was asked for, or to several with nothing to do in between."""
    if skill == "tour":
        rooms, joins = [place(bank) for _ in range(bank.draw((2, 3, 3, 4, 4, 5)))], bank.words["frames"]["join"]
        *first, last = (slots["room"] for _, slots in rooms)
        names = ", ".join(quoted(name) for name, _ in rooms)
        said = bank.draw(joins["rooms"]).join(first) + bank.draw(joins["last_room"]) + last
        return (f"self.follow_waypoints(rooms=[{names}])", ARRIVE), {"rooms": said}
    name, slots = place(bank)
    return (*FIXED.get(f"{skill}_level", ()), *go(name)), slots


def turn(bank: Bank, skill: str, most: float = math.inf) -> Made:
    """A turn in place by an angle, or one whose wording holds its angle: "turn around"."""
    vocabulary = bank.words["vocabulary"]
    if skill == "spin_word":
        turns = [(said, float(share)) for share, phrases in vocabulary["turns"].items() for said in phrases]
        said, share = bank.draw(turns)
        return spin(share * math.tau), {"spin": said}
    side = bank.draw(("left", "right"), skill)
    said, size = quantity(bank, "angle", most, side)
    words = {"a": said, "side": side, "angle": bank.phrase(vocabulary["angles"][side]).format(a=said)}
    return spin(size if side == "left" else -size), words


def manual(bank: Bank, skill: str, kind: str = "", most: float = 5.0) -> Made:
    """A movement: a distance, a speed for a time, a distance at a speed or in a time, or two directions at once."""
    way = bank.draw(("forward", "backward", "forward") if skill == "move" else ("left", "right"), skill + kind)
    (ahead, left, fastest), words = WAYS[way], bank.words["vocabulary"]
    said = {"side": way, "form": way, "way": bank.phrase(words["ways"][way])}
    said["l"], length = quantity(bank, "length", min(most, 2.0 if left else 5.0), way)
    said["v"], speed = quantity(bank, "speed", fastest, way)
    said["t"], seconds = quantity(bank, "motion_time")
    kind = kind or bank.share("movement")
    calls = move(ahead * speed, left * speed, 0.0, seconds)
    if kind == "slant" and ahead:
        said["across"] = bank.draw(("left", "right"), kind)
        said["v2"], beside = quantity(bank, "speed", 0.4, kind)
        calls = move(ahead * speed, beside if said["across"] == "left" else -beside, 0.0, seconds)
    elif kind == "pace" and math.isclose(round(speed * seconds, 2), speed * seconds):
        said["l"] = f"{speed * seconds:g} metres"
    elif kind != "time":
        kind, calls = "distance", walk(ahead * length, left * length)
    return calls, said | {"motion": bank.draw(words["motions"][kind]).format(**said)}


def turning(bank: Bank, skill: str) -> Made:
    """Turning at a rate for a time, on the spot or along a curve."""
    side = bank.draw(("left", "right"), skill)
    said = {"side": side, "way": side if skill == "yaw_move" else bank.draw(("forward", "forwards", "straight ahead"))}
    (said["v"], rate), (said["t"], seconds) = quantity(bank, "rate", deck=side), quantity(bank, "motion_time")
    said["v2"], speed = quantity(bank, "speed", 1.0, skill) if skill == "curve" else ("", 0.0)
    form = bank.draw(bank.words["vocabulary"]["motions"]["curve" if skill == "curve" else "time"])
    return move(speed, 0.0, rate if side == "left" else -rate, seconds), said | {"motion": form.format(**said)}


def tilting(bank: Bank, skill: str) -> Made:
    """A body attitude about one axis or, seldom, two."""
    ways = [bank.draw(tuple(TILTS), skill)]
    if skill == "euler" and bank.chance(1 / 9):
        ways.append(bank.draw([way for way in TILTS if TILTS[way][0] != TILTS[ways[0]][0]]))
    attitude, said, a = [0.0, 0.0, 0.0], [], ""
    for way in ways:
        axis, sign, most = TILTS[way]
        a, size = quantity(bank, "tilt", most, way)
        attitude[axis] = sign * size
        said.append(bank.phrase(bank.words["vocabulary"]["tilts"][way]).format(a=a))
    both = bank.draw((" and at the same time ", " and simultaneously ")).join(said)
    return euler(*attitude), {"attitude": both, "a": a, "form": ways[0]}


def seeing(bank: Bank, skill: str) -> Made:
    """Looking for a thing, counting things, or reading what is written on something."""
    if skill.startswith("read"):
        return FIXED[skill], {"text_thing": bank.item("things_with_text.words")}
    name, slots = thing(bank)
    return look("find_object" if "find" in skill else "count_objects", name, report=skill.endswith("report")), slots


def speaking(bank: Bank, skill: str) -> Made:
    """Words to be said, or to be written to the log."""
    text = bank.item("texts.log" if skill == "log" else bank.draw((*["texts.speech"] * 9, "texts.contracted")))
    slot = {"say": "speech", "say_that": "speech_that", "log": "message"}[skill]
    return say(text, log=skill == "log"), {slot: EXACT.format(text)}


def counting(bank: Bank, skill: str) -> Made:
    """A pause, a level to charge up to, a volume."""
    kind = {"wait": "time", "charge_to": "percent"}.get(skill, skill)
    said, value = quantity(bank, kind)
    simple = re.fullmatch(r"(\d+|[a-z]+) (second|minute)s?", said)
    adjective = f"{simple[1]}-{simple[2]}" if simple else f"{value:g}-second"
    to_level = (*FIXED["charge"], f"self.wait_for_charge(level={round(value)})")
    calls = {"wait": wait(value), "charge_to": to_level, "volume": volume(value)}[skill]
    return calls, {"duration": said, "duration_adj": adjective, "percent": said, "volume": said}


MAKERS: dict[str, Callable[[Bank, str], Made]] = {
    **dict.fromkeys(GOALS, goal), "spin": turn, "spin_word": turn, "move": manual, "sidestep": manual,
    "yaw_move": turning, "curve": turning, "euler": tilting, "find": seeing, "find_report": seeing, "count": seeing,
    "count_report": seeing, "read": seeing, "read_report": seeing, "say": speaking, "say_that": speaking,
    "log": speaking, "wait": counting, "charge_to": counting, "volume": counting,
}  # fmt: skip


UP_AGAIN = {"sit": "rise", "lie": "stand_up"}  # before anything else can be done
REPEATABLE = ("spin", "wait", "say", "find", "count")
NOTHING_AFTER = ("charge", "charge_to", "sit", "lie", "damp", "cancel", "stop")
NOTHING_BEFORE = ("undock", "stand_up", "recover", "rise", "cancel", "stop", "tell", "damp", "balance", "level_body")
SILENT = ("find", "count", "person", "scene", "read")


def draw_plan(bank: Bank, length: int, most: int = 7) -> list[Step]:
    """A plan of so many steps: goals, and what is done there in at most so many calls; fewer goals in long plans."""
    if length == 1:
        return [step(bank, bank.share("alone"))]
    plan = [step(bank, bank.share("first"))] if length and bank.chance(0.1) else []
    while len(plan) < length:
        before, left = plan[-1].skill if plan else "", length - len(plan)
        if before in UP_AGAIN:
            plan.append(step(bank, UP_AGAIN[before]))
        elif bank.draw((True, False, False) if before in GOALS or length > 8 else (True, True, True, False)):
            to_dock = left == 1 and bank.chance(0.1)
            plan.append(step(bank, bank.draw(("charge", "charge_to")) if to_dock else bank.share("goal")))
        else:
            new = step(bank, bank.share("between"))
            again = new.skill not in REPEATABLE and any(new.skill == old.skill for old in plan)
            if not again and len(new.calls) <= most:
                plan.append(new)
                if new.skill in SILENT and left >= 3 and bank.chance(1 / 3):  # looked here, told there
                    plan += [step(bank, "goto"), step(bank, "tell")]
    return plan


def places_for(plan: Sequence[Step], skill: str) -> list[int]:
    """Where a step that needs a standing robot may come into a plan; a charge only at the end, since it docks."""
    skills = ["", *(one.skill for one in plan), ""]
    fits = [
        at for at in range(len(plan) + 1) if skills[at] not in NOTHING_AFTER and skills[at + 1] not in NOTHING_BEFORE
    ]
    return [at for at in fits if at == len(plan) or not skill.endswith("charge")]
