"""Which case an answer of another tool belongs to: by the case's id, or else by the words of its command.

Words are equal where they are the same characters but for the kind and amount of white space: what was asked in other
words is another question. Rows that fit no case, or more than one, are told and never used.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.errors import InputError
from harness.foreign.found import Found
from harness.models.outcomes import Completion
from harness.text import one_line, redact

REPEATS = "that repeat others"
INPUT_SUFFIX = ".input.jsonl"  # of the requests of a batch, beside its output
_SHOWN = 20  # rows told of each kind


@dataclass(frozen=True, slots=True)
class Unused:
    """A row that gives no completion: its place, the kind of trouble in the words of a summary, and the reason."""

    place: int | str
    kind: str
    reason: str


def same_words(text: str) -> str:
    """A command as it is compared."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def matched(
    found: Iterable[Found], commands: Mapping[str, str], model: str
) -> Iterator[tuple[Found, Completion | Unused]]:
    """Each row with its completion, or why it has none.

    Several answers of a model to one case are its samples, in order, where the rows do not number them; those that
    are not scored take no number.

    Args:
        found: Rows, in the order of the file.
        commands: Case id -> command, of the pack.
        model: For rows that name none.
    """
    by_words: dict[str, list[str]] = defaultdict(list)
    for case_id, command in commands.items():
        by_words[same_words(command)].append(case_id)
    samples: Counter[tuple[str, str]] = Counter()
    prompts: dict[str, str] = {}
    filters: dict[str, str] = {}
    for one in found:
        if one.fault:
            yield one, Unused(one.place, "that cannot be read", one.fault)
            continue
        if filters.setdefault(one.model, one.filtered) != one.filtered:
            yield one, Unused(one.place, REPEATS, f"the same answer through the filter {one.filtered!r}")
            continue
        by_text = {case_id for text in one.texts for case_id in by_words.get(same_words(text), ())}
        by_id = {case_id for case_id in one.ids if case_id in commands}
        # The id decides between cases that share their words; where the two disagree, neither is to be trusted.
        cases = (by_id & by_text) or by_id | by_text
        if not cases:
            said = " or ".join(repr(text[:60]) for text in (*one.ids[:1], *one.texts[:1]) if text) or "it has neither"
            said += " (it holds no command)" * bool(one.ids and not one.texts)
            yield one, Unused(one.place, "that belong to no case", f"no case has this id or command: {said}")
            continue
        if len(cases) > 1:
            reason = f"it may answer {' or '.join(map(repr, sorted(cases)[:3]))}"
            yield one, Unused(one.place, "that may belong to several cases", reason)
            continue
        (case_id,) = cases
        who = one.model or model
        if one.prompt != prompts.setdefault(who, one.prompt):
            who = f"{who} (prompt {one.prompt})"
        sample = samples[who, case_id] if one.sample is None else one.sample
        samples[who, case_id] += one.reply.outcome.scored
        served = one.reply.served_model or one.model or None
        yield one, Completion("", who, case_id, sample, **one.reply.shared() | {"served_model": served})


class Summary:
    """Counts what became of the rows of a file, to be told in a few lines; `answers` are those that are scored."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.answers = self._open_ended = 0
        self._troubles: dict[str, list[Unused]] = defaultdict(list)
        self._counts: Counter[str] = Counter()

    def add(self, one: Completion | Unused, place: int | str) -> None:
        """Count one row."""
        if isinstance(one, Completion) and one.outcome.scored:
            self.answers += 1
            self._open_ended += one.finish_reason is None
            return
        if isinstance(one, Completion):
            one = Unused(place, "where the model was not heard, not scored", f"{one.outcome.value}: {one.detail}")
        self._counts[one.kind] += 1
        if self._counts[one.kind] <= _SHOWN:
            self._troubles[one.kind].append(one)

    def lines(self) -> Iterator[str]:
        """What to tell, a line each."""
        for kind, first in self._troubles.items():
            yield one_line(redact(f"{self._name}: rows {kind}: {self._counts[kind]}"))
            for one in first:
                yield one_line(redact(f"  {'line ' * isinstance(one.place, int)}{one.place}: {one.reason[:120]}"))
            if self._counts[kind] > _SHOWN:
                yield f"  and {self._counts[kind] - _SHOWN} more"
        if self._open_ended:
            what = "answers that do not say how the model ended, taken as whole ones"
            yield f"{self._name}: {what}: {self._open_ended} of {self.answers}"

    def nothing(self) -> InputError:
        """That no row is an answer to a case, with the first reasons."""
        matched_by = "answers are matched by the id of the case, or by the words of its command"
        batch = f"the requests of a batch are read from {self._name}{INPUT_SUFFIX}"
        hint = "\n  ".join([*self.lines(), matched_by, batch])
        return InputError("none of its rows is an answer to a command of this pack", path=self._name, hint=hint)


def at(name: str, place: int | str) -> str:
    """A place in a file, as errors show it."""
    return f"{name}:{place}" if isinstance(place, int) else f"{name}: {place}"
