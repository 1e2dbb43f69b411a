"""Scoring of many answers on file: however it is cut, the rows are the same, and a bad line costs itself only."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from harness.cases import Case
from harness.errors import EvidenceError, InputError
from harness.models.outcomes import Completion, Outcome
from harness.pack import load_pack
from harness.scale import files_of, score_here, score_lines
from harness.score import Scorer
from harness.statistics.paired import difference as of_pairs
from harness.statistics.paired import pair_up
from harness.table import UNREADABLE, difference, table, totals
from harness.tests.conftest import Ended

Gonogo = Callable[..., Ended]
PACK = load_pack("go2")
CASES = PACK.cases()
ROOT = str(PACK.root)


def answer_lines(count: int = 12, samples: int = 2) -> list[str]:
    """Journal records of two models, right, wrong, truncated and not heard."""
    lines = []
    for sample in range(samples):
        for number, case in enumerate(CASES[:count]):
            right = json.dumps(list(case.references[0]))
            text = ("['self.stop()']", "Sure \u2028 é!", right, right)[(number + sample) % 4]
            outcome = {7: Outcome.TRUNCATED, 11: Outcome.TIMEOUT}.get(number, Outcome.ANSWERED)
            for model, what in (("lab:old", right if number % 3 else text), ("lab:new", text)):
                one = Completion("k", model, case.id, sample, outcome, what, latency_s=0.25)
                lines.append(json.dumps(one.to_record()))
    return lines


def write(path: Path, lines: Sequence[str]) -> str:
    """A file of these lines."""
    path.write_bytes("".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape"))
    return str(path)


@pytest.mark.parametrize("lines", [1, 7, 10_000])
def test_however_it_is_cut_the_rows_are_those_of_a_run(tmp_path: Path, lines: int) -> None:
    """Sums and table, in order, equal those of the same completions scored as a run's."""
    url = write(tmp_path / "j.jsonl", answer_lines())
    found = score_here([url], PACK, tmp_path / "t.parquet", lines)
    completions = [Completion.from_record(json.loads(line)) for line in answer_lines()]
    expected = table([Scorer(PACK, CASES).score(one) for one in completions if one.outcome.scored])
    assert len(expected) == 2 * 2 * 11, "one of 12 cases was not heard"
    pd.testing.assert_frame_equal(totals(found), totals(expected))
    back = pd.read_parquet(tmp_path / "t.parquet").astype(expected.dtypes)
    pd.testing.assert_frame_equal(back, expected.astype(expected.dtypes))


def poison() -> dict[str, bytes]:
    """Lines that are no answers, by what is wrong with them."""
    good = {"id": CASES[0].id, "output": "[]"}
    record = Completion("k", "m", CASES[0].id, 0, Outcome.ANSWERED, "[]").to_record()
    return {
        "not JSON": b"{",
        "not UTF-8": b'{"id": "\xff", "output": "[]"}',
        "unknown case": b'{"id": "no such case", "output": "[]"}',
        "no object": b"[1, 2]",
        "a string": b'"text"',
        "no output": json.dumps({"id": CASES[0].id}).encode(),
        "output is a list": json.dumps(good | {"output": []}).encode(),
        "sample is text": json.dumps(good | {"sample": "one"}).encode(),
        "sample is huge": json.dumps(good | {"sample": 2**70}).encode(),
        "tokens are huge": json.dumps(record | {"prompt_tokens": 10**30}).encode(),
        "latency is not finite": json.dumps(record | {"latency_s": float("inf")}).encode(),
        "unknown outcome": json.dumps(record | {"outcome": "lost"}).encode(),
        "deep": b"[" * 100_000,
        "many digits": b'{"id": ' + b"9" * 10_000 + b"}",
    }


