"""Changes that leave the robot doing the same, and must be accepted."""

from __future__ import annotations

import random
from collections.abc import Iterator

from harness.benchmarks.mutants.programs import (
    MOVE,
    STAND_UP,
    STARTS,
    Mutant,
    Program,
    call,
    goal,
    groups,
    inserted,
    replaced,
    starts_of,
    with_arg,
    written,
)
from harness.benchmarks.mutants.rules import idle_wait, neutral_drop
from harness.cases import Case
from harness.checks import Call
from harness.sdk.profile import Profile
from harness.simulation import Scene


def harmless(case: Case, program: Program, scene: Scene, rng: random.Random) -> Iterator[Mutant]:
    """Harmless variants of an accepted reference that acts."""
    yield from _extras(program, scene, rng)
    yield from _neutral(program)
    yield from _rounds(program)
    if case.expect.get("motion") == "distance":
        yield from _other_speed(program)
    for at, one in enumerate(program):
        angle = one.args.get("angle")
        if isinstance(angle, float):
            for near in (round(angle, 2), round(angle + 0.001, 3)):
                if abs(near) <= 6.29:  # the profile's range
                    yield Mutant("rounding", f"angle={near}", replaced(program, at, with_arg(one, "angle", near)))
        if one.path == "say" and "must" not in case.expect:
            text = str(one.args["text"])
            for other in (text.upper(), text.rstrip(".!?") + "!", f"Please, {text}"):
                yield Mutant("wording", other, replaced(program, at, with_arg(one, "text", other)))
    if program[:2] == (call("sport_client.StandUp"), call("sport_client.BalanceStand")):
        up = (call("sport_client.RecoveryStand"), *program[2:])
        yield Mutant("other way up", "RecoveryStand", up)


def harmless_refusal(program: Program) -> Iterator[Mutant]:
    """Another wording of asking or declining."""
    one = program[0]
    name = "question" if one.path == "ask_operator" else "reason"
    for text in ("Could you say that more exactly?", "That is not possible.", "x"):
        yield Mutant("wording", text, (with_arg(one, name, text),))


def spellings(program: Program, profile: Profile) -> Iterator[tuple[str, str]]:
    """(kind, text): the same calls written in other ways."""
    plain = written(program, profile)
    yield "positional", written(program, profile, positional=True)
    yield "defaults spelled out", written(program, profile, defaults=True)
    yield "white space", plain.replace(", ", " ,  ").replace("=", " = ") if "'" not in _texts(program) else plain
    yield "integers for floats", plain.replace(".0)", ")").replace(".0,", ",")


def _texts(program: Program) -> str:
    """A quote where the program holds free text, in which white space must not change."""
    return "'" if any(one.path in {"say", "get_logger().info", "ask_operator", "decline"} for one in program) else ""


def _extras(program: Program, scene: Scene, rng: random.Random) -> Iterator[Mutant]:
    """A wait, a log entry, and where the robot stands undisturbed a stop or a stand-up."""
    cut = groups(program)
    places = starts_of(cut)
    for name, extra in {
        "wait": (call("wait", seconds=1.0),),
        "log": (call("get_logger().info", message="next step"),),
    }.items():
        for at in {0, len(program), rng.choice(places)}:
            if not _beside_its_like(program, at):
                yield Mutant(f"extra {name}", f"at {at}", inserted(program, at, extra))
    upright = scene.start["posture"] == "balanced" and not scene.start["driving_to"]
    if upright and not any(one.path in STAND_UP for one in program):
        yield Mutant("extra stand-up", "at 0", inserted(program, 0, (call("sport_client.BalanceStand"),)))
        yield Mutant("extra stop", "at 0", inserted(program, 0, (call("sport_client.StopMove"),)))


def _beside_its_like(program: Program, at: int) -> bool:
    """Whether a wait or log put here would join a wait that counts, or part two movements that belong together."""
    around = program[max(0, at - 1) : at + 1]
    between_motions = (
        0 < at < len(program)
        and program[at].path in {MOVE, "spin"}
        and program[at - 1].path in {"sport_client.StopMove", "wait_for_navigation", "wait"}
    )
    return between_motions or any(one.path in {"wait", "get_logger().info"} for one in around)


def _neutral(program: Program) -> Iterator[Mutant]:
    """What the harmful drops left out because it changes nothing, and longer waits after a trick or a Move."""
    for at, one in enumerate(program):
        if one.path in STAND_UP:
            continue
        if neutral_drop(program, at):
            yield Mutant("superfluous step left out", one.path, replaced(program, at))
        last = at == len(program) - 1 or program[at + 1].path not in {"wait", MOVE, "sport_client.StopMove"}
        if one.path == "wait" and not idle_wait(program, at) and last:
            yield Mutant("longer wait", "4.0 s", replaced(program, at, with_arg(one, "seconds", 4.0)))


def _rounds(program: Program) -> Iterator[Mutant]:
    """Goals one after another as waypoints, and waypoints as single goals."""
    for at, one in enumerate(program):
        rooms = one.args.get("rooms")
        if isinstance(rooms, tuple) and program[at + 1 : at + 2] == (call_wait(program, at),):
            single = tuple(step for room in rooms for step in goal(room))
            yield Mutant("goals for waypoints", ", ".join(rooms), (*program[:at], *single, *program[at + 2 :]))
    cut = groups(program)
    places = starts_of(cut)
    for k in range(len(cut) - 1):
        names = [_room(group) for group in cut[k : k + 2]]
        if names[0] and names[1]:
            both = (call("follow_waypoints", rooms=(names[0], names[1])), cut[k][1])
            yield Mutant(
                "waypoints for goals", ", ".join(names), (*program[: places[k]], *both, *program[places[k + 2] :])
            )


def call_wait(program: Program, at: int) -> Call | None:
    """The wait_for_navigation right after a position, if it is there."""
    following = program[at + 1] if at + 1 < len(program) else None
    return following if following is not None and following.path == "wait_for_navigation" else None


def _room(group: Program) -> str:
    if len(group) != 2 or group[0].path not in STARTS or group[1].path != "wait_for_navigation":
        return ""
    goal_call = group[0].args.get("msg")
    return str(goal_call.args["room"]) if isinstance(goal_call, Call) else ""


def _other_speed(program: Program) -> Iterator[Mutant]:
    """Each run of whole-second Moves at half its speed in twice the time."""
    slow: list[Call] = []
    changed = False
    for at, one in enumerate(program):
        if one.path == MOVE and program[at + 1 : at + 2] and program[at + 1].path == "wait":
            velocity = {name: value / 2 for name, value in one.args.items() if isinstance(value, int | float)}
            half = call(MOVE, **velocity)
            wait = program[at + 1]
            slow += [half, wait, half]
            changed = True
        else:
            slow.append(one)
    if changed:
        yield Mutant("other speed", "half", tuple(slow))
