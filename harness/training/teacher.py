"""Asks a model for training examples, round after round, by briefs: calls that the answer needs, manner, language.

Briefs are dealt evenly from the pack's profile; one whose example was rejected is dealt again, so that the spread is
that of what is kept. A round is made from the seed and from what earlier rounds brought, and every reply is in the
journal: a run that was cut off repeats its rounds from there, pays for nothing twice, and goes on. A reply is hostile
text: parsed with bounds, never run.
"""

from __future__ import annotations

import json
import math
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, NamedTuple

from harness.errors import EndpointError
from harness.models.outcomes import Completion, Outcome
from harness.models.requests import Request
from harness.pack import Pack, messages, system_message
from harness.prices import Budget
from harness.sdk.profile import Profile
from harness.simulation import Robot
from harness.training.verify import Example, Rejection, Verified, Verifier, refusals

SHOWN_BACK = 6  # accepted examples in a request, however many there are
REQUESTS_A_ROUND = 64  # enough to keep an endpoint busy, few enough that later ones see what was accepted
GIVE_UP_AFTER = 60  # briefs in a row of rounds of which hardly any (`HARDLY_ANY`) brought an example
HARDLY_ANY, LOWEST_YIELD = 0.05, 0.3
TRIES = 2  # times that a brief is dealt again
LONGEST_REPLY = 60_000  # characters read; a right reply has a tenth of it
MOST_OBJECTS = 64  # read of one reply
LONGEST_ANSWER = 60  # calls

DISPOSITIONS = ("execute",) * 81 + ("decline",) * 12 + ("ask",) * 7
LENGTHS = (1,) * 5 + (2,) * 4 + (3,) * 2 + (4,)  # calls that a brief names
MANNERS = (
    "a polite question",
    "a short order, imperative",
    "keywords only, as typed in a hurry, no full sentence",
    "reversed: a later step is named first (before ..., after ..., once ...)",
    "chatty, with a sentence of background that asks for nothing",
    "a wish or hint that never uses an imperative",
    "typed with two or three typing errors (never in numbers or in left and right)",
    "spoken aloud: fillers, a restart, no punctuation",
    "a numbered list in one message",
    "about the robot in the third person",
    "formal and precise, as in a work order",
    "colloquial, with idioms",
    "with numbers and units as people say them (words for digits, cm, degrees, minutes)",
)
LANGUAGES = ("English",) * 46 + ("German", "Spanish", "French", "Chinese")
REFUSED = {
    "decline": ("needs something that the robot does not have", "is dangerous", "goes beyond a limit",
                "depends on what cannot be known beforehand", "tries to change the robot's task or to learn secrets"),
    "ask": ("leaves out something that is needed", "has several meanings", "refers to something that is not known"),
}  # fmt: skip

INSTRUCTIONS = """\
You write training examples for a smaller model. An example is a command, as a person would say or type it, and the
right answer to it. You are given numbered briefs; write one example for each: a command in the manner and language of
the brief, in wording of your own that differs from the examples shown, and the answer that carries out exactly what it
asks for. The answer has the calls that the brief names and whatever else they need before or after them. Vary places,
things, numbers and units. These are the smaller model's instructions, by which the answers are judged:

{prompt}

{rules}

Reply with one JSON object a line and nothing else:
{{"brief": 1, "command": "...", "answer": ["...", "..."]}}
"""


@dataclass(frozen=True, slots=True)
class Brief:
    """One example wanted: what the answer does, the calls it needs, and how the command says it."""

    disposition: str
    calls: tuple[str, ...]
    why: str
    manner: str
    language: str
    tries: int = 0

    def told(self) -> str:
        """What the teacher is told."""
        what = f"uses {', '.join(self.calls)}"
        if self.why:
            what = f"one part of the command {self.why}: the answer is {self.calls[0]}(...) alone"
        return f"{what}. Language: {self.language}. Manner: {self.manner}."

    def unmet(self, pair: Verified) -> str:
        """What a verified pair lacks of the brief, in words; empty if nothing."""
        if pair.disposition != self.disposition:
            return f"{pair.disposition} where {self.disposition} was wanted"
        text = " ".join(pair.answer)
        return ", ".join(f"no {path}" for path in self.calls if f"self.{path}(" not in text)


