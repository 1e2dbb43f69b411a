"""What the calls of the Go2 mean to the mutants of `harness.tests.mutants`, told from the text of a list alone.

A few drops, repetitions and longer waits leave the robot doing the same: leaving out the StopMove after a Move whose
second was waited out, or the wait after a trick that no motion follows; repeating or leaving out a stand-up that
another makes superfluous; repeating a log entry, a StopMove, or a wait that only follows a trick or Move.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from harness.cases import Case
from harness.checks import Call
from harness.simulation import Scene
from harness.tests import mutants_time
from harness.tests.mutants import Facts
from harness.tests.mutants_go2_calls import (
    ARRIVE,
    BOUND_TO_PLACE,
    LOG,
    MOVE,
    RECOVER,
    SECOND,
    STAND_UP,
    STARTS,
    STOP,
    THREE,
    free_number,
    goal,
    idle_wait,
    look,
    repeatable,
    rooms_of,
    same_step,
    superfluous,
)
from harness.tests.programs import Argument, Mutant, Program, call, groups, spliced, starts, with_arg

CONFUSIONS = {
    "sport_client.Hello": "sport_client.Stretch",
    "sport_client.Stretch": "sport_client.Hello",
    "sport_client.Dance1": "sport_client.Dance2",
    "sport_client.Dance2": "sport_client.Dance1",
    "sport_client.Sit": "sport_client.StandDown",
    "sport_client.StandDown": "sport_client.Sit",
    "sport_client.RiseSit": "sport_client.Sit",
    "sport_client.FrontJump": "sport_client.Hello",
    "sport_client.Damp": STOP,
    "sport_client.FreeWalk": "sport_client.Hello",
    "report_battery_level": "report_pose",
    "report_pose": "report_battery_level",
    "capture_image": "report_pose",
}
SIDE_EFFECTS: tuple[Program, ...] = (
    (call("say", text="Hello there"),),
    (call("report_battery_level"),),
    (call("report_pose"),),
    look("describe_scene"),
    (*look("detect_person"), call("report_perception")),
    (call("capture_image"),),
    (call("spin", angle=0.524), ARRIVE),
    (call(MOVE, vx=0.2, vy=0.0, vyaw=0.0), SECOND, call(STOP)),
    (call("sport_client.Euler", roll=0.0, pitch=0.2, yaw=0.0),),
    (call("vui_client.SetVolume", level=9),),
    (call("sport_client.SpeedLevel", level=1),),
    (call("avoid_client.SwitchSet", on=True),),
    (call("sport_client.FreeWalk"),),
    (call("sport_client.Sit"), call("sport_client.RiseSit")),
    (call("sport_client.StandDown"), RECOVER),
    (call("sport_client.Hello"), THREE),
    (call("sport_client.Stretch"), THREE),
    (call("sport_client.Dance2"), THREE),
    (call("sport_client.FrontJump"), THREE),
    (call("sport_client.Damp"), RECOVER),
    (call("cancel_navigation"),),
    (look("describe_scene")[0],),
)


WHICH_DANCE = re.compile(r"(?i)first|second|\bone\b|\btwo\b|[12一二]|erste|zweite|primer|segund|premi|deuxi|secon|both")


def either(case: Case, one: Call) -> bool:
    """A dance that the command does not number."""
    return "Dance" in one.path and not WHICH_DANCE.search(case.command)


def acts(scene: Scene) -> Sequence[Program]:
    """A trip, an excuse that is spoken, a wait."""
    sorry = call("say", text="I am sorry, I cannot do that.")
    return goal(next(iter(scene.rooms))), (sorry,), (SECOND,)


def detours(program: Program, scene: Scene, rng: random.Random) -> Sequence[Program]:
    """A trip to a room that the program does not name, waited for or not."""
    used = {room for one in program for room in rooms_of(one)}
    spare = [room for room in scene.rooms if room not in used]
    return goal(rng.choice(spare)), goal(rng.choice(spare))[:1]


def parted(first: Program, second: Program) -> bool:
    """A trip, and what depends on the place."""
    paths = {first[0].path, second[0].path}
    return bool(paths & STARTS) and bool(paths & BOUND_TO_PLACE)


def harmful(case: Case, program: Program, scene: Scene, rng: random.Random) -> Iterator[Mutant]:
    """Numbers in another unit; a Move aside, the other way throughout, or once less; acts at the wrong moment."""
    yield from mutants_time.harmful(case, program, scene, rng)
    for at, one in enumerate(program):
        changes: list[tuple[str, str, Argument]] = []
        if one.path == MOVE:
            changes += [("wrong number", name, 0.2) for name in ("vx", "vy", "vyaw") if one.args[name] == 0]
        if isinstance(angle := one.args.get("angle"), float):
            changes.append(("wrong unit", "angle", float(round(math.degrees(angle)))))
        if one.path == "wait" and idle_wait(program, at):
            changes.append(("wrong unit", "seconds", round(float(one.args["seconds"]) / 60, 3)))  # type: ignore[arg-type]
        for kind, name, value in changes:
            yield kind, spliced(program, at, (with_arg(one, name, value),), drop=1)
        for name in ("vx", "vy", "vyaw") if one.path == MOVE else ():
            if isinstance(value := one.args[name], float) and value:
                turned = [
                    with_arg(other, name, -float(value)) if other.path == MOVE and other.args[name] == value else other
                    for other in program
                ]
                yield "wrong sign", tuple(turned)
    cut = groups(program, same_step)
    for group, start in zip(cut, starts(cut), strict=False):
        if group[0].path == MOVE and len(group) > 3:
            yield "drop a step", spliced(program, start, drop=2)


def harmless(case: Case, program: Program, scene: Scene, rng: random.Random) -> Iterator[Mutant]:
    """Extra calls that cost nothing, steps that were superfluous, other ways to do the same."""
    yield from mutants_time.harmless(case, program, rng)
    yield from _extras(case, program, scene, rng)
    yield from _rounds(program)
    for at, one in enumerate(program):
        changes: list[tuple[str, str, Argument]] = []
        if one.path not in STAND_UP and superfluous(program, at):
            yield "superfluous step left out", spliced(program, at, drop=1)
        last = at == len(program) - 1 or program[at + 1].path not in {"wait", MOVE, STOP}
        if one.path == "wait" and not idle_wait(program, at) and last:
            changes.append(("longer wait", "seconds", 4.0))
        for kind, name, value in changes:
            yield kind, spliced(program, at, (with_arg(one, name, value),), drop=1)
    if program[:2] == (call("sport_client.StandUp"), call("sport_client.BalanceStand")):
        yield "other way up", (RECOVER, *program[2:])
    if case.expect.get("motion") == "distance" and any(one.path == MOVE for one in program):
        yield "other speed", tuple(_slower(program))


def _extras(case: Case, program: Program, scene: Scene, rng: random.Random) -> Iterator[Mutant]:
    """A wait, and where the robot stands undisturbed a stop or a stand-up."""
    places = starts(groups(program, same_step))
    hurried = call("sport_client.SpeedLevel", level=1) in program or mutants_time.HURRY.search(case.command)
    waits = [one.args["seconds"] for at, one in enumerate(program) if one.path == "wait" and idle_wait(program, at)]
    # A third of a wait that is asked for may be part of it.
    most = min((wait / 3 for wait in waits if isinstance(wait, float)), default=2.0)
    for seconds in () if hurried else [seconds for seconds in (1.0, 2.0) if seconds <= most]:
        for at in {0, len(program), rng.choice(places)}:
            before, after = program[max(0, at - 1) : at], program[at : at + 1]
            moves_on = {one.path for one in after} & {MOVE, "spin"}
            parts_motions = moves_on and {one.path for one in before} & {STOP, "wait_for_navigation", "wait"}
            if not parts_motions and not {one.path for one in before + after} & {"wait"}:
                yield "extra wait", spliced(program, at, (call("wait", seconds=seconds),))
    for at, one in enumerate(program):
        if one.path in {"sport_client.RiseSit", "sport_client.RecoveryStand", "undock"}:
            yield "extra stand-up", spliced(program, at + 1, (call("sport_client.BalanceStand"),))
    upright = scene.start["posture"] == "balanced" and not scene.start["driving_to"] and not scene.start["speed_level"]
    if upright and not any(one.path in STAND_UP for one in program):
        yield "extra stand-up", (call("sport_client.BalanceStand"), *program)
        yield "extra stand-up", (call("sport_client.StandUp"), call("sport_client.BalanceStand"), *program)
        yield "extra stop", (call(STOP), *program)


def _rounds(program: Program) -> Iterator[Mutant]:
    """Goals one after another as waypoints, and waypoints as single goals."""
    cut = groups(program, same_step)
    places = starts(cut)
    for group, at in zip(cut, places, strict=False):
        if group[0].path == "follow_waypoints" and [one.path for one in group[1:]] == [ARRIVE.path]:
            single = tuple(step for room in rooms_of(group[0]) for step in goal(room))
            yield "goals for waypoints", spliced(program, at, single, drop=2)
    for k, (one, two) in enumerate(pairwise(cut)):
        goals = [group for group in (one, two) if group[0].path == "nav_publisher.publish"]
        if len(goals) == 2 and all([step.path for step in group[1:]] == [ARRIVE.path] for group in goals):
            both = (call("follow_waypoints", rooms=(*rooms_of(one[0]), *rooms_of(two[0]))), one[1])
            yield "waypoints for goals", spliced(program, places[k], both, drop=4)


def _slower(program: Program) -> Iterator[Call]:
    """Each Move and its wait twice at half the speed."""
    for at, one in enumerate(program):
        if one.path == MOVE and program[at + 1 : at + 2] and program[at + 1].path == "wait":
            half = call(MOVE, **{name: value / 2 for name, value in one.args.items()})  # type: ignore[operator]
            yield from (half, program[at + 1], half)
        else:
            yield one


GO2 = Facts(
    ask=call("ask_operator", question="What shall I do?"),
    decline=call("decline", reason="I cannot do that."),
    side_effects=SIDE_EFFECTS,
    acts=acts,
    detours=detours,
    signed=frozenset({"vx", "vy", "vyaw", "angle", "roll", "pitch", "yaw"}),
    confusions=CONFUSIONS,
    either=either,
    same_step=same_step,
    spare=STAND_UP,
    superfluous=superfluous,
    repeatable=repeatable,
    free_number=free_number,
    adding=frozenset({"wait", "spin"}),
    parted=parted,
    harmful=harmful,
    harmless=harmless,
    texts=("say", LOG),
)
