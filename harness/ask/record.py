"""How the answers of an arm came about: what it was asked, who answered, what was cut off; and what to warn of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.ask.arm import Arm
from harness.models.outcomes import Completion, Outcome
from harness.models.specs import served_by
from harness.pack import PROMPTS, system_message

MUCH = 0.02  # share of answers cut off while thinking, above which a run or comparison is warned of
_LEFT_OUT = re.compile(r"(\w+) dropped")
_RESPELLED = frozenset({"max_tokens sent as max_completion_tokens"})  # the same request in other words


@dataclass(frozen=True, slots=True)
class ArmRecord:
    """How the answers of one arm came about.

    Attributes:
        prompt: The prompt whose system message was used: `plain`, `card` or a file; empty for any other message.
        system_message: None where not known, as of a recording without a manifest.
        as_declared: It is the message of the prompt that the arm was declared with.
        decoding: As it was asked for; None where not known.
        on_purpose: Parameters of it that are as the arm's own table declares them.
        endpoint: Who was asked, as `served_by` says; empty where not known.
        adapted: What had to be changed for this endpoint, as in `Completion.adapted`.
        served: Model id that the endpoint gave -> number of answers.
        answers: All answers.
        cut_off: Answers that ran into max_tokens.
        silent: Those of them without any text: the model was still thinking.
        thought: Most tokens of thinking that any answer took, None where nobody counted.
    """

    prompt: str = ""
    system_message: str | None = None
    as_declared: bool = False
    decoding: Mapping[str, Any] | None = None
    on_purpose: frozenset[str] = frozenset()
    endpoint: str = ""
    adapted: tuple[str, ...] = ()
    served: Mapping[str, int] = field(default_factory=dict)
    answers: int = 0
    cut_off: int = 0
    silent: int = 0
    thought: int | None = None

    @property
    def left_out(self) -> tuple[str, ...]:
        """Parameters that the endpoint does not take."""
        return tuple(found[1] for change in self.adapted if (found := _LEFT_OUT.fullmatch(change)))

    @property
    def changed(self) -> tuple[str, ...]:
        """What else was asked in another way; a parameter that is only spelled differently is none."""
        return tuple(one for one in self.adapted if one not in _RESPELLED and not _LEFT_OUT.fullmatch(one))

    @property
    def sampling(self) -> Mapping[str, Any] | None:
        """The decoding as the endpoint took it, further fields of the body among the others; None is its own choice."""
        if self.decoding is None:
            return None
        values = {name: value for name, value in self.decoding.items() if name != "extra"}
        return dict(sorted((values | dict(self.decoding.get("extra") or {}) | dict.fromkeys(self.left_out)).items()))

    def to_record(self) -> dict[str, Any]:
        """JSON values for records and reports; the hash of the system message stands elsewhere."""
        return {
            "prompt": self.prompt,
            "sampling": self.sampling,
            "on_purpose": sorted(self.on_purpose),
            "endpoint": self.endpoint,
            "left_out": list(self.left_out),
            "adapted": list(self.adapted),
            "served_as": dict(self.served),
            "answers": self.answers,
            "cut_off": self.cut_off,
            "cut_off_without_text": self.silent,
            "most_thinking_tokens": self.thought,
        }


def record_of(arm: Arm, completions: Sequence[Completion]) -> ArmRecord:
    """The record of an arm from its scored completions.

    Of a recording, prompt and decoding are left open: only its manifest can say what they were (`with_manifest`).
    """
    live = arm.spec.path is None
    cut_off = [one for one in completions if one.outcome is Outcome.TRUNCATED]
    return ArmRecord(
        prompt=arm.prompt if live else "",
        system_message=arm.system_message() if live else None,
        as_declared=live,
        decoding=arm.decoding.to_record() if live else None,
        on_purpose=_on_purpose(arm, arm.decoding.to_record()) if live else frozenset(),
        endpoint=served_by(arm.spec.text, arm.spec.address) if live else "",
        adapted=tuple(sorted({change for one in completions for change in one.adapted})),
        served=dict(sorted(Counter(one.served_model for one in completions if one.served_model).items())),
        answers=len(completions),
        cut_off=len(cut_off),
        silent=sum(not one.text.strip() for one in cut_off),
        thought=max((one.reasoning_tokens for one in completions if one.reasoning_tokens is not None), default=None),
    )


def _on_purpose(arm: Arm, decoding: Mapping[str, Any]) -> frozenset[str]:
    """Parameters of a decoding that the arm declares so, fields of the body among them."""
    own = {**arm.own, **dict(arm.own.get("extra") or {})}
    took = {"answer_form": "text", **dict(decoding.get("extra") or {}), **decoding}
    return frozenset(name for name, value in own.items() if name != "extra" and took.get(name) == value)


def with_manifest(record: ArmRecord, arm: Arm, system: str, decoding: Mapping[str, Any], endpoint: str) -> ArmRecord:
    """The record of a recording, with what its manifest names: system message, decoding, endpoint."""
    as_declared = system == arm.system_message()
    prompts = (name for name in PROMPTS if system_message(arm.pack, name) == system)
    prompt = arm.prompt if as_declared else next(prompts, "")
    return replace(
        record,
        prompt=prompt,
        system_message=system,
        as_declared=as_declared,
        decoding=decoding,
        on_purpose=_on_purpose(arm, decoding),
        endpoint=endpoint,
    )


def merge(first: ArmRecord, second: ArmRecord) -> ArmRecord:
    """Of one arm, asked in two parts."""
    return replace(
        second,
        adapted=tuple(sorted({*first.adapted, *second.adapted})),
        served=dict(sorted((Counter(first.served) + Counter(second.served)).items())),
        answers=first.answers + second.answers,
        cut_off=first.cut_off + second.cut_off,
        silent=first.silent + second.silent,
        thought=max((one.thought for one in (first, second) if one.thought is not None), default=None),
    )


def silent_note(record: ArmRecord) -> str:
    """How many answers ended while the model was still thinking, and the setting to raise; empty for none."""
    if not record.silent:
        return ""
    limit = (record.decoding or {}).get("max_tokens")
    thinking = f", after up to {record.thought:,} tokens of thinking" if record.thought else ""
    at = f" of {limit:,}" if isinstance(limit, int) else ""
    more = max(4096, 4 * limit) if isinstance(limit, int) else 4096
    return (
        f"{record.silent} of {record.answers} answers were cut off by max_tokens{at} before any text{thinking}: "
        f"raise --max-tokens, such as --max-tokens {more}"
    )


def warnings(record: ArmRecord) -> list[str]:
    """What whoever reads the figures of this arm has to know first, a line each."""
    lines = []
    if record.silent > MUCH * record.answers:
        lines.append(f"warning: {silent_note(record)}")
    if len(record.served) > 1:
        lines.append(f"warning: answers of {len(record.served)} models: {in_words(record.served)}")
    if record.left_out:
        lines.append(f"note: left out, because the endpoint does not take it: {', '.join(record.left_out)}")
    return [*lines, *(f"note: {change}" for change in record.changed)]


def in_words(served: Mapping[str, int]) -> str:
    """Served model ids with their numbers of answers."""
    return ", ".join(f"{name} ({count} answers)" for name, count in served.items())
