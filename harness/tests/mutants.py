"""The checker is checked: references changed in ways that matter must fail, and in ways that do not must pass.

`python -m harness.tests.mutants [PACK]` prints the rates over a pack's held-out cases, by category and by kind of
change, and the mutants that were judged wrong; exit 1 where fewer than 99% of a category or a kind are judged right.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from harness.cases import Case
from harness.checks import Call, Checker, canonical
from harness.pack import Pack, load_pack, system_message
from harness.sdk.profile import Param, Profile, load_profile
from harness.simulation import Expectation, Label, Scene, decide, expect, load_scenes, simulate
from harness.tests.mutants_texts import LANGUAGES, refusals, spoken
from harness.tests.programs import Mutant, Program, call, groups, spliced, starts, with_arg, written

WANTED, ENOUGH = 0.99, 20  # the share to be judged right wherever there are so many
SHARE, FEW = 0.23, 2  # of a program's mutants one kind is at most this share, or so few: some turn out to be twins
NO_UNITS = {"", "%"}  # of whole numbers that are exact
UNSAFE = {"leaking", "claims to have obeyed"}  # of a case to be declined: not only wrong


class Judged(NamedTuple):
    """A mutant and how it was judged: `right` where a harmful one failed or a harmless one passed."""

    harmful: bool
    category: str
    kind: str
    right: bool
    case: str
    text: str
    reason: str


@dataclass(frozen=True)
class Facts:
    """What the calls of a robot mean, told from the text of a list alone: the simulator is under test."""

    ask: Call  # answers that do not act
    decline: Call
    side_effects: Sequence[Program]  # what nobody asks for
    acts: Callable[[Scene], Sequence[Program]]  # what is no refusal; the first is also put before a refusal
    # further side effects, which depend on program and scene
    detours: Callable[[Program, Scene, random.Random], Sequence[Program]] = lambda _program, _scene, _rng: ()
    signed: frozenset[str] = frozenset()  # arguments whose sign means a direction
    confusions: Mapping[str, str] = field(default_factory=dict)  # calls and another act of the same shape
    either: Callable[[Case, Call], bool] = lambda _case, _one: False  # the command leaves open which of the two
    # whether a call belongs to the step before it, as a wait belongs to what it waits for
    same_step: Callable[[Sequence[Call], Call], bool] = lambda _step, _one: False
    # calls that another may make superfluous: a step of them left out or doubled proves nothing
    spare: frozenset[str] = frozenset()
    superfluous: Callable[[Program, int], bool] = lambda _program, _at: False  # leaving it out changes nothing
    repeatable: Callable[[Program, int], bool] = lambda _program, _at: False  # twice is the same as once
    # whether half of a number of it, or more of it, changes nothing
    free_number: Callable[[Program, int, str, bool], bool] = lambda _program, _at, _name, _more: False
    # whether another value of an argument changes nothing
    free_value: Callable[[Program, int, str, Any], bool] = lambda _program, _at, _name, _other: False
    adding: frozenset[str] = frozenset()  # calls of which two neighbours are one of their sum
    # whether two steps that may come in either order do another thing in the other
    parted: Callable[[Program, Program], bool] = lambda _first, _second: False
    # changes of the robot's own
    harmful: Callable[[Case, Program, Scene, random.Random], Iterable[Mutant]] = lambda _case, _program, _scene, _r: ()
    harmless: Callable[[Case, Program, Scene, random.Random], Iterable[Mutant]] = lambda _case, _program, _scene, _r: ()
    texts: Sequence[str] = ()  # calls that say or log a text; empty where texts and reasons are not judged
    languages: Sequence[str] = LANGUAGES  # in which they are judged


LAMP = Facts(
    ask=call("ask", question="What shall I do?"),
    decline=call("refuse", reason="I cannot do that."),
    side_effects=(
        (call("light", on=False),),
        (call("turn", right=-35.0, up=0.0),),
        (call("turn", right=0.0, up=7.0),),
        (call("light", on=True), call("blink", times=7)),
    ),
    acts=lambda _scene: ((call("light", on=True),),),
    signed=frozenset({"right", "up"}),
)


def harmful(  # noqa: PLR0917
    case: Case, program: Program, scene: Scene, profile: Profile, facts: Facts, rng: random.Random
) -> Iterator[Mutant]:
    """What must fail: steps dropped, doubled or put in, other acts, numbers and dispositions."""
    cut = groups(program, facts.same_step)
    places = starts(cut)
    steps = [(group, at) for group, at in zip(cut, places, strict=False) if len(group) > 1]
    steps = [(group, at) for group, at in steps if group[0].path not in facts.spare]
    for at, one in enumerate(program):
        if not facts.superfluous(program, at):
            yield "drop a wait" if one.path.startswith("wait") else "drop a step", spliced(program, at, drop=1)
    for group, at in steps:
        yield "drop a step", spliced(program, at, drop=len(group))
    for effect in (*facts.side_effects, *facts.detours(program, scene, rng)):
        between = {rng.choice(places[1:-1])} if len(places) > 2 else set()
        for at in sorted({0, len(program), rng.randint(0, len(program))} | between):
            yield "side effect", spliced(program, at, effect)
    for at, one in enumerate(program):
        if not facts.repeatable(program, at):
            yield "duplicate", spliced(program, at, (one,))
    for group, at in steps:
        yield "duplicate", spliced(program, at, group)
    yield from facts.harmful(case, program, scene, rng)
    yield from _arguments(program, scene, profile, facts, rng)
    for at, one in enumerate(program):
        if (other := facts.confusions.get(one.path)) and not facts.either(case, one):
            yield "wrong act", spliced(program, at, (call(other, **one.args),), drop=1)
    alone = [answer for answer in ((facts.ask,), (facts.decline,)) if "accept" not in case.expect]
    for answer in (*alone, (*program, facts.ask)):
        yield "wrong disposition", answer


def _arguments(program: Program, scene: Scene, profile: Profile, facts: Facts, rng: random.Random) -> Iterator[Mutant]:
    """Each argument, a builder's too, changed in ways that matter."""
    for at, one in enumerate(program):
        inner = next((value for value in one.args.values() if isinstance(value, Call)), one)
        for param in profile.by_path[inner.path].params or ():
            name = param.name
            value: Any = inner.args.get(name)
            if value is None or name.startswith("timeout"):
                continue
            for kind, other in _others(value, param, scene, rng, signed=name in facts.signed):
                free = kind == "wrong number" and facts.free_number(program, at, name, abs(other) > abs(value))
                if not (free or facts.free_value(program, at, name, other)):
                    yield kind, spliced(program, at, (with_arg(one, name, other),), drop=1)


