"""Evidence rules: the answers of both models belong together, and the candidate has not seen the questions.

Two arms may be asked differently on purpose, which is shown, or by accident, which makes them INVALID. It is on purpose
where an arm declares its prompt or a parameter, where an endpoint does not take a parameter, or where the smaller
max_tokens hardly cut off anything, so that a larger one would have changed nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from harness.ask.record import in_words, silent_note
from harness.gate.evidence import Evidence
from harness.gate.verdict import Rule, Status, first_of, percent
from harness.overlap import Contamination
from harness.policy import Policy
from harness.score import Score

_Both = tuple[Evidence, Evidence]
_BEFORE, _AFTER = 20, 60  # characters shown around the place where two system messages part
_ASK_ALIKE = (
    "ask both with the same value (what an endpoint does not take is left out by itself, and told), "
    "or declare it in the `decoding` of an [arms.NAME]"
)
_DECLARE = "if the prompts differ on purpose, say so: MODEL@card, or `prompt` of an [arms.NAME]"


def pair(base: Evidence, candidate: Evidence) -> tuple[list[tuple[Score, Score]], list[str]]:
    """Scores of both models by case and sample, in the base's order, and what lacks its counterpart."""
    left, right = ({score.key: score for score in one.scores} for one in (base, candidate))
    samples = {sample for _, sample in left | right}
    missing = [
        f"{case_id} sample {sample} of {evidence.spec}"
        for case_id, sample in sorted({(case_id, sample) for case_id, _ in left | right for sample in samples})
        for scores, evidence in ((left, base), (right, candidate))
        if (case_id, sample) not in scores
    ]
    return [(score, right[score.key]) for score in base.scores if score.key in right], missing


def evidence_rules(
    base: Evidence, candidate: Evidence, missing: Sequence[str], contamination: Contamination, policy: Policy
) -> list[Rule]:
    """All rules about the evidence itself."""
    both = (base, candidate)
    return [
        _pairs(both, missing),
        _same(both, policy),
        _served(both, policy),
        _cut_off(both, policy.evidence.cut_off),
        _verified(both, allowed=policy.evidence.unverified == "allow"),
        _contamination(contamination),
    ]


def _pairs(both: _Both, missing: Sequence[str]) -> Rule:
    rule = partial(Rule, "evidence.pairs", "answers are paired", wanted="none missing")
    scores = both[0].scores
    if missing or not scores:
        detail = "; ".join(both[0].problems + both[1].problems) or f"missing: {first_of(missing)}"
        return rule(Status.INVALID, f"{len(missing)} missing" if missing else "no answers", detail=detail)
    cases, intents = (len({getattr(score, name) for score in scores}) for name in ("case_id", "intent"))
    numbers = {"pairs": len(scores), "cases": cases, "intents": intents}
    return rule(Status.PASS, f"{len(scores)} of {intents} intents", detail=f"{cases} commands", numbers=numbers)


def _same(both: _Both, policy: Policy) -> Rule:
    rule = partial(Rule, "evidence.same", "asked the same", wanted="the same, or declared")
    if problems := [f"{one.spec}: {problem}" for one in both for problem in one.problems]:
        return rule(Status.INVALID, "mismatch", detail="; ".join(problems))
    found = differences(*both, policy)
    if wrong := [one for one in found if not _allowed(one, policy)]:
        accident = next((one for one in wrong if not one.declared), None)
        hints = [] if accident is None else [_DECLARE if accident.field == "prompt" else _ASK_ALIKE]
        return rule(Status.INVALID, f"{wrong[0].field} differs", detail="; ".join([*map(str, wrong), *hints]))
    if found:
        figure = f"but for {', '.join(one.field for one in found)}"
        return rule(Status.PASS, figure, detail="; ".join(map(str, found)))
    known = ["prompt"] if all(one.arm.system_message is not None for one in both) else []
    known += ["decoding"] if all(one.arm.decoding is not None for one in both) else []
    return rule(Status.PASS, " and ".join(known)) if known else rule(Status.SKIP, "not known")


def _served(both: _Both, policy: Policy) -> Rule:
    rule = partial(Rule, "evidence.served", "served by one model", wanted="one id each")
    if mixed := [one for one in both if len(one.arm.served) > 1]:
        status = Status.PASS if policy.evidence.several_models == "allow" else Status.INVALID
        detail = "; ".join(f"{one.spec}: {in_words(one.arm.served)}" for one in mixed)
        return rule(status, f"{len(mixed[0].arm.served)} model ids", detail=detail)
    known = any(one.arm.served for one in both)
    return rule(Status.PASS, "one id each") if known else rule(Status.SKIP, "not recorded")


def _cut_off(both: _Both, most: float) -> Rule:
    rule = partial(Rule, "evidence.cut_off", "cut off while thinking", wanted=f"at most {percent(most)}")
    share = max(one.arm.silent / max(1, one.arm.answers) for one in both)
    detail = "; ".join(f"{one.spec}: {note}" for one in both if (note := silent_note(one.arm)))
    status = Status.INVALID if share > most else Status.PASS
    return rule(status, percent(share), detail=detail, numbers={"share": share})


