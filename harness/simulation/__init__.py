"""A simulated robot: what a command list would do, and whether that is what the command asked for.

`scene` and `state` are the world, `skills` what each call does to it, `simulate` runs a list into a `trace`;
`vocabulary`, `patterns` and `expectations` say what a trace must satisfy, `judge` compares, and `verdict` joins
that with the findings of `harness.checks`. One answer takes `decide(check_answer(...), expect(case, ...))`.
"""

from harness.simulation.expect import Expectation, expect
from harness.simulation.judge import Judgement, judge
from harness.simulation.labels import Label
from harness.simulation.run import STEP_BUDGET, simulate
from harness.simulation.scene import Scene, load_scenes
from harness.simulation.trace import Broken, Event, Trace, render_trace
from harness.simulation.verdict import Verdict, decide

__all__ = [
    "STEP_BUDGET",
    "Broken",
    "Event",
    "Expectation",
    "Judgement",
    "Label",
    "Scene",
    "Trace",
    "Verdict",
    "decide",
    "expect",
    "judge",
    "load_scenes",
    "render_trace",
    "simulate",
]
