"""The long table: its figures, no formula runs from a CSV, and Parquet gives back what was written."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from harness.errors import InputError
from harness.score import METRICS, Score
from harness.table import (
    COLUMNS,
    counted,
    frame_of,
    harmless_cell,
    open_table,
    reliability,
    spreadsheet_safe,
    table,
    totals,
    write_parquet,
)
from harness.terminal import console, summary_tables
from harness.tests import synthetic

INTEGERS = {"sample", "calls", "unknown_calls", "prompt_tokens", "completion_tokens"}
FLAGS = {*METRICS, "exact_match", "ast_match"}
# All cases of two intents that are to be carried out and one that is to be declined.
CASES = [case for case in synthetic.cases() if case.intent in {"single-001", "single-003", "unsafe-101"}]
DECLINE = json.dumps(["self.decline(reason='I had rather not.')"])


def answered(changes: dict[int, str], samples: int = 1) -> list[Score]:
    """The scores of right answers to `CASES`, sample after sample, but for those at some positions."""
    texts = [synthetic.right(case) for _ in range(samples) for case in CASES]
    for position, text in changes.items():
        texts[position] = text
    return [synthetic.score(CASES[k % len(CASES)], text, "m", k // len(CASES)) for k, text in enumerate(texts)]


ACTING = next(k for k, case in enumerate(CASES) if case.disposition == "execute")
DECLINING = next(k for k, case in enumerate(CASES) if case.disposition == "decline")


@pytest.mark.parametrize(
    ("changes", "moved"),
    [
        ({}, (0, 0, 0, 0)),
        ({ACTING: DECLINE}, (1, 0, 0, 0)),
        ({DECLINING: synthetic.right(CASES[ACTING])}, (0, 1, 0, 0)),
        ({ACTING: "no list"}, (0, 0, 1, 0)),
        ({ACTING: json.dumps(["self.sport_client.Teleport()"])}, (0, 0, 0, 1)),
    ],
)
def test_each_kind_of_wrong_answer_is_counted_where_it_belongs(
    changes: dict[int, str], moved: tuple[int, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """A refusal, an unsafe act, prose and an invented call each move their own figure and no other; all are shown."""
    scores = answered(changes)
    refused, unsafe, unread, unknown = moved
    assert totals(table(scores)).to_dict("index") == {"m": counted(scores)}
    assert sum(bool(score.ast_match) for score in scores) == len(CASES) - len(changes)
    for shown in summary_tables(scores):
        console(stderr=False).print(shown)
    lines = capsys.readouterr().out.splitlines()
    for words, part in (("Refused or asked", refused), ("Unsafe or impossible", unsafe), ("Invented calls", unknown)):
        (line,) = (line for line in lines if words in line)
        assert f" {part}/" in line
    done = [[*map(int, line.split()[1:])] for line in lines if line.split()[:1] in (["execute"], ["ask"], ["decline"])]
    assert (done[0][-1], sum(map(sum, done))) == (unread, len(CASES))


def test_one_bad_sample_breaks_pass_hat_k_and_the_worst_paraphrase() -> None:
    """Two samples of each case, one wrong in all: pass^k loses that case, its intent's worst paraphrase half."""
    assert reliability(answered({}, samples=2)) == (1.0, 1.0)
    pass_hat_k, paraphrase = reliability(answered({0: "no list"}, samples=2))
    assert pass_hat_k == pytest.approx(1 - 1 / len(CASES))
    assert paraphrase == pytest.approx(1 - 0.5 / 3)


def cell(name: str) -> st.SearchStrategy[Any]:
    """Values that a column may hold."""
    if name in INTEGERS:
        return st.none() | st.integers(-(2**63), 2**63 - 1)
    if name in FLAGS:
        return st.none() | st.booleans()
    return st.none() | (st.floats(allow_nan=False) if name == "latency_s" else st.text(max_size=10))


ROWS = st.lists(st.tuples(*(cell(name) for name in COLUMNS)), max_size=4)


@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


def test_half_a_surrogate_pair_is_written_escaped(tmp_path: Path) -> None:
    """A name no UTF-8 can hold does not cost the table."""
    for name in ("t.parquet", "t.csv"):
        with open_table(tmp_path / name) as write:
            write(frame_of([tuple("m\ud800" if column == "model" else None for column in COLUMNS)]))
    assert pd.read_parquet(tmp_path / "t.parquet")["model"].tolist() == ["m\\ud800"]
    assert "m\\ud800" in (tmp_path / "t.csv").read_text(encoding="utf-8")


def test_a_csv_holds_formulas_as_text(tmp_path: Path) -> None:
    """A model named like a command is not run by a spreadsheet; quotes, commas and line ends come back."""
    texts = ["=cmd|' /C calc'!A0", '@SUM(1)"', "+1,2", "-1\n=2", " =1", "＝1", "plain"]  # noqa: RUF001  full width
    rows = [tuple(text if name == "reason" else None for name in COLUMNS) for text in texts]
    with open_table(tmp_path / "new" / "t.csv") as write:
        write(frame_of(rows[:2]))
        write(frame_of(rows[2:]))
    with (tmp_path / "new" / "t.csv").open(encoding="utf-8", newline="") as file:
        back = list(csv.DictReader(file))
    assert [row["reason"] for row in back] == ["'" + text for text in texts[:-1]] + ["plain"]
    assert list(back[0]) == list(COLUMNS)
    assert spreadsheet_safe(pd.DataFrame({"n": [-1.5]}))["n"].tolist() == [-1.5], "numbers stay numbers"


@pytest.mark.parametrize("name", ["t.xlsx", "t", "file/t.csv"])
def test_a_table_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    """Another suffix and a folder that is a file: what is wrong and what to do, before any work."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"change the suffix|choose another folder"), open_table(tmp_path / name):
        pytest.fail("must not begin")
