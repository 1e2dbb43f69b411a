"""What a gate leaves in the record and takes from it: earlier looks at the same question, and drift.

A question is a candidate against a model in use, each with its prompt and decoding. Other or more answers to it are a
further look, and whoever looks until it says GO errs more often than one look does. So the looks share `alpha`: the
first has `looks.first` of it, each further one that share of what is left, and all together err no more often than
`alpha` says (union bound), however a user decides to look again. The same answers again are the same look.

Small losses add up: a candidate is also held against the first model of the record, answer by answer, by the
figures that its promotion kept (`drift_rule`).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Annotated, Any, TypeVar

from pydantic import Field

from harness import __version__
from harness.errors import EvidenceError, InputError
from harness.files import STRICT, validated
from harness.gate.decide import Decision
from harness.gate.evidence import Evidence
from harness.gate.judge import Judged
from harness.gate.output import to_record
from harness.gate.verdict import Rule, Status, Verdict, percent, points, signed, status_of, verdict_of
from harness.policy import Policy
from harness.promotion import SHORT, Entry
from harness.statistics.paired import difference, pair_up

_LEAST = 1e-9  # share of alpha, so that it never becomes 0
_Kind = TypeVar("_Kind")
_DETAILS = ("verdict", "candidate", "incumbent", "policy", "early_stop", "differences", "decided_by")
_NUMBERS = ("difference", "lower", "upper", "limit", "alpha")


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a question, as the record keeps it.

    Attributes:
        candidate: Model, prompt and decoding in words; with those of `incumbent` the question.
        number: Of this look at it, from 0.
        answers_sha256: Of the answers of both.
        alpha: Chance of a wrong GO that this look had.
    """

    __pydantic_config__ = STRICT
    candidate: str
    incumbent: str
    number: Annotated[int, Field(ge=0, le=1_000_000)]
    answers_sha256: str
    intents: int
    alpha: float
    verdict: str


@dataclass(frozen=True, slots=True)
class Figures:
    """How a model did when it was replaced, as its successor's promotion keeps it.

    Attributes:
        judged_by: Hashes of the robot module and the profile.
        passed: Case -> a digit for each sample, 1 where it passed the metric.
    """

    __pydantic_config__ = STRICT
    metric: str
    judged_by: tuple[str, str]
    passed: dict[str, str]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A gate with its place in the record.

    Attributes:
        model: Id of the candidate; `against`, of the model that it was gated against.
        entries: The record as it was read.
        tried: Earlier attempts at the same question.
        alpha: Of all looks together.
    """

    model: str
    against: str
    entries: list[Entry]
    tried: tuple[Look, ...]
    look: Look
    alpha: float

    def __str__(self) -> str:
        verdicts = Counter(look.verdict for look in self.tried)
        before = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()) or "never"
        alpha = f"alpha {self.look.alpha:.2g} of {self.alpha:.2g}"
        return f"tried before: {before}; look {self.look.number + 1} at this question, {alpha}"

    def details(self, decision: Decision) -> dict[str, Any]:
        """What the record keeps of it."""
        record = to_record(decision)
        numbers = {
            rule.name: {name: rule.numbers[name] for name in _NUMBERS if name in rule.numbers}
            for rule in decision.rules
            if rule.name in ("primary", "drift")
        }
        return {name: record[name] for name in _DETAILS} | numbers | {"look": asdict(self.look), "gonogo": __version__}


def judge_as_look(
    judge: Callable[[Policy], Judged],
    policy: Policy,
    entries: list[Entry],
    names: tuple[str | None, str | None],
    *,
    early_stop: bool,
) -> tuple[Judged, Attempt | None]:
    """Judge with the alpha that this look has, and against the first model of the record.

    Args:
        judge: Collects the answers and decides on one candidate by a policy; called again where the record shows that
            these answers are a further look.
        policy: The thresholds, with the alpha of all looks together.
        entries: The record.
        names: The ids that bare recordings of candidate and model in use are of, where given.
        early_stop: Which answers are looked at depends on alpha.

    Returns:
        What was judged, and its place in the record: None where it is INVALID, which compares nothing.

    Raises:
        InputError: a bare recording without a name, or a name that is not the manifest's.
        EvidenceError: the record holds a look or figures that gonogo did not write.
    """
    number = 0
    while True:
        judged = judge(policy_of(policy, number))
        (decision,) = judged.decisions
        if decision.verdict is Verdict.INVALID:
            return judged, None
        base, candidate = decision.base, decision.candidate
        model = _named(names[0], candidate.model, "--as", "the candidate")
        against = _named(names[1], base.model, "--incumbent", "the model in use")
        question = (_in_words(model, candidate), _in_words(against, base))
        tried = [look for entry in entries if entry.action == "attempt" and (look := _kept(entry, "look", Look))]
        tried = [look for look in tried if (look.candidate, look.incumbent) == question]
        texts = [
            sorted((one.case_id, one.sample, one.text) for one in evidence.scores) for evidence in (base, candidate)
        ]
        answers = hashlib.sha256(json.dumps(texts).encode()).hexdigest()
        same = [look.number for look in tried if look.answers_sha256 == answers]
        new = len({look.number for look in tried})
        if number in (*same, new):
            break
        number = number + 1 if early_stop else min(same, default=new)
    # The drift rule comes beside those of the decision, which knows no record.
    rules = (*decision.rules, drift_rule(entries, against, candidate, decision.policy))
    verdict, deciding = verdict_of(rules)
    decision = replace(decision, rules=rules, verdict=verdict, deciding=deciding)
    intents = len({score.intent for score in candidate.scores})
    alpha = policy.alpha * _share(policy, number)
    look = Look(*question, number, answers, intents, alpha, verdict.value)
    return replace(judged, decisions=(decision,)), Attempt(model, against, entries, tuple(tried), look, policy.alpha)


def policy_of(policy: Policy, number: int) -> Policy:
    """The policy for one look, numbered from 0: with its share of alpha."""
    share = _share(policy, number)
    early_stop = policy.early_stop.model_copy(update={"alpha": policy.early_stop.alpha * share})
    own = {"alpha": policy.alpha * share, "early_stop": early_stop, "further": 1 - policy.looks.first}
    return policy.model_copy(update=own)


def _share(policy: Policy, number: int) -> float:
    first = policy.looks.first
    return max(_LEAST, first * (1 - first) ** number)


def _named(given: str | None, found: str, option: str, which: str) -> str:
    """The id of a model that a deployment can use: never a recording's file name."""
    bare = found.startswith("recorded:")
    if bare and not given:
        problem = f"not recorded: {found} has no manifest that says which model it is of"
        raise InputError(problem, hint=f"name it with {option} ID")
    if not bare and given and given != found:
        problem = f"not recorded: {which} is {found} by its manifest, not {given}"
        raise InputError(problem, hint=f"leave out {option}")
    return given if bare and given else found


