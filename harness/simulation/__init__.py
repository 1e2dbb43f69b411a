"""A simulated robot: what a command list would do, and whether that is what the command asked for.

The engine knows no robot: `robot` says what a pack's robot module provides, `load` loads it. `scene` is the world,
`run` turns a list into a `trace`; `patterns` and `expect` say what a trace must satisfy, `judge` compares, and
`verdict` joins that with the findings of `harness.checks`. One answer takes
`decide(check_answer(...), expect(case, ...))`.
"""

from harness.simulation.expect import Expectation, expect
from harness.simulation.judge import Judgement, judge
from harness.simulation.labels import Label
from harness.simulation.load import load_robot
from harness.simulation.robot import Robot
from harness.simulation.run import STEP_BUDGET, simulate
from harness.simulation.scene import Scene, infer_scene, load_scenes
from harness.simulation.trace import Broken, Event, Trace, render_trace
from harness.simulation.verdict import Verdict, decide

__all__ = [
    "STEP_BUDGET",
    "Broken",
    "Event",
    "Expectation",
    "Judgement",
    "Label",
    "Robot",
    "Scene",
    "Trace",
    "Verdict",
    "decide",
    "expect",
    "infer_scene",
    "judge",
    "load_robot",
    "load_scenes",
    "render_trace",
    "simulate",
]
