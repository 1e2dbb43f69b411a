"""Answers on file for `gonogo check` and `gonogo sdk diff`: a raw answer, a JSONL of them, another tool's export."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from harness.errors import InputError
from harness.files import BOM, json_object, lines_of, numbered, open_file
from harness.foreign import read_foreign
from harness.foreign.found import Found
from harness.foreign.matching import at

_MAX_BYTES = 1 << 20  # of one raw answer; `check_answer` refuses far shorter ones by name


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: `id` and `line` are set where it came from a JSONL."""

    text: str
    id: str = ""
    line: int | None = None


def read_answers(name: str, *, jsonl: bool | None = None) -> Iterator[Answer]:
    """The answers of a file, or of stdin for `-`; a JSONL is read line by line, so any length of file is fine.

    Bytes that are no UTF-8 become lone surrogates, which the checks name. By default the suffix says what is a JSONL.

    Raises:
        InputError: the file cannot be read, or a line of the JSONL is no answer.
    """
    try:
        with nullcontext(sys.stdin.buffer) if name == "-" else open_file(Path(name)) as stream:
            rows = read_foreign(stream, name) if name != "-" else None
            first = next(rows, None) if rows is not None else None
            if rows is not None and first is not None and not first.fault:
                yield from _foreign(chain([first], rows), name)
                return
            if name != "-":
                stream.seek(0)  # where that was looked for
            if not (name.endswith(".jsonl") if jsonl is None else jsonl):
                raw = stream.read(_MAX_BYTES).removeprefix(BOM)  # it is the file's, not the model's
                yield Answer(raw.decode("utf-8", "surrogateescape"))
                return
            for number, line in numbered(lines_of(stream, name)):
                try:
                    record = json_object(line, errors="surrogateescape")
                    identity = record.get("id", record.get("case_id"))  # the latter in gonogo's own journal
                    text = record.get("output", record.get("text"))
                    if not isinstance(identity, str) or not isinstance(text, str):
                        raise ValueError('needs "id" and "output", both strings')  # noqa: TRY004, TRY301  one fault
                except ValueError as error:
                    hint = 'Each line is an object like {"id": "case-1", "output": "[...]"}.'
                    raise InputError(str(error), path=name, line=number, hint=hint) from None
                yield Answer(text, identity, number)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=name, hint="check the path") from error


def _foreign(rows: Iterator[Found], name: str) -> Iterator[Answer]:
    """The answers in another tool's file."""
    for one in rows:
        if one.fault:
            raise InputError(one.fault, path=at(name, one.place), hint="mend or remove it")
        if one.reply.outcome.scored:
            line = one.place if isinstance(one.place, int) else None
            yield Answer(one.reply.text, next(iter(one.ids), str(one.place)), line)
