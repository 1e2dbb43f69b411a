"""Grammar teacher: seeded training examples (command, command list) from plans and a hand-written phrase bank.

What `gonogo generate --teacher grammar` keeps of them is for `harness.training.verify` to say.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.training import calls
from harness.training.bank import Bank, Dealer
from harness.training.clauses import make_clauses
from harness.training.languages import foreign
from harness.training.noise import typed
from harness.training.plans import draw_plan, fits_between
from harness.training.sentences import compose
from harness.training.steps import Step
from harness.training.things import draw_object, draw_room, object_slots, room_slots
from harness.training.twins import twin

# The example of the mission: never in training.
SHOWCASE = "I need the robot to go to the kitchen, find the red ball, and then come back to the living room."
_LENGTHS = (1,) * 46 + (2,) * 18 + (3,) * 13 + (4,) * 9 + (5,) * 7 + (6,) * 5 + (7,) * 3 + (8,) * 2
_DISPOSITIONS = ("execute",) * 52 + ("twin",) * 12 + ("decline",) * 15 + ("ask",) * 6 + ("foreign",) * 15
_MOST_CALLS = 18  # longer plans cost more to train on than they teach
_MOST_CALLS_ALONE = 21  # a movement of ten seconds
_NUMBERED = ("attitude", "speed")  # drawn half as often again: only a number tells them from their twins
_AROUND = (0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3)  # harmless steps beside a refused part or its twin
_PERSONS = ("second",) * 7 + ("third",) * 2


@dataclass(frozen=True, slots=True)
class Example:
    """One training pair.

    Attributes:
        command: As a user types it.
        answer: The canonical command list.
        skills: The skills of the plan, in order; `ask.<group>` or `decline.<group>` mark what is not carried out.
    """

    command: str
    answer: tuple[str, ...]
    skills: tuple[str, ...]


def answer_text(answer: Sequence[str]) -> str:
    """The list as the model is to write it: double-quoted items, nothing around it."""
    return json.dumps(list(answer), ensure_ascii=False)


def examples(bank: Bank, seed: int) -> Iterator[Example]:
    """Endless examples, the same for the same bank and seed."""
    dealer = Dealer(random.Random(seed))  # noqa: S311 - reproducible variety, no secret
    while True:
        disposition = dealer.draw("disposition", _DISPOSITIONS)
        if disposition == "foreign":
            yield Example(*foreign(bank.languages, dealer))
        elif disposition in ("decline", "ask"):
            yield _refuse(bank, dealer, disposition)
        elif example := (_twin if disposition == "twin" else _execute)(bank, dealer):
            yield example


def _execute(bank: Bank, dealer: Dealer) -> Example | None:
    steps = draw_plan(bank, dealer, dealer.draw("length", _LENGTHS))
    answer = tuple(call for step in steps for call in step.calls)
    if len(answer) > (_MOST_CALLS if len(steps) > 1 else _MOST_CALLS_ALONE):
        return None
    person = dealer.draw("person", _PERSONS)
    command = typed(compose(make_clauses(steps, bank, dealer, person), bank, dealer, person), dealer)
    return Example(command, answer, tuple(step.skill for step in steps))


def _twin(bank: Bank, dealer: Dealer) -> Example | None:
    """A doable look-alike of something refused, alone or among harmless steps as refused parts are."""
    step = twin(bank, dealer)
    if "whole" in step.slots:
        return Example(typed(step.slots["whole"], dealer), step.calls, (step.skill,))
    length = dealer.draw("length beside a twin", _AROUND)
    steps = draw_plan(bank, dealer, length) if length else []
    places = [at for at in range(len(steps) + 1) if fits_between(steps, at)]
    at = len(steps) if step.skill == "twin.charge" else dealer.rng.choice(places or [-1])
    if at not in places:
        return None
    steps.insert(at, step)
    answer = tuple(call for step in steps for call in step.calls)
    if len(answer) > _MOST_CALLS:
        return None
    command = typed(compose(make_clauses(steps, bank, dealer, "second"), bank, dealer, "second"), dealer)
    return Example(command, answer, tuple(step.skill for step in steps))


def _refuse(bank: Bank, dealer: Dealer, disposition: str) -> Example:
    """An example that is declined or asked about: a whole command, or one bad part among harmless steps."""
    groups = bank.asks if disposition == "ask" else bank.declines
    name = dealer.draw(disposition, (*sorted(groups) * 2, *(group for group in _NUMBERED if group in groups)))
    group = groups[name]
    call = "self.ask_operator(question={})" if disposition == "ask" else "self.decline(reason={})"
    answer = (call.format(calls.quoted(group["answer"])),)
    skill = f"{disposition}.{name}"
    slots = _refusal_slots(bank, dealer)
    if dealer.draw(f"whole {disposition}", (True, False, False)):
        phrase = dealer.choose(dealer.draw(f"{skill}.whole", group["whole"])).format_map(slots)
        return Example(typed(phrase, dealer), answer, (skill,))
    phrase = dealer.choose(dealer.draw(f"{skill}.part", group["part"])).format_map(slots)
    bad = Step(skill, answer, {"phrase": phrase.replace("{", "{{").replace("}", "}}")})
    length = dealer.draw("length of refusal", _AROUND)
    steps = draw_plan(bank, dealer, length) if length else []
    steps.insert(dealer.rng.randint(0, len(steps)), bad)
    command = typed(compose(make_clauses(steps, bank, dealer, "second"), bank, dealer, "second"), dealer)
    return Example(command, answer, tuple(step.skill for step in steps))


def _refusal_slots(bank: Bank, dealer: Dealer) -> dict[str, str]:
    slots = {name: dealer.draw(f"slot {name}", items) for name, items in bank.slots.items()}
    for index in ("", "2"):
        room = draw_room(bank, dealer)
        slots |= {f"{name}{index}": text for name, text in room_slots(room).items()}
        slots |= object_slots(bank, dealer, draw_object(bank, dealer), index)
        slots[f"name{index}"] = dealer.draw("name", bank.names)
    slots |= {"a": draw_room(bank, dealer).said, "b": draw_room(bank, dealer).said}
    slots |= {
        "side": dealer.draw("side of refusal", ("left", "right")),
        "degrees": str(dealer.rng.choice((10, 15, 20, 30, 45, 60, 90, 120, 180))),
    }
    slots |= {"n": str(dealer.rng.randint(2, 9)), "percent": f"{dealer.rng.randint(1, 9)}0 percent"}
    slots["duration_short"] = f"{dealer.rng.randint(2, 9)} seconds"
    return slots | {"you": "you", "your": "your", "yourself": "yourself"}
