"""Commands in Spanish, German, French and Chinese; the calls stay English."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from harness.training import calls
from harness.training.bank import Dealer

_DEGREES: tuple[int, ...] = (
    10, 15, 20, 30, 30, 40, 45, 45, 50, 60, 60, 70, 75, 80, 90, 90, 90, 90, 100, 120, 120, 135, 150, 180, 180, 270, 360,
)  # fmt: skip
_SECONDS = (1.5, *range(2, 21), 2, 3, 5, 5, 10, 10, 15, 20, 25, 30, 30, 40, 45, 50, 60, 60, 90, 120)
_METRES = (0.5, 1.5, 2, 2, 2, 3, 3, 2.5)  # plural in every language; the answer grows with the distance
_COMMA = ("es", "de", "fr")  # 1,5 instead of 1.5
# How a question begins (Chinese: what it looks like); it ends with a question mark.
_ASKS = {
    "es": r"(cuánt|cómo |qué |dónde |cuál |hay algui?en|ves |puedes |podrías )",
    "de": r"(wie |wo |was |welche|kannst |könntest |ist |siehst |hast |können |könnten |würdest |gibt )",
    "fr": r"(combien |comment |quel|où |est-ce |peux-tu|pourrais-tu|pourriez|vois-tu|y a-t-il|que vois|qu'est-ce"
    r"|tu vois|tu peux |tu es où)",
    "zh": r"(能不能|能否|有没有|有人吗|你能|你看到|你在|你现在在|你面前有|你的位置在|你还有|还剩).*|"
    r".*吗$|.*电量多少$|电量是多少$",
}
_ANSWERS = {
    "decline": ("self.decline(reason='I am not able to do that.')",),
    "ask": ("self.ask_operator(question='What do you mean exactly?')",),
}
_OFTEN = {"decline": 10, "ask": 4, "left": 2, "right": 2, "wait": 2, "forward": 2, "back": 2, "volume": 2,
          "say": 2}  # fmt: skip  # of single ones: they have several times the wordings of a skill
# After a goal; what lies down, sits or charges would need something before the next goal.
_MIDDLE = (
    "goto", "find", "find_report", "battery", "pose", "photo", "person_report", "scene_report", "wait", "left",
    "right", "wave", "dance1", "find", "find_report", "wait", "forward", "back", "say", "volume", "read_report",
)  # fmt: skip

_FIXED = {
    "person_report": calls.perceive("detect_person", report=True),
    "scene_report": calls.perceive("describe_scene", report=True),
    "charge": calls.charge(),
    "wave": calls.trick("Hello"),
    "dance1": calls.trick("Dance1"),
    "battery": ("self.report_battery_level()",),
    "pose": ("self.report_pose()",),
    "photo": ("self.capture_image()",),
    "read_report": calls.perceive("read_text", report=True),
    "lie": ("self.sport_client.StandDown()",),
    "stretch": calls.trick("Stretch"),
    "dance2": calls.trick("Dance2"),
    "undock": ("self.undock()",),
    "mute": ("self.vui_client.SetVolume(level=0)",),
    "sit": ("self.sport_client.Sit()",),
    "stand_up": ("self.sport_client.StandUp()", "self.sport_client.BalanceStand()"),
    "stop": ("self.sport_client.StopMove()",),
}


def foreign(languages: Mapping[str, Any], dealer: Dealer) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """One command of one to four steps: (command, answer, skills)."""
    code = dealer.draw("language", tuple(languages))
    words = languages[code]
    length = dealer.draw("foreign length", (1, 1, 1, 1, 2, 2, 2, 3, 3, 4))
    singles = [skill for skill in words["skills"] for _ in range(_OFTEN.get(skill, 1))]
    skills = [dealer.draw(f"{code} single", singles)] if length == 1 else _plan(code, words, dealer, length)
    parts: list[str] = []
    answer: list[str] = []
    for skill in skills:
        text, made = _step(code, words, skill, dealer)
        parts.append(text)
        answer = [*made] if skill in _ANSWERS else [*answer, *made]  # what is declined comes last
    joined = parts[0]
    for part in parts[1:]:
        joined += dealer.draw(f"{code} join", words["join"]) + part
    command = str(dealer.draw(f"{code} open", words["open"]).format(c=joined))
    asked = parts[-1] if command.endswith(parts[-1]) and re.match(_ASKS.get(code, r"(?!)"), parts[-1]) else ""
    command = _typed(code, command, dealer, asked)
    return command, tuple(answer), tuple(f"{code}.{skill}" for skill in skills)


def _typed(code: str, command: str, dealer: Dealer, asked: str) -> str:
    """A capital and the mark at the end, or neither; `asked` is the question that the command ends with."""
    manner = dealer.draw("foreign typing", ("full", "full", "full", "mark", "bare", "bare"))
    if manner == "bare":
        return command
    if manner == "full":
        command = command[0].upper() + command[1:]
    if command.endswith(("?", "!", ".", "。", "\uff1f", "\uff01")):
        return command
    if not asked:
        return command + ("。" if code == "zh" else ".")
    if code == "es" and dealer.draw("both marks", (True, True, False)):
        start = len(command) - len(asked)
        return f"{command[:start]}¿{command[start:]}?"
    return command + {"zh": "\uff1f", "fr": " ?"}.get(code, "?")


def _plan(code: str, words: Mapping[str, Any], dealer: Dealer, length: int) -> list[str]:
    """A goal first or (seldom) later; goals are never far apart."""
    middle = [skill for skill in _MIDDLE if skill in words["skills"]]
    skills = [] if dealer.draw("foreign start", (True, False, False, False)) else ["goto"]
    while len(skills) < length:
        before = skills[-1] if skills else "goto"
        skills.append(dealer.draw(f"{code} skill", middle + ["goto"] * 4) if before == "goto" else "goto")
    if dealer.draw("foreign spoilt", (True,) + (False,) * 6):
        skills[-1] = "decline"
    return skills


def _figure(code: str, value: float) -> str:
    return f"{value:g}".replace(".", "," if code in _COMMA else ".")


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
    if skill == "say":
        text = dealer.draw(f"{code} text", tuple(words["texts"]))
        return phrase.format(x=text), (f"self.say(text={calls.quoted(text)})",)
    if skill in _FIXED:
        return phrase, _FIXED[skill]
    return _measured(code, phrase, skill, dealer)


def _measured(code: str, phrase: str, skill: str, dealer: Dealer) -> tuple[str, tuple[str, ...]]:
    """A step with a number in it: a turn, a wait, a movement, a volume."""
    if skill in ("left", "right"):
        degrees = dealer.draw(f"foreign degrees {skill}", _DEGREES)
        return phrase.format(n=degrees), calls.spin(math.radians(degrees if skill == "left" else -degrees))
    if skill == "wait":
        seconds = dealer.draw("foreign seconds", _SECONDS)
        return phrase.format(n=_figure(code, seconds)), calls.wait(seconds)
    if skill in ("forward", "back"):
        length = dealer.draw("foreign metres", _METRES)
        made = calls.move_distance(length if skill == "forward" else -length, 0.0)
        return phrase.format(n=_figure(code, length)), made
    level = dealer.draw("foreign volume", tuple(range(1, 11)))
    said = level * 10 if "%" in phrase else level
    return phrase.format(n=said), (f"self.vui_client.SetVolume(level={level})",)
