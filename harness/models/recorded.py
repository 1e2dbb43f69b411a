"""Answers on file: a retired model, another tool's export, or a journal of our own.

A line is `{"id": <case id>, "output": <text>}`, `sample` (0-based) optional; or a record of our journal. Lines for
cases that are not asked for are an error: a recording of another pack must not pass for one of this pack.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import EvidenceError, InputError
from harness.files import read_jsonl
from harness.models.outcomes import Completion, Outcome
from harness.models.requests import Request

_FIELDS = frozenset({"id", "output", "sample"})
_SHOWN = 3  # missing cases named in the error


def load_recording(
    path: Path,
    model: str,
    requests: Sequence[Request],
    cases: Collection[str] | None = None,
    *,
    complete: bool = True,
) -> list[Completion]:
    """Completions for the requests, in their order.

    Args:
        path: The recording.
        model: Spec text, for the completions.
        requests: What is wanted.
        cases: Ids that may occur beside the requested ones (the whole pack, when a sample of it is compared);
            by default any id may occur.
        complete: Answers to all requests must be there; otherwise those that are missing are left out.

    Raises:
        InputError: bad JSON, missing, unknown or mistyped field, unknown case, or the same case and sample twice.
        EvidenceError: answers to some requests are missing.
    """
    wanted = {(request.case_id, request.sample) for request in requests}
    allowed = None if cases is None else {*cases, *(case_id for case_id, _ in wanted)}
    found: dict[tuple[str, int], Completion] = {}
    first_line: dict[tuple[str, int], int] = {}
    models: set[str] = set()
    for number, record in read_jsonl(path, "the recording", line_hint='write {"id": ..., "output": ...}'):
        journalled = "outcome" in record
        completion = _ours(path, number, record) if journalled else _foreign(path, number, record, model)
        if journalled:
            models.add(completion.model)
            if len(models) > 1:
                raise InputError(
                    f"answers of two models in one recording: {', '.join(sorted(models))}",
                    path=path,
                    line=number,
                    hint="keep the lines of one model",
                )
            if not completion.outcome.scored:
                continue
        place = (completion.case_id, completion.sample)
        if allowed is not None and completion.case_id not in allowed:
            raise InputError(
                f"no case has the id {completion.case_id!r}",
                path=path,
                line=number,
                hint="check that the recording belongs to this pack, or remove the line",
            )
        if place in first_line:
            raise InputError(
                f"a second answer to case {place[0]!r}, sample {place[1]}: the first is line {first_line[place]}",
                path=path,
                line=number,
                hint="remove one of them, or number them with `sample`",
            )
        first_line[place] = number
        if place in wanted:
            found[place] = replace(completion, model=model)
    if complete:
        _require_all(path, requests, found)
    places = [(request.case_id, request.sample) for request in requests]
    return [found[place] for place in places if place in found]


def _ours(path: Path, number: int, record: dict[str, Any]) -> Completion:
    try:
        return Completion.from_record(record)
    except ValueError as error:
        raise InputError(str(error), path=path, line=number, hint="restore the journal record") from None


def _foreign(path: Path, number: int, record: dict[str, Any], model: str) -> Completion:
    unknown = sorted(set(record) - _FIELDS)
    missing = sorted({"id", "output"} - set(record))
    if unknown or missing:
        what = f"unknown field {unknown[0]!r}" if unknown else f"the field {missing[0]!r} is missing"
        raise InputError(what, path=path, line=number, hint='write {"id": ..., "output": ...}, `sample` optional')
    case_id, output, sample = record["id"], record["output"], record.get("sample", 0)
    if not isinstance(case_id, str) or not isinstance(output, str):
        raise InputError("`id` and `output` must be strings", path=path, line=number, hint="mend the line")
    if not isinstance(sample, int) or isinstance(sample, bool) or sample < 0:
        raise InputError("`sample` must be an integer from 0 up", path=path, line=number, hint="mend the line")
    return Completion("", model, case_id, sample, Outcome.ANSWERED, output)


def _require_all(path: Path, requests: Sequence[Request], found: dict[tuple[str, int], Completion]) -> None:
    missing = [r for r in requests if (r.case_id, r.sample) not in found]
    if missing:
        shown = ", ".join(f"{r.case_id} (sample {r.sample})" for r in missing[:_SHOWN])
        more = ", ..." if len(missing) > _SHOWN else ""
        raise EvidenceError(
            f"{path}: answers to {len(missing)} of {len(requests)} requests are missing: {shown}{more}\n"
            "  add them, or compare on fewer cases or samples"
        )
