"""What a case's trace must satisfy: compiled once per case from its `expect` and its references.

Without `must`, each reference is simulated and its trace becomes one accepted plan. `EXPECTATIONS.md` of the pack
is the page for authors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

from harness.cases import DISPOSITIONS, Case
from harness.errors import InputError
from harness.simulation.patterns import Check, Fault, Pattern, derive_pattern, parse_check, parse_pattern, places
from harness.simulation.robot import BoundCall
from harness.simulation.run import simulate
from harness.simulation.scene import Scene, with_start
from harness.simulation.trace import Trace

Bind: TypeAlias = Callable[[Sequence[str]], Sequence[BoundCall]]

FIELDS = ("must", "order", "motion", "said", "allow", "never", "final", "accept")


@dataclass(frozen=True, slots=True)
class Plan:
    """One accepted way.

    Attributes:
        must: Events that happen, each once.
        in_order: They happen in the order of `must`.
        before: Where they need not: pairs of positions in `must`, the first before the second.
        final: Checks of the final state.
    """

    must: tuple[Pattern, ...]
    in_order: bool
    before: tuple[tuple[int, int], ...]
    final: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Expectation:
    """Everything that decides whether a trace is right.

    Attributes:
        scene: The case's scene, its `start` applied: what answers are simulated in.
        dispositions: Right ones; the case's own first.
        plans: Accepted ways; one is enough.
        allow: Events that may happen besides.
        never: Events that must not happen.
        about: The case, for messages.
    """

    scene: Scene
    dispositions: tuple[str, ...]
    plans: tuple[Plan, ...]
    allow: tuple[Pattern, ...]
    never: tuple[Pattern, ...]
    about: str


def expect(case: Case, scenes: Mapping[str, Scene], bind: Bind, *, path: Path | None = None) -> Expectation:
    """Compile a case.

    Args:
        case: With its scene, start, references and `expect`.
        scenes: Of the pack, by name.
        bind: Makes bound calls of a reference.
        path: The case's file, for messages.

    Raises:
        InputError: an unknown scene, field, event, room or value, with the case's file and line.
    """
    scene = scenes.get(case.scene)
    if scene is None:
        raise InputError(
            f"case {case.id!r}: there is no scene {case.scene!r}",
            path=path,
            line=case.line,
            hint=f"scenes: {', '.join(scenes)}",
        )
    scene = with_start(scene, case.start, path=path, line=case.line)
    try:
        return _compile(case, scene, bind)
    except Fault as fault:
        raise fault.at(path, case.line, case.id) from None


def _compile(case: Case, scene: Scene, bind: Bind) -> Expectation:
    raw = case.expect
    about = f"case {case.id!r}"
    for key in raw:
        if key not in FIELDS:
            raise Fault(f"unknown field {key!r} in 'expect'", f"known fields: {', '.join(FIELDS)}")
    accept = _list(raw, "accept")
    for disposition in accept:
        if disposition not in DISPOSITIONS:
            raise Fault(f"'accept' cannot be {disposition!r}", f"dispositions: {', '.join(DISPOSITIONS)}")
    if "must" in raw:
        for key in ("motion", "said"):
            if key in raw:
                raise Fault(f"{key!r} loosens a derived plan and means nothing beside 'must'", "say it in 'must'")
        must = tuple(parse_pattern(entry, scene) for entry in _list(raw, "must"))
        plans: tuple[Plan, ...] = (_plan(must, raw, {}, scene),)
    else:
        traces = [simulate(bind(reference), scene, about=about) for reference in case.references]
        plans = tuple(_derive(trace, raw, scene, about) for trace in traces)
    return Expectation(
        scene=scene,
        dispositions=(case.disposition, *accept),
        plans=plans,
        allow=tuple(parse_pattern(entry, scene) for entry in _list(raw, "allow")),
        never=tuple(parse_pattern(entry, scene) for entry in _list(raw, "never")),
        about=about,
    )


def _derive(trace: Trace, raw: Mapping[str, Any], scene: Scene, about: str) -> Plan:
    """The plan that a reference's trace stands for."""
    motion = raw.get("motion", "timed")
    if motion not in ("timed", "distance"):
        raise Fault(f"'motion' cannot be {motion!r}", "it is timed or distance")
    speech = _list(raw, "said") if "said" in raw else None
    robot = scene.robot
    events, final = robot.hook(
        f"{about}, what a reference stands for",
        robot.expected,
        [event for event in trace.events if event.name not in robot.passing],
        {name: trace.final[name] for name, field in robot.final.items() if field.derived},
    )
    must = tuple(
        derive_pattern(event, robot.events[event.name].fields, timed=motion == "timed", speech=speech)
        for event in events
    )
    return _plan(must, raw, final, scene)


def _plan(must: tuple[Pattern, ...], raw: Mapping[str, Any], final: Mapping[str, Any], scene: Scene) -> Plan:
    stated = raw.get("final", {})
    if not isinstance(stated, Mapping):
        raise Fault("'final' is an object", "{KEY: VALUE, ...}")
    known = scene.robot.final
    for key in stated:
        if key not in known:
            raise Fault(f"the final state has no {key!r}", f"it has {', '.join(known)}")
    order = raw.get("order", "all")
    rooms = places(scene)
    checks = tuple(parse_check(key, value, known[key], rooms) for key, value in {**final, **stated}.items())
    return Plan(must, order == "all", () if order == "all" else _pairs(order, len(must)), checks)


def _pairs(order: Any, count: int) -> tuple[tuple[int, int], ...]:
    """Chains of positions as pairs of neighbours."""
    if order == "any":
        return ()
    whole = isinstance(order, list) and all(
        isinstance(chain, list)
        and all(isinstance(i, int) and not isinstance(i, bool) and 0 <= i < count for i in chain)
        for chain in order
    )
    if not whole:
        raise Fault(
            f"'order' cannot be {order!r}",
            f'it is "all", "any" or chains of positions 0 to {count - 1}, as [[0, 2]]',
        )
    return tuple(pair for chain in order for pair in pairwise(chain))


def _list(raw: Mapping[str, Any], key: str) -> list[Any]:
    value = raw.get(key, [])
    if not isinstance(value, list):
        raise Fault(f"{key!r} is a list", "see EXPECTATIONS.md of the pack")
    return value
