"""Command lists as the mutants see them: bound calls, written out again, and cut into groups that belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from harness.checks import Call
from harness.sdk.profile import Profile

Program: TypeAlias = tuple[Call, ...]

TRICKS = frozenset(f"sport_client.{name}" for name in ("Hello", "Stretch", "Dance1", "Dance2", "FrontJump"))
STARTS = frozenset({"nav_publisher.publish", "follow_waypoints", "spin"})
STAND_UP = frozenset(f"sport_client.{name}" for name in ("StandUp", "BalanceStand", "RecoveryStand"))
MOVE = "sport_client.Move"
STOP = "sport_client.StopMove"

# Call -> what may follow it in the same group.
_BELONGS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(STARTS, frozenset({"wait_for_navigation", "cancel_navigation"})),
    **dict.fromkeys(TRICKS, frozenset({"wait"})),
    "perception_client.call_async": frozenset({"wait_for_perception"}),
    "wait_for_perception": frozenset({"report_perception"}),
    "dock": frozenset({"wait_for_docking"}),
    "wait_for_docking": frozenset({"wait_for_charge"}),
    "sport_client.StandUp": frozenset({"sport_client.BalanceStand"}),
    "sport_client.RecoveryStand": frozenset({"sport_client.BalanceStand"}),
}


class Mutant(NamedTuple):
    """A changed program: which kind of change, and what was changed."""

    kind: str
    detail: str
    program: Program


def call(path: str, **args: str | float | bool | tuple[str, ...] | Call) -> Call:
    """A bound call."""
    return Call(path, args)


def goal(room: str) -> Program:
    """Going to a room."""
    return (call("nav_publisher.publish", msg=call("create_nav_goal", room=room)), call("wait_for_navigation"))


def look(task: str) -> Program:
    """Looking, without telling."""
    return (
        call("perception_client.call_async", request=call("create_perception_request", task=task)),
        call("wait_for_perception"),
    )


def written(program: Sequence[Call], profile: Profile, *, positional: bool = False, defaults: bool = False) -> str:
    """The answer text of a program.

    Args:
        program: Bound calls.
        profile: For parameters' order and defaults.
        positional: Arguments by position rather than by name.
        defaults: Also those that equal their default.
    """
    return repr([f"self.{_written(one, profile, positional, defaults)}" for one in program])


def _written(one: Call, profile: Profile, positional: bool, defaults: bool) -> str:
    parts = []
    for param in profile.by_path[one.path].params or ():
        value = one.args.get(param.name)
        if value is None or (not defaults and not param.required and value == param.default):
            positional = False  # what follows a gap needs its name
            continue
        if isinstance(value, Call):
            parts.append(f"self.{_written(value, profile, positional, defaults)}")
            continue
        text = repr(list(value) if isinstance(value, tuple) else value)
        parts.append(text if positional else f"{param.name}={text}")
    return f"{one.path}({', '.join(parts)})"


def groups(program: Program) -> list[Program]:
    """Neighbouring calls that make one step: a goal and its wait, Moves up to StopMove, a trick and its wait."""
    cut: list[list[Call]] = []
    for one in program:
        last = cut[-1] if cut else []
        moving = bool(last) and last[0].path == MOVE and last[-1].path != STOP
        if last and (
            (moving and one.path in {MOVE, STOP, "wait"}) or one.path in _BELONGS.get(last[-1].path, frozenset())
        ):
            last.append(one)
        else:
            cut.append([one])
    return [tuple(group) for group in cut]


def starts_of(cut: Sequence[Program]) -> list[int]:
    """Position of each group's first call, and the length of the whole."""
    positions = [0]
    for group in cut:
        positions.append(positions[-1] + len(group))
    return positions


def replaced(program: Program, at: int, *calls: Call) -> Program:
    """The program with one call replaced by others, or dropped."""
    return (*program[:at], *calls, *program[at + 1 :])


def inserted(program: Program, at: int, calls: Program) -> Program:
    """The program with calls put in before a position."""
    return (*program[:at], *calls, *program[at:])


def with_arg(one: Call, name: str, value: str | float | bool | tuple[str, ...]) -> Call:
    """A call with one argument changed; a builder's argument is changed inside it."""
    for key, inner in one.args.items():
        if isinstance(inner, Call):
            return Call(one.path, {**one.args, key: with_arg(inner, name, value)})
    return Call(one.path, {**one.args, name: value})


def flat_args(one: Call) -> Mapping[str, object]:
    """Arguments of a call, a builder's in place of the builder."""
    for inner in one.args.values():
        if isinstance(inner, Call):
            return inner.args
    return one.args


def rooms_of(one: Call) -> tuple[str, ...]:
    """Rooms that a call sends the robot to."""
    args = flat_args(one)
    rooms = args.get("rooms", args.get("room", ()))
    return (
        (rooms,) if isinstance(rooms, str) else tuple(str(room) for room in rooms) if isinstance(rooms, tuple) else ()
    )
