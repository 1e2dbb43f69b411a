"""Neighbouring steps swapped: harmful where the case orders them, harmless where it leaves them free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.benchmarks.mutants.programs import STARTS, TRICKS, Mutant, Program, groups, starts_of
from harness.cases import Case
from harness.simulation import Expectation, simulate

# What these do depends on where the robot is, so that swapped with a trip they do another thing.
_BOUND_TO_PLACE = TRICKS | {"perception_client.call_async", "capture_image", "dock"}


def swaps(case: Case, program: Program, expectation: Expectation) -> Iterator[tuple[bool, Mutant]]:
    """Neighbouring groups swapped, and whether that is harmful; pairs that no rule decides are left out."""
    cut = groups(program)
    places = starts_of(cut)
    for k in range(len(cut) - 1):
        first, second = cut[k], cut[k + 1]
        waits = all(len(group) == 1 and group[0].path == "wait" for group in (first, second))
        if first == second or waits:  # two waits are one wait of their sum
            continue
        harmful = _ordered(case, program, expectation, (places[k], places[k + 1], places[k + 2]))
        if harmful is None or (not harmful and _bound(first, second)):
            continue
        swapped = (*program[: places[k]], *second, *first, *program[places[k + 2] :])
        kind = "swap ordered steps" if harmful else "swap free steps"
        yield harmful, Mutant(kind, f"{first[0].path} and {second[0].path}", swapped)


def _bound(first: Program, second: Program) -> bool:
    paths = {first[0].path, second[0].path}
    return bool(paths & STARTS) and bool(paths & _BOUND_TO_PLACE)


def _ordered(case: Case, program: Program, expectation: Expectation, spans: tuple[int, int, int]) -> bool | None:
    """Whether the case orders two neighbouring groups; None where that cannot be told from its `order`."""
    order = case.expect.get("order", "all")
    if order == "all":
        return None if "must" in case.expect else True
    if order == "any":
        return False
    events = [event for event in simulate(program, expectation.scene).events if event.name != "passed"]
    if "must" in case.expect or len(events) != len(expectation.accepted[0].must):
        return None
    start, middle, end = spans
    before = {k for k, event in enumerate(events) if start <= event.item < middle}
    after = {k for k, event in enumerate(events) if middle <= event.item < end}
    return bool(_reached(before, expectation.accepted[0].before) & after)


def _reached(origins: set[int], pairs: Sequence[tuple[int, int]]) -> set[int]:
    """Positions that must come after one of `origins`."""
    reached: set[int] = set()
    front = set(origins)
    while front:
        front = {b for a, b in pairs if a in front and b not in reached}
        reached |= front
    return reached
