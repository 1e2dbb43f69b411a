"""The robot module to begin with: each call is taken down as an event of its own, and does nothing else yet."""

from __future__ import annotations

import json
from collections.abc import Iterator

from harness.sdk.profile import CallSpec, Param, Profile

_HEAD = '''\
"""What each call does: {title}.

Written by `gonogo init`: so far each call is only taken down as an event of its own. What to fill in, call by call:
which state it changes, what it must not do (`robot.refuse("R501", ...)` with a `Rule` below), and what each number is.
datasets/README.md of gonogo tells it step by step.
"""

from dataclasses import dataclass

from harness.simulation import EventSpec, Field, Kind, Robot, State, as_text


@dataclass(slots=True)
class {state}(State):
    """What is true of the robot while a list runs, such as `flying: bool = False`. So far nothing is."""

    def final(self):
        """What of it a case may demand at the end."""
        return {{}}


# Question: which number is an ANGLE, a DISTANCE, a SPEED or a TIME, and in which unit, as in unit="cm"? Until that is
# said each counts as metres, and is right within 2% of the reference's or 0.02.
NUMBER = Field(Kind.DISTANCE)
WHOLE = Field(Kind.LEVEL)  # exact
FLAG = Field(Kind.FLAG)
TEXT = Field(Kind.WORD)  # exact; Kind.SPEECH for what somebody hears


def _given(**arguments):
    """The arguments that the call has."""
    return {{name: value for name, value in arguments.items() if value is not None}}


def _text(value):
    """A value of a type that is still open, or a list, as text."""
    return None if value is None else as_text(value)
'''
_FIELDS = {"float": "NUMBER", "int": "WHOLE", "bool": "FLAG", "str": "TEXT"}


def module_text(profile: Profile) -> str:
    """A robot module that fits the profile."""
    calls = [call for call in profile.calls if not call.alone]
    events = {call.path: _event(call) for call in calls}
    named = next(call.sdk.symbol.partition(".")[0] for call in calls if call.sdk)
    state = f"{named}Now"  # no name that is imported
    lines = [
        _HEAD.format(title=profile.title, state=state).rstrip(),
        *(line for call in calls for line in _skill(call, events[call.path])),
        "",
        "",
        "ROBOT = Robot(",
        f"    name={json.dumps(profile.title)},",
        f"    new={state},",
        "    skills={",
        *(f'        "{call.path}": do_{events[call.path]},' for call in calls),
        "    },",
        "    events={",
        *(f'        "{events[call.path]}": EventSpec({_fields(call)}),' for call in calls),
        "    },",
        '    asks="ask",',
        '    declines="decline",',
        ")",
    ]
    return "\n".join(lines) + "\n"


def _event(call: CallSpec) -> str:
    name = call.path.rpartition(".")[2]
    return f"{name}_called" if name in {"asked", "declined"} else name


def _skill(call: CallSpec, event: str) -> Iterator[str]:
    params = call.params or ()
    robot = next(name for name in ("robot", "robot_", "robot__") if name not in {param.name for param in params})
    # What a call may leave out needs a default; it is the profile's where there is one.
    given = [f"{p.name}=None" if not p.required and p.default is None else p.name for p in params]
    given = [*(one for one in given if "=" not in one), *(one for one in given if "=" in one)]
    arguments = ", ".join(f"{p.name}={p.name if p.type in _FIELDS else f'_text({p.name})'}" for p in params)
    yield ""
    yield ""
    yield f"def do_{event}({', '.join([robot, *given])}):"
    fields = f", **_given({arguments})" if params else ""
    yield f'    {robot}.emit("{event}"{fields})'


def _fields(call: CallSpec) -> str:
    def field(param: Param) -> str:
        return f'"{param.name}": {_FIELDS.get(param.type, "TEXT")}'

    return f"{{{', '.join(map(field, call.params))}}}" if call.params else ""
