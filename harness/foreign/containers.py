"""The rows of a file, whatever holds them: JSON lines, a JSON document, a table as CSV or Parquet, a ZIP of JSON files.

Nothing in a file can make this read without bounds: a line, a part of a ZIP and a document have a largest size, and
what is larger is an error that names its place. Nothing is unpickled or run.
"""

from __future__ import annotations

import csv
import importlib
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import IO, Any

from harness.errors import InputError
from harness.files import LONGEST_LINE, json_object, lines_of, numbered
from harness.foreign import promptfoo
from harness.foreign.found import Row, has_our_names
from harness.foreign.rows import COLUMNS
from harness.text import one_line

LARGEST_DOCUMENT = 2**29  # bytes of a JSON document, which is held in memory as a whole
LARGEST_UNPACKED = 2**33  # bytes of all parts of a ZIP
_ZSTD = 93  # the compression that inspect uses by default; Python's own zipfile reads it from 3.14 on
_ZIPPED_ROWS = re.compile(r"samples/.*\.json", re.DOTALL)
# Where the rows of a document are: an inspect log; promptfoo's file, and what its `evaluate` gives; OpenAI's lists.
_PATHS = (("samples",), ("results", "results"), ("results",), ("data",))
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, struct.error)

Placed = tuple[int | str, Row | str]  # the place of a row, and the row or what is wrong with it


def rows_of_lines(stream: IO[bytes], name: str) -> Iterator[Placed]:
    """The rows of JSON lines."""
    for number, line in numbered(lines_of(stream, name)):
        try:
            yield number, json_object(line)
        except ValueError as error:
            yield number, str(error)


def rows_of_document(stream: IO[bytes], name: str) -> Iterator[Placed]:
    """The rows in a JSON document: an array, one at a known place, or the document itself; with their lines.

    Raises:
        InputError: it is too large, or not JSON from some line on.
    """
    content = stream.read(LARGEST_DOCUMENT + 1)
    if len(content) > LARGEST_DOCUMENT:
        raise _too_large(name, "a JSON document", LARGEST_DOCUMENT, "write the results as JSON lines, or in parts")
    try:
        text = content.decode("utf-8-sig")
        del content
        start = _after(text, 0)
        places = (start if text[start] == "[" else _find(text, start, path) for path in _PATHS)
        array = next((at for at in places if at is not None), None)
        if array is None:
            found: Iterator[tuple[int, Any]] = iter([(1 + text.count("\n", 0, start), json.loads(text))])
        else:
            found = _elements(text, array)
        for line, value in found:
            yield line, value if isinstance(value, dict) else "not a JSON object"
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg} at column {error.colno}", path=name, line=error.lineno) from None
    except (ValueError, RecursionError) as error:  # not UTF-8, a number of too many digits, nested too deep
        raise InputError(f"not JSON: {str(error)[:120]}", path=name) from None


def _after(text: str, at: int) -> int:
    """Where the next thing that is not space begins."""
    found = _SPACE.match(text, at)
    assert found is not None, "the pattern matches nothing, too"
    return found.end()


def _find(text: str, at: int, path: Sequence[str]) -> int | None:
    """Where the array begins that stands at a path of keys; None where there is none."""
    for name in path:
        if text[at : at + 1] != "{":
            return None
        at = _after(text, at + 1)
        while True:
            if text[at : at + 1] == "}":
                return None
            key, at = _DECODER.raw_decode(text, at)
            at = _after(text, at)
            if text[at : at + 1] != ":":
                raise json.JSONDecodeError("Expecting ':' delimiter", text, at)
            at = _after(text, at + 1)
            if key == name:
                break
            _, at = _DECODER.raw_decode(text, at)
            at = _after(text, at)
            at = _after(text, at + 1) if text[at : at + 1] == "," else at
    return at if text[at : at + 1] == "[" else None


def _elements(text: str, at: int) -> Iterator[tuple[int, Any]]:
    """The elements of the array at a place, one at a time, each with its line."""
    line, counted = 1, 0
    at = _after(text, at + 1)
    while text[at : at + 1] != "]":
        line, counted = line + text.count("\n", counted, at), at
        value, at = _DECODER.raw_decode(text, at)
        yield line, value
        at = _after(text, at)
        if text[at : at + 1] == ",":
            at = _after(text, at + 1)
        elif text[at : at + 1] != "]":
            raise json.JSONDecodeError("Expecting ',' delimiter", text, at)


def csv_delimiter(line: bytes) -> str | None:
    """What separates the columns where a line is the header of a table of answers; spreadsheets write `;`, too."""
    for delimiter in ",;\t":
        try:
            (cells,) = csv.reader([line.decode("utf-8-sig")], delimiter=delimiter)
        except (ValueError, csv.Error):
            continue
        names = _named(cells)
        if promptfoo.csv_outputs(names) or ("output" in names and {"command", "id", "case_id"} & {*names}):
            return delimiter
    return None


def _named(cells: Sequence[str]) -> list[str]:
    """The headings; those that mean something here in lower case."""
    return [name if (name := cell.strip().lower()) in COLUMNS else cell for cell in cells]


