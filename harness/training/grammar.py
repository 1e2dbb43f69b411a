"""Grammar teacher: seeded training examples (command, command list) from plans and a hand-written phrase bank.

    python -m harness.training.grammar --pack datasets/go2 --count 6000 --seed 1 --out train.jsonl [--dev]

Nothing that is near a held-out command, and no reserved word, gets through; every drop is counted by reason.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.training import calls
from harness.training.bank import Bank, Dealer, is_reserved, load_bank
from harness.training.clauses import make_clauses
from harness.training.languages import foreign
from harness.training.noise import typed
from harness.training.overlap import Guard, make_guard, normalised, overlap, read_commands
from harness.training.plans import draw_plan
from harness.training.sentences import compose
from harness.training.steps import Step
from harness.training.things import draw_object, draw_room, object_slots, room_slots

# The example of the README: never in training, and no two of its three parts together.
SHOWCASE = "I need the robot to go to the kitchen, find the red ball, and then come back to the living room."
_SHOWCASE_PARTS = ("kitchen", "red ball", "living")
_LENGTHS = (1,) * 26 + (2,) * 24 + (3,) * 21 + (4,) * 12 + (5,) * 7 + (6,) * 4 + (7,) * 3 + (8,) * 2 + (9,)
_SHORT_LENGTHS = (1,) * 62 + (2,) * 24 + (3,) * 9 + (4,) * 3 + (5, 6)  # teaches wordings for the least time
_DISPOSITIONS = ("execute",) * 83 + ("decline",) * 8 + ("ask",) * 5 + ("foreign",) * 4
_MOST_CALLS = 16  # longer answers cost more to train on than they teach
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


def examples(bank: Bank, seed: int, *, short: bool = False) -> Iterator[Example]:
    """Endless examples, the same for the same bank and seed; `short` draws mostly one or two steps."""
    dealer = Dealer(random.Random(seed))  # noqa: S311 - reproducible variety, no secret
    while True:
        disposition = dealer.draw("disposition", _DISPOSITIONS)
        if disposition == "foreign":
            yield Example(*foreign(bank.languages, dealer))
        elif disposition != "execute":
            yield _refuse(bank, dealer, disposition)
        elif example := _execute(bank, dealer, _SHORT_LENGTHS if short else _LENGTHS):
            yield example


def generate(
    bank: Bank, guard: Guard, count: int, seed: int, *, short: bool = False
) -> tuple[list[Example], Counter[str]]:
    """`count` different examples that keep away from the guarded commands, and what was dropped, by reason."""
    kept: list[Example] = []
    dropped: Counter[str] = Counter()
    seen: set[str] = set()
    for example in examples(bank, seed, short=short):
        text = normalised(example.command)
        reason = _unfit(example, text, bank, guard, seen)
        if reason:
            dropped[reason] += 1
            continue
        seen.add(text)
        kept.append(example)
        if len(kept) == count:
            break
    return kept, dropped


def _unfit(example: Example, text: str, bank: Bank, guard: Guard, seen: set[str]) -> str:
    if not text or text in seen:
        return "duplicate"
    everything = f"{example.command} {' '.join(example.answer)}"
    if is_reserved(everything, bank.reserved):
        return "reserved"
    if sum(part in normalised(everything) for part in _SHOWCASE_PARTS) > 1:
        return "showcase"
    return overlap(example.command, guard)


def _execute(bank: Bank, dealer: Dealer, lengths: Sequence[int]) -> Example | None:
    steps = draw_plan(bank, dealer, dealer.draw("length", lengths))
    answer = tuple(call for step in steps for call in step.calls)
    if len(answer) > _MOST_CALLS:
        return None
    person = dealer.draw("person", _PERSONS)
    command = typed(compose(make_clauses(steps, bank, dealer, person), bank, dealer, person), dealer)
    return Example(command, answer, tuple(step.skill for step in steps))


def _refuse(bank: Bank, dealer: Dealer, disposition: str) -> Example:
    """An example that is declined or asked about: a whole command, or one bad part among harmless steps."""
    groups = bank.asks if disposition == "ask" else bank.declines
    name = dealer.draw(disposition, sorted(groups))
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
    length = dealer.draw("length of refusal", (0, 0, 0, 1, 1, 2))
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
        "degrees": str(dealer.rng.choice((20, 45, 90))),
    }
    slots |= {"n": str(dealer.rng.randint(2, 9)), "percent": f"{dealer.rng.randint(1, 9)}0 percent"}
    slots["duration_short"] = f"{dealer.rng.randint(2, 9)} seconds"
    return slots | {"you": "you", "your": "your", "yourself": "yourself"}


def write(path: Path, kept: Sequence[Example]) -> None:
    """Write examples as JSON lines: `command`, `answer` (list of calls), `skills`."""
    lines = (
        json.dumps({"command": e.command, "answer": e.answer, "skills": e.skills}, ensure_ascii=False) for e in kept
    )
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Generate one file of examples."""
    parser = argparse.ArgumentParser(description="Write training examples from the phrase bank.")
    parser.add_argument("--pack", type=Path, required=True, help="folder of the pack")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--dev", action="store_true", help="use the phrases kept for the development split")
    parser.add_argument("--short", action="store_true", help="mostly one or two steps")
    args = parser.parse_args(argv)
    bank = load_bank(args.pack, dev=args.dev)
    guarded = [*read_commands(sorted(args.pack.glob("heldout*.jsonl"))), SHOWCASE]
    dev = args.pack / "training" / "dev.jsonl"
    guard = make_guard(guarded + (read_commands([dev]) if dev.exists() else []))
    kept, dropped = generate(bank, guard, args.count, args.seed, short=args.short)
    write(args.out, kept)
    print(f"{len(kept)} examples; dropped {dict(sorted(dropped.items()))}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
