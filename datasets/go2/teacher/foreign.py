"""Commands in other languages; the calls stay English."""

from __future__ import annotations

import math
import re

from harness.training.verify import Example

from .bank import Bank
from .calls import FIXED, Calls, go, look, say, spin, volume, wait, walk
from .reasons import instead

LANGUAGES = {"es": "Spanish", "de": "German", "fr": "French", "zh": "Chinese"}


def foreign(bank: Bank, _kind: str) -> Example:
    """A command of one to four steps in Spanish, German, French or Chinese."""
    code = bank.draw(tuple(LANGUAGES))
    words, length = bank.words["languages"][code], int(bank.share("foreign_length"))
    often = bank.words["mix"]["foreign_alone"]
    skills = [bank.draw([skill for skill in words["skills"] for _ in range(often.get(skill, 1))], code)]
    if length > 1:
        skills = [] if bank.chance(0.25) else ["goto"]
        while len(skills) < length:
            skills.append(bank.share("foreign_between", code) if skills[-1:] in ([], ["goto"]) else "goto")
        skills[-1] = "decline" if bank.chance(1 / 7) else skills[-1]  # what is declined comes last
    parts, steps = zip(*(_foreign_step(bank, code, skill) for skill in skills), strict=True)
    calls = steps[-1] if skills[-1] in ("ask", "decline") else tuple(call for one in steps for call in one)
    text = parts[0] + "".join(bank.draw(words["join"], code) + part for part in parts[1:])
    command = _foreign_typed(bank, code, bank.draw(words["open"], code).format(c=text), parts[-1])
    return Example(command, calls, tuple(f"{code}.{skill}" for skill in skills), LANGUAGES[code])


def _foreign_step(bank: Bank, code: str, skill: str) -> tuple[str, Calls]:
    words, numbers = bank.words["languages"][code], bank.words["mix"]["foreign_values"]
    phrase = str(bank.draw(words["skills"][skill], code))
    if skill in ("ask", "decline"):
        return phrase, instead(bank, skill, "foreign", phrase, values={})
    if fixed := FIXED.get(skill):
        return phrase, fixed
    if skill in numbers:
        value = bank.draw(numbers[skill], skill)
        spins = {"left": spin(math.radians(value)), "right": spin(-math.radians(value))}
        walks = {"forward": walk(value, 0), "back": walk(-value, 0), "wait": wait(value), "volume": volume(value)}
        shown = f"{value * 10 if skill == 'volume' and '%' in phrase else value:g}"
        return phrase.format(n=shown if code == "zh" else shown.replace(".", ",")), (spins | walks)[skill]
    if skill == "say":
        said, calls = (text := bank.draw(words["texts"], code)), say(text)
    elif skill == "goto":
        said, name = bank.draw(tuple(words["rooms"].items()), code)
        calls = go(name)
    else:
        said, name = bank.draw(tuple(words["objects"].items()), code)
        calls = look("find_object", name, report=skill == "find_report")
    return phrase.format(x=said), calls


def _foreign_typed(bank: Bank, code: str, command: str, last: str) -> str:
    """A capital and the mark at the end, the mark alone, or neither."""
    manner = bank.draw(("full", "full", "full", "mark", "bare", "bare"))
    command = command[0].upper() + command[1:] if manner == "full" else command
    if manner == "bare" or command.endswith(tuple("?!.\u3002\uff1f\uff01")):
        return command
    if not (command.endswith(last) and re.match(bank.words["languages"]["questions"][code], last)):
        return command + ("\u3002" if code == "zh" else ".")
    if code == "es" and bank.chance(2 / 3):
        return f"{command.removesuffix(last)}¿{last}?"
    return command + {"zh": "\uff1f", "fr": " ?"}.get(code, "?")