def rows_of_csv(stream: IO[bytes], name: str, delimiter: str) -> Iterator[Placed]:
    """The rows of a table, or the results in promptfoo's, each with the line where it begins.

    Raises:
        InputError: from some line on it is no CSV in UTF-8.
    """

    def decoded() -> Iterator[str]:
        for number, line in enumerate(lines_of(stream, name), start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise InputError(f"not UTF-8 text: {error.reason}", path=name, line=number) from None
            yield text.removesuffix("\n").removesuffix("\r") + "\n"

    csv.field_size_limit(LONGEST_LINE)  # 128 kB by default: a model in a loop writes more
    reader = csv.reader(decoded(), delimiter=delimiter, strict=True)
    begins = 1
    try:
        header = _named(next(reader))
        outputs = promptfoo.csv_outputs(header)
        while True:
            begins = reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                return
            if outputs:
                yield from ((begins, result) for result in promptfoo.csv_results(header, cells) if any(cells))
            elif len(cells) > len(header):
                yield begins, f"{len(cells)} cells under {len(header)} headings"
            elif any(cells):
                yield begins, {key: cell for key, cell in zip(header, cells, strict=False) if cell or key == "output"}
    except csv.Error as error:
        raise InputError(f"not CSV: {error}", path=name, line=begins) from None


def parquet(stream: Any) -> Any:
    """An open Parquet file; InputError without pyarrow, ValueError where it is none."""
    return _pyarrow("Parquet needs", "parquet").ParquetFile(stream)


def _pyarrow(what: str, module: str) -> Any:
    try:
        return importlib.import_module(f"pyarrow.{module}")
    except ImportError:
        hint = "pip install 'gonogo[scale]'"
        raise InputError(f"{what} the package pyarrow", hint=hint) from None


def is_parquet(stream: IO[bytes]) -> bool:
    """Whether a file begins as Parquet does; it is left at its beginning."""
    start = stream.read(4)
    stream.seek(0)
    return start == b"PAR1"


def has_our_columns(stream: IO[bytes]) -> bool:
    """Whether a Parquet file holds records of ours, or the short form of them."""
    names = parquet(stream).schema_arrow.names
    stream.seek(0)
    return has_our_names(names)


def rows_of_parquet(stream: IO[bytes], name: str) -> Iterator[Placed]:
    """The rows of a Parquet file, some at a time.

    Raises:
        InputError: pyarrow is missing, the file is broken, or a part of it is too large.
    """
    number = 0
    try:
        file = parquet(stream)
        for group in range(file.num_row_groups):
            if file.metadata.row_group(group).total_byte_size > LARGEST_DOCUMENT:
                raise _too_large(name, f"row group {group}", LARGEST_DOCUMENT, "write it with smaller row groups")
            for batch in file.iter_batches(batch_size=256, row_groups=[group]):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", {key: value for key, value in row.items() if value is not None}
    except (OSError, ValueError) as error:  # pyarrow.ArrowInvalid is a ValueError
        raise InputError(f"not Parquet: {str(error)[:200]}", path=name) from None


def rows_of_zip(stream: IO[bytes], name: str) -> Iterator[Placed]:
    """The samples in a ZIP of inspect's, each with the name of its part.

    Raises:
        InputError: it is broken, holds no samples, or unpacks to too much.
    """
    try:
        archive = zipfile.ZipFile(stream)
    except _BROKEN as error:
        raise InputError(f"not a whole ZIP file: {str(error)[:200]}", path=name, hint="copy it again") from None
    parts = {info.filename: info for info in archive.infolist() if _ZIPPED_ROWS.fullmatch(info.filename)}
    if not parts:
        hint = "an inspect log is written to its end when the evaluation ends; Excel files have to be saved as CSV"
        raise InputError("a ZIP without samples of inspect", path=name, hint=hint)
    unpacked = 0
    for part, info in parts.items():  # of two of one name the later stands, as for inspect itself
        place = one_line(part)
        try:
            content = _unpacked(archive, stream, info)
            unpacked += len(content)
            if len(content) > LONGEST_LINE or unpacked > LARGEST_UNPACKED:
                largest = LONGEST_LINE if len(content) > LONGEST_LINE else LARGEST_UNPACKED
                raise _too_large(f"{name}: {place}", "a ZIP that unpacks to it", largest, "check where it comes from")
            yield place, json_object(content)
        except _BROKEN as error:
            yield place, f"cannot be unpacked: {str(error)[:200]}"
        except ValueError as error:
            yield place, str(error)


def _unpacked(archive: zipfile.ZipFile, stream: IO[bytes], info: zipfile.ZipInfo) -> bytes:
    """The content of a part, or its beginning where it is too large."""
    if info.compress_type != _ZSTD:
        with archive.open(info) as part:
            return part.read(LONGEST_LINE + 1)
    stream.seek(info.header_offset)
    name_length, extra_length = struct.unpack("<26xHH", stream.read(30))
    stream.seek(name_length + extra_length, 1)
    packed = stream.read(min(info.compress_size, LONGEST_LINE))
    arrow = _pyarrow("a log that is compressed by zstd (or `inspect log convert --to json`) needs", "lib")
    content: bytes = arrow.input_stream(arrow.py_buffer(packed), compression="zstd").read(LONGEST_LINE + 1)
    return content


def _too_large(path: str, what: str, largest: int, hint: str) -> InputError:
    return InputError(f"{what} of more than {largest >> 20} MB", path=path, hint=hint)
