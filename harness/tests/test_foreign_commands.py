"""Files of other tools: what went in comes out, recordings written for two of them, and the command line."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.foreign import inspect_logs, promptfoo, read_foreign
from harness.models.outcomes import Completion, Outcome
from harness.pack import load_pack
from harness.scale import files_of, score_here
from harness.score import Scorer
from harness.table import UNREADABLE
from harness.tests import foreign_files as made
from harness.tests.conftest import Gonogo
from harness.tests.foreign_files import row

PACK = load_pack("toy")
CASES = PACK.cases()
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1)


@settings(max_examples=60)
@given(st.lists(TEXTS, min_size=1, max_size=5), st.sampled_from([",", ";", "lines", "document"]), st.booleans())
def test_any_text_comes_through(texts: list[str], kind: str, windows: bool) -> None:
    """Whatever a model wrote, with quotes, line ends and separators in it, the text of the row is that text."""
    rows = [row(output=text, finish_reason="stop") for text in texts]
    if kind in ",;":
        out = io.StringIO()
        writer = csv.DictWriter(out, list(rows[0]), delimiter=kind, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        content = out.getvalue().encode()
    else:
        content = made.lines(rows) if kind == "lines" else made.pretty(rows)
    if windows:
        content = b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n")
    found = list(read_foreign(io.BytesIO(content), "x") or ())
    assert [one.reply.raw or one.reply.text for one in found] == texts


REFERENCES = {case.id: json.dumps(list(case.references[0])) for case in CASES}
ANSWERS = st.lists(
    st.builds(
        Completion,
        key=st.just(""),
        model=st.just("m"),
        case_id=st.sampled_from(sorted(REFERENCES)),
        sample=st.integers(0, 3),
        outcome=st.sampled_from([outcome for outcome in Outcome if outcome.scored]),
        # Not a lone half of UTF-16, which other readers of JSON refuse; thoughts are left out on reading.
        text=st.sampled_from([*REFERENCES.values()]) | st.text(st.characters(codec="utf-8")),
        prompt_tokens=st.integers(0, 10**6),
        completion_tokens=st.integers(0, 10**6),
        latency_s=st.integers(0, 10**6).map(lambda milliseconds: milliseconds / 1000),
        served_model=st.none() | st.just("m-2025"),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda one: (one.case_id, one.sample),
)


@settings(max_examples=40)
@given(ANSWERS, st.sampled_from(["", "Be a lamp."]), st.booleans())
def test_what_is_exported_reads_back_as_it_was(answers: list[Completion], system: str, inspect: bool) -> None:
    """Case, sample, outcome, text, tokens and time of any scored answers, through promptfoo's form and inspect's."""
    answers = [replace(a, text=a.text or "no") if a.outcome is Outcome.REFUSED else a for a in answers]
    scorer, cases = Scorer(PACK, CASES), {case.id: case for case in CASES}
    write = inspect_logs.exported if inspect else promptfoo.exported
    record = write([(cases[a.case_id], a, scorer.score(a)) for a in answers], "m", system)
    found = list(read_foreign(io.BytesIO(made.pretty(record)), "x") or ())
    assert not [one.fault for one in found if one.fault]
    kept = ("outcome", "text", "prompt_tokens", "completion_tokens", "latency_s")
    back = [(f.ids[0], f.sample, *(getattr(f.reply, name) for name in kept)) for f in found]
    assert back == [(a.case_id, a.sample, *(getattr(a, name) for name in kept)) for a in answers]


def answered(path: Path) -> Path:
    """A promptfoo export in which every command of the pack has its reference as the answer, the last one twice."""
    results = [
        {"promptIdx": 0, "vars": {"text": case.command}, "response": {"output": REFERENCES[case.id]}} for case in CASES
    ]
    path.write_bytes(made.pretty({"results": {"version": 3, "results": results}}))
    return path


def test_commands_read_a_foreign_file(tmp_path: Path, gonogo: Gonogo) -> None:
    """`score`, `compare`, `plan`, `check` and `export` take it, whatever its name; an export scores the same."""
    answered(tmp_path / "old.txt")
    code, out, err = gonogo("score", "old.txt", "--pack", "toy", "--json")
    assert code == 0, err
    sums = json.loads(out)["models"]["old"]
    assert sums["answers"] == sums["success"] == len(CASES)
    code, out, err = gonogo("plan", "--pack", "toy", "--from", "old.txt")
    assert code == 0, err
    assert f"answers that do not say how the model ended, taken as whole ones: {len(CASES)}" in err
    code, out, err = gonogo("check", "old.txt", "--pack", "toy")
    assert f"{len(CASES)} answers" in err
    for tool in ("promptfoo", "inspect"):
        code, out, err = gonogo("export", "old.txt", "--pack", "toy", "--format", tool, "--out", f"{tool}.json")
        assert code == 0, err
        code, out, err = gonogo("score", f"{tool}.json", "--pack", "toy", "--json")
        assert json.loads(out)["models"] == {"old": sums}, err
    code, out, err = gonogo(
        "compare", "recorded:promptfoo.json", "recorded:inspect.json", "--pack", "toy", "--report", "r.html"
    )
    assert code == 0, err
    assert gonogo("export", "old.txt", "--format", "inspect", "--out", "x.eval", "--pack", "toy").code == 2


def test_a_row_that_cannot_be_used_costs_itself_only_when_scored(tmp_path: Path) -> None:
    """Of a file of another tool, too: an unreadable row with its place, copies through a filter none at all."""
    rows = [row(command=CASES[0].command, output=REFERENCES[CASES[0].id]), row(command="x"), {"colour": 1}]
    (tmp_path / "x.eval").write_bytes(made.lines(rows))
    found = score_here([str(tmp_path / "x.eval")], PACK)
    assert list(found["outcome"]) == ["answered", UNREADABLE, UNREADABLE]
    assert [f"{tmp_path / 'x.eval'}:{n}: no " in reason for n, reason in zip((2, 3), found["reason"][1:], strict=True)]
    doc = {"doc": {"q": CASES[0].command}, "resps": [["[]"]]}
    (tmp_path / "lm.json").write_bytes(made.lines([doc | {"filter": name} for name in ("a", "b")]))
    assert len(score_here([str(tmp_path / "lm.json")], PACK)) == 1
    assert files_of([str(tmp_path)]) == [str(tmp_path / "lm.json"), str(tmp_path / "x.eval")]