@pytest.mark.parametrize("name", poison())
def test_a_poisoned_line_is_a_finding_of_that_line(name: str) -> None:
    """One unreadable row with a reason; the lines beside it score as ever."""
    good = json.dumps({"id": CASES[0].id, "output": json.dumps(list(CASES[0].references[0]))})
    bad = poison()[name].decode("utf-8", "surrogateescape")
    frame = score_lines([good, bad, good], "m", ROOT)
    assert list(frame["outcome"]) == ["answered", UNREADABLE, "answered"]
    assert frame["reason"][1]
    pd.testing.assert_frame_equal(frame[:1], frame[2:].reset_index(drop=True))
    assert totals(frame)["answers"].to_dict() == {"m": 2}


@pytest.mark.parametrize(
    "text",
    ["[" * 50_000, "\ud800", "['" + "self." * 9000 + "x()']", "\0", "['self.say(text=\"" + "x" * 200_000 + "\")']"],
)
def test_hostile_answers_are_scored_not_unreadable(text: str) -> None:
    """Whatever a model wrote, its line is an answer: a failed one."""
    frame = score_lines([json.dumps({"id": CASES[0].id, "output": text})], "m", ROOT)
    assert (frame["outcome"][0], frame["success"][0]) == ("answered", False)


def test_a_torn_last_line_and_blank_lines(tmp_path: Path) -> None:
    """A writer killed in the middle of a line costs that line; blank lines are nothing."""
    good = json.dumps({"id": CASES[0].id, "output": "[]"})
    (tmp_path / "torn.jsonl").write_text(f"\n{good}\n\n  \r\n{good[:20]}", encoding="utf-8")
    found = score_here([str(tmp_path / "torn.jsonl")], PACK)
    assert list(found["outcome"]) == ["answered", UNREADABLE]
    assert found["model"][0] == "torn", "the file names the model where a line does not"
    assert found["reason"][1]


def test_parquet_folders_patterns_and_addresses(tmp_path: Path) -> None:
    """The same records as JSONL, Parquet row groups, in a folder, by pattern and by fsspec address: the same rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    lines = answer_lines(20, 1)
    folder = tmp_path / "in"
    folder.mkdir()
    half = len(lines) // 2
    write(folder / "a.jsonl", lines[:half])
    write(folder / "b.jsonl", lines[half:])
    pq.write_table(
        pa.Table.from_pylist([json.loads(line) for line in lines]), tmp_path / "all.parquet", row_group_size=7
    )
    expected = score_here([write(tmp_path / "all.jsonl", lines)], PACK)
    addresses = (folder, folder / "*.jsonl", f"file://{folder}", f"file://{folder}/*.jsonl", tmp_path / "all.parquet")
    for url in (*addresses, f"file://{tmp_path}/all.parquet", f"file://{tmp_path}/all.jsonl"):
        pd.testing.assert_frame_equal(score_here(files_of([str(url)]), PACK), expected)


@pytest.mark.parametrize(
    "name", ["none.jsonl", "none.parquet", "empty", "bad.parquet", "pipe", "file:///none/x.jsonl", "foo://x/y"]
)
def test_what_cannot_be_read_is_said_with_its_name(tmp_path: Path, name: str) -> None:
    """A missing file, an empty folder, a broken Parquet file, a pipe and an unknown address: one message each."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.parquet").write_bytes(gzip.compress(b"no"))
    os.mkfifo(tmp_path / "pipe")
    url = name if "://" in name else str(tmp_path / name)
    with pytest.raises(InputError, match=name.rpartition("/")[2]):
        score_here(files_of([url]), PACK)


def answers(rows: Sequence[tuple[str, str, int, bool]]) -> pd.DataFrame:
    """A frame of answers: model, case, sample, success."""
    return pd.DataFrame(rows, columns=["model", "case_id", "sample", "success"])


