"""`--batch` on the command line: the same table as without it, for `run` and `compare`."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.pack import load_pack
from harness.testing.batches import Batches, Course
from harness.tests.loopback import LoopbackServer


def gonogo(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "harness", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def rows(table: Path) -> list[dict[str, str]]:
    """Rows of a table without the latency, which an answer from a batch has not."""
    with table.open(encoding="utf-8", newline="") as file:
        return [{name: value for name, value in row.items() if name != "latency_s"} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def sometimes_right() -> Callable[[dict[str, Any]], str]:
    """A reference to two commands of three, talk to the third."""
    references = {case.command: json.dumps(list(case.references[0])) for case in load_pack("go2").cases()}

    def answer(body: dict[str, Any]) -> str:
        command = str(body["messages"][-1]["content"])
        return references[command] if len(command) % 3 else "Sure, I will!"

    return answer


def test_run_by_batch_gives_the_same_table(tmp_path: Path, sometimes_right: Callable[[dict[str, Any]], str]) -> None:
    """Byte for byte the same scores and sums as interactively, though the first batch expires half way."""
    with LoopbackServer(answer=sometimes_right) as server:
        batches = Batches(server, [Course("expired", expired=12)])
        (tmp_path / "gonogo.toml").write_text(f'[endpoints.lab]\nbase_url = "{server.base_url}"\n', encoding="utf-8")
        asking = ("run", "lab:m", "--sample", "24")
        one = gonogo(*asking, "--table", "one.csv", "--runs", "one", folder=tmp_path)
        interactive = server.count()
        two = gonogo(*asking, "--table", "two.csv", "--runs", "two", "--batch", "--batch-look", "0.05", folder=tmp_path)
        assert server.count() == interactive == 24
    assert (one.returncode, two.returncode) == (0, 0), one.stderr + two.stderr
    assert one.stdout.replace("one.csv", "two.csv") == two.stdout
    assert rows(tmp_path / "one.csv") == rows(tmp_path / "two.csv")
    assert {row["success"] for row in rows(tmp_path / "two.csv")} == {"True", "False"}
    assert [len(lines) for lines in batches.inputs.values()] == [24, 12]
    assert "24 requests by batch, about" in two.stderr
    assert "no price on file" in two.stderr


def test_compare_by_batch_sends_both_models_and_takes_recordings(
    tmp_path: Path, sometimes_right: Callable[[dict[str, Any]], str]
) -> None:
    """A recording is compared with two models whose batches are under way together."""
    cases = load_pack("go2").cases()
    recording = "".join(json.dumps({"id": case.id, "output": "['self.stop()']"}) + "\n" for case in cases)
    (tmp_path / "old.jsonl").write_text(recording, encoding="utf-8")
    with LoopbackServer(answer=sometimes_right) as server:
        batches = Batches(server)
        (tmp_path / "gonogo.toml").write_text(f'[endpoints.lab]\nbase_url = "{server.base_url}"\n', encoding="utf-8")
        done = gonogo(
            *("compare", "recorded:old.jsonl", "lab:m", "lab:n", "--sample", "12", "--batch", "--batch-look", "0.05"),
            folder=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        assert [len(lines) for lines in batches.inputs.values()] == [12, 12]
        assert server.count() == 0
        created = [n for n, one in enumerate(server.received) if (one.method, one.path) == ("POST", "/v1/batches")]
        assert max(created) < min(n for n, one in enumerate(server.received) if one.path.startswith("/v1/batches/"))


def test_gate_by_batch_gives_the_same_rules(tmp_path: Path, sometimes_right: Callable[[dict[str, Any]], str]) -> None:
    """The same verdict, rule by rule, as with answers asked one by one; no early stop with a batch."""
    with LoopbackServer(answer=sometimes_right, models={"m": None, "n": None}) as server:
        batches = Batches(server)
        (tmp_path / "gonogo.toml").write_text(f'[endpoints.lab]\nbase_url = "{server.base_url}"\n', encoding="utf-8")
        asking = ("gate", "lab:n", "--against", "lab:m", "--sample", "24", "--json")
        one = gonogo(*asking, "--runs", "one", folder=tmp_path)
        two = gonogo(*asking, "--runs", "two", "--batch", "--batch-look", "0.05", folder=tmp_path)
        early = gonogo(*asking, "--batch", "--early-stop", folder=tmp_path)
        assert [len(lines) for lines in batches.inputs.values()] == [24, 24]
        assert server.count() == 48
    assert one.returncode == two.returncode == 1, one.stderr + two.stderr
    assert json.loads(one.stdout)["rules"] == json.loads(two.stdout)["rules"]
    assert early.returncode == 2
    assert "--early-stop" in early.stderr


def test_the_embedded_model_has_no_batch_endpoint(tmp_path: Path) -> None:
    """Said at once, with what to do."""
    done = gonogo("run", "local:smollm2-135m", "--batch", folder=tmp_path)
    assert done.returncode == 2
    assert "leave out --batch" in done.stderr
    assert "Traceback" not in done.stderr
