"""A pack without a robot module: nothing is simulated; right is an answer with the calls of a reference."""

from __future__ import annotations

from collections.abc import Callable

from harness.checks import Call
from harness.checks.finding import Value
from harness.pack import Pack
from harness.sdk.profile import Profile
from harness.simulation.robot import EventSpec, Field, Kind, Robot
from harness.simulation.run import State


def static_robot(pack: Pack, profile: Profile) -> Robot:
    """A robot that only takes down what it is called."""
    return Robot(
        name=profile.title,
        new=State,
        skills={call.path: _taken_down(call.path) for call in profile.calls},
        events={"called": EventSpec({"call": Field(Kind.WORD)})},
        asks=pack.asks,
        declines=pack.declines,
        simulated=False,
    )


def _taken_down(path: str) -> Callable[..., None]:
    def skill(state: State, /, **arguments: Value) -> None:
        state.emit("called", call=as_text(Call(path, arguments)))

    return skill


def as_text(value: Value) -> str:
    """The same text for equal calls: defaults stand filled in, arguments by name, 1 as 1.0."""
    if isinstance(value, Call):
        arguments = ", ".join(f"{name}={as_text(value.args[name])}" for name in sorted(value.args))
        return f"self.{value.path}({arguments})"
    if isinstance(value, tuple):
        return f"[{', '.join(map(as_text, value))}]"
    return repr(value if isinstance(value, bool | str) else float(value))
