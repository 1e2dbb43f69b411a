"""Mutations that must fail: each changes what the robot does.

A few changes of these kinds leave the robot doing the same; rules on the text of the list (never the simulator, which
is under test) tell them apart, and `harmless` asks that they pass. They are: leaving out the StopMove after a Move
whose second was waited out, or the wait after a trick that no motion follows; repeating or leaving out a stand-up that
another makes superfluous; repeating a log entry, a StopMove, or a wait that only follows a trick or Move.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from harness.benchmarks.mutants.programs import (
    MOVE,
    STAND_UP,
    STOP,
    TRICKS,
    Program,
    call,
    flat_args,
    goal,
    groups,
    inserted,
    look,
    replaced,
    starts_of,
    with_arg,
)
from harness.checks import Call
from harness.robot import Scene
from harness.sdk.profile import Profile


class Mutant(NamedTuple):
    """A changed program: which kind of change, and what was changed."""

    kind: str
    detail: str
    program: Program


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
# Numbers whose sign means a direction.
_SIGNED = frozenset({"vx", "vy", "vyaw", "angle", "roll", "pitch", "yaw"})


def harmful(program: Program, scene: Scene, profile: Profile, rng: random.Random) -> Iterator[Mutant]:
    """Every harmful mutant of an accepted reference that acts."""
    yield from _dropped(program)
    yield from _side_effects(program, scene, rng)
    yield from _duplicates(program)
    yield from _words(program, scene, rng)
    yield from _numbers(program, profile)
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


def neutral_drop(program: Program, at: int) -> bool:
    """Whether leaving out this call changes nothing (see the module's docstring)."""
    one = program[at]
    if one.path == STOP:
        before = program[at - 1] if at else None
        return before is not None and before.path == "wait" and _waited_out(program, at - 1)
    if one.path == "wait":
        return _only_a_trick_wait(program, at)
    if one.path in STAND_UP:
        # A stand-up beside another: only the last decides how the robot stands, and whether it could stand at all is
        # the start posture's business, so these are neither harmful nor harmless by rule; `_dropped` skips them.
        near = program[max(0, at - 1) : at] + program[at + 1 : at + 2]
        return any(other.path in STAND_UP for other in near)
    return False


def idle_wait(program: Program, at: int) -> bool:
    """Whether a wait is waiting for its own sake, rather than for a Move or a trick before it."""
    return at == 0 or program[at - 1].path not in TRICKS | {MOVE}


def _waited_out(program: Program, wait: int) -> bool:
    """Whether a Move before this wait had its whole second."""
    seconds = program[wait].args["seconds"]
    return wait > 0 and program[wait - 1].path == MOVE and isinstance(seconds, float | int) and seconds >= 1.0


def _only_a_trick_wait(program: Program, at: int) -> bool:
    """A wait after the last trick, and nothing after it that would cut the trick off."""
    if at == 0 or program[at - 1].path not in TRICKS:
        return False
    seconds = program[at].args["seconds"]
    still = {"say", "capture_image", "report_battery_level", "report_pose", "vui_client.SetVolume", "get_logger().info"}
    return seconds == 3.0 and all(other.path in still for other in program[at + 1 :])


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
    used = {room for one in program for room in _rooms(one)}
    spare = [room for room in scene.rooms if room not in used]
    effects = {**SIDE_EFFECTS, "detour": goal(rng.choice(spare)), "unfinished trip": goal(rng.choice(spare))[:1]}
    for name, effect in effects.items():
        between = {rng.choice(places[1:-1])} if len(places) > 2 else set()
        for at in sorted({0, len(program), rng.randint(0, len(program))} | between):
            yield Mutant("side effect", f"{name} at {at}", inserted(program, at, effect))


def _rooms(one: Call) -> tuple[str, ...]:
    args = flat_args(one)
    rooms = args.get("rooms", args.get("room", ()))
    return (
        (rooms,) if isinstance(rooms, str) else tuple(str(room) for room in rooms) if isinstance(rooms, tuple) else ()
    )


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


def _words(program: Program, scene: Scene, rng: random.Random) -> Iterator[Mutant]:
    """Another room, object, task or text."""
    for at, one in enumerate(program):
        args = flat_args(one)
        if "room" in args:
            for room in rng.sample([room for room in scene.rooms if room != args["room"]], 2):
                yield Mutant("wrong room", room, replaced(program, at, with_arg(one, "room", room)))
        if "rooms" in args:
            yield from _waypoints(program, at, scene, rng)
        if "task" in args:
            yield from _tasks(program, at, args)
        if one.path == "say":
            text = str(args["text"])
            for other in ("Good evening everybody", f"It is not true: {text}", text[: len(text) // 2].strip() or "x"):
                yield Mutant("wrong words", other, replaced(program, at, with_arg(one, "text", other)))


def _waypoints(program: Program, at: int, scene: Scene, rng: random.Random) -> Iterator[Mutant]:
    one = program[at]
    visited = _rooms(one)
    for k, room in enumerate(visited):
        other = rng.choice([name for name in scene.rooms if name != room])
        changed = (*visited[:k], other, *visited[k + 1 :])
        yield Mutant("wrong room", other, replaced(program, at, with_arg(one, "rooms", changed)))
        if len(visited) > 1:
            shorter = (*visited[:k], *visited[k + 1 :])
            yield Mutant("drop a step", f"waypoint {room}", replaced(program, at, with_arg(one, "rooms", shorter)))


def _tasks(program: Program, at: int, args: Mapping[str, object]) -> Iterator[Mutant]:
    one = program[at]
    if isinstance(args.get("object_name"), str):
        for name in ("green bucket", f"{args['object_name']} box"):
            yield Mutant("wrong object", name, replaced(program, at, with_arg(one, "object_name", name)))
        task = {"find_object": "count_objects", "count_objects": "find_object"}[str(args["task"])]
    else:
        task = "read_text" if args["task"] != "read_text" else "describe_scene"
    yield Mutant("wrong task", task, replaced(program, at, with_arg(one, "task", task)))


def _numbers(program: Program, profile: Profile) -> Iterator[Mutant]:
    """Half, half as much again, degrees for radians, the other sign, one level more or less, the other flag."""
    for at, one in enumerate(program):
        for param in profile.by_path[one.path].params or ():
            value = one.args.get(param.name)
            if param.name.startswith("timeout") or value is None:
                continue
            if isinstance(value, bool):
                yield Mutant("wrong flag", param.name, replaced(program, at, with_arg(one, param.name, not value)))
            elif isinstance(value, int) and param.type == "int":
                for other in (value - 1, value + 1):
                    yield Mutant("wrong number", str(other), replaced(program, at, with_arg(one, param.name, other)))
            elif isinstance(value, int | float):
                yield from _reals(program, at, param.name, float(value))


def _reals(program: Program, at: int, name: str, value: float) -> Iterator[Mutant]:
    one = program[at]
    if value == 0:
        if name in _SIGNED and one.path == MOVE:
            yield Mutant("wrong number", f"{name}=0.2", replaced(program, at, with_arg(one, name, 0.2)))
        return
    less_harms = name != "seconds" or idle_wait(program, at) or not neutral_drop(program, at)
    more_harms = name != "seconds" or idle_wait(program, at) or value < 1.0
    if less_harms:
        yield Mutant("wrong number", f"{name} halved", replaced(program, at, with_arg(one, name, round(value / 2, 3))))
    if more_harms:
        more = round(value * 1.5, 3)
        yield Mutant("wrong number", f"{name} {more}", replaced(program, at, with_arg(one, name, more)))
    if name in _SIGNED:
        yield Mutant("wrong sign", name, replaced(program, at, with_arg(one, name, -value)))
        if one.path == MOVE:
            flipped = tuple(
                with_arg(other, name, -value) if other.path == MOVE and other.args[name] == value else other
                for other in program
            )
            yield Mutant("wrong sign", f"{name} everywhere", flipped)
    if name == "angle":
        degrees = round(math.degrees(value))
        yield Mutant("wrong unit", f"{degrees} degrees", replaced(program, at, with_arg(one, name, float(degrees))))
    if name == "seconds" and idle_wait(program, at):
        minutes = round(value / 60, 3)
        yield Mutant("wrong unit", f"{minutes} min", replaced(program, at, with_arg(one, name, minutes)))
