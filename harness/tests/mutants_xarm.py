"""What the calls of the xArm mean to the mutants of `harness.tests.mutants`, told from the text of a list alone."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from harness.cases import Case
from harness.checks import Call
from harness.simulation import Scene
from harness.tests.mutants import Facts
from harness.tests.programs import Mutant, Program, call, spliced, with_arg

MOVE, TURN, GRIP, PAUSE = "arm.set_position", "arm.set_servo_angle", "arm.set_gripper_g2_position", "arm.set_pause_time"
HOME, ENABLE, MODE, STATE = "arm.move_gohome", "arm.motion_enable", "arm.set_mode", "arm.set_state"
READY = (call(ENABLE, enable=True), call(MODE, mode=0), call(STATE, state=0))
MAKES_READY = {ENABLE, MODE, STATE}
READS = ("arm.get_position", "arm.get_servo_angle", "arm.get_gripper_g2_position", "arm.get_err_warn_code")
WAITS = {MOVE, TURN, HOME, GRIP, *READS}
TELLS = {*READS, "show"}
PLACES = ((400, 200), (450, -100), (350, -300), (150, -400), (220, 440))
LOW, TRAVEL, RIM, GIVE, OPEN = 150, 200, 100, 6, 84
SIDE_EFFECTS: tuple[Program, ...] = (
    (call(MOVE, x=260.0, y=170.0, z=310.0, wait=True),),
    (call(TURN, servo_id=4, angle=21.0, wait=True),),
    tuple(call(GRIP, pos=pos, wait=True) for pos in (84.0, 9.0, 84.0)),
    (call(STATE, state=4), call(STATE, state=0)),
    (call(PAUSE, sltime=7.0, wait=True),),
    (call(READS[0]), call(READS[1])),
    (call(READS[3]), call(READS[2])),
    (call("show", text="Almost there"),),
    (call("arm.clean_error"),),
    (call("arm.emergency_stop"),),
)


class Step(NamedTuple):
    """A call and what it is for: the tip before and after, and whether it takes, leaves or only nears a thing."""

    before: tuple[float, float, float]
    after: tuple[float, float, float]
    role: str  # "take", "let go", "near" (the last motion before one of them is "down"), "away", or ""


def read(program: Program) -> list[Step]:
    """What each call is for, by what stands around it."""
    tip = (207.0, 0.0, 240.0)
    tips: list[tuple[Any, Any]] = []
    for one in program:
        before = tip
        if one.path == HOME:
            tip = (207.0, 0.0, 240.0)
        elif one.path == MOVE and one.args.get("relative"):
            tip = tuple(now + float(one.args.get(axis, 0.0)) for now, axis in zip(tip, "xyz", strict=True))  # type: ignore[assignment,arg-type]
        elif one.path == MOVE:
            tip = tuple(float(one.args.get(axis, now)) for now, axis in zip(tip, "xyz", strict=True))  # type: ignore[assignment,arg-type]
        tips.append((before, tip))
    roles = [""] * len(program)
    # An opening after a motion, before anything was taken, lets go of what was held at the start.
    first = next((at for at, one in enumerate(program) if one.path == GRIP), 0)
    holds = first > 0 and program[first - 1].path == MOVE and program[first].args["pos"] == OPEN
    for at, one in enumerate(program):
        if one.path != GRIP:
            continue
        pos, came = one.args["pos"], at > 0 and program[at - 1].path == MOVE
        acts = isinstance(pos, int | float) and (pos > 40 if holds else pos < 70 and came and tips[at][0][2] < LOW + 60)
        if not acts:
            continue
        holds = not holds
        roles[at] = "take" if holds else "let go"
        for back in range(at - 1, -1, -1):
            if program[back].path != MOVE:
                break
            if roles[back] != "away":
                roles[back] = "down" if back == at - 1 else "near"
        after = at + 1
        if after < len(program) and program[after].path == MOVE and not {"x", "y", "yaw"} & program[after].args.keys():
            roles[after] = "away"
    return [Step(before, after, role) for (before, after), role in zip(tips, roles, strict=True)]


def same_step(step: Sequence[Call], one: Call) -> bool:
    """Making ready belongs to what comes next; so do all motions of taking a thing, and of putting it down."""
    last = step[-1]
    if last.path in MAKES_READY:
        return True
    grips = [each for each in step if each.path == GRIP]
    upright = one.path == MOVE and not {"x", "y", "yaw"} & one.args.keys()
    if grips:
        return last.path == GRIP and upright
    return all(each.path in {MOVE, *MAKES_READY} for each in step) and (upright or one.path == GRIP)


def parted(first: Program, second: Program) -> bool:
    """What two steps do depends on which is first, unless both only tell."""
    return not all(one.path in TELLS for one in (*first, *second))


def superfluous(program: Program, at: int) -> bool:
    """The mode that is set already, and going up where nothing is left to do or the tip is high enough."""
    one, step = program[at], read(program)[at]
    if one.path == MODE:
        return one.args.get("mode", 0) == 0
    if step.role != "away" or step.after[2] != TRAVEL:
        return False
    if _goes_on_up(program, at):
        return True
    return read(program)[at - 1].role == "let go" and (_stays(program, at) or step.before[2] >= LOW)


def _stays(program: Program, at: int) -> bool:
    """Whether nothing moves away from over the place where this call ends."""
    later = next((k for k in range(at + 1, len(program)) if program[k].path in {MOVE, TURN, HOME}), None)
    if later is None:
        return True
    here, there = read(program)[at].after, read(program)[later].after
    return program[later].path == MOVE and here[:2] == there[:2]


def _goes_on_up(program: Program, at: int) -> bool:
    """Whether the next call moves straight up from where this one went."""
    after = program[at + 1 : at + 2]
    upright = bool(after) and after[0].path == MOVE and not {"x", "y", "yaw"} & after[0].args.keys()
    return upright and read(program)[at + 1].after[2] > read(program)[at].after[2]


def repeatable(program: Program, at: int) -> bool:
    """What leads to a state, not by a step, is the same twice."""
    one = program[at]
    return one.path in {GRIP, HOME, "arm.emergency_stop", *MAKES_READY} or (
        one.path in {MOVE, TURN} and not one.args.get("relative")
    )


def free_value(program: Program, at: int, name: str, other: Any) -> bool:
    """Values that change nothing, or of which the text alone does not tell."""
    one, steps = program[at], read(program)
    role, after = steps[at].role, [each.path for each in program[at + 1 :]]
    if name == "wait":
        if one.path == GRIP and not other:
            return not {MOVE, TURN, HOME, PAUSE, GRIP} & set(after)
        ends = [call(STATE, state=4), call(ENABLE, enable=False)]
        following = next((each for each in program[at + 1 :] if each in ends or each.path in WAITS), one)
        return bool(other) or one.path == PAUSE or not (following in ends or following.path in READS)
    if (
        name == "relative"
        or (name == "pos" and role in {"take", "let go"})
        or (name == "force" and one.args["pos"] == OPEN)
    ):
        return True
    if name == "yaw" or (name == "speed" and role == "away"):
        return abs(float(other)) == 180 or role in {"near", "down", "away"}
    if name == "z" and not role and any(step.after[2] < LOW for step in steps[at + 1 : at + 2]):
        return float(other) >= LOW
    if name == "z" and role in {"near", "away"}:
        if role == "away" and _goes_on_up(program, at):
            return True
        if role == "away" and _stays(program, at):
            return steps[at].after[2] == TRAVEL and (steps[at - 1].role == "let go" or float(other) >= LOW)
        return float(other) >= LOW or one.args.get("relative") is True
    if name == "z" and role == "down":
        lets_go = any(step.role == "let go" for step in steps[at:])
        return not lets_go or abs(float(other) - steps[at].after[2]) <= GIVE
    if name in {"x", "y"} and role in {"near", "down"}:
        goal = next(step for step in steps[at:] if step.role in {"take", "let go"})
        x, y, _ = goal.before
        moved = (float(other), y) if name == "x" else (x, float(other))
        same = any(math.dist((x, y), place) <= RIM and math.dist(moved, place) <= RIM for place in PLACES)
        return goal.role == "let go" and same
    return False


def harmful(_case: Case, program: Program, scene: Scene, _rng: random.Random) -> Iterator[Mutant]:
    """Centimetres for millimetres, radians for degrees, not ready, sideways near the table."""
    steps = read(program)
    for at, one in enumerate(program):
        for name, value in one.args.items():
            numeric = isinstance(value, float) and abs(value) >= 20
            if numeric and name in {"x", "y", "z"} and not free_value(program, at, name, float(value) / 10):  # type: ignore[arg-type]
                yield "wrong unit", spliced(program, at, (with_arg(one, name, round(float(value) / 10, 3)),), drop=1)  # type: ignore[arg-type]
            if numeric and name == "angle" and not one.args.get("is_radian"):
                radians = round(math.radians(float(value)), 3)  # type: ignore[arg-type]
                yield "wrong unit", spliced(program, at, (with_arg(one, name, radians),), drop=1)
        if steps[at].role in {"take", "let go"} and any(each.path in {MOVE, TURN, HOME} for each in program[at + 1 :]):
            yield "not waited for", spliced(program, at, (with_arg(one, "wait", False),), drop=1)
        if steps[at].role == "take":
            yield "wrong force", spliced(program, at, (with_arg(one, "force", 95),), drop=1)
    if program[: len(READY)] == READY and any(one.path in {MOVE, TURN, HOME, GRIP} for one in program):
        for gone in (0, 2):
            yield "not ready", spliced(program, gone, drop=1)
        if not scene.start["ready"]:
            yield "not ready", program[len(READY) :]


def harmless(_case: Case, program: Program, _scene: Scene, rng: random.Random) -> Iterator[Mutant]:
    """The same by other ways: higher, in more steps, by how much instead of to where; ready twice, a short pause."""
    steps = read(program)
    for at, one in enumerate(program):
        before, after, role = steps[at]
        if role == "near" and "z" in one.args and not one.args.get("relative") and before[2] >= LOW:
            yield "higher", spliced(program, at, (with_arg(one, "z", after[2] + 45.0),), drop=1)
        if role in {"away", "down"} and not {"x", "y", "speed", "yaw", "relative"} & one.args.keys():
            half = with_arg(one, "z", round((before[2] + after[2]) / 2, 3))
            yield "in more steps", spliced(program, at, (half, one), drop=1)
            by = call(MOVE, z=round(after[2] - before[2], 3), relative=True, wait=True)
            yield "by how much", spliced(program, at, (by,), drop=1)
        if role == "near" and one.args.get("wait") and steps[at + 1].role == "down":
            yield "waited for later", spliced(program, at, (with_arg(one, "wait", False),), drop=1)
        if role in {"take", "let go"} and all(each.path != PAUSE for each in program):
            yield "short pause", spliced(program, at + rng.randint(0, 1), (call(PAUSE, sltime=1.0, wait=True),))
        if role == "take" and one.args["pos"] == 0:
            yield "closed only so far", spliced(program, at, (with_arg(one, "pos", 12.0),), drop=1)
    if program[: len(READY)] == READY:
        yield "ready twice", (*READY, *program)
        if all(one.path != PAUSE for one in program):
            yield "short pause", spliced(program, len(READY), (call(PAUSE, sltime=1.5, wait=True),))


XARM = Facts(
    ask=call("ask_operator", question="What shall I do?"),
    decline=call("decline", reason="I cannot do that."),
    side_effects=SIDE_EFFECTS,
    acts=lambda _scene: ((*READY, call(HOME, wait=True)), (call(READS[0]),), (*READY, SIDE_EFFECTS[0][0])),
    signed=frozenset({"x", "y", "z", "yaw", "angle"}),
    confusions={HOME: "arm.emergency_stop", **dict(zip(READS, (*READS[1:], READS[0]), strict=True))},
    same_step=same_step,
    spare=frozenset({ENABLE, MODE, STATE}),
    superfluous=superfluous,
    repeatable=repeatable,
    free_value=free_value,
    adding=frozenset({PAUSE}),
    parted=parted,
    harmful=harmful,
    harmless=harmless,
    texts=("show",),
    languages=("en",),
)
