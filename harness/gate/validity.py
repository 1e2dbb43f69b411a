"""Evidence rules: the answers of both models belong together, and the candidate has not seen the questions.

Two arms may be asked differently on purpose, which is shown, or by accident, which makes them INVALID. It is on purpose
where the prompts were declared to differ, where an endpoint does not take a parameter, or where the smaller max_tokens
hardly cut off anything, so that a larger one would have changed nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.ask.record import in_words, silent_note
from harness.gate.evidence import Evidence
from harness.gate.verdict import Rule, Status, percent
from harness.overlap import Contamination
from harness.policy import Policy
from harness.score import Score

_SHOWN = 3
_BEFORE, _AFTER = 20, 60  # characters shown around the place where two system messages part
_ASK_ALIKE = "ask both with the same value: what an endpoint does not take is left out by itself, and told"


def pair(base: Evidence, candidate: Evidence) -> tuple[list[tuple[Score, Score]], list[str]]:
    """Rows of both models by case and sample, in the base's order, and what lacks its counterpart."""
    left = {row.key: row for row in base.scores}
    right = {row.key: row for row in candidate.scores}
    samples = {sample for _, sample in left | right}
    wanted = {(case_id, sample) for case_id, _ in left | right for sample in samples}
    missing = [
        f"{case_id} sample {sample} of {evidence.spec}"
        for case_id, sample in sorted(wanted)
        for rows, evidence in ((left, base), (right, candidate))
        if (case_id, sample) not in rows
    ]
    return [(row, right[row.key]) for row in base.scores if row.key in right], missing


def evidence_rules(
    base: Evidence, candidate: Evidence, missing: Sequence[str], contamination: Contamination, policy: Policy
) -> list[Rule]:
    """All rules about the evidence itself."""
    return [
        _pairs(base, candidate, missing),
        _same(base, candidate, policy),
        _served(base, candidate, policy),
        _cut_off(base, candidate, policy),
        _verified(base, candidate, policy),
        _contamination(contamination),
    ]


def _pairs(base: Evidence, candidate: Evidence, missing: Sequence[str]) -> Rule:
    title = "answers are paired"
    pairs = len(base.scores)
    if missing or not pairs or not candidate.scores:
        problems = [problem for one in (base, candidate) for problem in one.problems]
        named = f"{', '.join(missing[:_SHOWN])}{', ...' if len(missing) > _SHOWN else ''}"
        detail = "; ".join(problems) or f"missing: {named}"
        figure = f"{len(missing)} missing" if missing else "no answers"
        return Rule("evidence.pairs", title, Status.INVALID, figure, "", "none missing", detail)
    cases = len({row.case_id for row in base.scores})
    intents = len({row.intent for row in base.scores})
    figure = f"{pairs} of {intents} intents"
    numbers = {"pairs": pairs, "cases": cases, "intents": intents}
    return Rule(
        "evidence.pairs", title, Status.PASS, figure, "", "none missing", detail=f"{cases} commands", numbers=numbers
    )


def _same(base: Evidence, candidate: Evidence, policy: Policy) -> Rule:
    name, title, wanted = "evidence.same", "asked the same", "the same, or declared"
    problems = [f"{one.spec}: {problem}" for one in (base, candidate) for problem in one.problems]
    if problems:
        return Rule(name, title, Status.INVALID, "mismatch", "", wanted, "; ".join(problems))
    found = differences(base, candidate, policy)
    wrong = [one for one in found if not _allowed(one, policy)]
    if wrong:
        accident = next((one for one in wrong if not one.declared), None)
        hints = []
        if accident is not None:
            own = accident.field == "prompt"
            hints = ["if the prompts differ on purpose, say so with --candidate-prompt" if own else _ASK_ALIKE]
        detail = "; ".join([*map(str, wrong), *hints])
        return Rule(name, title, Status.INVALID, f"{wrong[0].field} differs", "", wanted, detail)
    if found:
        figure = f"but for {', '.join(one.field for one in found)}"
        return Rule(name, title, Status.PASS, figure, "", wanted, "; ".join(map(str, found)))
    known = [
        words
        for words, values in (
            ("prompt", (base.arm.system_message, candidate.arm.system_message)),
            ("decoding", (base.arm.decoding, candidate.arm.decoding)),
        )
        if None not in values
    ]
    return Rule(name, title, Status.PASS if known else Status.SKIP, " and ".join(known) or "not known", "", wanted)


