"""Answers on file for `gonogo check` and `gonogo sdk diff`: one raw answer, or a JSONL of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from harness.errors import InputError
from harness.files import json_object, numbered

_MAX_CHARACTERS = 1 << 20  # of one raw answer; `check_answer` refuses far shorter ones by name


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: `id` and `line` are set where it came from a JSONL."""

    text: str
    id: str = ""
    line: int | None = None


def read_answers(name: str, *, jsonl: bool | None = None) -> Iterator[Answer]:
    """The answers of a file, or of stdin for `-`; a JSONL is read line by line, so any length of file is fine.

    Args:
        name: Path or `-`.
        jsonl: Whether it is a JSONL; None to tell by the suffix.

    Raises:
        InputError: the file cannot be read, or a line of the JSONL is no answer.
    """
    is_jsonl = name.endswith(".jsonl") if jsonl is None else jsonl
    try:
        if name == "-":
            sys.stdin.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]  # a text stream has it
            yield from _read(sys.stdin, "stdin", jsonl=is_jsonl)
        else:
            # Bytes that are no UTF-8 become lone surrogates, which the checks name.
            with Path(name).open(encoding="utf-8", errors="surrogateescape") as stream:
                yield from _read(stream, name, jsonl=is_jsonl)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=name, hint="check the path") from error


def _read(stream: TextIO, name: str, *, jsonl: bool) -> Iterator[Answer]:
    if not jsonl:
        yield Answer(stream.read(_MAX_CHARACTERS))
        return
    for number, line in numbered(stream.buffer):
        yield _answer(line, name, number)


def _answer(line: bytes, name: str, number: int) -> Answer:
    hint = 'Each line is an object like {"id": "case-1", "output": "[...]"}.'
    try:
        record = json_object(line, errors="surrogateescape")
    except ValueError as error:
        raise InputError(str(error), path=name, line=number, hint=hint) from None
    identity = record.get("id", record.get("case_id"))  # the latter in gonogo's own journal
    text = record.get("output", record.get("text"))
    if not isinstance(identity, str) or not isinstance(text, str):
        raise InputError('needs "id" and "output", both strings', path=name, line=number, hint=hint)
    return Answer(text, identity, number)
