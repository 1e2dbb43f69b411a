"""The long table as a file: no formula runs from a CSV, and Parquet gives back what was written."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from harness.errors import InputError
from harness.score import METRICS
from harness.table import COLUMNS, frame_of, harmless_cell, open_table, write_parquet

INTEGERS = {"sample", "calls", "unknown_calls", "prompt_tokens", "completion_tokens"}
FLAGS = {*METRICS, "exact_match", "ast_match"}


def cell(name: str) -> st.SearchStrategy[Any]:
    """Values that a column may hold."""
    if name in INTEGERS:
        return st.none() | st.integers(-(2**63), 2**63 - 1)
    if name in FLAGS:
        return st.none() | st.booleans()
    if name == "latency_s":
        return st.none() | st.floats(allow_nan=False)
    return st.none() | st.text()


ROWS = st.lists(st.tuples(*(cell(name) for name in COLUMNS)), max_size=6)


@hypothesis_settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(ROWS, min_size=1, max_size=3))
def test_parquet_gives_back_what_was_written(tmp_path: Path, parts: list[list[tuple[Any, ...]]]) -> None:
    """Rows written in any number of steps, none included, come back bit by bit with their types; None stays None."""
    import pyarrow.parquet as pq

    with open_table(tmp_path / "t.parquet") as write:
        for rows in parts:
            write(frame_of(rows))
    back = pq.read_table(tmp_path / "t.parquet")
    written = [row for rows in parts for row in rows]
    assert [tuple(row.values()) for row in back.to_pylist()] == written
    assert tuple(back.column_names) == COLUMNS
    buffer = io.BytesIO()
    write_parquet(frame_of(written), buffer)
    assert pq.read_table(buffer).equals(back)


def test_half_a_surrogate_pair_is_written_escaped(tmp_path: Path) -> None:
    """A name no UTF-8 can hold does not cost the table."""
    import pyarrow.parquet as pq

    row = tuple("m\ud800" if name == "model" else None for name in COLUMNS)
    for name in ("t.parquet", "t.csv"):
        with open_table(tmp_path / name) as write:
            write(frame_of([row]))
    assert pq.read_table(tmp_path / "t.parquet")["model"].to_pylist() == ["m\\ud800"]
    assert "m\\ud800" in (tmp_path / "t.csv").read_text(encoding="utf-8")


@given(st.text() | st.integers() | st.none() | st.booleans() | st.floats())
def test_no_cell_is_a_formula(value: Any) -> None:
    """Text never starts as a formula does, is only ever prefixed, and numbers stay numbers."""
    made = harmless_cell(value)
    if not isinstance(value, str):
        assert made is value
        return
    assert not made.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert made in (value, "'" + value)
    assert (made == value) == (not value.strip(" ") or value.lstrip(" ")[:1] not in [*"=+-@\t\r\n＝＋－＠"])  # noqa: RUF001  full width as well


def test_a_csv_holds_formulas_as_text(tmp_path: Path) -> None:
    """A model named like a command is not run by a spreadsheet; quotes, commas and line ends come back."""
    texts = ["=cmd|' /C calc'!A0", '@SUM(1)"', "+1,2", "-1\n=2", "plain"]
    rows = [tuple(text if name == "reason" else None for name in COLUMNS) for text in texts]
    with open_table(tmp_path / "new" / "t.csv") as write:
        write(frame_of(rows[:2]))
        write(frame_of(rows[2:]))
    with (tmp_path / "new" / "t.csv").open(encoding="utf-8", newline="") as file:
        back = list(csv.DictReader(file))
    assert [row["reason"] for row in back] == ["'" + text for text in texts[:-1]] + ["plain"]
    assert list(back[0]) == list(COLUMNS)


@pytest.mark.parametrize("name", ["t.xlsx", "t", "file/t.csv"])
def test_a_table_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    """Another suffix and a folder that is a file: what is wrong and what to do, before any work."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"change the suffix|choose another folder"), open_table(tmp_path / name):
        pytest.fail("must not begin")