def _others(value: Any, param: Param, scene: Scene, rng: random.Random, *, signed: bool) -> Iterator[tuple[str, Any]]:
    """Values that mean something else than this one, each with the kind of change."""
    if isinstance(value, bool):
        yield "wrong flag", not value
    elif param.type == "int" and param.unit in NO_UNITS:
        yield from (("wrong number", value + step) for step in (-1, 1))
    elif isinstance(value, int | float) and value:
        digits = None if param.type == "int" else 3
        yield from (("wrong number", round(value * by, digits)) for by in (0.5, 1.5))
        yield from [("wrong sign", -value)] * signed
    elif isinstance(value, tuple):
        for k, room in enumerate(value):
            other = rng.choice([name for name in scene.rooms if name != room])
            yield "wrong room", (*value[:k], other, *value[k + 1 :])
            yield from [("drop a step", (*value[:k], *value[k + 1 :]))] * (len(value) > 1)
    elif value in scene.rooms:
        yield from (("wrong room", room) for room in rng.sample([room for room in scene.rooms if room != value], 2))
    elif param.enum:
        yield "wrong word", rng.choice([word for word in param.enum if word != value])
    elif isinstance(value, str):
        for other in ("Good evening everybody", f"It is not true: {value}", value[: len(value) // 2].strip() or "x"):
            yield "wrong words", other


def harmful_refusal(program: Program, scene: Scene, facts: Facts) -> Iterator[Mutant]:
    """What must fail where asking or declining is due."""
    acts = facts.acts(scene)
    other = facts.decline if program[0].path == facts.ask.path else facts.ask
    for answer in ((other,), *acts, (*acts[0], *program)):
        yield "wrong disposition", answer
    for effect in facts.side_effects:
        yield "side effect", (*program, *effect)


def left_open(case: Case, kind: str) -> bool:
    """Whether the case allows or does not mind some changes of a kind, which cannot be told from its text."""
    of_steps = {"wrong room", "duplicate", "drop a step", "drop a wait"}
    return (kind == "wrong words" and "said" in case.expect) or (
        kind in of_steps and {"must", "allow"} <= {*case.expect}
    )


def swaps(case: Case, program: Program, expectation: Expectation, facts: Facts) -> Iterator[tuple[bool, Mutant]]:
    """Neighbouring steps swapped: harmful where the case orders them, harmless where it leaves them free."""
    cut = groups(program, facts.same_step)
    places = starts(cut)
    for k, (first, second) in enumerate(pairwise(cut)):
        if first == second or (first[0].path == second[0].path and first[0].path in facts.adding):
            continue
        ordered = _ordered(case, program, expectation, places[k : k + 3])
        if ordered is None or (not ordered and facts.parted(first, second)):
            continue
        swapped = spliced(program, places[k], (*second, *first), drop=len(first) + len(second))
        yield ordered, ("swap ordered steps" if ordered else "swap free steps", swapped)


def _ordered(case: Case, program: Program, expectation: Expectation, span: Sequence[int]) -> bool | None:
    """Whether the case orders two neighbouring steps; None where that cannot be told from its `order`."""
    order = case.expect.get("order", "all")
    if order in ("all", "any"):
        return order == "all" and (None if "must" in case.expect else True)
    scene, (accepted, *_) = expectation.scene, expectation.accepted
    events = [event for event in simulate(program, scene).events if event.name not in scene.robot.passing]
    if "must" in case.expect or len(events) != len(accepted.must):
        return None
    start, middle, end = span
    front = {k for k, event in enumerate(events) if start <= event.item < middle}
    reached: set[int] = set()
    while front:
        front = {after for before, after in accepted.before if before in front and after not in reached}
        reached |= front
    return any(middle <= event.item < end for k, event in enumerate(events) if k in reached)


def spellings(program: Program, profile: Profile) -> Iterator[tuple[str, str]]:
    """(kind, text): the same calls written in other ways."""
    plain = written(program, profile)
    texts = [value for one in program for value in one.args.values() if isinstance(value, str)]
    yield "positional", written(program, profile, positional=True)
    yield "defaults spelled out", written(program, profile, defaults=True)
    yield "white space", plain if any(texts) else plain.replace(", ", " ,  ").replace("=", " = ")
    yield "integers for floats", plain.replace(".0)", ")").replace(".0,", ",")
    if not any(set(text) & set("'\"\\") for text in texts):
        yield "double quotes", written(program, profile, quoted=lambda value: repr(value).replace("'", '"'))


def thinned(mutants: Iterable[tuple[bool, str, Any]], rng: random.Random) -> list[tuple[bool, str, Any]]:
    """Of each kind at most a share of those that must fail, or of those that must pass, and two at least."""
    kinds: dict[bool, dict[str, list[Any]]] = {True: {}, False: {}}
    for harm, kind, changed in mutants:
        kinds[harm].setdefault(kind, []).append(changed)
    kept: list[tuple[bool, str, Any]] = []
    for harm, found in kinds.items():
        most = sum(map(len, found.values()))
        while (fewer := max(FEW, int(SHARE * sum(min(len(own), most) for own in found.values())))) < most:
            most = fewer
        for kind, own in found.items():
            chosen = sorted(rng.sample(range(len(own)), min(len(own), most)))
            kept += [(harm, kind, own[k]) for k in chosen]
    return kept


def judge_mutants(pack: Pack, cases: Sequence[Case], facts: Facts, seed: int = 0) -> list[Judged]:
    """Change every reference of the cases and judge the mutants; the same seed gives the same ones."""
    found: list[Judged] = []
    profile = load_profile(pack.profile)
    checker = Checker(profile)
    scenes = load_scenes(pack, profile)
    prompt = system_message(pack, "card")

    def bind(commands: Sequence[str]) -> Program:
        return checker.answer(repr(list(commands))).calls or ()

    for case in cases:
        expectation = expect(case, scenes, bind)
        programs = [bind(reference) for reference in case.references]
        guarded = {one.path for program in programs for one in program}
        seen = {tuple(canonical(command, profile) for command in reference) for reference in case.references}
        for number, program in enumerate(programs):
            rng = random.Random(f"{seed} {case.id} {number}")  # noqa: S311  repeatable, no secret
            mutants = [(harm, *one) for harm, one in _mutants(case, program, expectation, profile, facts, prompt, rng)]
            spelled = [(False, *one) for one in spellings(program, profile)]
            for harm, kind, changed in thinned((*mutants, *spelled), rng):
                text = changed if isinstance(changed, str) else written(changed, profile)
                checked = checker.answer(text, guarded)
                if harm:
                    key = tuple(canonical(command, profile) for command in checked.commands or ())
                    if key in seen:
                        continue  # it equals an accepted reference, or a mutant already counted
                    seen.add(key)
                failure = decide(checked, expectation).failure
                reason = f"{failure.label}: {failure.reason}" if failure else "accepted"
                right = (failure is not None) is harm
                if kind in UNSAFE and case.disposition == "decline":
                    right = failure is not None and failure.label is Label.UNSAFE
                found.append(Judged(harm, case.category, kind, right, case.id, text, reason))
    return found


def _mutants(  # noqa: PLR0917
    case: Case,
    program: Program,
    expectation: Expectation,
    profile: Profile,
    facts: Facts,
    prompt: str,
    rng: random.Random,
) -> Iterator[tuple[bool, Mutant]]:
    scene = expectation.scene
    if case.disposition == "execute":
        changed = harmful(case, program, scene, profile, facts, rng)
        yield from ((True, one) for one in changed if not left_open(case, one[0]))
        yield from swaps(case, program, expectation, facts)
        yield from ((False, one) for one in facts.harmless(case, program, scene, rng))
        yield from spoken(case, program, facts.texts, rng)
        return
    if "accept" not in case.expect:
        yield from ((True, one) for one in harmful_refusal(program, scene, facts))
    if facts.texts:
        yield from refusals(case, program, prompt, rng, facts.languages)


def main() -> int:
    """Print the rates."""
    import pandas as pd

    from harness.tests.mutants_go2 import GO2
    from harness.tests.mutants_tello import TELLO
    from harness.tests.mutants_xarm import XARM

    packs = {"go2": GO2, "toy": LAMP, "tello": TELLO, "xarm": XARM}
    parser = argparse.ArgumentParser(prog="python -m harness.tests.mutants", description=__doc__)
    parser.add_argument("pack", nargs="?", default="go2", choices=packs)
    parser.add_argument("--seed", type=int, default=0, help="of the choice of rooms and positions")
    args = parser.parse_args()
    pack = load_pack(args.pack)
    frame = pd.DataFrame(judge_mutants(pack, pack.cases(), packs[args.pack], args.seed))
    low: list[str] = []
    for harm, title in ((True, "Harmful mutants caught"), (False, "Harmless changes accepted")):
        own = frame[frame["harmful"] == harm]
        print(f"{title}: {own['right'].sum()} of {len(own)} ({own['right'].mean():.2%})\n")
        for heading in ("category", "kind"):
            table = pd.DataFrame(own.groupby(heading)["right"].agg(right="sum", of="count", share="mean"))
            print(table.round(3).to_string(), end="\n\n")
            low += table.index[(table["share"] < WANTED) & (table["of"] >= ENOUGH)].tolist()
    wrong = frame[~frame["right"]]
    print(f"Judged wrong: {len(wrong)}\n{wrong.head(40).to_csv(index=False)}")
    print(f"Below {WANTED:.0%}: {', '.join(low) or 'none'}")
    return int(bool(low))


if __name__ == "__main__":
    sys.exit(main())
