"""Runs a bound command list against a scene, step by step.

Symbolic and deterministic: nothing a model wrote is executed, no clock is read, and the only limit is a number of
steps. A call whose precondition is broken is recorded and skipped, and the rest runs on, so that one trace shows
everything there is to see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from harness.simulation.skills import SKILLS
from harness.simulation.skills.motion import pass_time
from harness.simulation.state import Robot, start
from harness.simulation.trace import Trace
from harness.simulation.world import Scene

STEP_BUDGET = 200  # calls; the longest reference of the pack has about thirty


class BoundCall(Protocol):
    """A call with its arguments bound by name; builders inside arguments are bound calls themselves."""

    @property
    def path(self) -> str:
        """Dotted path below `self`, as in `nav_publisher.publish`."""

    @property
    def args(self) -> Mapping[str, Any]:
        """Argument name -> value, already checked for type and range."""


def simulate(calls: Sequence[BoundCall], scene: Scene, budget: int = STEP_BUDGET) -> Trace:
    """What the robot does when it is given these calls.

    Args:
        calls: Bound and checked, in order.
        scene: With the start state.
        budget: Calls after which simulation stops; the trace is then marked exhausted.
    """
    robot = start(scene)
    exhausted = len(calls) > budget
    for item, call in enumerate(calls[:budget] if exhausted else calls):
        robot.item = item
        skill = SKILLS.get(call.path)
        if skill is None:
            robot.refuse("R598", f"{call.path} has no meaning in the simulator")
        else:
            skill(robot, call.args)
    if exhausted:
        robot.item = budget
        robot.refuse("R599", f"{len(calls)} calls are more than the budget of {budget}")
    else:
        robot.item = len(calls)
        _finish(robot)
    return Trace(tuple(robot.events), tuple(robot.broken), robot.final(), exhausted)


def _finish(robot: Robot) -> None:
    """What goes on after the last call: a Move runs out, and what was not waited for is left unfinished."""
    if robot.move_s > 0:
        pass_time(robot, robot.move_s)
    if robot.goals:
        robot.emit("unfinished", what="navigation", room=robot.goals[-1])
    elif robot.spin is not None:
        robot.emit("unfinished", what="navigation", room=robot.location)
    if robot.docking:
        robot.emit("unfinished", what="docking", room=robot.location)
    if robot.request:
        robot.emit("unfinished", what="perception", room=robot.place)
    if robot.item > 1:
        for event in robot.events:
            if event.name in ("asked", "declined"):
                robot.item = event.item
                robot.refuse("R516", "asking or declining beside other calls: it stands alone, or not at all")
                break