def _allowed(difference: Difference, policy: Policy) -> bool:
    if difference.field == "prompt":
        return bool(difference.declared) or policy.allow_different_prompts
    return bool(difference.declared) and policy.allow_different_sampling


def _served(base: Evidence, candidate: Evidence, policy: Policy) -> Rule:
    name, title, wanted = "evidence.served", "served by one model", "one id each"
    mixed = [one for one in (base, candidate) if len(one.arm.served) > 1]
    if mixed:
        status = Status.PASS if policy.allow_several_models else Status.INVALID
        detail = "; ".join(f"{one.spec}: {in_words(one.arm.served)}" for one in mixed)
        return Rule(name, title, status, f"{len(mixed[0].arm.served)} model ids", "", wanted, detail)
    known = any(one.arm.served for one in (base, candidate))
    return Rule(
        name, title, Status.PASS if known else Status.SKIP, "one id each" if known else "not recorded", "", wanted
    )


def _cut_off(base: Evidence, candidate: Evidence, policy: Policy) -> Rule:
    name, title, wanted = "evidence.cut_off", "cut off while thinking", f"at most {percent(policy.cut_off)}"
    worst = max((base, candidate), key=lambda one: one.arm.silent / max(1, one.arm.answers))
    share = worst.arm.silent / max(1, worst.arm.answers)
    status = Status.INVALID if share > policy.cut_off else Status.PASS
    detail = "; ".join(f"{one.spec}: {note}" for one in (base, candidate) if (note := silent_note(one.arm)))
    return Rule(name, title, status, percent(share), "", wanted, detail, numbers={"share": share})


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


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that was not the same for both.

    Attributes:
        field: `prompt`, a parameter such as `temperature`, or `asked` for anything else.
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


def differences(base: Evidence, candidate: Evidence, policy: Policy) -> list[Difference]:
    """Everything that differed, as far as it is known of both: the prompt first, then the parameters by name."""
    found = []
    left, right = base.arm, candidate.arm
    if None not in (left.system_message, right.system_message) and left.system_message != right.system_message:
        declared = "declared" if left.as_declared and right.as_declared else ""
        found.append(Difference("prompt", *_prompts(base, candidate), declared))
    if left.sampling is not None and right.sampling is not None:
        for name in sorted({*left.sampling, *right.sampling}):
            if left.sampling.get(name) != right.sampling.get(name):
                words = (_word(left.sampling, name), _word(right.sampling, name))
                found.append(Difference(name, *words, _why(name, base, candidate, policy)))
    if set(left.changed) != set(right.changed):
        told = [", ".join(arm.changed) or "as usual" for arm in (left, right)]
        found.append(Difference("asked", told[0], told[1], "the endpoint takes it so"))
    return found


def _why(name: str, base: Evidence, candidate: Evidence, policy: Policy) -> str:
    """Why a parameter may differ; empty where it may not."""
    refusing = [one.spec for one in (base, candidate) if name in one.arm.left_out]
    if refusing:
        return f"{' and '.join(refusing)} does not take it"
    if name != "max_tokens":
        return ""
    tighter = min((base, candidate), key=lambda one: (one.arm.sampling or {}).get(name) or float("inf")).arm
    if tighter.cut_off > policy.cut_off * tighter.answers:
        return ""
    return f"the smaller one cut off {tighter.cut_off} of {tighter.answers} answers"


def _word(sampling: Mapping[str, Any], name: str) -> str:
    value = sampling.get(name)
    return "the endpoint's own" if value is None else str(value)


def _prompts(base: Evidence, candidate: Evidence) -> tuple[str, str]:
    """Both prompts by name, or by the words at which they part where a name does not tell them apart."""
    names = (base.arm.prompt, candidate.arm.prompt)
    if all(names) and names[0] != names[1]:
        return names
    texts = (base.arm.system_message or "", candidate.arm.system_message or "")
    at = next((at for at, pair in enumerate(zip(*texts, strict=False)) if pair[0] != pair[1]), min(map(len, texts)))
    start = max(0, at - _BEFORE)
    shown = [f'"{"..." * (start > 0)}{text[start : at + _AFTER]}{"..." * (at + _AFTER < len(text))}"' for text in texts]
    first, second = (f"{name or 'another message'}, {text}" for name, text in zip(names, shown, strict=True))
    return first, second
