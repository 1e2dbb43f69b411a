"""Answers that other tools kept: read by what is in the file, never by its name.

A file is a container (`containers.py`) of rows; a row is of one format. A format is a `Format` in a file of its own and
a line of `FORMATS` here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

from harness.files import BLANK, BOM, LONGEST_LINE, json_object
from harness.foreign import containers, inspect_logs, openai_exports, promptfoo, rows
from harness.foreign.containers import Placed
from harness.foreign.found import Format, Found, Row, has_our_names
from harness.foreign.matching import INPUT_SUFFIX
from harness.models.outcomes import Outcome
from harness.models.replies import Reply, text_of

FORMATS = (*openai_exports.FORMATS, *promptfoo.FORMATS, *inspect_logs.FORMATS, *rows.FORMATS, rows.TABLE)
KNOWN = "; ".join(("CSV or Parquet with `command` and `output`", *(one.name for one in FORMATS[:-1])))
_ARRAY = re.compile(rb"\[\s*(?:\{|$)")
_NOTHING = Reply(Outcome.BAD_RESPONSE)


def read_foreign(stream: IO[bytes], name: str) -> Iterator[Found] | None:
    """The answers in a file of another tool, in order, each row that is none with its fault; None for a file of ours.

    Args:
        stream: At its beginning; a pipe, which cannot go back to it, holds ours.
        name: Of the file, for errors.

    Raises:
        InputError: it cannot be read from some place on.
    """
    found = _rows(stream, name) if stream.seekable() else None
    return None if found is None else _read(found, _asked_beside(name))


def _asked_beside(name: str) -> dict[str, tuple[str, ...]]:
    """custom_id -> what was asked, by the requests of a batch in a file beside its output."""
    try:
        with Path(f"{name}{INPUT_SUFFIX}").open("rb") as stream:
            rows = (row for _, row in containers.rows_of_lines(stream, name) if not isinstance(row, str))
            return {text_of(row.get("custom_id")): openai_exports.asked_in(row) for row in rows}
    except (OSError, ValueError):  # there is none; an address is no path
        return {}


def _rows(stream: IO[bytes], name: str) -> Iterator[Placed] | None:
    if containers.is_parquet(stream):
        return containers.rows_of_parquet(stream, name)
    start = stream.read(4)
    stream.seek(0)
    if start in {b"PK\x03\x04", b"PK\x05\x06"}:
        return containers.rows_of_zip(stream, name)
    first = second = b""
    while not second and (line := stream.readline(LONGEST_LINE)):
        line = line.removeprefix(BOM).strip(BLANK.encode())
        first, second = first or line, line if first else b""
    stream.seek(0)
    if not first.startswith((b"{", b"[")):
        delimiter = containers.csv_delimiter(first)
        return None if delimiter is None else containers.rows_of_csv(stream, name, delimiter)
    with suppress(ValueError):
        row = json_object(first)
        if has_our_names(row.keys()):
            return None
        if format_of(row) is not None:
            return containers.rows_of_lines(stream, name)
        return containers.rows_of_document(stream, name) if {"results", "samples", "data"} & row.keys() else None
    # A document over several lines, or an array. A torn line of ours has a whole one behind it; a raw answer is a list
    # of texts.
    if _ARRAY.match(first):
        document = len(first) > 1 or second.startswith(b"{")
    else:
        document = first.startswith(b"{") and bool(second) and not second.startswith(b'{"')
    return containers.rows_of_document(stream, name) if document or len(first) == LONGEST_LINE else None


def format_of(row: Row) -> Format | None:
    """The format of a row, None where it has none that is known."""
    return next((one for one in FORMATS if one.fits(row)), None)


def _read(placed: Iterator[Placed], asked: dict[str, tuple[str, ...]]) -> Iterator[Found]:
    """The answers in rows; `asked` is what they answer, by custom_id, and learns of requests among the rows."""
    for place, row in placed:
        if isinstance(row, str):
            yield Found(_NOTHING, place=place, fault=row)
            continue
        known = format_of(row)
        if known is None:
            yield Found(_NOTHING, place=place, fault=f"no format that is known here ({KNOWN})")
            continue
        try:
            answers = list(known.read(row))
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
            said = str(error) if type(error) is ValueError else f"a field is missing or has a wrong type: {error}"
            yield Found(_NOTHING, place=place, fault=f"{known.name}: {said[:200]}")
            continue
        if known is openai_exports.REQUESTS:
            asked[text_of(row["custom_id"])] = openai_exports.asked_in(row)
        for one in answers:
            yield replace(one, place=place, texts=one.texts or asked.get("".join(one.ids), ()))
