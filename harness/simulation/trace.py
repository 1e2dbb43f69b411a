"""What the simulator records: events, broken preconditions and the final state.

The robot module declares the events; expectations are written in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from harness.text import one_line, printable

Value: TypeAlias = str | int | float | bool

# Events of the engine's own: what a list does instead of acting.
ASKED, DECLINED = "asked", "declined"


# Named tuples rather than frozen dataclasses: a trace is made for every answer, and these are built in a third
# of the time.
class Event(NamedTuple):
    """One thing that happened."""

    name: str  # one that the robot declares
    fields: Mapping[str, Value]  # its arguments, in the units that the robot declares
    item: int  # 0-based position of the call in the command list; the number of calls for what happened at the end


class Broken(NamedTuple):
    """A precondition that did not hold; the call was skipped."""

    code: str  # of one of the robot's rules
    message: str  # what was attempted, why it cannot work, and what is missing
    item: int  # 0-based position of the call in the command list
    state: str  # the state that broke it, for people


class Trace(NamedTuple):
    """A simulated command list: what happened and what could not, in order, and the state at the end.

    `exhausted`: the step budget ended the simulation.
    """

    events: tuple[Event, ...]
    broken: tuple[Broken, ...]
    final: Mapping[str, Value]
    exhausted: bool

    @property
    def disposition(self) -> str:
        """What the list does: `execute`, `ask`, `decline`, or `mixed` where it asks or declines and also acts."""
        if not self.events:
            return "execute"
        kinds = {_DISPOSITIONS.get(event.name, "execute") for event in self.events}
        return kinds.pop() if len(kinds) == 1 else "mixed" if kinds - {"execute"} else "execute"


_DISPOSITIONS = {ASKED: "ask", DECLINED: "decline"}


def describe_event(event: Event) -> str:
    """One event as a short line: `turned angle=1.571`, safe to print on a terminal."""
    parts = [f"{name}={_show(value)}" for name, value in event.fields.items() if value != ""]
    return " ".join([event.name, *parts])


def render_trace(trace: Trace, commands: Sequence[str]) -> str:
    """The trace beside its commands, for people, escaped: each with its events and broken preconditions below."""
    lines: list[str] = []
    for item in range(len(commands) + 1):
        below = [f"      -> {describe_event(event)}" for event in trace.events if event.item == item]
        below += [
            f"      !! {broken.code} {one_line(broken.message)}\n         state: {one_line(broken.state)}"
            for broken in trace.broken
            if broken.item == item
        ]
        if item < len(commands):
            lines.append(f"{item + 1:4}  {one_line(commands[item])}")
        elif below:
            lines.append("   at the end")
        lines += below
    final = ", ".join(f"{name} {_show(value)}" for name, value in trace.final.items())
    return printable("\n".join([*lines, f"final state: {final}"]))


def _show(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, str) and not value.replace("_", "").isalnum():
        return "'" + one_line(value) + "'"
    return str(value)
