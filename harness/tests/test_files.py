"""One definition of a line, whoever reads it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.answers import read_journal
from harness.batch.provider import read_results
from harness.cases import load_cases
from harness.checks.answer_file import read_answers
from harness.datacheck import check_overlap
from harness.errors import InputError
from harness.files import numbered, read_json, read_jsonl, read_toml
from harness.models.outcomes import Completion, Outcome
from harness.models.recorded import load_recording
from harness.models.requests import Request
from harness.overlap import check_training
from harness.pack import load_pack
from harness.parsed import toml_line
from harness.scale import score_here
from harness.tests.conftest import Gonogo

ODD = "\x0b\x0c\x1c\x1f\x85\u00a0\u2028\u2029\u3000"  # str.splitlines ends a line at these, or str.strip takes them
CASE = load_pack("go2").cases()[0]


@given(st.text(st.sampled_from(ODD + "\ufeff \t\r\nab")))
@example("\x1f\n")
@example("\ufeff\r\n a\r\n\r")
def test_only_a_newline_ends_a_line(content: str) -> None:
    """Every line comes back as it was written, with its number, unless it is spaces, tabs and carriage returns."""
    *ended, last = content.removeprefix("\ufeff").split("\n")
    lines = [*(line.removesuffix("\r") for line in ended), last]
    expected = [(number, line) for number, line in enumerate(lines, start=1) if line.strip(" \t\r")]
    assert [(number, line.decode()) for number, line in numbered(io.BytesIO(content.encode()))] == expected


ANSWER = {"id": CASE.id, "output": f"odd {ODD}"}
RECORD = Completion("key", "m", CASE.id, 0, Outcome.ANSWERED, f"odd {ODD}").to_record()
RESULT = {"custom_id": f"odd {ODD}", "error": {"message": "late"}}
REQUESTED = [Request(CASE.id, 0, ())]
HELD_OUT = {
    "id": "a",
    "intent": "a",
    "category": "order",
    "command": f"odd {ODD}",
    "scene": "home",
    "disposition": "execute",
    "references": [["self.stop()"]],
}
READERS: dict[str, tuple[dict[str, Any], Callable[[Path], int]]] = {
    "cases": (HELD_OUT, lambda path: len(load_cases(path))),
    "answers": (ANSWER, lambda path: len(list(read_answers(str(path))))),
    "recording": (ANSWER, lambda path: len(load_recording(path, "m", REQUESTED, complete=False))),
    "journal": (RECORD, lambda path: len(read_journal(path, {"key"}))),
    "batch results": (RESULT, lambda path: len(list(read_results(path)))),
    "score": (ANSWER, lambda path: len(score_here([str(path)], load_pack("go2")))),
    "data check": ({"command": CASE.command + ODD}, lambda path: len(list(check_overlap([CASE], path)))),
    "gate": ({"command": CASE.command + ODD}, lambda path: len(check_training(path, [CASE]).overlaps)),
}


@pytest.mark.parametrize("name", READERS)
def test_every_reader_takes_the_same_lines(name: str, tmp_path: Path) -> None:
    """A byte order mark, blank lines, CRLF and odd characters inside a string: one record is read, by each reader."""
    record, count = READERS[name]
    path = tmp_path / "one.jsonl"
    path.write_bytes(b"\xef\xbb\xbf\r\n \t\n" + json.dumps(record, ensure_ascii=False).encode() + b"\r\n\n")
    assert count(path) == 1


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("odd", ODD)
def test_no_reader_passes_over_a_line_that_is_not_blank(name: str, odd: str, tmp_path: Path) -> None:
    """A line of one odd character is no record: an error at that line, or, where such are kept or counted, one more."""
    record, count = READERS[name]
    path = tmp_path / "two.jsonl"
    path.write_bytes(json.dumps(record).encode() + b"\n" + odd.encode() + b"\n")
    if name == "score":
        assert count(path) == 2
    elif name == "batch results":
        assert count(path) == 1
    else:
        with pytest.raises(InputError, match=r"two\.jsonl:2: .*not JSON"):
            count(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "not JSON: Expecting property name enclosed in double quotes at column 2"),
        (b"[" * 100_000, "not JSON: nested too deep"),
        (b'{"n": ' + b"9" * 10_000 + b"}", "not JSON: Exceeds the limit"),
        (b'{"a": "\xff"}', "not UTF-8 text at byte 8"),
        (b"[1]", "not a JSON object"),
    ],
)
def test_a_bad_line_is_named(line: bytes, message: str, tmp_path: Path) -> None:
    """File, line, what is wrong and what to do; the lines before it have been given."""
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b'{"a": 1}\n\n' + line + b"\n")
    records = read_jsonl(path, "the file", line_hint="mend the line")
    assert next(records) == (1, {"a": 1})
    with pytest.raises(InputError) as caught:
        next(records)
    assert str(caught.value).startswith(f"{path}:3: {message}")
    assert str(caught.value).endswith("\n  mend the line")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """What it is, why, and what to do."""
    with pytest.raises(InputError, match=r"gone: cannot read the list: No such file or directory\n  check --list"):
        list(read_jsonl(tmp_path / "gone", "the list", line_hint="", path_hint="check --list"))


@pytest.mark.parametrize(
    ("location", "line"),
    [
        (("a",), 1),
        (("x", "b"), 3),
        (("x", "missing"), 2),
        (("call", 0, "path"), 5),
        (("call", 1, "param", 0, "mn"), 12),
        (("endpoints", "foo", "timeout"), 14),
        (("nowhere",), None),
    ],
)
def test_a_value_of_a_toml_file_is_found_with_its_line(location: tuple[int | str, ...], line: int | None) -> None:
    """Keys, tables and arrays of tables, nested ones too; what is not there gives the nearest table around it."""
    text = (
        'a = 1\n[x]\nb = 2\n[[call]]\npath="p"\n[[call.param]]\nname="n"\n[[call]]\npath="q"\n[[call.param]]\n'
        'name="z"\nmn=3\n[endpoints.foo]\ntimeout = 3\n'
    )
    assert toml_line(text, location) == line


def test_a_byte_order_mark_is_the_file_s(tmp_path: Path, gonogo: Gonogo) -> None:
    """In front of a raw answer, of a JSON or a TOML file it changes nothing."""
    for name in ("plain", "marked"):
        mark = b"\xef\xbb\xbf" * (name == "marked")
        (tmp_path / f"{name}.txt").write_bytes(mark + b'["self.x()"]\r\n')
        (tmp_path / f"{name}.json").write_bytes(mark + b"[1]")
        (tmp_path / f"{name}.toml").write_bytes(mark + b"a = 1\r\n")
    said = [gonogo("check", f"{name}.txt", "--pack", "toy").out.replace(name, "") for name in ("plain", "marked")]
    assert said[0] == said[1]
    assert read_json(tmp_path / "marked.json") == [1]
    assert read_toml(tmp_path / "marked.toml") == {"a": 1}


def test_half_of_a_surrogate_pair_is_no_json(tmp_path: Path) -> None:
    """A file with one is refused where it is read, not where its text is written or hashed; a whole pair is read."""
    path = tmp_path / "manifest.json"
    path.write_text('{"a": "\\ud83d\\ude00"}', encoding="utf-8")
    assert read_json(path) == {"a": "😀"}
    path.write_text('{"a": "\\ud800"}', encoding="utf-8")
    with pytest.raises(InputError, match="is not JSON"):
        read_json(path)
