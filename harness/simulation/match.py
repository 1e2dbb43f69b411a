"""A trace beside one accepted trace: which expected events happened, what happened besides, and how it ends.

`match` is the only place that decides this; `judge` and the tables that people read both build on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from harness.simulation.expect import AcceptedTrace, Expectation
from harness.simulation.patterns import Check, Pattern
from harness.simulation.robot import Role
from harness.simulation.trace import Event, Trace, describe_event

# Backtracking steps in finding which event is which expected one; real plans take a few dozen.
_SEARCH_BUDGET = 20_000
_ROUNDING = 1e-6  # of a sum of times
_FREE = frozenset({Role.HARMLESS, Role.LIMITED, Role.PASSING})


class Match(NamedTuple):
    """A trace beside one accepted trace."""

    found: Sequence[Event | None]  # the event that each expected one is, None where it did not happen
    ordered: bool  # all of them happened, in an accepted order
    free: Sequence[Event]  # events that are none of the expected ones


def match(trace: Trace, accepted: AcceptedTrace, expectation: Expectation) -> Match:
    """Find the expected events in a trace: in an accepted order, else wherever they are."""
    passing = expectation.scene.robot.passing
    events = [event for event in trace.events if event.name not in passing]
    chosen = _in_sequence(accepted.must, events) if accepted.in_order else _search(accepted, events, expectation)
    found: list[Event | None]
    if ordered := None not in chosen:
        found = [events[i] for i in chosen if i is not None]
    else:
        free = list(range(len(events)))
        chosen = []
        for pattern in accepted.must:
            chosen.append(next((i for i in free if pattern.matches(events[i])), None))
            if chosen[-1] is not None:
                free.remove(chosen[-1])
        found = [None if i is None else events[i] for i in chosen]
    taken = set(chosen)
    return Match(found, ordered, [event for i, event in enumerate(events) if i not in taken])


def unasked(free: Sequence[Event], expectation: Expectation) -> Iterator[Event]:
    """Those of the events left over that may not happen besides, or not as much."""
    robot = expectation.scene.robot
    spent: dict[str, float] = {}
    for event in free:
        if not _may_stay(event, expectation):
            yield event
        elif robot.role(event) is Role.LIMITED and not _allowed(event, expectation):
            amount = robot.events[event.name].amount
            spent[event.name] = spent.get(event.name, 0.0) + (float(event.fields[amount]) if amount else 1.0)
            text = robot.texts.get(event.name)
            remark = text is None or expectation.command.remarks(str(event.fields[text]))
            if spent[event.name] > expectation.spare.get(event.name, 0.0) + _ROUNDING or not remark:
                yield event


def wrong_ends(trace: Trace, accepted: AcceptedTrace) -> Iterator[Check]:
    """Checks of the final state that fail."""
    return (check for check in accepted.final if not check.holds(trace.final[check.name]))


def _may_stay(event: Event, expectation: Expectation) -> bool:
    return expectation.scene.robot.role(event) in _FREE or _allowed(event, expectation)


def _allowed(event: Event, expectation: Expectation) -> bool:
    return any(pattern.matches(event) for pattern in expectation.allow)


def _in_sequence(must: Sequence[Pattern], events: Sequence[Event]) -> list[int | None]:
    """Positions of events that match `must` one after the other; the earliest match is as good as a later one."""
    chosen: list[int | None] = []
    position = 0
    count = len(events)
    for pattern in must:
        while position < count and not pattern.matches(events[position]):
            position += 1
        if position == count:
            return [None]
        chosen.append(position)
        position += 1
    return chosen


def _search(accepted: AcceptedTrace, events: Sequence[Event], expectation: Expectation) -> list[int | None]:
    """Positions of distinct events that match `must` and keep the pairs of `before`."""
    candidates = []
    for pattern in accepted.must:
        found = [i for i, event in enumerate(events) if pattern.matches(event)]
        # Events that may stay over come last, so that those that may not are used up.
        found.sort(key=lambda i: _may_stay(events[i], expectation))
        candidates.append(found)
    order = sorted(range(len(candidates)), key=lambda k: len(candidates[k]))
    chosen: dict[int, int] = {}
    steps = 0

    def place(depth: int) -> bool:
        nonlocal steps
        if depth == len(order):
            return True
        k = order[depth]
        for i in candidates[k]:
            steps += 1
            if steps > _SEARCH_BUDGET:
                return False
            if i in chosen.values():
                continue
            chosen[k] = i
            kept = all(chosen[a] < chosen[b] for a, b in accepted.before if a in chosen and b in chosen)
            if kept and place(depth + 1):
                return True
            del chosen[k]
        return False

    return [chosen[k] for k in range(len(order))] if place(0) else [None]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What one model's trace holds, seen from an accepted trace; empty where the answer could not be simulated."""

    simulated: bool
    met: tuple[bool, ...] = ()  # for each expected event whether it happened
    besides: tuple[str, ...] = ()  # events that nobody asked for, as lines
    broken: tuple[tuple[str, str], ...] = ()  # preconditions that did not hold, as (code, message)
    ends: tuple[str, ...] = ()  # mismatches of the final state, as lines

    @property
    def clean(self) -> bool:
        """Whether everything expected happened and nothing else."""
        return self.simulated and all(self.met) and not (self.besides or self.broken or self.ends)


@dataclass(frozen=True, slots=True)
class TraceDiff:
    """Traces of all models beside that one of `ways` accepted traces that they come nearest to, its events as lines."""

    expected: tuple[str, ...]
    behaviours: tuple[Behaviour, ...]
    ways: int


def trace_diff(traces: Sequence[Trace | None], expectation: Expectation) -> TraceDiff:
    """Set traces beside what was expected, for people; `harness.simulation.judge` decides success."""
    seen = [[_behaviour(trace, one, expectation) for trace in traces] for one in expectation.accepted]
    best = max(range(len(seen)), key=lambda k: (sum(b.clean for b in seen[k]), sum(sum(b.met) for b in seen[k]), -k))
    expected = tuple(pattern.text for pattern in expectation.accepted[best].must)
    return TraceDiff(expected, tuple(seen[best]), len(seen))


def _behaviour(trace: Trace | None, accepted: AcceptedTrace, expectation: Expectation) -> Behaviour:
    if trace is None:
        return Behaviour(simulated=False)
    found, _, free = match(trace, accepted, expectation)
    return Behaviour(
        simulated=True,
        met=tuple(event is not None for event in found),
        besides=tuple(describe_event(event) for event in unasked(free, expectation)),
        broken=tuple((one.code, one.message) for one in trace.broken),
        ends=tuple(f"{c.name} {trace.final[c.name]}, wanted {c.wanted}" for c in wrong_ends(trace, accepted)),
    )
