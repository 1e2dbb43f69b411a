"""Answers that only look like a Python list never pass the gate: recordings of all shipped commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import pytest

from harness.pack import load_pack
from harness.tests.conftest import Ended


def _recording(path: Path, forms: list[str], between: str) -> str:
    """The first reference of every case, with `between` between the items, in one form after another."""
    lines = []
    for case, form in zip(load_pack("go2").cases(), cycle(forms), strict=False):
        items = between.join(json.dumps(command, ensure_ascii=False) for command in case.references[0])
        lines.append(json.dumps({"id": case.id, "output": form.format(items)}) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    return f"recorded:{path}"


ODD = ["[{},\u00a0]", "\u00a0[{}]", "[{}\u202f]", "[{}]\u2028", "[\x0b{}]", "\u3000[{}]", "[{}]\x1c", "[\u0085{}]"]


@pytest.mark.parametrize(
    ("forms", "between", "verdict"),
    [(["[{},]", "[{} ,\n]", "([{}])"], ",\n ", "GO"), (ODD, ", ", "NO-GO")],
    ids=["trailing comma", "space that Python does not take"],
)
def test_the_gate_takes_what_python_reads_and_nothing_else(
    forms: list[str], between: str, verdict: str, tmp_path: Path, gonogo: Callable[..., Ended]
) -> None:
    """Right commands that `ast.literal_eval` does not read are NO-GO by the format's floor; a comma is no fault."""
    old = _recording(tmp_path / "old.jsonl", ["[{}]"], ", ")
    new = _recording(tmp_path / "new.jsonl", forms, between)
    done = gonogo("gate", new, "--against", old, "--json")
    record = json.loads(done.out)
    assert (record["verdict"], done.code) == (verdict, {"GO": 0, "NO-GO": 1}[verdict])
    failed = [rule["name"] for rule in record["rules"] if rule["status"] == "fail"]
    assert ("floor.format_strict" in failed) == (verdict == "NO-GO")
