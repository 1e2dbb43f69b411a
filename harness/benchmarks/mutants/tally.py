"""Runs every mutant of every case through the whole checker and counts."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.benchmarks.mutants.harmful import harmful, harmful_refusal
from harness.benchmarks.mutants.harmless import harmless, harmless_refusal, spellings
from harness.benchmarks.mutants.orders import swaps
from harness.benchmarks.mutants.programs import Mutant, Program, written
from harness.cases import Case
from harness.checks import Checker, canonical
from harness.pack import Pack
from harness.sdk.profile import Profile, load_profile
from harness.simulation import Expectation, decide, expect, load_scenes


class Odd(NamedTuple):
    """A harmful mutant that passed, or a harmless one that failed."""

    harmful: bool
    case: Case
    kind: str
    detail: str
    text: str
    reason: str


@dataclass(slots=True)
class Tally:
    """Counts of right judgements and of all, by (harmful, category) and (harmful, kind), labels and exceptions."""

    cases: int = 0
    by_category: dict[tuple[bool, str], Counter[bool]] = field(default_factory=lambda: defaultdict(Counter))
    by_kind: dict[tuple[bool, str], Counter[bool]] = field(default_factory=lambda: defaultdict(Counter))
    labels: Counter[str] = field(default_factory=Counter)
    odd: list[Odd] = field(default_factory=list)

    def rate(self, harm: bool) -> tuple[int, int]:
        """How many were judged right, of how many."""
        counts = [count for (kind, _), count in self.by_category.items() if kind is harm]
        return sum(count[True] for count in counts), sum(count.total() for count in counts)


def tally(pack: Pack, cases: Sequence[Case], seed: int = 0) -> Tally:
    """Mutate every reference of the cases and judge each mutant.

    Args:
        pack: Whose profile and scenes judge.
        cases: Of the pack.
        seed: Of the choice of rooms and positions; the same seed gives the same mutants.
    """
    result = Tally()
    profile = load_profile(pack.profile)
    checker = Checker(profile)
    scenes = load_scenes(pack, profile)

    def bind(commands: Sequence[str]) -> Program:
        return checker.answer(repr(list(commands))).calls or ()

    for case in cases:
        result.cases += 1
        expectation = expect(case, scenes, bind)
        programs = [bind(reference) for reference in case.references]
        guarded = {one.path for program in programs for one in program}
        accepted = {tuple(canonical(command, profile) for command in reference) for reference in case.references}
        for number, program in enumerate(programs):
            rng = random.Random(f"{seed} {case.id} {number}")  # noqa: S311  repeatable, no secret
            seen = set(accepted)
            acts = case.disposition == "execute"
            mutants: Iterator[tuple[bool, Mutant]]
            mutants = _all(case, program, expectation, profile, rng) if acts else _refusals(case, program, expectation)
            texts = [(harm, one.kind, one.detail, written(one.program, profile)) for harm, one in mutants]
            texts += [(False, kind, "", text) for kind, text in spellings(program, profile)]
            for harm, kind, detail, text in texts:
                checked = checker.answer(text, guarded)
                if harm:
                    key = tuple(canonical(command, profile) for command in checked.commands or ())
                    if key in seen:
                        continue  # it equals an accepted reference, or a mutant already counted
                    seen.add(key)
                verdict = decide(checked, expectation)
                right = verdict.success is not harm
                result.by_category[harm, case.category][right] += 1
                result.by_kind[harm, kind][right] += 1
                failure = verdict.failure
                if harm and failure:
                    result.labels[failure.label.value] += 1
                if not right:
                    reason = f"{failure.label}: {failure.reason}" if failure else "accepted"
                    result.odd.append(Odd(harm, case, kind, detail, text, reason))
    return result


def _all(
    case: Case, program: Program, expectation: Expectation, profile: Profile, rng: random.Random
) -> Iterator[tuple[bool, Mutant]]:
    for one in harmful(program, expectation.scene, profile, rng):
        yield True, one
    yield from swaps(case, program, expectation)
    for one in harmless(case, program, expectation.scene, rng):
        yield False, one


def _refusals(case: Case, program: Program, expectation: Expectation) -> Iterator[tuple[bool, Mutant]]:
    if "accept" not in case.expect:
        for one in harmful_refusal(program, expectation.scene):
            yield True, one
    for one in harmless_refusal(program):
        yield False, one
