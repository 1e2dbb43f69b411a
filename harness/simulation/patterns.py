"""Patterns of events: what an expectation says about one event, compiled from JSON.

A pattern is an event name and a check for each field that matters. A check knows how to compare, what it wanted
(for messages) and which label a mismatch earns.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, TypeAlias

from harness.simulation.lexicon import NO_WORDS, Lexicon
from harness.simulation.names import same_object
from harness.simulation.robot import Field, Kind
from harness.simulation.rules import Label
from harness.simulation.scene import Scene
from harness.simulation.trace import ASKED, DECLINED, Event, Value, describe_event
from harness.simulation.words import telling, verbatim

# Default tolerances. An angle is written to three decimals: 0.02 rad (1.1 degrees) takes 1.57 for 1.571 and 0.8
# for 0.785 but never 80 for 90 degrees; 2% takes the rounding of a speed times a time.
ANGLE_WITHIN = 0.02
RELATIVE_WITHIN = 0.02
LEAST_WITHIN = 0.02

_UNITS: dict[Kind, dict[str, float]] = {
    Kind.ANGLE: {"rad": 1.0, "deg": math.pi / 180},
    Kind.DISTANCE: {"m": 1.0, "cm": 0.01, "mm": 0.001, "km": 1000.0},
    Kind.SPEED: {"m/s": 1.0, "cm/s": 0.01, "mm/s": 0.001, "km/h": 1 / 3.6},
    Kind.TIME: {"s": 1.0, "min": 60.0},
}
Choices: TypeAlias = Sequence[Sequence[str]]
_QUANTITY = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*([a-z/]+)\s*")


class Check(NamedTuple):
    """A comparison with one field."""

    name: str
    holds: Callable[[Any], bool]
    label: Label
    wanted: str


class Pattern(NamedTuple):
    """What one event must look like."""

    event: str
    checks: tuple[Check, ...]
    text: str

    def mismatch(self, event: Event) -> Check | None:
        """The first check that an event of this name fails; None where it matches."""
        fields = event.fields
        for check in self.checks:
            if not check.holds(fields.get(check.name)):
                return check
        return None

    def matches(self, event: Event) -> bool:
        """Whether it is this event."""
        return event.name == self.event and self.mismatch(event) is None


class Fault(Exception):  # noqa: N818  it never leaves the package: `expect` makes an InputError of it
    """A mistake in an expectation, without its place."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def parse_pattern(raw: Mapping[str, Any], scene: Scene) -> Pattern:
    """Compile one entry of `must`, `never` or `allow`.

    Raises:
        Fault: no event, an unknown one, an unknown field, or a value that the field cannot have.
    """
    name = raw.get("event")
    events = scene.robot.events
    if not isinstance(name, str):
        raise Fault(f"an expected event is an object with 'event', not {raw!r}", '{"event": NAME, FIELD: VALUE, ...}')
    if name not in events:
        raise Fault(f"unknown event {name!r}", f"events: {', '.join(events)}")
    known = events[name].fields
    rooms = places(scene)
    given = {key: value for key, value in raw.items() if key != "event"}
    text = " ".join([name, *(f"{key}={value}" for key, value in given.items())])
    zeros = [key for key, field in known.items() if field.zero]
    if given.keys() & set(zeros):
        given |= {key: 0 for key in zeros if key not in given}
    checks = []
    for key, value in given.items():
        if key == "contains" and "text" in known:
            checks.append(_contains(value, scene.robot.speech.lexicon, spoken=name in (ASKED, DECLINED)))
        elif key in known:
            checks.append(parse_check(key, value, known[key], rooms, scene.robot.speech.lexicon))
        else:
            names = ", ".join([*known, *(["contains"] if "text" in known else [])])
            raise Fault(f"the event {name!r} has no field {key!r}", f"fields: {names or 'none'}")
    return Pattern(name, tuple(checks), text)


def derive_pattern(
    event: Event,
    fields: Mapping[str, Field],
    *,
    loosened: Collection[str],
    lexicon: Lexicon,
    told: Callable[[str], bool] | None,
) -> Pattern:
    """The pattern that an event of a reference stands for.

    Fields that one of the keys `loosened` frees need not agree; `told` is what its text must be, in place of the
    reference word by word.
    """
    checks = []
    for name, field in fields.items():
        value = event.fields.get(name, False if field.kind is Kind.FLAG else None)
        if not field.derived or value is None or field.loosened in loosened:
            continue
        if field.loosened == "said" and told is not None:
            checks.append(Check(name, told, Label.WRONG_CONTENT, f"as {value!r}, by what `said` must and may hold"))
        else:
            checks.append(parse_check(name, value, field, (str(value),), lexicon))
    return Pattern(event.name, tuple(checks), describe_event(event))


