"""In what two arms were asked differently: on purpose, which is shown, or by accident, which makes them INVALID.

A difference is on purpose where the prompts were declared to differ, where an endpoint does not take a parameter, or
where the smaller max_tokens hardly cut off anything, so that a larger one would have changed nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.gate.evidence import Evidence
from harness.policy import Policy

_BEFORE, _AFTER = 20, 60  # characters shown around the place where two system messages part


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
