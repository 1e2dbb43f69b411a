"""A simulated robot: what a command list would do, and whether that is what the command asked for.

The engine knows no robot: `robot` says what a pack's robot module provides, `load` loads it. `scene` is the world,
`run` turns a list into a `trace`; `patterns` and `expect` say what a trace must satisfy, `match` compares the two,
and `judge` joins that with the findings of `harness.checks`. One answer takes
`decide(check_answer(...), expect(case, ...))`.
"""

from harness.simulation.expect import Expectation, expect
from harness.simulation.judge import decide, judge
from harness.simulation.load import load_robot
from harness.simulation.match import trace_diff
from harness.simulation.robot import EventSpec, Field, Kind, Robot, Role, StartError, StartKey
from harness.simulation.rules import Label, Rule
from harness.simulation.run import STEP_BUDGET, State, simulate
from harness.simulation.scene import Scene, load_scenes, with_inferred_start, with_missing_rooms, with_start
from harness.simulation.static import as_text
from harness.simulation.trace import Event, Trace, Value, render_trace

__all__ = [
    "STEP_BUDGET",
    "Event",
    "EventSpec",
    "Expectation",
    "Field",
    "Kind",
    "Label",
    "Robot",
    "Role",
    "Rule",
    "Scene",
    "StartError",
    "StartKey",
    "State",
    "Trace",
    "Value",
    "as_text",
    "decide",
    "expect",
    "judge",
    "load_robot",
    "load_scenes",
    "render_trace",
    "simulate",
    "trace_diff",
    "with_inferred_start",
    "with_missing_rooms",
    "with_start",
]
