"""Mutations of arguments that must fail: another room, object, task, text, number, sign, unit, flag."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping

from harness.benchmarks.mutants.programs import MOVE, Mutant, Program, flat_args, replaced, rooms_of, with_arg
from harness.benchmarks.mutants.rules import idle_wait, neutral_drop
from harness.sdk.profile import Profile
from harness.simulation import Scene

# Numbers whose sign means a direction.
_SIGNED = frozenset({"vx", "vy", "vyaw", "angle", "roll", "pitch", "yaw"})


def words(program: Program, scene: Scene, rng: random.Random) -> Iterator[Mutant]:
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
    visited = rooms_of(one)
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


def numbers(program: Program, profile: Profile) -> Iterator[Mutant]:
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
