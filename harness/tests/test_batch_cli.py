"""`--batch` on the command line: the same table, verdict and report as without it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.models.specs import ModelSpec
from harness.pack import load_pack
from harness.plan import Usage
from harness.prices import describe_batch
from harness.tests.batches import Batches, Course
from harness.tests.conftest import Ended
from harness.tests.loopback import LoopbackServer

BY_BATCH = ("--batch", "--batch-look", "0.05")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LoopbackServer]:
    """The endpoint `lab` of the settings: a reference to two commands of three, talk to the third."""
    references = {case.command: json.dumps(list(case.references[0])) for case in load_pack("go2").cases()}

    def answer(body: dict[str, Any]) -> str:
        command = str(body["messages"][-1]["content"])
        return references[command] if len(command) % 3 else "Sure, I will!"

    with LoopbackServer(answer=answer, models={"m": None, "n": None}) as server:
        (tmp_path / "gonogo.toml").write_text(f'[endpoints.lab]\nbase_url = "{server.base_url}"\n', encoding="utf-8")
        yield server


def rows(table: Path) -> list[dict[str, str]]:
    """Rows of a table without the latency, which an answer from a batch has not."""
    with table.open(encoding="utf-8", newline="") as file:
        return [{name: value for name, value in row.items() if name != "latency_s"} for row in csv.DictReader(file)]


def test_run_by_batch_gives_the_same_table(server: LoopbackServer, gonogo: Callable[..., Ended]) -> None:
    """The same scores and sums as interactively, though the first batch expires half way."""
    batches = Batches(server, [Course("expired", expired=6)])
    asking = ("run", "lab:m", "--limit", "12")
    one = gonogo(*asking, "--table", "one.csv", "--runs", "one")
    two = gonogo(*asking, "--table", "two.csv", "--runs", "two", *BY_BATCH)
    assert (one.code, two.code) == (0, 0), one.err + two.err
    assert server.count() == 12
    assert one.out.replace("one.csv", "two.csv") == two.out
    assert rows(Path("one.csv")) == rows(Path("two.csv"))
    assert {row["success"] for row in rows(Path("two.csv"))} == {"True", "False"}
    assert [len(lines) for lines in batches.inputs.values()] == [12, 6]
    assert "12 requests by batch, about" in two.err
    assert "no price on file" in two.err


def test_compare_by_batch_sends_both_models_and_takes_recordings(
    server: LoopbackServer, gonogo: Callable[..., Ended]
) -> None:
    """A recording is compared with two models whose batches are under way together."""
    cases = load_pack("go2").cases()
    recording = "".join(json.dumps({"id": case.id, "output": "['self.stop()']"}) + "\n" for case in cases)
    Path("old.jsonl").write_text(recording, encoding="utf-8")
    batches = Batches(server)
    done = gonogo("compare", "recorded:old.jsonl", "lab:m", "lab:n", "--limit", "6", *BY_BATCH)
    assert done.code == 0, done.err
    assert [len(lines) for lines in batches.inputs.values()] == [6, 6]
    assert server.count() == 0
    created = [n for n, one in enumerate(server.received) if (one.method, one.path) == ("POST", "/v1/batches")]
    assert max(created) < min(n for n, one in enumerate(server.received) if one.path.startswith("/v1/batches/"))


def test_gate_by_batch_gives_the_same_rules(server: LoopbackServer, gonogo: Callable[..., Ended]) -> None:
    """The same verdict, rule by rule, as with answers asked one by one; no early stop with a batch."""
    batches = Batches(server)
    asking = ("gate", "lab:n", "--against", "lab:m", "--limit", "12", "--json")
    one = gonogo(*asking, "--runs", "one")
    two = gonogo(*asking, "--runs", "two", *BY_BATCH)
    assert [len(lines) for lines in batches.inputs.values()] == [12, 12]
    assert server.count() == 24
    assert one.code == two.code, one.err + two.err
    assert one.code in {1, 3}
    assert json.loads(one.out)["rules"] == json.loads(two.out)["rules"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "local:smollm2-135m"), "leave out --batch"),
        (("gate", "lab:n", "--against", "lab:m", "--early-stop"), "--early-stop"),
        (("run", "lab:m", "--fresh"), "--fresh"),
        (("run", "lab:m", "--batch-look", "0"), "--batch-look"),
    ],
)
def test_what_does_not_go_with_a_batch_is_said_at_once(
    server: LoopbackServer, gonogo: Callable[..., Ended], arguments: tuple[str, ...], words: str
) -> None:
    """The embedded model, early stopping, asking anew, no pause: a usage error with what to do, nothing sent."""
    done = gonogo(*arguments, "--batch")
    assert (done.code, words in done.err) == (2, True), done.err
    assert not server.received


def test_the_estimate_is_half_of_a_dated_list_price() -> None:
    """A model on the price file gets dollars at the batch price and the date; another gets its tokens, no invention."""
    usage = Usage(1000.0, 250.0, "measured")
    words = describe_batch(ModelSpec("openai:gpt-4.1", "openai", "gpt-4.1"), usage, 1_000_000)
    # 1,000 million tokens at $2.00 and 250 million at $8.00 are $4,000; half of it is $2,000.
    assert "$2000.00 at the batch price, half of the list price read 2026-06-21" in words
    assert "no price on file" in describe_batch(ModelSpec("lab:m", "endpoint", "m"), usage, 10)
    assert "$" not in describe_batch(ModelSpec("openai:ft:gpt-4.1:x::y", "openai", "ft:gpt-4.1:x::y"), usage, 10)
