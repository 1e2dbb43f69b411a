"""Evidence rules: the answers of both models belong together, and the candidate has not seen the questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.gate.evidence import Evidence, Result
from harness.gate.rules import Rule, Status
from harness.policy import Policy

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Contamination:
    """Overlap of the candidate's training data with the held-out commands.

    Attributes:
        checked: Name of the training file; empty where none was given.
        overlaps: Held-out case ids that occur in it, each with what it overlaps with.
    """

    checked: str = ""
    overlaps: tuple[str, ...] = ()


def pair(base: Evidence, candidate: Evidence) -> tuple[list[tuple[Result, Result]], list[str]]:
    """Rows of both models by case and sample, in the base's order, and what lacks its counterpart."""
    left = {row.key: row for row in base.results}
    right = {row.key: row for row in candidate.results}
    samples = {sample for _, sample in left | right}
    wanted = {(case_id, sample) for case_id, _ in left | right for sample in samples}
    missing = [
        f"{case_id} sample {sample} of {evidence.spec}"
        for case_id, sample in sorted(wanted)
        for rows, evidence in ((left, base), (right, candidate))
        if (case_id, sample) not in rows
    ]
    return [(row, right[row.key]) for row in base.results if row.key in right], missing


def evidence_rules(
    base: Evidence, candidate: Evidence, missing: Sequence[str], contamination: Contamination, policy: Policy
) -> list[Rule]:
    """All rules about the evidence itself."""
    return [
        _pairs(base, candidate, missing),
        _same(base, candidate, policy),
        _verified(base, candidate, policy),
        _contamination(contamination),
    ]


def _pairs(base: Evidence, candidate: Evidence, missing: Sequence[str]) -> Rule:
    title = "answers are paired"
    pairs = len(base.results)
    if missing or not pairs or not candidate.results:
        problems = [problem for one in (base, candidate) for problem in one.problems]
        named = f"{', '.join(missing[:_SHOWN])}{', ...' if len(missing) > _SHOWN else ''}"
        detail = "; ".join(problems) or f"missing: {named}"
        figure = f"{len(missing)} missing" if missing else "no answers"
        return Rule("evidence.pairs", title, Status.INVALID, figure, "", "none missing", detail)
    cases = len({row.case_id for row in base.results})
    intents = len({row.intent for row in base.results})
    figure = f"{pairs} of {intents} intents"
    numbers = {"pairs": pairs, "cases": cases, "intents": intents}
    return Rule(
        "evidence.pairs", title, Status.PASS, figure, "", "none missing", detail=f"{cases} commands", numbers=numbers
    )


def _same(base: Evidence, candidate: Evidence, policy: Policy) -> Rule:
    title = "asked the same"
    wanted = "equal hashes"
    problems = [f"{one.spec}: {problem}" for one in (base, candidate) for problem in one.problems]
    ignored = {"system_message_sha256"} if policy.allow_different_prompts else set()
    differing = sorted(
        name for name in (set(base.asked) & set(candidate.asked)) - ignored if base.asked[name] != candidate.asked[name]
    )
    if problems:
        return Rule("evidence.same", title, Status.INVALID, "mismatch", "", wanted, "; ".join(problems))
    if differing:
        detail = "; ".join(f"{name}: {base.asked[name]} against {candidate.asked[name]}" for name in differing)
        return Rule("evidence.same", title, Status.INVALID, f"{differing[0]} differs", "", wanted, detail)
    known = set(base.asked) & set(candidate.asked)
    figure = "prompt and decoding" if known else "not known"
    return Rule("evidence.same", title, Status.PASS if known else Status.SKIP, figure, "", wanted)


def _verified(base: Evidence, candidate: Evidence, policy: Policy) -> Rule:
    title = "answers verified"
    bare = [f"{one.spec}: {one.unverified}" for one in (base, candidate) if one.unverified]
    wanted = "or marked" if policy.allow_unverified else "a manifest"
    if not bare:
        return Rule("evidence.verified", title, Status.PASS, "both models", "", wanted)
    status = Status.PASS if policy.allow_unverified else Status.INVALID
    return Rule("evidence.verified", title, status, "UNVERIFIED", "", wanted, "; ".join(bare))


def _contamination(contamination: Contamination) -> Rule:
    title = "not trained on"
    name = "evidence.contamination"
    if not contamination.checked:
        return Rule(name, title, Status.SKIP, "not checked", "", "none", "name the training file with --training")
    found = contamination.overlaps
    if found:
        detail = f"{', '.join(found[:_SHOWN])}{', ...' if len(found) > _SHOWN else ''}"
        return Rule(name, title, Status.INVALID, f"{len(found)} commands", "", "none", detail)
    return Rule(name, title, Status.PASS, "none", "", "none", f"checked against {contamination.checked}")