def parse_check(name: str, value: Any, field: Field, rooms: Sequence[str], lexicon: Lexicon = NO_WORDS) -> Check:
    """Compile the expected value of one field; a list is a choice."""
    if isinstance(value, list):
        if not value:
            raise Fault(f"{name!r} is an empty choice", "give at least one value")
        options = [parse_check(name, option, field, rooms, lexicon) for option in value]
        tests = tuple(option.holds for option in options)
        wanted = " or ".join(option.wanted for option in options)
        return Check(name, lambda actual: any(test(actual) for test in tests), options[0].label, wanted)
    kind = field.kind
    if kind in _UNITS:
        return _number(name, value, field)
    if kind in (Kind.LEVEL, Kind.FLAG):
        if isinstance(value, bool) is not (kind is Kind.FLAG) or not isinstance(value, int):
            _wrong(name, value, "true or false" if kind is Kind.FLAG else "a whole number")
        if kind is Kind.LEVEL:
            return Check(name, lambda actual: actual == value, Label.VALUE, str(value))
        # A flag that an event does not carry is false.
        label = Label.WRONG_ORDER if field.loosened == "order" else Label.VALUE
        return Check(name, lambda actual: bool(actual) is value, label, str(value).lower())
    if not isinstance(value, str):
        _wrong(name, value, "a string")
    if kind is Kind.PLACE and value not in rooms:
        raise Fault(f"there is no room {value!r} in the scene", f"rooms: {', '.join(rooms)}")
    if kind is Kind.WORD and field.choices and value not in field.choices:
        _wrong(name, value, f"one of {', '.join(field.choices)}")
    return Check(name, _same_text(value, kind, lexicon), Label.WRONG_CONTENT, repr(value))


def _same_text(value: str, kind: Kind, lexicon: Lexicon) -> Callable[[Any], bool]:
    if kind is Kind.SPEECH:
        return verbatim(value, lexicon)
    if kind is Kind.OBJECT:
        return lambda actual: actual is not None and same_object(actual, value)
    return lambda actual: bool(actual == value)


def _number(name: str, raw: Any, field: Field) -> Check:
    kind = field.kind
    within, value = field.within, raw
    if isinstance(raw, Mapping):
        if set(raw) != {"value", "within"}:
            _wrong(name, raw, 'an object with "value" and "within"')
        value, within = raw["value"], _quantity(raw["within"], field, name)
    expected = _quantity(value, field, name)
    unit = field.unit or next(iter(_UNITS[kind]))
    base = _UNITS[kind][unit]
    if within is None:
        least = (ANGLE_WITHIN if kind is Kind.ANGLE else LEAST_WITHIN) / base
        within = least if kind is Kind.ANGLE else max(least, RELATIVE_WITHIN * abs(expected))
    low, high = expected - within, expected + within
    turn = math.tau / base if field.wraps else 0.0

    def holds(actual: Value | None) -> bool:
        if actual is None or isinstance(actual, str):
            return False
        if turn:
            return abs(math.remainder(actual - expected, turn)) <= within
        # The sign is exact however wide the tolerance.
        return low <= actual <= high and (expected == 0 or (actual > 0) == (expected > 0))

    return Check(name, holds, Label.VALUE, f"{expected:.4g} +- {within:.3g} {unit}")


def _quantity(raw: Any, field: Field, name: str) -> float:
    """A number, or a number with a unit such as `"90 deg"`, in the field's own unit."""
    if isinstance(raw, int | float) and not isinstance(raw, bool) and math.isfinite(raw):
        return float(raw)
    units = _UNITS[field.kind]
    found = _QUANTITY.fullmatch(raw) if isinstance(raw, str) else None
    if found is None or found[2] not in units:
        _wrong(name, raw, f"a number, or one with a unit: {', '.join(units)}")
    own = units[field.unit] if field.unit else 1.0
    return float(found[1]) * units[found[2]] / own


def places(scene: Scene) -> tuple[str, ...]:
    """Values that a PLACE may have."""
    return (*scene.rooms, *scene.robot.nowhere)


def parse_said(raw: Any, lines: int) -> list[tuple[Choices, Sequence[str]] | None]:
    """What each of so many speeches and log lines must and may hold, from a case's `said`; None for word by word.

    That is an object with `must` and `may` for all of them, a list of objects and nulls, or a list as `must` alone.

    Raises:
        Fault: it is none of these, or has not one entry a line.
    """
    if not isinstance(raw, list) or not any(one is None or isinstance(one, Mapping) for one in raw):
        raw = [raw if isinstance(raw, Mapping) else {"must": raw}] * max(lines, 1)
    told: list[tuple[Choices, Sequence[str]] | None] = []
    for one in raw:
        if one is None:
            told.append(None)
            continue
        if not isinstance(one, Mapping) or not one.keys() <= {"must", "may"} or "must" not in one:
            raise Fault(f"said: cannot be {one!r}", 'it is {"must": [PHRASE, [PHRASE, PHRASE]], "may": [WORD]}')
        may = one.get("may", [])
        if not isinstance(may, list) or not all(isinstance(word, str) for word in may):
            raise Fault(f"said: 'may' cannot be {may!r}", "it is a list of words or phrases")
        told.append((_choices("said: 'must'", one["must"]), may))
    if len(raw) != lines:
        raise Fault(f"said: is about {len(raw)} speeches and log lines; a reference has {lines}")
    return told


def _choices(name: str, raw: Any) -> Choices:
    parts = raw if isinstance(raw, list) else []
    choices = [[part] if isinstance(part, str) else part for part in parts]
    if not choices or not all(
        isinstance(choice, list) and choice and all(isinstance(text, str) for text in choice) for choice in choices
    ):
        raise Fault(f"{name} cannot be {raw!r}", "it is a list of strings, or of lists of strings to choose from")
    return choices


def _contains(raw: Any, lexicon: Lexicon, *, spoken: bool) -> Check:
    """That a text holds phrases; what else a reason or question may say is judged elsewhere."""
    choices = _choices("'contains'", [raw] if isinstance(raw, str) else raw)
    holds = telling(choices, NO_WORDS if spoken else lexicon, closed=False)
    return Check("text", holds, Label.WRONG_CONTENT, f"text with {raw}")


def _wrong(name: str, value: Any, wanted: str) -> NoReturn:
    raise Fault(f"{name!r} cannot be {value!r}", f"it is {wanted}")