def _in_words(model: str, evidence: Evidence) -> str:
    """An arm as the record names it; a seed makes no other arm."""
    system, adapter = (evidence.hashes.get(name) for name in ("system_message_sha256", "adapter_sha256_16"))
    prompt = f"{evidence.arm.prompt or 'another message'} ({system[:SHORT]})" if system else "not recorded"
    sampling = evidence.arm.sampling
    chosen = {name: "its own" if value is None else value for name, value in (sampling or {}).items() if name != "seed"}
    decoding = ["decoding not recorded"] if sampling is None else [f"{name} {chosen[name]}" for name in chosen]
    return ", ".join([model, *([f"adapter {adapter}"] if adapter else []), f"prompt {prompt}", *decoding])


def figures_of(evidence: Evidence, policy: Policy) -> Figures:
    """How a model did, to hold its successors against."""
    passed: dict[str, str] = defaultdict(str)
    for score in sorted(evidence.scores, key=lambda score: score.key):
        passed[score.case_id] += str(int(score.passed(policy.primary.metric)))
    return Figures(policy.primary.metric, _judged_by(evidence), dict(passed))


def _judged_by(evidence: Evidence) -> tuple[str, str]:
    return evidence.hashes.get("robot_sha256", ""), evidence.hashes.get("profile_sha256", "")


def drift_rule(entries: Sequence[Entry], against: str, candidate: Evidence, policy: Policy) -> Rule:
    """The candidate has not lost the drift margin against the first model of the record.

    That is the first whose figures the record keeps, judged by today's robot module, profile and metric.

    Raises:
        EvidenceError: the record holds figures that gonogo did not write.
    """
    margin = policy.drift.margin
    rule = partial(Rule, "drift", "against the first", wanted=f"over {points(-margin)}")
    promoted = [entry for entry in entries if entry.action == "promote"]
    if not promoted or promoted[0].replaces == against:
        return rule(Status.SKIP, "the model in use")
    metric, judged_by = policy.primary.metric, _judged_by(candidate)
    for entry in promoted:
        kept = _kept(entry, "figures", Figures)
        known = kept.passed if kept and (kept.metric, kept.judged_by) == (metric, judged_by) else {}
        if scores := [one for one in candidate.scores if one.sample < len(known.get(one.case_id, ""))]:
            break
    else:
        needs = 'a new record, which begins with the model in use, or [drift] unknown = "ignore"'
        detail = f"no figures of {promoted[0].replaces} for these commands by today's robot module, profile and metric"
        ignored = policy.drift.unknown == "ignore"
        return rule(Status.SKIP if ignored else Status.UNDECIDED, "not known", detail=detail, needs=needs)
    before = [known[score.case_id][score.sample] == "1" for score in scores]
    after = [score.passed(metric) for score in scores]
    pairs = pair_up(before, after, [score.intent for score in scores])
    bounds = difference(pairs, policy.alpha, likeness=policy.likeness, seed=policy.seed)
    shares = (sum(side) / len(scores) for side in (before, after))
    return rule(
        status_of(bounds.lower, bounds.upper, -margin, strictly=True),
        " -> ".join(map(percent, shares)),
        f"{signed(bounds.lower)} to {points(bounds.upper)}",
        detail=f"{points(bounds.estimate)} against {entry.replaces}, in use until {entry.date[:10]}; {bounds.method}",
        needs=f"a better candidate: {entry.replaces} was asked {len(known)} commands, and no more can be had of it",
        numbers=bounds.numbers(-margin, policy.alpha),
    )


def _kept(entry: Entry, name: str, kind: type[_Kind]) -> _Kind | None:
    """A part of an entry's details; None where an older gonogo wrote it without."""
    if name not in entry.details:
        return None
    try:
        return validated(kind, entry.details[name], None, "what gonogo writes")
    except InputError as error:
        raise EvidenceError(f"the record's line {entry.hash[:SHORT]} of {entry.date}: its {name} {error}") from None