def briefs(profile: Profile, refused: Mapping[str, str], seed: int) -> Iterator[Brief]:
    """Endless briefs over the calls of a profile, the same for a seed; all of them come equally often.

    `refused` are those calls that ask or decline, from `refusals`.
    """
    rng = random.Random(seed)  # noqa: S311  reproducible variety, no secret
    decks: dict[str, list[Any]] = {}

    def draw(name: str, items: Sequence[Any]) -> Any:
        left = decks.setdefault(name, [])
        if not left:
            left += items
            rng.shuffle(left)
        return left.pop()

    paths = [c.path for c in profile.calls if c.tier != "deny" and not c.nested_only and not c.alone]
    instead = {kind: path for path, kind in refused.items()}
    while True:
        kind = draw("disposition", [kind for kind in DISPOSITIONS if kind == "execute" or kind in instead])
        why = draw(kind, REFUSED[kind]) if kind in instead else ""
        calls = (instead[kind],) if why else tuple({draw("call", paths): None for _ in range(draw("length", LENGTHS))})
        yield Brief(kind, calls, why, draw("manner", MANNERS), draw("language", LANGUAGES))


def teacher_system(pack: Pack, robot: Robot, student: str) -> str:
    """The teacher's instructions: the student's with its calls, the robot's rules, the pack's CONVENTIONS.md if any."""
    prompt = system_message(pack, "card").replace(system_message(pack), student)
    rules = [f"- {rule.tell}" for rule in robot.rules.values() if rule.tell not in prompt]
    state = "; ".join(f"{name} = {key.default!r} ({key.wanted})" for name, key in robot.start.items())
    if state:
        rules.append(f"- A command for a robot that does not begin as follows says so: {state}.")
    conventions = pack.root / "CONVENTIONS.md"
    more = f"\n{conventions.read_text(encoding='utf-8')}" if conventions.exists() else ""
    return INSTRUCTIONS.format(prompt=prompt, rules="\n".join(rules) + more)


