"""Scoring of many answers on file: every engine and partitioning gives the same rows, a bad line costs itself only."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from harness import evaluation
from harness.cases import Case
from harness.errors import EvidenceError, InputError
from harness.models.outcomes import Completion, Outcome
from harness.models.requests import Decoding
from harness.pack import load_pack
from harness.partitions import Part, partition, read
from harness.scores import COLUMNS, row
from harness.scoring import Row, score_lines, score_parts
from harness.tally import Tally, difference, merge

PACK = load_pack("go2")
CASES = PACK.cases()
ROOT = str(PACK.root)
REASON, OUTCOME = COLUMNS.index("reason"), COLUMNS.index("outcome")


def answer_lines(count: int = 40, samples: int = 2) -> list[str]:
    """Journal records of two models, right, wrong, truncated and not heard."""
    lines = []
    for sample in range(samples):
        for number, case in enumerate(CASES[:count]):
            right = json.dumps(list(case.references[0]))
            text = ("['self.stop()']", "Sure \u2028 é!", right, right)[(number + sample) % 4]
            outcome = {7: Outcome.TRUNCATED, 11: Outcome.TIMEOUT}.get(number, Outcome.ANSWERED)
            for model, what in (("lab:old", right if number % 3 else text), ("lab:new", text)):
                lines.append(
                    json.dumps(Completion("k", model, case.id, sample, outcome, what, latency_s=0.25).to_record())
                )
    return lines


def write(path: Path, lines: Sequence[str]) -> str:
    """A file of these lines."""
    path.write_bytes("".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape"))
    return str(path)


def everything(parts: Sequence[Part], workers: int = 1) -> tuple[list[Row], Tally]:
    """All rows and the merged tally."""
    scored = list(score_parts(parts, ROOT, workers))
    return [one for rows, _ in scored for one in rows], merge(tally for _, tally in scored)


def same(one: Tally, two: Tally) -> bool:
    """Whether two tallies are equal in every figure, the order of the models included."""
    return (
        vars(one.totals) == vars(two.totals)
        and list(one.totals.by_model) == list(two.totals.by_model)
        and (one.seen, one.held, one.repeated) == (two.seen, two.held, two.repeated)
    )


def test_two_processes_give_the_rows_of_one_in_order(tmp_path: Path) -> None:
    """Parallel and serial agree row by row, and with the scores of a run of a plan."""
    url = write(tmp_path / "j.jsonl", answer_lines())
    serial, tally = everything(partition([url]))
    parallel, other = everything(partition([url], 4000), workers=2)
    assert len(partition([url], 4000)) > 4
    assert parallel == serial
    assert same(tally, other)
    assert len(serial) == 2 * 2 * 39, "one of 40 cases was not heard"
    completions = [Completion.from_record(json.loads(line)) for line in answer_lines()]
    plan = evaluation.Plan(PACK, tuple(CASES), "plain", Decoding(), 2, tmp_path / "none")
    scored = evaluation.scores(plan, [one for one in completions if one.outcome.scored])
    assert serial == [row(score) for score in scored]


@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.one_of(st.just(""), st.text(st.characters(exclude_characters="\n"), max_size=12)), max_size=12),
    size=st.integers(1, 40),
    ended=st.booleans(),
)
def test_each_line_is_in_exactly_one_partition(tmp_path: Path, lines: list[str], size: int, ended: bool) -> None:
    """Wherever a file is cut, also inside a character and without a last line end, its lines come back in order."""
    path = tmp_path / "any.jsonl"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass") + b"\n" * ended)
    content = path.read_bytes().decode("utf-8", "surrogateescape")
    back = [line for part in partition([str(path)], size) for line in read(part)]
    ends = content.removeprefix("\ufeff").split("\n")
    lines = [line.removesuffix("\r") for line in ends[:-1]] + ends[-1:]  # "\r" alone, at the end of the file, is no end
    assert back == [line for line in lines if line.strip(" \t\r")]


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
    rows = score_lines([good, bad, good], "m", ROOT)
    assert [one[OUTCOME] for one in rows] == ["answered", "unreadable", "answered"]
    assert rows[1][REASON]
    assert rows[0] == rows[2]
    tally = Tally()
    tally.add(rows, {case.id: i for i, case in enumerate(CASES)})
    assert (tally.totals.rows, tally.totals.unreadable, tally.repeated) == (2, 1, 1)


@pytest.mark.parametrize(
    "text",
    ["[" * 50_000, "\ud800", "['" + "self." * 9000 + "x()']", "\0", "['self.say(text=\"" + "x" * 200_000 + "\")']"],
)
def test_hostile_answers_are_scored_not_unreadable(text: str) -> None:
    """Whatever a model wrote, its line is an answer: a failed one."""
    (scored,) = score_lines([json.dumps({"id": CASES[0].id, "output": text})], "m", ROOT)
    assert (scored[OUTCOME], scored[COLUMNS.index("success")]) == ("answered", False)


def test_a_torn_last_line_and_blank_lines(tmp_path: Path) -> None:
    """A writer killed in the middle of a line costs that line; blank lines are nothing."""
    good = json.dumps({"id": CASES[0].id, "output": "[]"})
    (tmp_path / "torn.jsonl").write_text(f"\n{good}\n\n  \r\n{good[:20]}", encoding="utf-8")
    rows, tally = everything(partition([str(tmp_path / "torn.jsonl")]))
    assert [one[OUTCOME] for one in rows] == ["answered", "unreadable"]
    assert rows[0][0] == "torn", "the file names the model where a line does not"
    assert tally.totals.complaint


def test_parquet_folders_patterns_and_addresses(tmp_path: Path) -> None:
    """The same records as JSONL, Parquet row groups, in a folder, by pattern and by fsspec address: the same rows."""
    import pyarrow as pa  # noqa: PLC0415  an extra
    import pyarrow.parquet as pq  # noqa: PLC0415  the same

    lines = answer_lines(20, 1)
    folder = tmp_path / "in"
    folder.mkdir()
    half = len(lines) // 2
    write(folder / "a.jsonl", lines[:half])
    write(folder / "b.jsonl", lines[half:])
    pq.write_table(
        pa.Table.from_pylist([json.loads(line) for line in lines]), tmp_path / "all.parquet", row_group_size=7
    )
    expected, tally = everything(partition([write(tmp_path / "all.jsonl", lines)]))
    assert len(partition([str(tmp_path / "all.parquet")])) > 2
    addresses = (folder, folder / "*.jsonl", f"file://{folder}", f"file://{folder}/*.jsonl", tmp_path / "all.parquet")
    for url in (*addresses, f"file://{tmp_path}/all.parquet", f"file://{tmp_path}/all.jsonl"):
        rows, sums = everything(partition([str(url)], 3000))
        assert rows == expected, url
        assert same(sums, tally), url


@pytest.mark.parametrize(
    "name", ["none.jsonl", "none.parquet", "empty", "bad.parquet", "file:///none/x.jsonl", "foo://x/y"]
)
def test_what_cannot_be_read_is_said_with_its_name(tmp_path: Path, name: str) -> None:
    """A missing file, an empty folder, a broken Parquet file and an unknown address: one message each."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.parquet").write_bytes(gzip.compress(b"no"))
    url = name if "://" in name else str(tmp_path / name)
    with pytest.raises(InputError, match=name.rpartition("/")[2]):
        list(score_parts(partition([url]), ROOT, 1))


