"""From steps to clauses: each step gets its wording in the forms that sentences are built of."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.training.bank import Bank, Dealer
from harness.training.steps import Step, protect

# Slot texts are bracketed with private-use characters, so that typing noise can leave them alone.
SLOT_OPEN, SLOT_CLOSE = "\ue002", "\ue003"
_PERSONS = {
    "second": {"you": "you", "your": "your", "yourself": "yourself", "you_have": "you've",
               "you_are": "you're", "you_are_full": "you are", "you_get": "you get",
               "you_reach": "you reach", "you_arrive": "you arrive", "you_have_left": "you have left"},
    "third": {"you": "it", "your": "its", "yourself": "itself", "you_have": "it has",
              "you_are": "it is", "you_are_full": "it is", "you_get": "it gets",
              "you_reach": "it reaches", "you_arrive": "it arrives", "you_have_left": "it has left"},
}  # fmt: skip
# No contraction where "are" bears the stress: "tell me where you are", "stay as you are for a minute".
_STRESSED = re.compile(r"(?<=\bwhere )\{you_are\}|(?<=\bas )\{you_are\}(?= for\b)|\{you_are\}$")
_NOT_THIRD = re.compile(r"\{you\} (see|find|spot|detect|count|come|stretch|dance)\b")
# Slot texts that may address the robot.
_ADDRESSING = ("angle", "motion", "attitude", "spin")
# What can be said of a place in one breath: "count the chairs in the office".
_MERGES = frozenset(
    [
        "find",
        "find_report",
        "count",
        "count_report",
        "person",
        "person_report",
        "scene",
        "scene_report",
        "photo",
        "wave",
        "stretch",
        "dance1",
        "dance2",
        "wait",
        "say",
        "battery",
        "pose",
        "sit",
        "lie",
        "spin",
    ]
)


@dataclass(frozen=True, slots=True)
class Clause:
    """One step, or a goal and what is done there, in all its forms; a form that does not exist is empty."""

    steps: tuple[Step, ...]
    do: str
    doing: str = ""
    done: str = ""
    ask: str = ""
    bare: str = ""


def make_clauses(steps: Sequence[Step], bank: Bank, dealer: Dealer, person: str) -> list[Clause]:
    """Word each step; some goals melt together with what follows."""
    clauses: list[Clause] = []
    been_somewhere = False
    index = 0
    while index < len(steps):
        step = steps[index]
        after = steps[index + 1] if index + 1 < len(steps) else None
        if step.skill == "goto" and after and after.skill in _MERGES and dealer.draw("merge", (True, False, False)):
            clauses.append(_merged(step, after, bank, dealer, person))
            index += 2
        else:
            last = index == len(steps) - 1
            clauses.append(_single(step, bank, dealer, person, back=been_somewhere, alone=len(steps) == 1, last=last))
            index += 1
        been_somewhere = been_somewhere or step.room is not None
    return clauses


def _single(  # noqa: PLR0913 - each is a fact of the place in the plan
    step: Step, bank: Bank, dealer: Dealer, person: str, *, back: bool, alone: bool, last: bool
) -> Clause:
    slots = _slots(step, person, must_quote=not last)
    forms = dict(bank.phrases.get(step.skill, {}))
    if step.skill.startswith(("ask.", "decline.", "twin.")):
        forms = {"do": (step.slots["phrase"],)}
    if step.skill == "goto" and back and dealer.draw("back", (True, True, False, False, False)):
        forms["do"] = bank.phrases["goto"]["back"]
    if step.skill == "goto" and not alone:  # "wait for me there" is no good beginning of a longer plan
        unfit = (" me ",) if not back else (" me ", "start ", "begin ")
        forms["do"] = tuple(phrase for phrase in forms["do"] if not any(word in phrase for word in unfit))
    return Clause(
        (step,),
        **{form: _fill(form, step.skill, forms, slots, dealer) for form in ("do", "doing", "done", "ask", "bare")},
    )


def _merged(goal: Step, then: Step, bank: Bank, dealer: Dealer, person: str) -> Clause:
    """As in "count the chairs in the office": the place as an adverb, after or (seldom) before the rest."""
    slots = {**_slots(goal, person), **_slots(then, person, must_quote=True)}
    forms = bank.phrases[then.skill]
    place = slots["in_room"]
    made = {form: _fill(form, then.skill, forms, slots, dealer) for form in ("do", "doing", "done", "bare")}
    joined = {form: _with_place(text, place) for form, text in made.items() if text}
    if joined["do"] and dealer.draw("place first", (True,) + (False,) * 7):
        joined["do"] = f"{place} {made['do']}"
    ask = _fill("ask_room", then.skill, forms, slots, dealer)
    return Clause((goal, then), **{"ask": ask, **joined})


def _with_place(text: str, place: str) -> str:
    """Put the place before a trailing "and tell me", where it belongs."""
    match = re.search(r",? and (tell|let|report|give)\b", text)
    at = match.start() if match else len(text)
    return f"{text[:at]} {place}{text[at:]}"


def _slots(step: Step, person: str, *, must_quote: bool = False) -> dict[str, str]:
    slots = {name: f"{SLOT_OPEN}{text}{SLOT_CLOSE}" for name, text in step.slots.items()}
    for name in ("speech", "message"):
        if must_quote and name in step.slots and step.slots[name][1] not in "'\"\u201c":
            slots[name] = protect(f'"{step.slots[name][1:-1]}"')
    if person == "third":
        for name in _ADDRESSING:
            if name in slots:
                slots[name] = re.sub(r"\byour\b", "its", re.sub(r"\byou\b", "it", slots[name]))
    return {**_PERSONS[person], **slots}


def _fill(form: str, skill: str, forms: Mapping[str, Sequence[str]], slots: Mapping[str, str], dealer: Dealer) -> str:
    """One phrase of a form with its slots filled; empty where the skill has no such form."""
    if not forms.get(form):
        return ""
    phrase = dealer.draw(f"{skill}.{form}.{hash_of(forms[form])}", forms[form])
    return _agreeing(dealer.choose(phrase), third=slots["you"] == "it").format_map(slots)


def _agreeing(phrase: str, *, third: bool) -> str:
    """The phrase with verbs that fit its person: "what it sees", not "what it see"."""
    phrase = _STRESSED.sub("{you_are_full}", phrase)
    return _NOT_THIRD.sub(lambda match: f"{{you}} {_third(match[1])}", phrase) if third else phrase


def _third(verb: str) -> str:
    return f"{verb}es" if verb.endswith("ch") else f"{verb}s"


def hash_of(items: Sequence[str]) -> str:
    """A name for a list of phrases, the same in every process (the built-in hash is not)."""
    return hashlib.sha256("\n".join(items).encode()).hexdigest()