@hypothesis_settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=30),
    st.randoms(),
    st.integers(1, 3),
)
def test_the_difference_is_that_of_the_pairs(pairs: list[tuple[bool, bool, bool]], rng: object, samples: int) -> None:
    """In any order of the rows, repeats behind their first, it equals the statistics of the pairs themselves."""
    rows = [
        (model, CASES[n // samples].id, n % samples, side)
        for n, (old, new, _) in enumerate(pairs)
        for model, side in (("a", old), ("b", new))
    ]
    rng.shuffle(rows)  # type: ignore[attr-defined]
    repeats = [("b", CASES[n // samples].id, n % samples, not new) for n, (_, new, again) in enumerate(pairs) if again]
    found, bounds = difference(answers([*rows, *repeats]), CASES, "a", "b")
    order = sorted(range(len(pairs)), key=lambda n: (n % samples, n // samples))
    expected = pair_up(
        [pairs[n][0] for n in order], [pairs[n][1] for n in order], [CASES[n // samples].intent for n in order]
    )
    assert (bounds, found.gained, found.lost) == (of_pairs(expected, 0.05), expected.gained, expected.lost)
    assert found.change.items == len(pairs)


def test_a_difference_without_counterparts_is_invalid() -> None:
    """An answer that only one model gave makes the comparison invalid instead of smaller."""
    case = Case("c0", "i", "x", "go", "execute", (("self.stop()",),), "home")
    frame = answers([("a", "c0", 0, True), ("a", "c0", 1, True), ("b", "c0", 0, True)])
    with pytest.raises(EvidenceError, match="1 answers of a and b have no counterpart"):
        difference(frame, [case], "a", "b")
    with pytest.raises(EvidenceError, match="all answers"):
        difference(frame, [case], "x", "y")


def test_score_on_the_command_line(tmp_path: Path, gonogo: Gonogo) -> None:
    """Sums, difference and table of two models; exit 1 and the reason where a line is unreadable."""
    write(tmp_path / "j.jsonl", answer_lines(40))
    code, out, err = gonogo("score", "j.jsonl", "--against", "lab:old", "--table", "t.csv", "--json")
    assert code == 0, err
    result = json.loads(out)
    assert {model: counts["answers"] for model, counts in result["models"].items()} == {"lab:old": 78, "lab:new": 78}
    (found,) = result["differences"]
    assert found["candidate"] == "lab:new"
    assert found["bounds"]["estimate"] < 0
    assert len((tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()) == 1 + 156
    write(tmp_path / "bad.jsonl", ["{", *answer_lines(3, 1)])
    code, _, err = gonogo("score", "bad.jsonl")
    assert code == 1
    assert "1 lines could not be read as answers, the first: JSONDecodeError" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("none.jsonl", "none.jsonl: cannot be read: No such file"),
        ("j.jsonl --table t.xlsx", ".csv or .parquet"),
        ("j.jsonl --workers 2 --table t.csv", "a folder of Parquet"),
        ("j.jsonl --workers 0", "--workers: 0"),
        ("j.jsonl --block-mb -1", "--block-mb: -1"),
    ],
)
def test_mistakes_get_one_message(tmp_path: Path, gonogo: Gonogo, arguments: str, said: str) -> None:
    """Exit 2, what is wrong and what to do, no traceback."""
    write(tmp_path / "j.jsonl", answer_lines(3, 1))
    code, _, err = gonogo("score", *arguments.split())
    assert (code, "Traceback" in err) == (2, False)
    assert said in err


def test_memory_does_not_grow_with_the_journal(tmp_path: Path) -> None:
    """Eight times the answers in one process: the peak grows by less than 10 MB."""
    program = (
        "import resource, sys\n"
        "from harness.scale import score_here\nfrom harness.pack import load_pack\n"
        "frame = score_here([sys.argv[1]], load_pack(sys.argv[2]), lines=200)\n"
        "print(len(frame), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    peaks = {}
    for times in (1, 8):
        write(tmp_path / "j.jsonl", answer_lines(200, times))
        command = [sys.executable, "-c", program, str(tmp_path / "j.jsonl"), ROOT]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
        rows, kilobytes = map(int, done.stdout.split())
        assert rows == 2 * times * 199
        peaks[times] = kilobytes / 1024
    assert peaks[8] - peaks[1] < 10