@hypothesis_settings(max_examples=60)
@given(data=st.data())
def test_tallies_merge_alike_in_any_grouping(data: st.DataObject) -> None:
    """Rows in any partition, merged left to right or as a tree: one tally; of repeated answers the first counts."""
    index = {f"c{n}": n for n in range(4)}
    place = st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(sorted(index)), st.integers(0, 2), st.booleans())
    rows = [made_row(*one) for one in data.draw(st.lists(place, max_size=25))]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=5)))
    pieces = [rows[i:j] for i, j in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    whole = tally_of(rows, index)
    assert same(whole, merge(tally_of(piece, index) for piece in pieces))
    pairs = [merge(tally_of(piece, index) for piece in pieces[i : i + 2]) for i in range(0, len(pieces), 2)]
    assert same(whole, merge(pairs))
    first: dict[tuple[str, str, int], bool] = {}
    for one in rows:
        first.setdefault((one[0], one[1], one[4]), one[COLUMNS.index("success")])
    held = {(m, c, s): bool(whole.held[m, s] >> index[c] & 1) for m, c, s in first}
    assert held == first
    assert whole.repeated == len(rows) - len(first)


def made_row(model: str, case: str, sample: int, success: bool) -> Row:
    """A row with these values and nothing else of interest."""
    values: dict[str, Any] = dict.fromkeys(COLUMNS)
    values |= {"model": model, "case_id": case, "sample": sample, "success": success, "outcome": "answered"}
    return tuple(values[name] for name in COLUMNS)


def tally_of(rows: Sequence[Row], index: dict[str, int]) -> Tally:
    """What rows add up to."""
    tally = Tally()
    tally.add(rows, index)
    return tally


def test_the_difference_from_bits_is_the_one_from_rows(tmp_path: Path) -> None:
    """The paired difference equals, in every bit, what the gate's statistics make of the rows themselves."""
    from harness.statistics.paired import difference as of_pairs  # noqa: PLC0415  numpy
    from harness.statistics.paired import pair_up  # noqa: PLC0415  the same

    rows, tally = everything(partition([write(tmp_path / "j.jsonl", answer_lines(60, 3))], 5000))
    found = difference(tally, CASES, "lab:old", "lab:new")
    success = {(one[0], one[1], one[4]): one[COLUMNS.index("success")] for one in rows}
    keys = [(case, sample) for sample in range(3) for case in CASES if ("lab:old", case.id, sample) in success]
    sides = [[success[model, case.id, sample] for case, sample in keys] for model in ("lab:old", "lab:new")]
    pairs = pair_up(sides[0], sides[1], [case.intent for case, _ in keys])
    assert (found.bounds, found.gained, found.lost) == (of_pairs(pairs, 0.05), pairs.gained, pairs.lost)
    assert found.lost > 0
    assert found.answers == len(keys) == 3 * 59


def test_a_difference_without_counterparts_is_invalid() -> None:
    """An answer that only one model gave makes the comparison invalid instead of smaller."""
    case = Case("c0", "i", "x", "go", "home", "execute", (("self.stop()",),))
    tally = tally_of(
        [made_row("a", "c0", 0, True), made_row("a", "c0", 1, True), made_row("b", "c0", 0, True)], {"c0": 0}
    )
    with pytest.raises(EvidenceError, match="1 answers of a and b have no counterpart"):
        difference(tally, [case], "a", "b")
    with pytest.raises(EvidenceError, match="all answers"):
        difference(Tally(), [case], "a", "b")


def score(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """`gonogo score` in a process of its own."""
    command = [sys.executable, "-m", "harness", "score", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, check=False)


def test_score_on_the_command_line(tmp_path: Path) -> None:
    """Sums, difference and table of two models by two processes; exit 1 and the reason where a line is unreadable."""
    write(tmp_path / "j.jsonl", answer_lines())
    done = score("j.jsonl", "--against", "lab:old", "--workers", "2", "--table", "t.csv", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert {model: counts["answers"] for model, counts in result["models"].items()} == {"lab:old": 78, "lab:new": 78}
    (found,) = result["differences"]
    assert found["candidate"] == "lab:new"
    assert found["bounds"]["estimate"] < 0
    assert len((tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()) == 1 + 156
    write(tmp_path / "bad.jsonl", ["{", *answer_lines(3, 1)])
    done = score("bad.jsonl", folder=tmp_path)
    assert done.returncode == 1
    assert "1 lines could not be read as answers, the first: JSONDecodeError" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.jsonl",), "none.jsonl: cannot be read: No such file"),
        (("j.jsonl", "--table", "t.xlsx"), ".csv or .parquet"),
        (("j.jsonl", "--scheduler", "tcp://x:1"), "add --engine dask"),
        (("j.jsonl", "--engine", "dask", "--table", "t.csv"), "a folder of Parquet"),
        (("j.jsonl", "--workers", "0"), "--workers 0"),
        (("j.jsonl", "--partition-mb", "-1"), "--partition-mb -1"),
    ],
)
def test_mistakes_get_one_message(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    """Exit 2, what is wrong and what to do, no traceback."""
    write(tmp_path / "j.jsonl", answer_lines(3, 1))
    done = score(*arguments, folder=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert said in done.stderr


def test_memory_does_not_grow_with_the_journal(tmp_path: Path) -> None:
    """Eight times the answers in one process: the peak grows by less than 10 MB."""
    program = (
        "import resource, sys\n"
        "from harness.scoring import score_parts\nfrom harness.partitions import partition\n"
        "from harness.tally import Tally\n"
        "tally = Tally()\n"
        "for rows, part in score_parts(partition([sys.argv[1]], 200_000), sys.argv[2], 1): tally.merge(part)\n"
        "print(tally.totals.rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    peaks = {}
    for times in (2, 16):
        write(tmp_path / "j.jsonl", answer_lines(200, times))
        command = [sys.executable, "-c", program, str(tmp_path / "j.jsonl"), ROOT]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
        rows, kilobytes = map(int, done.stdout.split())
        assert rows == 2 * times * 199
        peaks[times] = kilobytes / 1024
    assert peaks[16] - peaks[2] < 10
