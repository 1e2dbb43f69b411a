"""What the calls of the Go2 mean to its mutants, told from the text of a list alone: the simulator is under test."""

from __future__ import annotations

from collections.abc import Sequence

from harness.checks import Call
from harness.tests.programs import Program, call

MOVE, STOP, LOG = "sport_client.Move", "sport_client.StopMove", "get_logger().info"
TRICKS = frozenset(f"sport_client.{name}" for name in ("Hello", "Stretch", "Dance1", "Dance2", "FrontJump"))
STARTS = frozenset({"nav_publisher.publish", "follow_waypoints", "spin"})
STAND_UP = frozenset(f"sport_client.{name}" for name in ("StandUp", "BalanceStand", "RecoveryStand"))
# Calls that leave a trick alone, and calls that do another thing elsewhere.
STILL = {"say", "capture_image", "report_battery_level", "report_pose", "vui_client.SetVolume", LOG}
BOUND_TO_PLACE = TRICKS | {"perception_client.call_async", "capture_image", "dock"}

ARRIVE = call("wait_for_navigation")
SECOND, THREE = call("wait", seconds=1.0), call("wait", seconds=3.0)
RECOVER = call("sport_client.RecoveryStand")


def goal(room: str) -> Program:
    """Going to a room."""
    return (call("nav_publisher.publish", msg=call("create_nav_goal", room=room)), ARRIVE)


def look(task: str) -> Program:
    """Looking, without telling."""
    request = call("create_perception_request", task=task)
    return (call("perception_client.call_async", request=request), call("wait_for_perception"))


def rooms_of(one: Call) -> tuple[str, ...]:
    """Rooms that a call sends the robot to."""
    goal_call = one.args.get("msg", one)
    args = goal_call.args if isinstance(goal_call, Call) else {}
    rooms = args.get("rooms", args.get("room", ()))
    return tuple(map(str, rooms)) if isinstance(rooms, tuple) else (str(rooms),)


def idle_wait(program: Program, at: int) -> bool:
    """Whether a wait is waiting for its own sake, rather than for a Move or a trick before it."""
    return at == 0 or program[at - 1].path not in TRICKS | {MOVE}


FOLLOWS = {
    **dict.fromkeys(STARTS, frozenset({"wait_for_navigation", "cancel_navigation"})),
    **dict.fromkeys(TRICKS, frozenset({"wait"})),
    "perception_client.call_async": frozenset({"wait_for_perception"}),
    "wait_for_perception": frozenset({"report_perception"}),
    "dock": frozenset({"wait_for_docking"}),
    "wait_for_docking": frozenset({"wait_for_charge"}),
    "sport_client.StandUp": frozenset({"sport_client.BalanceStand"}),
    "sport_client.RecoveryStand": frozenset({"sport_client.BalanceStand"}),
}


def same_step(step: Sequence[Call], one: Call) -> bool:
    """Also Moves and waits up to StopMove."""
    moving = step[0].path == MOVE and step[-1].path != STOP
    return (moving and one.path in {MOVE, STOP, "wait"}) or one.path in FOLLOWS.get(step[-1].path, ())


def superfluous(program: Program, at: int) -> bool:
    """A StopMove or a wait that ends nothing, a stand-up beside another."""
    one, before = program[at], program[at - 1] if at else None
    if one.path == STOP and before is not None and before.path == "wait":
        waited = before.args["seconds"]
        over = isinstance(waited, float | int) and waited >= 1.0
        over = over or any(other.path == MOVE for other in program[at + 1 : at + 2])  # the next one ends it too
        return at > 1 and program[at - 2].path == MOVE and over
    if one.path == "wait" and before is not None and before.path in TRICKS:
        return one.args["seconds"] == 3.0 and all(other.path in STILL for other in program[at + 1 :])
    near = program[max(0, at - 1) : at] + program[at + 1 : at + 2]
    return one.path in STAND_UP and any(other.path in STAND_UP for other in near)


def repeatable(program: Program, at: int) -> bool:
    """A stand-up, a StopMove, a log entry, a wait that only follows a trick or Move."""
    path = program[at].path
    return path in STAND_UP | {STOP, LOG} or (path == "wait" and not idle_wait(program, at))


def free_number(program: Program, at: int, name: str, more: bool) -> bool:
    """The seconds of a wait that a Move or a trick does not need."""
    if name != "seconds" or idle_wait(program, at):
        return False
    seconds = program[at].args["seconds"]
    return isinstance(seconds, int | float) and seconds >= 1.0 if more else superfluous(program, at)
