"""Runs a bound command list against a scene, step by step.

Symbolic and deterministic: nothing a model wrote is executed, no clock is read, and the only limit is a number of
steps. A call whose precondition is broken is recorded and skipped, and the rest runs on, so that one trace shows
everything there is to see.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.simulation.robot import BoundCall, Robot
from harness.simulation.state import State, UndeclaredError
from harness.simulation.trace import ASKED, DECLINED, Trace, Value
from harness.simulation.world import Scene

STEP_BUDGET = 200  # calls; the longest plan of a shipped pack has about thirty


def simulate(calls: Sequence[BoundCall], scene: Scene, budget: int = STEP_BUDGET, about: str = "") -> Trace:
    """What the robot does when it is given these calls.

    Args:
        calls: Bound and checked, in order.
        scene: With the start state, and the robot.
        budget: Calls after which simulation stops; the trace is then marked exhausted.
        about: What the calls belong to, such as a case, for the message of a robot module that fails.

    Raises:
        InputError: the robot module raises, or breaks its own declarations; with its file and line.
    """
    try:
        return _run(calls, scene, budget)
    except Exception as error:  # whatever a robot module may raise
        shown = ", ".join(call.path for call in calls[:8]) or "an empty list"
        raise scene.robot.fault(error, f"{about}: {shown}" if about else shown) from error


def _run(calls: Sequence[BoundCall], scene: Scene, budget: int) -> Trace:
    robot = scene.robot
    state = robot.new(scene)
    skills = robot.skills
    exhausted = len(calls) > budget
    for item, call in enumerate(calls[:budget] if exhausted else calls):
        state.item = item
        skill = skills.get(call.path)
        if skill is None:
            state.refuse("R598", f"{call.path} has no meaning in the simulator")
        else:
            skill(state, **call.args)
    if exhausted:
        state.item = budget
        state.refuse("R599", f"{len(calls)} calls are more than the budget of {budget}")
    else:
        state.item = len(calls)
        state.finish()
        if len(calls) > 1:
            _require_alone(state)
    return Trace(tuple(state.events), tuple(state.broken), _final(robot, state), exhausted)


def _require_alone(state: State) -> None:
    """Asking and declining stand alone: not to act is what they mean."""
    for event in state.events:
        if event.name in (ASKED, DECLINED):
            state.item = event.item
            state.refuse("R516", "asking or declining beside other calls: it stands alone, or not at all")
            return


def _final(robot: Robot, state: State) -> dict[str, Value]:
    final = state.final()
    if final.keys() != robot.final.keys():
        odd = ", ".join(sorted(final.keys() ^ robot.final.keys()))
        raise UndeclaredError(f"final() and the declared final state differ in {odd}", type(state).final.__code__)
    for name, types in robot.final_types:
        if final[name].__class__ not in types:
            message = f"final() gives {name} = {final[name]!r}, declared as {robot.final[name].kind}"
            raise UndeclaredError(message, type(state).final.__code__)
    return final
