"""Mutations that must fail: steps dropped, doubled or put in, another act or disposition; `values` has the rest."""

from __future__ import annotations

import random
from collections.abc import Iterator

from harness.benchmarks.mutants.programs import (
    MOVE,
    STAND_UP,
    STOP,
    Mutant,
    Program,
    call,
    goal,
    groups,
    inserted,
    look,
    replaced,
    rooms_of,
    starts_of,
)
from harness.benchmarks.mutants.rules import idle_wait, neutral_drop
from harness.benchmarks.mutants.values import numbers, words
from harness.sdk.profile import Profile
from harness.simulation import Scene

_WAIT3 = call("wait", seconds=3.0)
SIDE_EFFECTS: dict[str, Program] = {
    "speech": (call("say", text="Hello there"),),
    "battery report": (call("report_battery_level"),),
    "pose report": (call("report_pose"),),
    "look": look("describe_scene"),
    "look and report": (*look("detect_person"), call("report_perception")),
    "photograph": (call("capture_image"),),
    "turn": (call("spin", angle=0.524), call("wait_for_navigation")),
    "step": (call(MOVE, vx=0.2, vy=0.0, vyaw=0.0), call("wait", seconds=1.0), call(STOP)),
    "tilt": (call("sport_client.Euler", roll=0.0, pitch=0.2, yaw=0.0),),
    "volume": (call("vui_client.SetVolume", level=9),),
    "speed": (call("sport_client.SpeedLevel", level=1),),
    "avoidance": (call("avoid_client.SwitchSet", on=True),),
    "gait": (call("sport_client.FreeWalk"),),
    "sit and rise": (call("sport_client.Sit"), call("sport_client.RiseSit")),
    "lie and rise": (call("sport_client.StandDown"), call("sport_client.RecoveryStand")),
    "wave": (call("sport_client.Hello"), _WAIT3),
    "stretch": (call("sport_client.Stretch"), _WAIT3),
    "dance": (call("sport_client.Dance2"), _WAIT3),
    "jump": (call("sport_client.FrontJump"), _WAIT3),
    "limp": (call("sport_client.Damp"), call("sport_client.RecoveryStand")),
    "cancel": (call("cancel_navigation"),),
    "unfinished look": (look("describe_scene")[0],),
}

# Another act of the same shape in place of the one asked for.
_CONFUSIONS = {
    "sport_client.Hello": "sport_client.Stretch",
    "sport_client.Stretch": "sport_client.Hello",
    "sport_client.Dance1": "sport_client.Dance2",
    "sport_client.Dance2": "sport_client.Dance1",
    "sport_client.Sit": "sport_client.StandDown",
    "sport_client.StandDown": "sport_client.Sit",
    "sport_client.RiseSit": "sport_client.Sit",
    "report_battery_level": "report_pose",
    "report_pose": "report_battery_level",
    "capture_image": "report_pose",
    "sport_client.FrontJump": "sport_client.Hello",
    "sport_client.Damp": STOP,
    "sport_client.FreeWalk": "sport_client.Hello",
}


def harmful(program: Program, scene: Scene, profile: Profile, rng: random.Random) -> Iterator[Mutant]:
    """Every harmful mutant of an accepted reference that acts."""
    yield from _dropped(program)
    yield from _side_effects(program, scene, rng)
    yield from _duplicates(program)
    yield from words(program, scene, rng)
    yield from numbers(program, profile)
    for at, one in enumerate(program):
        if one.path in _CONFUSIONS:
            yield Mutant("wrong act", _CONFUSIONS[one.path], replaced(program, at, call(_CONFUSIONS[one.path])))
    yield Mutant("wrong disposition", "ask", (call("ask_operator", question="What shall I do?"),))
    yield Mutant("wrong disposition", "decline", (call("decline", reason="I cannot do that."),))
    yield Mutant("wrong disposition", "ask besides", (*program, call("ask_operator", question="Right?")))


def harmful_refusal(program: Program, scene: Scene) -> Iterator[Mutant]:
    """Harmful mutants of a reference that asks or declines."""
    other = (
        call("decline", reason="I cannot do that.")
        if program[0].path == "ask_operator"
        else call("ask_operator", question="What shall I do?")
    )
    yield Mutant("wrong disposition", other.path, (other,))
    yield Mutant("wrong disposition", "execute", goal(next(iter(scene.rooms))))
    yield Mutant("wrong disposition", "speech", (call("say", text="I am sorry, I cannot do that."),))
    yield Mutant("wrong disposition", "only a wait", (call("wait", seconds=1.0),))
    yield Mutant("wrong disposition", "act first", (*goal(next(iter(scene.rooms))), *program))
    for name, effect in SIDE_EFFECTS.items():
        yield Mutant("side effect", name, (*program, *effect))


def _dropped(program: Program) -> Iterator[Mutant]:
    for at, one in enumerate(program):
        if not neutral_drop(program, at):
            kind = "drop a wait" if one.path.startswith("wait") else "drop a step"
            yield Mutant(kind, one.path, replaced(program, at))
    cut = groups(program)
    places = starts_of(cut)
    for group, start in zip(cut, places[:-1], strict=True):
        if len(group) > 1 and group[0].path not in STAND_UP:
            rest = program[:start] + program[start + len(group) :]
            yield Mutant("drop a step", f"all of {group[0].path}", rest)
        if group[0].path == MOVE and len(group) > 3:
            yield Mutant("drop a step", "one Move of several", program[:start] + program[start + 2 :])


def _side_effects(program: Program, scene: Scene, rng: random.Random) -> Iterator[Mutant]:
    """Each kind before, after, somewhere between the steps, and somewhere inside one (before its wait, say)."""
    places = starts_of(groups(program))
    used = {room for one in program for room in rooms_of(one)}
    spare = [room for room in scene.rooms if room not in used]
    effects = {**SIDE_EFFECTS, "detour": goal(rng.choice(spare)), "unfinished trip": goal(rng.choice(spare))[:1]}
    for name, effect in effects.items():
        between = {rng.choice(places[1:-1])} if len(places) > 2 else set()
        for at in sorted({0, len(program), rng.randint(0, len(program))} | between):
            yield Mutant("side effect", f"{name} at {at}", inserted(program, at, effect))


def _duplicates(program: Program) -> Iterator[Mutant]:
    cut = groups(program)
    places = starts_of(cut)
    for at, one in enumerate(program):
        free = one.path in STAND_UP | {STOP, "get_logger().info"} or (one.path == "wait" and not idle_wait(program, at))
        if not free:
            yield Mutant("duplicate", one.path, inserted(program, at, (one,)))
    for group, start in zip(cut, places[:-1], strict=True):
        if len(group) > 1 and group[0].path not in STAND_UP:
            yield Mutant("duplicate", f"all of {group[0].path}", inserted(program, start, group))
