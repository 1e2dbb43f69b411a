"""What the teacher is asked to write: briefs that spread evenly over skills, lengths, rooms, units and phrasing.

A brief holds a plan drawn as the grammar draws them (so the right calls are known) and a manner of speaking. Decks are
dealt out without replacement; a brief whose example was rejected is dealt again, so the spread is that of what is kept,
not of what was asked for.
"""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from harness.training.bank import Bank, Dealer
from harness.training.clauses import make_clauses
from harness.training.plans import draw_plan
from harness.training.steps import Step

TRIES = 3  # times a brief is given out before it is dropped
MOST_CALLS = 24  # longer answers cost more to train on than they teach
_DISPOSITIONS = ("execute",) * 81 + ("decline",) * 12 + ("ask",) * 7  # as the grammar
_LENGTHS = (1,) * 24 + (2,) * 24 + (3,) * 21 + (4,) * 13 + (5,) * 8 + (6,) * 5 + (7,) * 3 + (8,) * 2
_MARKS = re.compile("[\ue000-\ue003]")
# Manner of speaking, and whether names of rooms must appear letter for letter in it.
MANNERS: Mapping[str, bool] = {
    "a polite question": True,
    "a short order, imperative": True,
    "keywords only, as typed in a hurry, no full sentence": True,
    "reversed: name a later step first (before ..., after ..., once ..., on the way back)": True,
    "chatty, with a sentence of background that asks for nothing": True,
    "a wish or hint that never uses an imperative": True,
    "typed with two or three typing errors (never in numbers or in left and right)": False,
    "spoken aloud: fillers, a restart, no punctuation": False,
    "a numbered list in one message": True,
    "about the robot in the third person": True,
    "formal and precise, as in a work order": True,
    "colloquial, with idioms": True,
    "numbers and units written differently than in the brief (words for digits, cm for m), same values": True,
}
_LANGUAGES = ("English",) * 46 + ("German", "Spanish", "French", "Chinese")


@dataclass(frozen=True, slots=True)
class Brief:
    """One example wanted.

    Attributes:
        disposition: `execute`, `ask` or `decline`.
        skills: Of the plan, in order; `ask.<group>` or `decline.<group>` marks what is not carried out.
        told: The steps in plain words, for the teacher.
        calls: The right calls; for asking and declining that call alone.
        rooms: As said, without article.
        sides: Of `left` and `right`, those that the told steps name.
        manner, language: How to say it.
        tries: Times it has been given out.
    """

    disposition: str
    skills: tuple[str, ...]
    told: tuple[str, ...]
    calls: tuple[str, ...]
    rooms: tuple[str, ...]
    sides: tuple[str, ...]
    manner: str
    language: str
    tries: int = 0

    @property
    def guarded(self) -> frozenset[str]:
        """Guarded calls that it asks for."""
        return guarded_calls(self.skills)


def guarded_calls(skills: tuple[str, ...]) -> frozenset[str]:
    """Paths of the guarded calls that these skills, or twins of refusals named for them, ask for explicitly."""
    asked = {skill.removeprefix("twin.") for skill in skills}
    return frozenset(path for skill, path in _GUARDED.items() if skill in asked)


_GUARDED = {"damp": "sport_client.Damp", "jump": "sport_client.FrontJump"}


@dataclass(slots=True)
class Deck:
    """Deals briefs. New ones come in an order that bank and seed alone fix, whatever is dealt again in between."""

    bank: Bank
    seed: int
    _dealer: Dealer = field(init=False)
    _other_manner: Dealer = field(init=False)
    _again: deque[Brief] = field(default_factory=deque)

    def __post_init__(self) -> None:
        """Seed the dealers."""
        self._dealer = Dealer(random.Random(self.seed))  # noqa: S311  reproducible variety, no secret
        self._other_manner = Dealer(random.Random(self.seed + 1))  # noqa: S311  the same

    def deal(self) -> Brief:
        """The next brief: one that failed before, or a new one."""
        brief = self._again.popleft() if self._again else self._new()
        return replace(brief, tries=brief.tries + 1)

    def give_back(self, brief: Brief) -> bool:
        """Deal it again later, if it has not been dealt too often; whether it will be."""
        if brief.tries >= TRIES:
            return False
        manner = self._other_manner.draw("manner", tuple(MANNERS))  # perhaps the manner was the trouble
        self._again.append(replace(brief, manner=manner))
        return True

    def put_back(self, briefs: Iterable[Brief]) -> None:
        """Deal briefs again that were not given out after all."""
        self._again.extend(replace(brief, tries=brief.tries - 1) for brief in briefs)

    def _new(self) -> Brief:
        disposition = self._dealer.draw("disposition", _DISPOSITIONS)
        return self._execute() if disposition == "execute" else self._refuse(disposition)

    def _execute(self) -> Brief:
        steps = draw_plan(self.bank, self._dealer, self._dealer.draw("length", _LENGTHS))
        calls = tuple(call for step in steps for call in step.calls)
        return self._execute() if len(calls) > MOST_CALLS else self._brief("execute", steps, calls)

    def _refuse(self, disposition: str) -> Brief:
        groups = self.bank.asks if disposition == "ask" else self.bank.declines
        name = self._dealer.draw(disposition, sorted(groups))
        text = groups[name]["answer"].replace("'", "\\'")
        call = f"self.ask_operator(question='{text}')" if disposition == "ask" else f"self.decline(reason='{text}')"
        length = self._dealer.draw("length of refusal", (0, 0, 1, 1, 2))
        steps = draw_plan(self.bank, self._dealer, length) if length else []
        steps.insert(self._dealer.rng.randint(0, len(steps)), Step(f"{disposition}.{name}", (call,)))
        return self._brief(disposition, steps, (call,))

    def _brief(self, disposition: str, steps: list[Step], calls: tuple[str, ...]) -> Brief:
        told = tuple(self._told(step) for step in steps)
        return Brief(
            disposition=disposition,
            skills=tuple(step.skill for step in steps),
            told=told,
            calls=calls,
            rooms=tuple(step.room.bare for step in steps if step.room is not None) if disposition == "execute" else (),
            sides=tuple(side for side in ("left", "right") if any(side in text for text in told)),
            manner=self._dealer.draw("manner", tuple(MANNERS)),
            language=self._dealer.draw("language", _LANGUAGES),
        )

    def _told(self, step: Step) -> str:
        """A step in plain words; a part that cannot be carried out is told as an order to invent one."""
        kind, _, group = step.skill.partition(".")
        if group:
            groups = self.bank.asks if kind == "ask" else self.bank.declines
            reason = groups[group]["answer"]
            lacking = "something that leaves open what is meant" if kind == "ask" else "something that must be declined"
            return f"(invent {lacking}; the robot will answer: {reason})"
        clause = make_clauses([step], self.bank, self._dealer, "second")[0]
        return _MARKS.sub("", clause.do)


def missing_words(brief: Brief, command: str) -> str:
    """What a command in English leaves unsaid or turns round, in words; empty if nothing was found.

    Only what can be told for sure: the name of a room, and left or right where the brief knows one of them alone.
    """
    if brief.language != "English" or brief.disposition != "execute":
        return ""
    words = set(re.findall(r"\w+", command.casefold()))
    if MANNERS[brief.manner]:
        for room in brief.rooms:
            if not words & set(re.findall(r"\w+", room.casefold())):
                return f"the {room} is not mentioned"
    if len(brief.sides) == 1:
        other = "right" if brief.sides[0] == "left" else "left"
        if other in words and brief.sides[0] not in words:
            return f"says {other} where {brief.sides[0]} is meant"
    return ""
