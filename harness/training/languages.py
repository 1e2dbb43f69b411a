"""A light share of commands in Spanish, German, French and Chinese; the calls stay English."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from harness.training import calls
from harness.training.bank import Dealer

_DEGREES = (30, 45, 60, 90, 90, 120, 135, 180)
_SECONDS = (2, 3, 5, 8, 10, 12, 15, 20, 30, 45, 60)
_ANSWERS = {
    "decline": ("self.decline(reason='I am not able to do that.')",),
    "ask": ("self.ask_operator(question='What do you mean exactly?')",),
}
_OFTEN = {"decline": 12, "ask": 6}  # of single ones: they have several times the wordings of a skill
# After a goal; what lies down, sits or charges would need something before the next goal.
_MIDDLE = (
    "goto",
    "find",
    "find_report",
    "battery",
    "pose",
    "photo",
    "person_report",
    "scene_report",
    "wait",
    "left",
    "right",
    "wave",
    "dance1",
)

_FIXED = {
    "person_report": calls.perceive("detect_person", report=True),
    "scene_report": calls.perceive("describe_scene", report=True),
    "charge": calls.charge(),
    "wave": calls.trick("Hello"),
    "dance1": calls.trick("Dance1"),
    "battery": ("self.report_battery_level()",),
    "pose": ("self.report_pose()",),
    "photo": ("self.capture_image()",),
    "sit": ("self.sport_client.Sit()",),
    "stand_up": ("self.sport_client.StandUp()", "self.sport_client.BalanceStand()"),
    "stop": ("self.sport_client.StopMove()",),
}


def foreign(languages: Mapping[str, Any], dealer: Dealer) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """One command of one to four steps: (command, answer, skills)."""
    code = dealer.draw("language", tuple(languages))
    words = languages[code]
    length = dealer.draw("foreign length", (1, 1, 2, 2, 3, 3, 4))
    singles = [skill for skill in words["skills"] for _ in range(_OFTEN.get(skill, 1))]
    skills = [dealer.draw(f"{code} single", singles)] if length == 1 else _plan(dealer, length)
    parts: list[str] = []
    answer: list[str] = []
    for skill in skills:
        text, made = _step(code, words, skill, dealer)
        parts.append(text)
        answer += made
    joined = parts[0]
    for part in parts[1:]:
        joined += dealer.draw(f"{code} join", words["join"]) + part
    command = str(dealer.draw(f"{code} open", words["open"]).format(c=joined))
    if dealer.draw("foreign typing", (True, True, False)):
        command = command[0].upper() + command[1:] + ("。" if code == "zh" else ".")
    return command, tuple(answer), tuple(f"{code}.{skill}" for skill in skills)


def _plan(dealer: Dealer, length: int) -> list[str]:
    skills = ["goto"]
    while len(skills) < length:
        skills.append(dealer.draw("foreign skill", _MIDDLE + ("goto",) * 4) if skills[-1] == "goto" else "goto")
    return skills


def _step(code: str, words: Mapping[str, Any], skill: str, dealer: Dealer) -> tuple[str, tuple[str, ...]]:
    phrase = dealer.draw(f"{code} {skill}", words["skills"][skill])
    if skill in _ANSWERS:
        return phrase, _ANSWERS[skill]
    if skill == "goto":
        said, room = dealer.draw(f"{code} room", tuple(words["rooms"].items()))
        return phrase.format(x=said), calls.go(room)
    if skill in ("find", "find_report"):
        said, thing = dealer.draw(f"{code} object", tuple(words["objects"].items()))
        return phrase.format(x=said), calls.perceive("find_object", thing, report=skill == "find_report")
    if skill in ("left", "right"):
        degrees = dealer.draw(f"foreign degrees {skill}", _DEGREES)
        return phrase.format(n=degrees), calls.spin(math.radians(degrees if skill == "left" else -degrees))
    if skill == "wait":
        seconds = dealer.draw("foreign seconds", _SECONDS)
        return phrase.format(n=seconds), calls.wait(seconds)
    return phrase, _FIXED[skill]
