"""Writes the long table row by row, as CSV or Parquet, so that its length does not matter."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from harness.errors import InputError
from harness.scores import COLUMNS, METRICS

Write = Callable[[Sequence[tuple[Any, ...]]], None]

# A spreadsheet takes a cell that starts with one of these for a formula (OWASP, "CSV Injection"),
# also in full width.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  these are the ones


@contextmanager
def open_table(path: Path) -> Iterator[Write]:
    """A function that appends rows of the long table to a new file; the suffix, .csv or .parquet, decides the format.

    Raises:
        InputError: another suffix, a folder that cannot be written, or Parquet without pyarrow.
    """
    writers = {".csv": _csv, ".parquet": _parquet}
    if path.suffix not in writers:
        raise InputError(f"a table is a .csv or .parquet file, not {path.name!r}", hint="change the suffix")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with writers[path.suffix](path) as write:
            yield write
    except OSError as error:
        raise InputError(f"cannot write the table: {error.strerror}", path=path, hint="choose another folder") from None


def harmless_cell(value: Any) -> Any:
    """A value for CSV: text that a spreadsheet would run as a formula gets an apostrophe in front.

    >>> harmless_cell("=1+1"), harmless_cell("plain"), harmless_cell(-1)
    ("'=1+1", 'plain', -1)
    """
    return "'" + value if isinstance(value, str) and value.startswith(_FORMULA) else value


@contextmanager
def _csv(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        yield lambda rows: writer.writerows([[harmless_cell(value) for value in row] for row in rows])


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    schema, pq = parquet_schema()
    with pq.ParquetWriter(path, schema) as writer:
        yield lambda rows: writer.write_table(_arrow(rows, schema))


def write_parquet(rows: Sequence[tuple[Any, ...]], file: BinaryIO) -> None:
    """Write rows of the long table as one Parquet file, into an open one.

    Raises:
        InputError: without pyarrow.
    """
    schema, pq = parquet_schema()
    pq.write_table(_arrow(rows, schema), file)


def parquet_schema() -> tuple[Any, Any]:
    """Arrow schema of the long table, and the module `pyarrow.parquet`.

    Raises:
        InputError: without pyarrow.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415  an extra
        import pyarrow.parquet as pq  # noqa: PLC0415  the same
    except ImportError:
        raise InputError(
            "Parquet needs the package pyarrow", hint="pip install 'gonogo[scale]', or write a .csv table"
        ) from None
    integers = {"sample", "calls", "unknown_calls", "prompt_tokens", "completion_tokens"}
    kinds = dict.fromkeys(METRICS, pa.bool_()) | dict.fromkeys(("exact_match", "ast_match"), pa.bool_())
    kinds |= dict.fromkeys(integers, pa.int64()) | {"latency_s": pa.float64()}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS]), pq


def _arrow(rows: Sequence[tuple[Any, ...]], schema: Any) -> Any:
    import pyarrow as pa  # noqa: PLC0415  an extra, there since the schema is

    columns = zip(*rows, strict=True) if rows else [()] * len(COLUMNS)
    return pa.table([[_sound(value) for value in column] for column in columns], schema=schema)


def _sound(value: Any) -> Any:
    """A value for Parquet, which holds no half of a surrogate pair."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