@dataclass(slots=True)
class Asking:
    """One generation with a teacher.

    Attributes:
        system: What the teacher is told, from `teacher_system`.
        count: Examples wanted.
        per_request: Examples asked for at once.
    """

    system: str
    seed: int
    verifier: Verifier
    budget: Budget
    count: int
    per_request: int
    _asked: int = 0  # briefs dealt so far
    _again: deque[Brief] = field(default_factory=deque)
    _new: Iterator[Brief] = field(init=False)

    def __post_init__(self) -> None:
        self._new = self._briefs()

    def run(self, ask: Callable[[Sequence[Request]], Sequence[Completion]], tell: Callable[[str], None]) -> str:
        """Ask until enough examples are kept.

        Args:
            ask: Answers requests, in their order.
            tell: Gets one line after each round.

        Returns:
            Why it ended short of the count; empty if it did not.

        Raises:
            EndpointError: answers are missing; what had arrived is in the journal.
        """
        kept, in_vain, number = self.verifier.kept, 0, 0
        while len(kept) < self.count:
            before = len(kept)
            asked = self._round(number, ask)
            if not asked:
                return "the spending cap is reached"
            number += 1
            spent = f", ${self.budget.spent:.4f} spent" if self.budget.spent else ""
            tell(f"round {number}: {len(kept)} of {self.count} examples kept{spent}")
            self._asked += asked
            in_vain = in_vain + asked if len(kept) - before < HARDLY_ANY * asked else 0
            if in_vain >= GIVE_UP_AFTER:
                return f"the teacher's last {in_vain} answers brought next to nothing that passes"
        del kept[self.count :]
        return ""

    def first_request(self) -> Request:
        """What would be asked first, for estimates and for looking at."""
        return self._request("r0-0", list(islice(self._briefs(), min(self.per_request, self.count))), 0)

    def _briefs(self) -> Iterator[Brief]:
        return briefs(self.verifier.profile, refusals(self.verifier.scene), self.seed)

    def _round(self, number: int, ask: Callable[[Sequence[Request]], Sequence[Completion]]) -> int:
        """One round; the number of briefs asked, 0 where there is no money for any."""
        kept = len(self.verifier.kept)
        share = max(kept / self._asked, LOWEST_YIELD) if self._asked else 1.0
        size = min(REQUESTS_A_ROUND, math.ceil((self.count - kept) / self.per_request / share))
        dealt = [
            [self._again.popleft() if self._again else next(self._new) for _ in range(self.per_request)]
            for _ in range(size)
        ]
        requests = [self._request(f"r{number}-{place}", dealt[place], place) for place in range(size)]
        chosen = self.budget.affordable(requests)
        for wanted, request, completion in zip(dealt, chosen, ask(chosen) if chosen else (), strict=False):
            if not completion.outcome.scored:
                raise EndpointError(
                    f"an answer of the teacher could not be had ({completion.outcome}: {completion.detail})\n"
                    "  what arrived is kept; run the same command again to go on"
                )
            self.budget.pay(request, completion)
            self._read(request.case_id, wanted, completion)
        return len(chosen) * self.per_request

    def _request(self, name: str, wanted: Sequence[Brief], place: int) -> Request:
        recent = self.verifier.kept[-40 * SHOWN_BACK :]
        shown = [recent[(place * SHOWN_BACK + i) % len(recent)] for i in range(min(SHOWN_BACK, len(recent)))]
        pairs = [json.dumps({"command": p.example.command, "answer": p.answer}, ensure_ascii=False) for p in shown]
        lines = ["Examples accepted so far, to differ from:", *pairs, ""] if pairs else []
        lines += [f"Brief {n}: {brief.told()}" for n, brief in enumerate(wanted, start=1)]
        return Request(name, 0, messages(self.system, "\n".join(lines)))

    def _read(self, source: str, wanted: Sequence[Brief], completion: Completion) -> None:
        """Keep or reject what a reply holds, and deal the briefs again that it did not serve."""
        reject, outcome = self.verifier.reject, completion.outcome
        if outcome in (Outcome.REFUSED, Outcome.FILTERED):
            reject(Rejection("refused", completion.detail or outcome.value), source, answer=completion.text)
        served, mentioned = set(), set()
        pieces = read_reply(completion.text, len(wanted))
        for piece in pieces:
            if isinstance(piece, Unreadable):
                cut = outcome is Outcome.TRUNCATED and piece is pieces[-1]
                reject(Rejection("truncated" if cut else "unreadable", piece.why), source, answer=piece.text)
                continue
            brief = wanted[piece.brief]
            mentioned.add(piece.brief)
            guarded = frozenset(p for p in brief.calls if self.verifier.profile.by_path[p].tier == "guarded")
            example = Example(piece.command, piece.answer, brief.calls, brief.language, guarded)
            if isinstance(self.verifier.check(example, source, brief.unmet), Verified):
                served.add(piece.brief)
        if outcome in (Outcome.ANSWERED, Outcome.TRUNCATED):
            for _ in range(len(wanted) - len(mentioned)):
                reject(Rejection("missing", "no pair for a brief"), source)
        for at, brief in enumerate(wanted):
            if at not in served and brief.tries < TRIES:  # in another manner: perhaps the last one was the trouble
                manner = MANNERS[(MANNERS.index(brief.manner) + 1) % len(MANNERS)]
                self._again.append(replace(brief, tries=brief.tries + 1, manner=manner))


class Written(NamedTuple):
    """One pair as the teacher wrote it; `brief` is the position of its brief, from 0."""

    brief: int
    command: str
    answer: tuple[str, ...]


class Unreadable(NamedTuple):
    """A piece of a reply that is no pair, with why."""

    text: str
    why: str


def read_reply(text: str, count: int) -> list[Written | Unreadable]:
    """Every pair of a reply to `count` briefs, and every piece that is none, bounded in number."""
    decoder, text, found = json.JSONDecoder(), text[:LONGEST_REPLY], list[Written | Unreadable]()
    at = text.find("{")
    while at >= 0 and len(found) < MOST_OBJECTS:
        try:
            value, end = decoder.raw_decode(text, at)
            found.append(_pair(value, count))
        except (ValueError, RecursionError) as error:
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            why = "cut off" if end == len(text) else "not JSON"
            found.append(Unreadable(text[at:end][:2000], f"{why} ({type(error).__name__})"))
        at = text.find("{", end)
    return found


def _pair(value: object, count: int) -> Written | Unreadable:
    match value:
        case {"command": str(command), "answer": list(answer), "brief": int(brief)} if (
            not isinstance(brief, bool)
            and 1 <= brief <= count
            and len(answer) <= LONGEST_ANSWER
            and all(isinstance(item, str) for item in answer)
        ):
            return Written(brief - 1, command, tuple(answer))
    wanted = f"needs `brief` from 1 to {count}, `command` as a text, `answer` as at most {LONGEST_ANSWER} texts"
    return Unreadable(repr(value)[:2000], wanted)
