"""A simulated robot: what a command list would do, and whether that is what the command asked for.

`scene` and `state` are the world, `skills` what each call does to it, `simulate` runs a list into a `trace`;
`vocabulary`, `patterns` and `expectations` say what a trace must satisfy, and `judge` decides.
"""

from harness.robot.expectations import Expectation, expect
from harness.robot.judge import Judgement, judge
from harness.robot.labels import Label
from harness.robot.scene import Scene, load_scenes
from harness.robot.simulate import STEP_BUDGET, simulate
from harness.robot.trace import Broken, Event, Trace, render_trace

__all__ = [
    "STEP_BUDGET",
    "Broken",
    "Event",
    "Expectation",
    "Judgement",
    "Label",
    "Scene",
    "Trace",
    "expect",
    "judge",
    "load_scenes",
    "render_trace",
    "simulate",
]
