"""Which calls of a list change nothing.

A few drops, repetitions and longer waits leave the robot doing the same; these rules on the text of the list (never
the simulator, which is under test) tell them apart from the harmful ones, and `harmless` asks that they pass. They
are: leaving out the StopMove after a Move whose second was waited out, or the wait after a trick that no motion
follows; repeating or leaving out a stand-up that another makes superfluous; repeating a log entry, a StopMove, or a
wait that only follows a trick or Move.
"""

from __future__ import annotations

from harness.benchmarks.mutants.programs import MOVE, STAND_UP, STOP, TRICKS, Program


def neutral_drop(program: Program, at: int) -> bool:
    """Whether leaving out this call changes nothing."""
    one = program[at]
    if one.path == STOP:
        before = program[at - 1] if at else None
        return before is not None and before.path == "wait" and _waited_out(program, at - 1)
    if one.path == "wait":
        return _only_a_trick_wait(program, at)
    if one.path in STAND_UP:
        # A stand-up beside another: only the last decides how the robot stands, and whether it could stand at all is
        # the start posture's business, so these are neither harmful nor harmless by rule; `harmful` skips them.
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