def _verified(both: _Both, *, allowed: bool) -> Rule:
    # Nobody has signed anything: that a manifest and its answers agree is all that is known.
    rule = partial(Rule, "evidence.verified", "as its manifest says", wanted="or marked" if allowed else "a manifest")
    if bare := [f"{one.spec}: {one.unverified}" for one in both if one.unverified]:
        return rule(Status.PASS if allowed else Status.INVALID, "ORIGIN UNKNOWN", detail="; ".join(bare))
    told = "; ".join(f"{one.spec}: {line}" for one in both for line in one.differences)
    return rule(Status.PASS, "consistent" + ", judged by others" * bool(told), detail=told)


def _contamination(contamination: Contamination) -> Rule:
    rule = partial(Rule, "evidence.contamination", "not trained on", wanted="none")
    found = contamination.overlaps
    if not contamination.checked:
        return rule(Status.SKIP, "not checked", detail="name the training file with --training")
    if found:
        return rule(Status.INVALID, f"{len(found)} commands", detail=first_of(found))
    return rule(Status.PASS, "none", detail=f"checked against {contamination.checked}")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that was not the same for both.

    Attributes:
        field: `prompt`, `endpoint`, a parameter such as `temperature`, or `asked` for anything else.
        base: What it was for the model in use, in words.
        candidate: What it was for the candidate.
        declared: Why it differs on purpose; empty where it does by accident.
    """

    field: str
    base: str
    candidate: str
    declared: str = ""

    def __str__(self) -> str:
        why = f" ({self.declared})" if self.declared else ""
        return f"{self.field}: {self.base} for the model in use, {self.candidate} for the candidate{why}"


def _allowed(difference: Difference, policy: Policy) -> bool:
    if difference.field == "prompt":
        return bool(difference.declared) or policy.evidence.different_prompts == "allow"
    if difference.field == "endpoint":
        return True
    return bool(difference.declared) and policy.evidence.different_sampling == "allow"


def differences(base: Evidence, candidate: Evidence, policy: Policy) -> list[Difference]:
    """Everything that differed, as far as it is known of both: prompt, endpoint, then the parameters by name."""
    found = []
    left, right = base.arm, candidate.arm
    if None not in (left.system_message, right.system_message) and left.system_message != right.system_message:
        declared = "declared" if left.as_declared and right.as_declared else ""
        old, new = _prompts(base, candidate)
        found.append(Difference("prompt", old, new, declared))
    if left.endpoint and right.endpoint and left.endpoint != right.endpoint:
        found.append(Difference("endpoint", left.endpoint, right.endpoint, "each model where it is served"))
    if left.sampling is not None and right.sampling is not None:
        for name in sorted({*left.sampling, *right.sampling}):
            values = [sampling.get(name) for sampling in (left.sampling, right.sampling)]
            if values[0] != values[1]:
                unset = "text" if name == "answer_form" else "the endpoint's own"
                old, new = (unset if value is None else str(value) for value in values)
                found.append(Difference(name, old, new, _why(name, base, candidate, policy)))
    if set(left.changed) != set(right.changed):
        old, new = (", ".join(arm.changed) or "as usual" for arm in (left, right))
        found.append(Difference("asked", old, new, "the endpoint takes it so"))
    return found


def _prompts(base: Evidence, candidate: Evidence) -> tuple[str, ...]:
    """Both prompts by name, or by the words at which they part where a name does not tell them apart."""
    names = (base.arm.prompt, candidate.arm.prompt)
    if all(names) and names[0] != names[1]:
        return names
    texts = (base.arm.system_message or "", candidate.arm.system_message or "")
    at = next((at for at, pair in enumerate(zip(*texts, strict=False)) if pair[0] != pair[1]), min(map(len, texts)))
    start, end = max(0, at - _BEFORE), at + _AFTER
    shown = [f'"{"..." * (start > 0)}{text[start:end]}{"..." * (end < len(text))}"' for text in texts]
    return tuple(f"{name or 'another message'}, {text}" for name, text in zip(names, shown, strict=True))


def _why(name: str, base: Evidence, candidate: Evidence, policy: Policy) -> str:
    """Why a parameter may differ; empty where it may not."""
    if declaring := [one.spec for one in (base, candidate) if name in one.arm.on_purpose]:
        return f"declared for {' and '.join(declaring)}"
    if refusing := [one.spec for one in (base, candidate) if name in one.arm.left_out]:
        return f"{' and '.join(refusing)} does not take it"
    if name != "max_tokens":
        return ""
    tighter = min((base.arm, candidate.arm), key=lambda arm: (arm.sampling or {}).get(name) or float("inf"))
    if tighter.cut_off > policy.evidence.cut_off * tighter.answers:
        return ""
    return f"the smaller one cut off {tighter.cut_off} of {tighter.answers} answers"
