"""The seam between engine and robot: what a pack's robot module provides, as one typed object `ROBOT = Robot(...)`.

The engine owns the list, its budget, asking and declining, units and tolerances, and how a trace is judged. The robot
says which state it has, what each call does to it, which events come of that, and which rules a call can break.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, partial
from pathlib import Path
from types import CodeType, MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, TypeVar

from harness.checks import Call
from harness.errors import InputError
from harness.simulation.rules import ENGINE_RULES, Rule
from harness.simulation.said import Speech
from harness.simulation.trace import ASKED, DECLINED, Event

if TYPE_CHECKING:
    from harness.simulation.run import State
    from harness.simulation.scene import Scene

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Kind(StrEnum):
    """What the values of a field are, and with that how they compare."""

    ANGLE = "angle"  # rad
    DISTANCE = "distance"  # m
    SPEED = "speed"  # m/s
    TIME = "time"  # s
    LEVEL = "level"  # whole number, exact
    FLAG = "flag"
    PLACE = "place"  # a room of the scene
    OBJECT = "object"
    WORD = "word"  # one of a closed set
    SPEECH = "speech"


_NUMBER, _TEXT = frozenset({int, float}), frozenset({str})
_TYPES: Mapping[Kind, frozenset[type]] = {
    **dict.fromkeys((Kind.ANGLE, Kind.DISTANCE, Kind.SPEED, Kind.TIME), _NUMBER),
    **dict.fromkeys((Kind.PLACE, Kind.OBJECT, Kind.WORD, Kind.SPEECH), _TEXT),
    Kind.LEVEL: frozenset({int}),
    Kind.FLAG: frozenset({bool}),
}


class Field(NamedTuple):
    """A field of an event, or of the final state."""

    kind: Kind  # how it compares
    choices: tuple[str, ...] = ()  # the closed set of a WORD; empty for any text
    derived: bool = True  # whether a plan derived from a reference requires it
    zero: bool = False  # left out of an expectation, it must be 0 rather than anything
    # The robot's own unit, such as `cm` or `deg`; empty for the one of the kind. Tolerances are converted.
    unit: str = ""
    # The key of a case's `expect` that frees it (`motion`; `order` for an event that need not stand where the
    # reference has it), or its words (`said`).
    loosened: Literal["", "motion", "said", "order"] = ""
    wraps: bool = False  # a full turn is no difference: for final headings, never for turns
    within: float | None = None  # the robot's own tolerance, in its unit, where that of the kind is not to its scale


class Role(StrEnum):
    """What an event means where nobody asked for it."""

    ACT = "act"  # something too much
    HARMLESS = "harmless"  # may always happen
    LIMITED = "limited"  # may happen up to the amount that `Robot.spare` gives
    PASSING = "passing"  # on the way to something else; only `never` looks at it
    HAZARD = "hazard"  # unsafe
    UNFINISHED = "unfinished"  # begun, and not waited for


class EventSpec(NamedTuple):
    """An event that the robot may emit."""

    fields: Mapping[str, Field] = _NOTHING  # what it carries
    # What it means unasked; a function where that depends on the fields.
    role: Role | Callable[[Event], Role] = Role.ACT
    # Fields that are taken together (`sum`, or the larger by `max`) where the next event of this name goes on the
    # same way: the same other fields, and the same signs of all that is summed.
    joins: Mapping[str, Literal["sum", "max"]] = _NOTHING
    amount: str = ""  # the field that counts towards a limit; empty where each event counts as one


class StartKey(NamedTuple):
    """A key of `[start]` in a scene and of `start` in a case: its default, a test of a value, and that in words."""

    default: Any
    test: Callable[[Any], bool]
    wanted: str


class StartError(Exception):
    """Raised by `Robot.settle`: a start state that cannot be; the engine adds the file and the line of the key."""

    def __init__(self, message: str, key: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message, self.key, self.hint = message, key, hint


class UndeclaredError(Exception):
    """A robot module does what it does not declare; `code` says where, if the traceback does not."""

    def __init__(self, message: str, code: CodeType | None = None) -> None:
        super().__init__(message)
        self.code = code


T = TypeVar("T")
Skill: TypeAlias = Callable[..., object]
Expected: TypeAlias = Callable[[list[Event], dict[str, Any]], tuple[list[Event], dict[str, Any]]]
Guess: TypeAlias = Callable[["Scene", Sequence[Call]], Mapping[str, Any]]

_SPOKEN = EventSpec({"text": Field(Kind.SPEECH, derived=False)})


@dataclass(frozen=True, eq=False)
class Robot:
    """Everything about one robot that the simulator and the judge need."""

    name: str  # for people
    new: Callable[[Scene], State]  # makes the state in which a simulation in a scene begins
    # Call path -> what it does: a function of the state and, by name, the parameters of the profile.
    skills: Mapping[str, Skill]
    events: Mapping[str, EventSpec]  # what skills emit; the engine adds `asked` and `declined`
    final: Mapping[str, Field] = field(default_factory=dict)  # what the final state holds
    rules: Mapping[str, Rule] = field(default_factory=dict)  # what skills refuse by; the engine adds `ENGINE_RULES`
    asks: str = ""  # path of the call that asks the operator, with one text argument; it needs no skill
    declines: str = ""  # the same of the call that declines
    start: Mapping[str, StartKey] = field(default_factory=dict)  # keys that a case's `start` may set
    # `scene.start` with checked changes applied: derived keys filled in, what cannot be together refused.
    settle: Callable[[Scene, Mapping[str, Any]], Mapping[str, Any]] = lambda scene, changes: {**scene.start, **changes}
    # Tables that a scene may hold besides rooms, objects and people; each maps names to rooms.
    tables: tuple[str, ...] = ()
    nowhere: tuple[str, ...] = ()  # values of a PLACE that are no room
    # Loosens what a reference's trace stands for: given its events, those in passing left out, and the derived part
    # of its final state, it returns those that an answer must reach.
    expected: Expected = lambda events, final: (events, final)
    # How much of each event with the role `LIMITED` may happen in all beside the events of a reference, the argument;
    # none of those left out.
    spare: Callable[[Sequence[Event]], Mapping[str, float]] = lambda _events: {}
    # What a scene's places, objects and people are called, by which a question may ask for them.
    names: Callable[[Scene], Mapping[str, Iterable[str]]] = lambda scene: {
        "place": scene.rooms,
        "object": scene.objects,
        "person": scene.people,
    }
    missing_rooms: Guess = lambda _scene, _calls: {}  # a `start` that adds the rooms a plan names and the scene lacks
    infer_start: Guess = lambda _scene, _calls: {}  # a `start` in which a plan makes sense, rooms and objects added
    simulated: bool = True  # False where there is no robot module (`harness.simulation.static`)
    example_scene: str = ""  # where the examples of the rules are tried; empty for the pack's first scene
    path: Path = Path()  # the module's file, set when it is loaded
    speech: Speech = field(default_factory=Speech)  # what its pack knows of speech, set when it is loaded

    def __post_init__(self) -> None:
        """Join what the engine adds for every robot."""
        alone = ((self.asks, ASKED), (self.declines, DECLINED))
        instead = {path: partial(_say, event) for path, event in alone if path}
        object.__setattr__(self, "skills", {**self.skills, **instead})
        object.__setattr__(self, "events", {**self.events, ASKED: _SPOKEN, DECLINED: _SPOKEN})
        object.__setattr__(self, "rules", {**ENGINE_RULES, **self.rules})

    @cached_property
    def passing(self) -> frozenset[str]:
        """Events that are always on the way to something else."""
        return frozenset(name for name, spec in self.events.items() if spec.role is Role.PASSING)

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """Events that hold a text that somebody hears or reads, and its field."""
        return {
            name: key
            for name, spec in self.events.items()
            for key, one in spec.fields.items()
            if one.kind is Kind.SPEECH
        }

    @cached_property
    def types(self) -> Mapping[str, Mapping[str, frozenset[type]]]:
        """What the fields of each event may be."""
        return {name: {key: _TYPES[one.kind] for key, one in spec.fields.items()} for name, spec in self.events.items()}

    @cached_property
    def final_types(self) -> Mapping[str, frozenset[type]]:
        """What the final state may hold."""
        return {key: _TYPES[one.kind] for key, one in self.final.items()}

    def role(self, event: Event) -> Role:
        """What an event means where nobody asked for it."""
        role = self.events[event.name].role
        return role if isinstance(role, Role) else self.hook(f"the role of {event.name!r}", role, event)

    def hook(self, doing: str, function: Callable[..., T], *arguments: Any) -> T:
        """What a function of the robot module returns.

        Raises:
            StartError: as `settle` raises it.
            InputError: the function raises anything else; with its file and line.
        """
        try:
            return function(*arguments)
        except StartError:
            raise
        except Exception as error:  # whatever a robot module may raise
            raise self.fault(error, doing) from error

    def fault(self, error: Exception, doing: str) -> InputError:
        """An exception of the robot module as an error of its file and line; `doing` is what was asked of it.

        Raises:
            Exception: the same, where no line of the module had a part in it.
        """
        if isinstance(error, UndeclaredError) and error.code is not None:
            return InputError(f"{error}, at {doing}", path=error.code.co_filename, line=error.code.co_firstlineno)
        own = self.path.parent if self.path.name == "__init__.py" else self.path
        frames = traceback.extract_tb(error.__traceback__)
        inside = [frame for frame in frames if Path(frame.filename).is_relative_to(own)]
        if not inside:
            raise error
        shown = str(error) if isinstance(error, UndeclaredError) else f"{type(error).__name__}: {error}"
        return InputError(
            f"the robot module fails at {doing}: {shown}", path=inside[-1].filename, line=inside[-1].lineno
        )


def _say(event: str, state: State, /, **text: str) -> None:
    state.emit(event, text=next(iter(text.values())))
