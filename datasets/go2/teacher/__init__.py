"""The Go2's own teacher: training examples without end, the same for a seed, from the phrase bank in `../training/`.

An example is a command as a user would type it and the calls that carry it out, spelled as CONVENTIONS.md says.
`gonogo generate --teacher pack` keeps those that pass the checks and the simulator and are near no held-out command.
`mix.toml` says how often what occurs, `quantities.toml` how people say numbers.

`bank` draws words, `calls` and `slots` make parts of a `steps`, `sentences` puts a plan of these in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from harness.training.verify import Example

from .bank import Bank
from .calls import FIXED, GUARDED, Calls, look, say
from .foreign import foreign
from .reasons import instead
from .sentences import clauses, compose, typed
from .slots import EXACT, SLOT, place, thing
from .steps import Step, counting, draw_plan, manual, places_for, tilting, turn, turning
from .twists import twist

MOST_CALLS, MOST_CALLS_ALONE = 18, 21  # longer plans cost more to train on than they teach; 21: ten seconds of moving
LONGEST_ANSWER, LONGEST_COMMAND = 1000, 600  # characters; about the 320 tokens that a model may answer with
TWISTS = ("reference", "arithmetic", "indirect")


def examples(seed: int) -> Iterator[Example]:
    """Endless examples, the same for the same seed.

    Raises:
        InputError: a file of the bank cannot be read.
    """
    bank = Bank(seed)
    makers = {"execute": execute, "look_alike": look_alike, "decline": refuse, "ask": refuse, "foreign": foreign,
              "long": long, **dict.fromkeys(TWISTS, twisted)}  # fmt: skip
    while True:
        kind = bank.share("kind")
        if example := makers[kind](bank, kind):
            yield example


def _example(bank: Bank, plan: Sequence[Step], person: str = "second", calls: Calls = ()) -> Example | None:
    """A plan in words; `calls` where it is not carried out; None where it is too long."""
    skills = tuple(one.skill for one in plan)
    calls = calls or tuple(call for one in plan for call in one.calls)
    most = MOST_CALLS_ALONE if len(plan) == 1 else MOST_CALLS if len(plan) < 8 else LONGEST_ANSWER
    if len(calls) > most or sum(len(call) + 4 for call in calls) > LONGEST_ANSWER:
        return None
    whole = plan[0].slots.get("whole", "") or compose(bank, clauses(bank, plan, person), person)
    asked = {skill.removeprefix("look_alike.") for skill in skills}
    guarded = frozenset(GUARDED[skill] for skill in asked & GUARDED.keys())
    command = typed(bank, whole)
    return Example(command, calls, skills, guarded=guarded) if len(command) <= LONGEST_COMMAND else None


def execute(bank: Bank, _kind: str) -> Example | None:
    """A command that is carried out."""
    return _example(bank, draw_plan(bank, int(bank.share("length"))), bank.draw(("second",) * 7 + ("third",) * 2))


def refuse(bank: Bank, kind: str) -> Example | None:
    """A command that is declined or asked about: a whole one, or one bad part among harmless steps."""
    groups = bank.words["refusals"][kind]
    # Speeds and attitudes half as often again: only a number tells them from what is carried out.
    name = bank.draw((*groups, *groups, *(group for group in ("attitude", "speed") if group in groups)))
    values = {**bank.words["frames"]["person"]["second"]}
    values |= {slot: bank.draw(items, slot) for slot, items in bank.words["refusals"]["slots"].items()}
    for again in ("", "2"):
        slots = place(bank)[1] | thing(bank)[1] | {"name": bank.name()}
        values |= {f"{slot}{again}": said for slot, said in slots.items()}
    some = bank.rng.randint(2, 9)
    values |= {"a": place(bank)[1]["room"], "b": values["room2"], "side": bank.draw(("left", "right"), kind)}
    values |= {
        "n": f"{some}",
        "percent": f"{some}0 percent",
        "duration_short": f"{some} seconds",
        "degrees": f"{some}0",
    }
    form = bank.draw(("whole", "part", "part"), kind)
    wording = bank.phrase(groups[name][form])
    phrase = wording.format_map(values)
    calls = instead(bank, kind, name, wording, form=form, values=values)
    plan = draw_plan(bank, int(bank.share("beside", kind))) if form == "part" else []
    bad = Step(f"{kind}.{name}", calls, {form.replace("part", "phrase"): re.sub(r"([{}])", r"\1\1", phrase)})
    plan.insert(bank.rng.randint(0, len(plan)), bad)
    return _example(bank, plan, calls=calls)


def look_alike(bank: Bank, _kind: str) -> Example | None:
    """Something that is carried out, worded like what is refused: with a legal value, or with what was lacking."""
    kind = bank.share("look_alike")
    if kind in ("speed", "step"):
        skill = bank.draw(("move", "move", "sidestep"), kind)
        calls, slots = manual(bank, skill, "time") if kind == "speed" else manual(bank, skill, "distance", 1.0)
    elif kind == "turn":
        calls, slots = turn(bank, kind, 1.05)
    elif kind == "look":
        name, form = bank.draw(bank.words["look_alikes"]["look"]["things"]), bank.draw(("find", "tell"))
        calls, slots = look("find_object", name, report=form == "tell"), {"obj_bare": name, "form": form}
    elif kind == "speech":  # words that ask somebody else for what the robot has no arms for
        text = bank.phrase([part for part in bank.words["refusals"]["decline"]["arms"]["part"] if "{" not in part])
        form = bank.draw(("say", "say", "log"), kind)
        calls, slots = say(text, log=form == "log"), {"text": EXACT.format(f'"{text}"'), "form": form}
    elif kind in ("jump", "avoid"):
        calls, slots = FIXED[{"avoid": "avoid_on"}.get(kind, kind)], {}
    else:
        skill = {"charge": "charge_to", "rate": "yaw_move"}.get(kind, kind)
        calls, slots = {"rate": turning, "tilt": tilting}.get(kind, counting)(bank, skill)
    forms = bank.words["look_alikes"][kind]
    phrases = forms.get(slots.get("form", "do")) or forms["do" if "do" in forms else "sideways"]
    marked = {name: SLOT.format(text) for name, text in slots.items()} | {"side": slots.get("side", "")}
    phrase = bank.phrase(phrases, kind).format_map(marked)
    return _among(bank, kind, f"look_alike.{kind}", calls, phrase)


def _among(bank: Bank, deck: str, skill: str, calls: Calls, phrase: str) -> Example | None:
    """Something in a wording of its own, among harmless steps or alone."""
    # A wording after `=` is a complete command, not a verb phrase.
    one = Step(skill, calls, {"whole" if phrase[0] == "=" else "phrase": phrase.removeprefix("=").strip()})
    docked = skill.partition(".")[0] in TWISTS and any("self.dock(" in call for call in calls)
    plan = draw_plan(bank, int(bank.share("beside", deck))) if phrase[0] != "=" and not docked else []
    if {"jump", "charge"} <= {part for other in (*plan, one) for part in re.split(r"[._]", other.skill)}:
        plan = []  # a jump needs some battery
    fits = places_for(plan, skill)
    if fits:
        plan.insert(bank.rng.choice(fits), one)
    return _example(bank, plan) if fits else None


def twisted(bank: Bank, kind: str) -> Example | None:
    """A command that has to be understood before it can be carried out."""
    return _among(bank, kind, *twist(bank, kind))


def long(bank: Bank, _kind: str) -> Example | None:
    """A plan of many small steps, of which as much is asked as fits into an answer."""
    length = int(bank.share("long"))
    tries = (_example(bank, draw_plan(bank, length, most=3 if length < 11 else 2)) for _ in range(20))
    return next((example for example in tries if example), None)
