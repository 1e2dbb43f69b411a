"""Answers on file: a retired model, another tool's export (`harness.foreign`), or a journal of our own.

A line of ours is `{"id": <case id>, "output": <text>}`, `sample` (0-based) optional; or a record of our journal. A line
of ours for a case that is not asked for is an error: a recording of another pack must not pass for one of this pack.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import EvidenceError, InputError
from harness.files import open_file, read_jsonl
from harness.models.outcomes import Completion, Outcome
from harness.models.requests import Request
from harness.text import one_line

_LINE = 'write {"id": ..., "output": ...}, `sample` optional'
_SHOWN = 3  # missing cases named in the error


def load_recording(
    path: Path,
    model: str,
    requests: Sequence[Request] | None,
    cases: Collection[str] | None = None,
    *,
    complete: bool = True,
    notice: Callable[[str], object] = lambda _: None,
) -> list[Completion]:
    """Completions for the requests, in their order; for None, all that are there, in theirs.

    Args:
        path: The recording.
        model: Spec text, for the completions.
        requests: What is wanted.
        cases: Ids that may occur beside the requested ones (the whole pack, when a sample of it is compared);
            by default any id may occur. With their commands, by which answers of other tools are found.
        complete: Answers to all requests must be there; otherwise those that are missing are left out.
        notice: Is told what could not be used of another tool's file, a line each.

    Raises:
        InputError: a line that is no answer, an unknown case, answers of two models, or two to one case and sample.
        EvidenceError: answers to some requests are missing.
    """
    places = [(request.case_id, request.sample) for request in requests or ()]
    wanted = set(places)
    allowed = None if cases is None else {*cases, *(case_id for case_id, _ in places)}
    found: dict[tuple[str, int], Completion] = {}
    first: dict[tuple[str, int], int | str] = {}
    models: set[str] = set()
    commands = dict(cases) if isinstance(cases, Mapping) else {}
    commands |= {request.case_id: request.messages[-1]["content"] for request in requests or () if request.messages}
    for number, completion in _completions(path, model, commands, notice):
        # A line of the short form has the name of the recording and may stand beside others.
        models |= {completion.model} - {model}
        if len(models) > 1:
            both = one_line(f"answers of two models in one recording: {', '.join(sorted(models))}")
            raise _error(both, path, number, "keep the lines of one model")
        if not completion.outcome.scored:
            continue
        place = (completion.case_id, completion.sample)
        if allowed is not None and completion.case_id not in allowed:
            hint = "check that the recording belongs to this pack, or remove the line"
            raise _error(f"no case has the id {completion.case_id!r}", path, number, hint)
        if place in first:
            where = f"line {first[place]}" if isinstance(first[place], int) else first[place]
            again = f"a second answer to case {place[0]!r}, sample {place[1]}: the first is {where}"
            raise _error(again, path, number, "remove one of them, or number them with `sample`")
        first[place] = number
        if requests is None or place in wanted:
            found[place] = replace(completion, model=model)
    missing = [f"{case_id} (sample {sample})" for case_id, sample in places if (case_id, sample) not in found]
    if missing and complete:
        raise EvidenceError(
            f"{path}: answers to {len(missing)} of {len(places)} requests are missing: "
            f"{', '.join(missing[:_SHOWN])}{', ...' if len(missing) > _SHOWN else ''}\n"
            "  add them, or compare on fewer cases or samples"
        )
    return [found[place] for place in (found if requests is None else places) if place in found]


def _completions(
    path: Path, model: str, commands: Mapping[str, str], notice: Callable[[str], object]
) -> Iterator[tuple[int | str, Completion]]:
    """What a file holds, scored or not, with the place of each."""
    # Imported here: most runs read no recording.
    from harness.foreign import read_foreign
    from harness.foreign.matching import Summary, matched

    try:
        with open_file(path) as stream:
            rows = read_foreign(stream, str(path))
            if rows is not None:
                summary = Summary(str(path))
                for found, one in matched(rows, commands, model):
                    if found.fault:
                        raise _error(found.fault, path, found.place, "mend or remove it")
                    summary.add(one, found.place)
                    if isinstance(one, Completion):
                        yield found.place, one
                if not summary.answers:
                    raise summary.nothing()
                for line in summary.lines():
                    notice(line)
                return
    except OSError as error:
        raise InputError(f"cannot read the recording: {error.strerror}", path=path, hint="check the path") from None
    for number, record in read_jsonl(path, "the recording", line_hint=_LINE):
        journalled = "outcome" in record
        try:
            yield number, Completion.from_record(record) if journalled else _answer(record, model)
        except ValueError as error:
            hint = "restore the journal record" if journalled else _LINE
            raise InputError(str(error), path=path, line=number, hint=hint) from None


def _error(what: str, path: Path, place: int | str, hint: str) -> InputError:
    """An error at a line, or at another place in a file."""
    line = place if isinstance(place, int) else None
    return InputError(what, path=path if line is not None else f"{path}: {place}", line=line, hint=hint)


def _answer(record: Mapping[str, Any], model: str) -> Completion:
    """An answer in the form that other tools write; a ValueError says which field is wrong."""
    for name in ("id", "output"):
        if name not in record:
            raise ValueError(f"the field {name!r} is missing")
        if not isinstance(record[name], str):
            raise ValueError("`id` and `output` must be strings")  # noqa: TRY004  one type for a bad line
    unknown = sorted(set(record) - {"id", "output", "sample"})
    if unknown:
        raise ValueError(f"unknown field {unknown[0]!r}")
    sample = record.get("sample", 0)
    if not isinstance(sample, int) or isinstance(sample, bool) or sample < 0:
        raise ValueError("`sample` must be an integer from 0 up")
    return Completion("", model, record["id"], sample, Outcome.ANSWERED, record["output"])
