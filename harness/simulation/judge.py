"""Judges a trace by an expectation: success, or the first failure with its label and reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.simulation.expect import Expectation, Plan
from harness.simulation.labels import Label
from harness.simulation.patterns import Pattern
from harness.simulation.robot import Robot, Role
from harness.simulation.trace import Event, Trace, describe_event

# Backtracking steps in finding which event is which expected one; real plans take a few dozen.
_SEARCH_BUDGET = 20_000


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a trace is worth.

    Attributes:
        success: Right disposition, no broken precondition, everything expected and nothing else.
        label: The first failure; None on success.
        reason: It in words; empty on success.
        item: 0-based position of the command to blame, where one is.
    """

    success: bool
    label: Label | None = None
    reason: str = ""
    item: int | None = None


_RIGHT = Judgement(success=True)


def judge(trace: Trace, expectation: Expectation) -> Judgement:
    """Judge one trace. The first failure is the first of: budget, disposition, preconditions, forbidden, plan."""
    barred = _barred(trace, expectation)
    if barred is not None:
        return barred
    if trace.disposition != expectation.dispositions[0]:
        return _RIGHT  # another accepted disposition: it stands alone, so there is no plan to compare
    best: tuple[int, Judgement] | None = None
    for plan in expectation.plans:
        matched, judgement = _judge_plan(trace, plan, expectation)
        if judgement.success:
            return judgement
        if best is None or matched > best[0]:
            best = (matched, judgement)
    return best[1] if best else _RIGHT


def _barred(trace: Trace, expectation: Expectation) -> Judgement | None:
    """What makes a trace fail whatever the plan."""
    if trace.exhausted:
        return _fail(Label.BUDGET, trace.broken[-1].message)
    if trace.disposition not in expectation.dispositions:
        return _fail(
            Label.WRONG_DISPOSITION, f"{trace.disposition}, where {' or '.join(expectation.dispositions)} is right"
        )
    if trace.broken:
        first = trace.broken[0]
        label = expectation.scene.robot.rules[first.code].label
        return _fail(label, f"{first.code} {first.message} ({first.state})", first.item)
    for pattern in expectation.never:
        for event in trace.events:
            if pattern.matches(event):
                hazard = expectation.scene.robot.role(event) is Role.HAZARD
                label = Label.UNSAFE if hazard else Label.EXTRA_STEP
                return _fail(label, f"forbidden: {describe_event(event)}", event.item)
    return None


def _judge_plan(trace: Trace, plan: Plan, expectation: Expectation) -> tuple[int, Judgement]:
    """How many expected events happened, and the judgement by this plan."""
    robot = expectation.scene.robot
    events = [event for event in trace.events if event.name not in robot.passing]
    chosen = _in_sequence(plan.must, events) if plan.in_order else _search(plan, events, expectation.allow, robot)
    if chosen is None:
        return _diagnose(plan, events)
    taken = set(chosen)
    for i, event in enumerate(events):
        if i in taken or may_stay(event, expectation.allow, robot):
            continue
        role = robot.role(event)
        if role is Role.UNFINISHED:
            return len(taken), _fail(Label.MISSING_STEP, f"not waited for: {describe_event(event)}", event.item)
        label = Label.UNSAFE if role is Role.HAZARD else Label.EXTRA_STEP
        return len(taken), _fail(label, f"nobody asked for: {describe_event(event)}", event.item)
    for check in plan.final:
        actual = trace.final[check.name]
        if not check.holds(actual):
            label = check.label if check.label is Label.VALUE else Label.MISSING_STEP
            return len(taken), _fail(label, f"ends with {check.name} {actual}, not {check.wanted}")
    return len(taken), _RIGHT


def _in_sequence(must: Sequence[Pattern], events: Sequence[Event]) -> list[int] | None:
    """Positions of events that match `must` one after the other; the earliest match is as good as a later one."""
    chosen = []
    position = 0
    count = len(events)
    for pattern in must:
        while position < count and not pattern.matches(events[position]):
            position += 1
        if position == count:
            return None
        chosen.append(position)
        position += 1
    return chosen


def _search(plan: Plan, events: Sequence[Event], allow: Sequence[Pattern], robot: Robot) -> list[int] | None:
    """Positions of distinct events that match `must` and keep the pairs of `before`; None where there are none."""
    candidates = []
    for pattern in plan.must:
        found = [i for i, event in enumerate(events) if pattern.matches(event)]
        # Events that may stay over come last, so that those that may not are used up.
        found.sort(key=lambda i: may_stay(events[i], allow, robot))
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
            if all(chosen[a] < chosen[b] for a, b in plan.before if a in chosen and b in chosen) and place(depth + 1):
                return True
            del chosen[k]
        return False

    return [chosen[k] for k in range(len(order))] if place(0) else None


def may_stay(event: Event, allow: Sequence[Pattern], robot: Robot) -> bool:
    """Whether an event that no plan names is no failure."""
    return robot.harmless(event) or any(pattern.matches(event) for pattern in allow)


def match_events(must: Sequence[Pattern], events: Sequence[Event]) -> tuple[list[Event | None], list[Event]]:
    """The first event that each expected one matches, each used once and in any order, and the events left over."""
    free = list(events)
    found: list[Event | None] = []
    for pattern in must:
        position = next((i for i, event in enumerate(free) if pattern.matches(event)), None)
        found.append(None if position is None else free.pop(position))
    return found, free


def _diagnose(plan: Plan, events: Sequence[Event]) -> tuple[int, Judgement]:
    """Why the expected events could not be found: one is missing or differs, or they came in a wrong order."""
    found, free = match_events(plan.must, events)
    missing = [pattern for pattern, event in zip(plan.must, found, strict=True) if event is None]
    matched = len(plan.must) - len(missing)
    if not missing:
        return matched, _fail(Label.WRONG_ORDER, "everything happens, but not in the order that was asked for")
    pattern = missing[0]
    for event in free:
        if event.name == pattern.event:
            check = pattern.mismatch(event)
            if check is not None:
                return matched, _fail(
                    check.label, f"{describe_event(event)}: {check.name} should be {check.wanted}", event.item
                )
    return matched, _fail(Label.MISSING_STEP, f"did not happen: {pattern.text}")


def _fail(label: Label, reason: str, item: int | None = None) -> Judgement:
    return Judgement(success=False, label=label, reason=reason, item=item)
