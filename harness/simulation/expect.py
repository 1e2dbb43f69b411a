"""What a case's trace must satisfy: compiled once per case from its `expect` and its references.

Without `must`, each reference is simulated and its trace becomes an accepted one. `EXPECTATIONS.md` of the pack is
the page for authors.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, TypeAlias

from harness.cases import Case, Disposition
from harness.checks import Call
from harness.errors import InputError
from harness.files import STRICT, validated
from harness.simulation.patterns import (
    Check,
    Fault,
    Pattern,
    derive_pattern,
    parse_check,
    parse_pattern,
    parse_said,
    places,
)
from harness.simulation.run import simulate
from harness.simulation.said import Command
from harness.simulation.scene import Scene, with_start
from harness.simulation.trace import DECLINED, Event, Trace
from harness.simulation.words import telling

Bind: TypeAlias = Callable[[Sequence[str]], Sequence[Call]]


@dataclass(frozen=True, slots=True)
class AcceptedTrace:
    """One right way."""

    must: tuple[Pattern, ...]  # events that happen, each once
    in_order: bool  # they happen in the order of `must`
    # Where they need not: pairs of positions in `must`, the first before the second.
    before: tuple[tuple[int, int], ...]
    final: tuple[Check, ...]  # checks of the final state


@dataclass(frozen=True, slots=True)
class Expectation:
    """Everything that decides whether an answer to a case is right."""

    scene: Scene  # the case's scene, its `start` applied: what answers are simulated in
    dispositions: tuple[str, ...]  # right ones; the case's own first
    accepted: tuple[AcceptedTrace, ...]  # right ways; one is enough
    allow: tuple[Pattern, ...]  # events that may happen besides
    # How much may happen besides of what is harmless up to an amount, by its first reference.
    spare: Mapping[str, float]
    never: tuple[Pattern, ...]  # events that must not happen
    command: Command  # what texts of the robot's own are judged by
    guarded: frozenset[str]  # paths of the guarded calls that its references make, allowed in answers too
    about: str  # the case, for messages


@dataclass(frozen=True, slots=True)
class _Stated:
    """The `expect` of a case; what its lists and `final` hold is checked where it is compiled."""

    __pydantic_config__ = STRICT
    must: tuple[dict[str, Any], ...] | None = None
    order: Any = "all"
    motion: Literal["timed", "distance"] = "timed"
    said: Any = None
    missing: str | tuple[str, ...] = ()
    never_said: tuple[str, ...] = ()
    allow: tuple[dict[str, Any], ...] = ()
    never: tuple[dict[str, Any], ...] = ()
    final: dict[str, Any] = field(default_factory=dict)
    accept: tuple[Disposition, ...] = ()


def expect(case: Case, scenes: Mapping[str, Scene], bind: Bind, guarded: Collection[str] = ()) -> Expectation:
    """Compile a case; `bind` makes bound calls of a reference, `guarded` are paths of the profile's guarded calls.

    Raises:
        InputError: an unknown scene, field, event, room or value, with the case's file and line.
    """
    about = f"case {case.id!r}"
    if case.scene not in scenes:
        message = f"{about}: there is no scene {case.scene!r}"
        raise InputError(message, path=case.path, line=case.line, hint=f"scenes: {', '.join(scenes)}")
    scene = with_start(scenes[case.scene], case.start, path=case.path, line=case.line)
    what = f"an expectation of {about}"
    stated = validated(_Stated, case.expect, case.path, what, line=case.line) if case.expect else _Stated()
    if stated.must is not None and case.expect.keys() & {"motion", "said"}:
        message = f"{about}: 'motion' and 'said' loosen what a reference stands for and mean nothing beside 'must'"
        raise InputError(message, path=case.path, line=case.line, hint="say it in 'must'")
    references = [bind(reference) for reference in case.references]
    try:
        traces = [simulate(calls, scene, about=about) for calls in references]
        if stated.must is None:
            accepted = tuple(_derived(trace, stated, scene, case) for trace in traces)
        else:
            must = tuple(parse_pattern(one, scene) for one in stated.must)
            accepted = (_accepted(must, stated, {}, scene),)
        robot = scene.robot
        spare = robot.hook(f"{about}, what may happen besides", robot.spare, traces[0].events if traces else ())
        return Expectation(
            scene=scene,
            dispositions=(case.disposition, *stated.accept),
            accepted=accepted,
            allow=tuple(parse_pattern(one, scene) for one in stated.allow),
            spare=spare,
            never=tuple(parse_pattern(one, scene) for one in stated.never),
            command=_command(case, stated, scene, traces),
            guarded=frozenset(call.path for calls in references for call in calls if call.path in guarded),
            about=about,
        )
    except Fault as fault:
        raise InputError(f"{about}: {fault}", path=case.path, line=case.line, hint=fault.hint) from None


def _command(case: Case, stated: _Stated, scene: Scene, traces: Sequence[Trace]) -> Command:
    """What texts of the robot's own are judged by."""
    speech = scene.robot.speech
    missing = (stated.missing,) if isinstance(stated.missing, str) else stated.missing
    unknown = [kind for kind in missing if kind not in speech.lexicon.missing]
    if unknown:
        raise Fault(f"missing: cannot be {unknown[0]!r}", f"one of {', '.join(speech.lexicon.missing) or 'none'}")
    names = scene.robot.hook("the names of a scene", scene.robot.names, scene)
    reasons = tuple(str(one.fields["text"]) for trace in traces for one in trace.events if one.name == DECLINED)
    return Command(case.command, speech, missing, stated.never_said, names, case.may_hurt, reasons)


