"""What the calls of the Tello mean to the mutants of `harness.tests.mutants`, told from the text of a list alone."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from harness.cases import Case
from harness.checks import Call
from harness.simulation import Scene
from harness.tests.mutants import Facts
from harness.tests.programs import Mutant, Program, call, spliced, with_arg

OFF, LAND, STREAM, PICTURE = call("tello.takeoff"), call("tello.land"), call("tello.streamon"), call("take_picture")
GO, SPEED, AWAKE = "tello.go_xyz_speed", "tello.set_speed", call("tello.send_keepalive")
CONFUSIONS = {
    "tello.move_up": "tello.move_down",
    "tello.move_left": "tello.move_right",
    "tello.move_forward": "tello.move_back",
    "tello.rotate_clockwise": "tello.rotate_counter_clockwise",
    "tello.query_battery": "tello.query_height",
    "tello.query_flight_time": "tello.query_temperature",
    "tello.streamoff": "tello.streamon",
    "tello.emergency": "tello.land",
}
CONFUSIONS |= {other: one for one, other in CONFUSIONS.items()}
AXES = {"forward": (1, 0, 0), "back": (-1, 0, 0), "left": (0, 1, 0), "right": (0, -1, 0), "up": (0, 0, 1)}
AXES["down"] = (0, 0, -1)
SHOWN_BY = {SPEED: {GO, *(f"tello.move_{axis}" for axis in AXES)}, STREAM.path: {PICTURE.path}}
SIDE_EFFECTS: tuple[Program, ...] = (
    (call("tello.move_up", x=40), call("tello.move_down", x=30)),
    (call("tello.rotate_clockwise", x=25),),
    (call(GO, x=30, y=20, z=0, speed=60),),
    (LAND, OFF),
    (call("tello.query_temperature"), call("tello.query_battery")),
    (STREAM, PICTURE),
    (call("wait", seconds=7.0),),
    (call("tello.flip_left"),),
    (call("tello.emergency"),),
)


def same_step(step: Sequence[Call], one: Call) -> bool:
    """A speed and the stream belong to what shows them: when before it they come is free."""
    return one.path in SHOWN_BY.get(step[-1].path, ())


def _free(program: Program, at: int) -> bool:
    """Whether its place is free: a speed or the stream that a later call shows, or what only keeps the drone awake."""
    path = program[at].path
    return path == AWAKE.path or any(one.path in SHOWN_BY.get(path, ()) for one in program[at + 1 :])


def repeatable(program: Program, at: int) -> bool:
    """A setting is the same twice; so is a command that changes nothing."""
    return program[at].path in {SPEED, STREAM.path, "tello.streamoff", AWAKE.path}


def harmful(case: Case, program: Program, scene: Scene, _rng: random.Random) -> Iterator[Mutant]:
    """Metres for centimetres, another speed, a stream or speed that is left on, too long without a command."""
    yield "side effect", (*program, call(SPEED, x=37))
    if STREAM not in program and not scene.start["streaming"]:
        yield "side effect", (*program, STREAM)
    for at, one in enumerate(program):
        for name, value in one.args.items():
            if isinstance(value, int) and abs(value) >= 100 and "rotate" not in one.path:
                yield "wrong unit", spliced(program, at, (with_arg(one, name, round(value / 100)),), drop=1)
        if "speed" in one.args and case.expect.get("motion") != "distance":
            speed = 10 + (int(one.args["speed"]) + 30) % 90  # type: ignore[arg-type]
            yield "wrong number", spliced(program, at, (with_arg(one, "speed", speed),), drop=1)
        if one.path == "wait" and OFF in program[:at] and LAND in program[at:]:
            yield "too long", spliced(program, at, (call("wait", seconds=20.0),), drop=1)


def harmless(_case: Case, program: Program, _scene: Scene, rng: random.Random) -> Iterator[Mutant]:
    """The same flights in other pieces or by another call, settings made earlier, a short wait."""
    speed = 0
    for at, one in enumerate(program):
        x = one.args.get("x")
        speed = int(x) if one.path == SPEED and isinstance(x, int) else speed
        if one.path.startswith(("tello.move_", "tello.rotate_")) and isinstance(x, int):
            least = 20 if "move" in one.path else 1
            if x >= 2 * least:
                pieces = (with_arg(one, "x", least), with_arg(one, "x", x - least))
                yield "in pieces", spliced(program, at, pieces, drop=1)
            alone = one.path not in {each.path for each in program[max(0, at - 1) : at] + program[at + 1 : at + 2]}
            if alone and (axes := AXES.get(one.path.removeprefix("tello.move_"))):
                go = call(GO, **{axis: x * sign for axis, sign in zip("xyz", axes, strict=True)}, speed=speed or 60)
                yield "other call", spliced(program, at, (go,), drop=1)
        if one.path == STREAM.path and _free(program, at) and "tello.streamoff" not in {each.path for each in program}:
            yield "earlier", (one, *spliced(program, at, drop=1))
    first = next((at for at, one in enumerate(program) if one.path in {SPEED, *SHOWN_BY[SPEED]}), 0)
    if [one.path for one in program].count(SPEED) == 1 and program[first].path == SPEED and _free(program, first):
        yield "earlier", (program[first], *spliced(program, first, drop=1))
    at = rng.randint(0, len(program))
    yield "awake", spliced(program, at, (AWAKE,))
    around = [one.path for one in program[max(0, at - 1) : at + 1]]
    if "wait" not in {one.path for one in program} and len(set(around)) == len(around):
        yield "extra wait", spliced(program, at, (call("wait", seconds=2.0),))


TELLO = Facts(
    ask=call("ask_operator", question="What shall I do?"),
    decline=call("decline", reason="I cannot do that."),
    side_effects=SIDE_EFFECTS,
    acts=lambda _scene: ((OFF, LAND), (call("tello.query_battery"),), (call("wait", seconds=1.0),)),
    signed=frozenset({"x", "y", "z"}),
    confusions=CONFUSIONS,
    same_step=same_step,
    repeatable=repeatable,
    free_number=lambda _program, _at, name, _more: name == "speed",  # below: it is free where the case says so
    adding=frozenset({"wait", *CONFUSIONS}),
    harmful=harmful,
    harmless=harmless,
    texts=("decline", "ask_operator"),
    languages=("en",),
)
