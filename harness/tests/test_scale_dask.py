"""Scoring on a Dask cluster: to the last bit what one process gives, also when workers are killed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import InputError
from harness.files import BLANK, numbered
from harness.pack import load_pack
from harness.scale import score_here
from harness.table import UNREADABLE
from harness.tests.test_scale import CASES, PACK, Gonogo, answer_lines, poison, write

pytest.importorskip("distributed")
import pyarrow.parquet as pq
from dask import config as dask_config
from dask.base import compute
from distributed import Client

from harness.scale.cluster import _blocks, archive, open_cluster, score_on

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Client]:
    """A local cluster of two worker processes."""
    with open_cluster(None, 2) as client:
        yield client


def test_a_file_of_another_tool_is_scored_as_in_one_process(cluster: Client, tmp_path: Path) -> None:
    """A table by command, with rows that fit no case, as CSV and as Parquet: the rows of one process."""
    rows = [{"command": case.command, "output": json.dumps(list(case.references[0]))} for case in CASES[:20]]
    table = pd.DataFrame([*rows, {"command": "x", "output": "[]"}])
    table.to_csv(tmp_path / "a.csv", index=False)
    table.to_parquet(tmp_path / "b.parquet")
    urls = [str(tmp_path / "a.csv"), str(tmp_path / "b.parquet")]
    found = score_on(cluster, urls, PACK, block=100)
    pd.testing.assert_frame_equal(found, score_here(urls, PACK))
    assert list(found["outcome"]) == (["answered"] * 20 + [UNREADABLE]) * 2


@pytest.mark.parametrize("block", [3_000, 10**9])
def test_any_blocks_give_the_sums_and_the_table_of_one_process(cluster: Client, tmp_path: Path, block: int) -> None:
    """Many blocks and one, with poisoned lines among them: the same rows and tables, in order."""
    lines = answer_lines(30, 2)
    for number, bad in enumerate(poison().values()):
        lines.insert(5 * number, bad.decode("utf-8", "surrogateescape"))
    url = write(tmp_path / "j.jsonl", lines)
    expected = score_here([url], PACK, tmp_path / "one.parquet")
    found = score_on(cluster, [url], PACK, str(tmp_path / "t.parquet"), block=block)
    pd.testing.assert_frame_equal(found, expected)
    assert int((found["outcome"] == UNREADABLE).sum()) == len(poison())
    assert pq.read_table(tmp_path / "t.parquet").equals(pq.read_table(tmp_path / "one.parquet"))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.just("") | st.text(st.characters(exclude_characters="\n"), max_size=12), max_size=12),
    block=st.integers(1, 40),
    ended=st.booleans(),
)
def test_each_line_is_in_exactly_one_block(tmp_path: Path, lines: list[str], block: int, ended: bool) -> None:
    """Wherever a file is cut, also inside a character and without a last line end, its lines come back in order."""
    path = tmp_path / "any.jsonl"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass") + b"\n" * ended)
    blocks = compute(*_blocks(str(path), block, {}), scheduler="sync")
    back = [line.removesuffix("\n").removesuffix("\r") for lines in blocks for line in lines if line.strip(BLANK)]
    with path.open("rb") as file:
        expected = [line.decode("utf-8", "surrogateescape") for _, line in numbered(file)]
    assert back == [line.removesuffix("\r") for line in expected]


def test_an_earlier_table_in_the_folder_is_replaced(cluster: Client, tmp_path: Path) -> None:
    """Partitions of a run that had more of them do not stay among the new ones; addresses work as folders do."""
    url = write(tmp_path / "j.jsonl", answer_lines(10, 1))
    for size in (1_000, 10**9):
        score_on(cluster, [url], PACK, f"file://{tmp_path}/t.parquet", block=size)
    assert [path.name for path in (tmp_path / "t.parquet").iterdir()] == ["part-00000.parquet"]


def test_a_worker_killed_in_the_middle_costs_time_only(tmp_path: Path) -> None:
    """SIGKILL to one worker, then to the other, so that all that they held is gone: the same sums and table."""
    url = write(tmp_path / "j.jsonl", answer_lines(150, 6))
    expected = score_here([url], PACK, tmp_path / "one.parquet")
    parts = Path(url).stat().st_size // 15_000
    killed: list[int] = []
    with open_cluster(None, 2) as client:

        def kill() -> None:
            table = tmp_path / "t.parquet"
            for at in (parts // 4, parts // 2):
                while len(list(table.glob("part-*.parquet"))) < at:
                    time.sleep(0.002)
                pid = next(pid for pid in client.run(os.getpid).values() if pid not in killed)
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

        thread = threading.Thread(target=kill)
        thread.start()
        found = score_on(client, [url], PACK, str(tmp_path / "t.parquet"), block=15_000)
        thread.join()
    assert len(killed) == 2
    pd.testing.assert_frame_equal(found, expected)
    assert pq.read_table(tmp_path / "t.parquet").equals(pq.read_table(tmp_path / "one.parquet"))


def test_a_file_that_cannot_be_read_is_named(cluster: Client, tmp_path: Path) -> None:
    """A file that is not there: the user's message, not a worker's traceback."""
    with pytest.raises(InputError, match=r"gone\.jsonl: cannot be read: No such file"):
        score_on(cluster, [str(tmp_path / "gone.jsonl")], PACK)


def test_the_pack_travels_with_the_tasks(cluster: Client, tmp_path: Path) -> None:
    """A changed pack is scored by the changed one on workers that know the old one; nothing at all gives no sums."""
    copy = tmp_path / "own"
    for path in [*PACK.heldout, *PACK.root.rglob("*.toml"), PACK.profile, *PACK.root.glob("robot/*.py")]:
        target = copy / path.relative_to(PACK.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    held_out = (copy / "heldout.jsonl").read_text(encoding="utf-8").splitlines()
    (copy / "heldout.jsonl").write_text("\n".join(held_out[:5]) + "\n", encoding="utf-8")
    url = write(tmp_path / "j.jsonl", [json.dumps({"id": case.id, "output": "[]"}) for case in CASES[:8]])
    unreadable = [(score_on(cluster, [url], pack)["outcome"] == UNREADABLE).sum() for pack in (PACK, load_pack(copy))]
    assert unreadable == [0, 3]
    assert archive(PACK) == archive(PACK), "the same pack has the same hash"
    assert score_on(cluster, [], PACK).empty


def test_gonogo_score_on_a_running_cluster(tmp_path: Path, gonogo: Gonogo) -> None:
    """A scheduler and a worker started by Dask's own commands, addressed by --scheduler: the output of one process."""
    write(tmp_path / "j.jsonl", answer_lines(30, 1))
    words = ("j.jsonl", "--against", "lab:old", "--json", "--table")
    code, one, err = gonogo("score", *words, "one.parquet")
    assert code == 0, err
    with contextlib.ExitStack() as stack:

        def start(*words: str) -> subprocess.Popen[str]:
            command = [sys.executable, "-m", *words, "--no-dashboard"]
            quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
            process = subprocess.Popen(command, text=True, cwd=tmp_path, **quiet)
            stack.callback(process.communicate)
            stack.callback(process.kill)
            return process

        scheduler = start("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0")
        assert scheduler.stderr is not None
        address = next(found[0] for line in scheduler.stderr if (found := re.search(r"tcp://127\.0\.0\.1:\d+", line)))
        start("distributed.cli.dask_worker", address, "--nthreads", "2")
        there = ("--scheduler", address, "--block-mb", "0.005")
        code, two, err = gonogo("score", *words, "two.parquet", *there)
    assert code == 0, err
    assert two == one
    assert pq.read_table(tmp_path / "two.parquet").equals(pq.read_table(tmp_path / "one.parquet"))
    assert len(list((tmp_path / "two.parquet").iterdir())) > 2


def test_gonogo_score_starts_a_cluster_of_its_own(tmp_path: Path) -> None:
    """Without an address: a local cluster, its dashboard named, nothing but the result on stdout."""
    write(tmp_path / "j.jsonl", answer_lines(10, 1))
    command = [sys.executable, "-m", "harness", "score", "j.jsonl", "--workers", "2", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["models"]["lab:new"]["answers"] == 10
    assert "dashboard: http://127.0.0.1:" in done.stderr
    # On a busy machine a worker of Dask's may log, with a trace, that a heartbeat came after the scheduler's end.
    assert f"{os.sep}harness{os.sep}" not in done.stderr, "no trace of ours"


def test_a_scheduler_that_is_not_there(tmp_path: Path, gonogo: Gonogo) -> None:
    """One message and exit 5, the code of endpoints that cannot be reached."""
    write(tmp_path / "j.jsonl", answer_lines(3, 1))
    with dask_config.set({"distributed.comm.timeouts.connect": "0.3s"}):
        code, _, err = gonogo("score", "j.jsonl", "--scheduler", "tcp://127.0.0.1:9")
    assert (code, "Traceback" in err) == (5, False), err
    assert "cannot be reached" in err