def _derived(trace: Trace, stated: _Stated, scene: Scene, case: Case) -> AcceptedTrace:
    """What a reference's trace stands for."""
    robot = scene.robot
    events, final = robot.hook(
        f"case {case.id!r}, what a reference stands for",
        robot.expected,
        [event for event in trace.events if event.name not in robot.passing],
        {name: trace.final[name] for name, field in robot.final.items() if field.derived},
    )
    freed = {"motion"} if stated.motion == "distance" else set()
    lexicon, told = robot.speech.lexicon, _told(events, stated, scene, case)
    fields = [robot.events[one.name].fields for one in events]
    ways = [at for at, own in enumerate(fields) if all(field.loosened != "order" for field in own.values())]
    pinned = _pinned(len(events), stated.order, ways)
    must = tuple(
        derive_pattern(
            one, fields[at], loosened=freed if at in pinned else freed | {"order"}, lexicon=lexicon, told=told.get(at)
        )
        for at, one in enumerate(events)
    )
    return _accepted(must, stated, final, scene)


def _told(events: Sequence[Event], stated: _Stated, scene: Scene, case: Case) -> dict[int, Callable[[str], bool]]:
    """Tests of the speeches and log lines that are not word by word, by position."""
    if stated.said is None:
        return {}
    fields = {name: spec.fields for name, spec in scene.robot.events.items()}
    lines = [
        (at, str(event.fields[key]))
        for at, event in enumerate(events)
        for key, field in fields[event.name].items()
        if field.loosened == "said"
    ]
    return {
        at: telling(
            one[0],
            scene.robot.speech.lexicon,
            may=one[1],
            wording=text,
            others=[other for place, other in lines if place != at],
            command=case.command,
        )
        for (at, text), one in zip(lines, parse_said(stated.said, len(lines)), strict=True)
        if one is not None
    }


def _chains(count: int, order: Any) -> tuple[tuple[int, int], ...]:
    """Pairs of positions, the first before the second, that an `order` of chains asks for."""
    chains = [] if order in ("all", "any") else order
    if not isinstance(chains, list) or not all(
        isinstance(chain, list) and all(type(i) is int and 0 <= i < count for i in chain) for chain in chains
    ):
        hint = f'it is "all", "any" or chains of positions 0 to {count - 1}, as [[0, 2]]'
        raise Fault(f"'order' cannot be {order!r}", hint)
    return tuple(pair for chain in chains for pair in pairwise(chain))


def _pinned(count: int, order: Any, ways: Collection[int]) -> Collection[int]:
    """Positions that the order leaves where the reference has them: before or after each of the ways and motions."""
    before = set(_chains(count, order))
    if order == "all":
        return range(count)
    for middle in range(count):
        into = {one for one, two in before if two == middle}
        before |= {(one, two) for start, two in before if start == middle for one in into}
    return [k for k in range(count) if all(k == i or (i, k) in before or (k, i) in before for i in ways)]


def _accepted(must: tuple[Pattern, ...], stated: _Stated, final: Mapping[str, Any], scene: Scene) -> AcceptedTrace:
    """An accepted trace of these events; the stated final state adds to the derived one, or replaces it."""
    known = scene.robot.final
    for key in stated.final:
        if key not in known:
            raise Fault(f"the final state has no {key!r}", f"it has {', '.join(known)}")
    rooms = places(scene)
    checks = tuple(parse_check(key, value, known[key], rooms) for key, value in {**final, **stated.final}.items())
    return AcceptedTrace(must, stated.order == "all", _chains(len(must), stated.order), checks)
