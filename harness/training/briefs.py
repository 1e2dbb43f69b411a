"""What a teacher model is told: instructions made from the pack, and briefs, each of one example that is wanted."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.files import read_whole
from harness.pack import Pack, system_message
from harness.training.verify import Verified, Verifier, refusals

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
You write training examples for a smaller model, which is to be this:

{task}

An example is a command, as a person would say or type it, and the
right answer to it. You are given numbered briefs; write one example for each: a command in the manner and language of
the brief, in wording of your own that differs from the examples shown, and the answer that carries out exactly what it
asks for. The answer has the calls that the brief names and whatever else they need before or after them. Vary names,
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


def teacher_system(pack: Pack, verifier: Verifier) -> str:
    """The teacher's instructions: task, card prompt, the robot's rules, the pack's CONVENTIONS.md if any."""
    robot = verifier.scene.robot
    task, prompt = system_message(pack, str(pack.task_prompt)), system_message(pack, "card")
    rules = [f"- {rule.tell}" for rule in robot.rules.values() if rule.tell not in prompt]
    state = "; ".join(f"{name} = {key.default!r} ({key.wanted})" for name, key in robot.start.items())
    if state:
        rules.append(f"- A command for a robot that does not begin as follows says so: {state}.")
    conventions = pack.root / "CONVENTIONS.md"
    more = f"\n{read_whole(conventions)}" if conventions.exists() else ""
    return INSTRUCTIONS.format(task=task, prompt=prompt, rules="\n".join(rules) + more)


def briefs(verifier: Verifier, seed: int) -> Iterator[Brief]:
    """Endless briefs over the calls of the profile, the same for a seed; all of them come equally often."""
    rng = random.Random(seed)  # noqa: S311  reproducible variety, no secret
    decks: dict[str, list[Any]] = {}

    def draw(name: str, items: Sequence[Any]) -> Any:
        left = decks.setdefault(name, [])
        if not left:
            left += items
            rng.shuffle(left)
        return left.pop()

    paths = [c.path for c in verifier.profile.calls if c.tier != "deny" and not c.nested_only and not c.alone]
    instead = {kind: path for path, kind in refusals(verifier.scene).items()}
    while True:
        kind = draw("disposition", [kind for kind in DISPOSITIONS if kind == "execute" or kind in instead])
        why = draw(kind, REFUSED[kind]) if kind in instead else ""
        calls = (instead[kind],) if why else tuple({draw("call", paths): None for _ in range(draw("length", LENGTHS))})
        yield Brief(kind, calls, why, draw("manner", MANNERS), draw("language", LANGUAGES))
