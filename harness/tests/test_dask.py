"""Scoring on a Dask cluster: to the last bit what one process gives, also when workers are killed."""

from __future__ import annotations

import io
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

import pytest

from harness.errors import InputError
from harness.pack import load_pack
from harness.partitions import partition
from harness.tables import write_parquet
from harness.tests.test_scoring import CASES, PACK, answer_lines, everything, poison, same, score, write

pytest.importorskip("distributed")
import pyarrow.parquet as pq
from distributed import Client

from harness.cluster import archive, open_cluster, score_on

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Client]:
    """A local cluster of two worker processes."""
    with open_cluster(None, 2) as client:
        yield client


def table_of(rows: Any) -> Any:
    """Rows as an Arrow table."""
    buffer = io.BytesIO()
    write_parquet(rows, buffer)
    return pq.read_table(buffer)


@pytest.mark.parametrize("size", [1_500, 20_000, 10**9])
def test_any_partitioning_gives_the_sums_and_the_table_of_one_process(
    cluster: Client, tmp_path: Path, size: int
) -> None:
    """Many partitions, a few and one, with poisoned lines among them: equal tallies and equal tables, in order."""
    lines = answer_lines(30, 2)
    for number, bad in enumerate(poison().values()):
        lines.insert(5 * number, bad.decode("utf-8", "surrogateescape"))
    url = write(tmp_path / "j.jsonl", lines)
    rows, tally = everything(partition([url]))
    table = tmp_path / "t.parquet"
    found = score_on(cluster, partition([url], size), PACK, str(table))
    assert same(found, tally)
    assert found.totals.unreadable == len(poison())
    assert pq.read_table(table).equals(table_of(rows))
    assert len(list(table.iterdir())) == len(partition([url], size))


def test_an_earlier_table_in_the_folder_is_replaced(cluster: Client, tmp_path: Path) -> None:
    """Partitions of a run that had more of them do not stay among the new ones; addresses work as folders do."""
    url = write(tmp_path / "j.jsonl", answer_lines(10, 1))
    for size in (1_000, 10**9):
        score_on(cluster, partition([url], size), PACK, f"file://{tmp_path}/t.parquet")
    assert [path.name for path in (tmp_path / "t.parquet").iterdir()] == ["part-00000.parquet"]


def test_a_worker_killed_in_the_middle_costs_time_only(tmp_path: Path) -> None:
    """SIGKILL to one worker, then to the other, so that all that they held is gone: the same sums and table."""
    url = write(tmp_path / "j.jsonl", answer_lines(300, 8))
    rows, tally = everything(partition([url]))
    parts = partition([url], 30_000)
    killed: list[int] = []
    with open_cluster(None, 2) as client:

        def kill() -> None:
            table = tmp_path / "t.parquet"
            for at in (len(parts) // 4, len(parts) // 2):
                while len(list(table.glob("part-*.parquet"))) < at:
                    time.sleep(0.002)
                pid = next(pid for pid in client.run(os.getpid).values() if pid not in killed)
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

        thread = threading.Thread(target=kill)
        thread.start()
        found = score_on(client, parts, PACK, str(tmp_path / "t.parquet"))
        thread.join()
    assert len(killed) == 2
    assert same(found, tally)
    assert pq.read_table(tmp_path / "t.parquet").equals(table_of(rows))
    assert len(list((tmp_path / "t.parquet").iterdir())) == len(parts)


def test_a_partition_that_cannot_be_read_is_named(cluster: Client, tmp_path: Path) -> None:
    """A file that vanishes after it was listed: the user's message, not a worker's traceback."""
    url = write(tmp_path / "gone.jsonl", answer_lines(3, 1))
    parts = partition([url])
    Path(url).unlink()
    with pytest.raises(InputError, match=r"gone\.jsonl: cannot be read: No such file"):
        score_on(cluster, parts, PACK)


def test_the_pack_travels_with_the_tasks(cluster: Client, tmp_path: Path) -> None:
    """A changed pack is scored by the changed one on workers that know the old one; nothing at all gives no sums."""
    copy = tmp_path / "own"
    for path in [PACK.root / "gonogo.toml", *PACK.root.glob("heldout.jsonl"), *PACK.root.rglob("*.toml"), PACK.profile]:
        target = copy / path.relative_to(PACK.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    held_out = (copy / "heldout.jsonl").read_text(encoding="utf-8").splitlines()
    (copy / "heldout.jsonl").write_text("\n".join(held_out[:5]) + "\n", encoding="utf-8")
    url = write(tmp_path / "j.jsonl", [json.dumps({"id": case.id, "output": "[]"}) for case in CASES[:8]])
    assert score_on(cluster, partition([url]), PACK).totals.unreadable == 0
    assert score_on(cluster, partition([url]), load_pack(copy)).totals.unreadable == 3
    assert archive(PACK) == archive(PACK), "the same pack has the same hash"
    assert score_on(cluster, [], PACK).totals.rows == 0


def test_gonogo_score_on_a_running_cluster(tmp_path: Path) -> None:
    """A scheduler and a worker started by Dask's own commands, addressed by --scheduler: the output of one process."""
    write(tmp_path / "j.jsonl", answer_lines(30, 1))
    one = score("j.jsonl", "--against", "lab:old", "--json", "--table", "one.parquet", folder=tmp_path)
    assert one.returncode == 0, one.stderr
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, "cwd": tmp_path}
    dask = [sys.executable, "-m"]
    scheduler = subprocess.Popen(
        [*dask, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"],
        **quiet,  # type: ignore[call-overload]
    )
    try:
        address = next(found[0] for line in scheduler.stderr if (found := re.search(r"tcp://127\.0\.0\.1:\d+", line)))
        worker = subprocess.Popen(
            [*dask, "distributed.cli.dask_worker", address, "--no-dashboard", "--nthreads", "2"], **quiet
        )  # type: ignore[call-overload]
        try:
            two = score(
                *("j.jsonl", "--against", "lab:old", "--json", "--table", "two.parquet"),
                *("--engine", "dask", "--scheduler", address, "--partition-mb", "0.005"),
                folder=tmp_path,
            )
        finally:
            worker.kill()
            worker.communicate()
    finally:
        scheduler.kill()
        scheduler.communicate()
    assert two.returncode == 0, two.stderr
    assert two.stdout == one.stdout
    assert pq.read_table(tmp_path / "two.parquet").equals(pq.read_table(tmp_path / "one.parquet"))
    assert len(list((tmp_path / "two.parquet").iterdir())) > 2


def test_gonogo_score_starts_a_cluster_of_its_own(tmp_path: Path) -> None:
    """Without an address: a local cluster, its dashboard named, nothing but the result on stdout."""
    write(tmp_path / "j.jsonl", answer_lines(10, 1))
    done = score("j.jsonl", "--engine", "dask", "--workers", "2", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["models"]["lab:new"]["answers"] == 10
    assert "dashboard: http://127.0.0.1:" in done.stderr
    # On a busy machine a worker of Dask's may log, with a trace, that a heartbeat came after the scheduler's end.
    assert f"{os.sep}harness{os.sep}" not in done.stderr, "no trace of ours"


def test_a_scheduler_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One message and exit 5, the code of endpoints that cannot be reached."""
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "1s")
    write(tmp_path / "j.jsonl", answer_lines(3, 1))
    done = score("j.jsonl", "--engine", "dask", "--scheduler", "tcp://127.0.0.1:9", folder=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (5, False), done.stderr
    assert "cannot be reached" in done.stderr
