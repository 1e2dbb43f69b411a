"""Collecting answers over real sockets: nothing asked twice, trouble told once and early, and what is shown of it."""

from __future__ import annotations

import asyncio
import io
import json
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.ask import progress
from harness.ask.collect import FAILURES_IN_A_ROW, collect
from harness.ask.progress import Progress, ProgressBar
from harness.config import EndpointSettings
from harness.errors import EndpointError, InputError
from harness.models.connect import Endpoint
from harness.models.outcomes import Completion, Outcome
from harness.models.requests import Decoding
from harness.models.specs import ModelSpec
from harness.tests.collecting import CONCURRENCY, SPEC, collect_from, opener, requests
from harness.tests.loopback import LoopbackServer
from harness.tests.loopback_replies import Fault, chat_completion, status

AT_ONCE = {"retry-after-ms": "1"}


class OpenedError(Exception):
    """An endpoint was opened, so something would have been asked."""


def never(spec: ModelSpec) -> AbstractContextManager[Endpoint]:
    """A `connect` for a complete journal."""
    raise OpenedError(spec.text)


def records(journal: Path) -> list[dict[str, Any]]:
    """Every line of a journal; all of them must be JSON."""
    return [json.loads(line) for line in journal.read_bytes().splitlines()]


def test_each_request_is_asked_once_ever(tmp_path: Path) -> None:
    """Completions in the order asked and one line for each; again nothing is asked; of more only what is missing."""
    journal = tmp_path / "new" / "folder" / "journal.jsonl"
    with LoopbackServer() as server:
        first = collect_from(server.base_url, journal, 0, 30)
        assert [c.text for c in first] == [f"{n}" for n in range(30)]
        assert {c.outcome for c in first} == {Outcome.ANSWERED}
        assert sorted(r["case_id"] for r in records(journal)) == sorted(c.case_id for c in first)
        assert collect(requests(0, 30), SPEC, GREEDY, journal, connect=never) == first
        assert [c.text for c in collect_from(server.base_url, journal, 25, 35)] == [f"{n}" for n in range(25, 35)]
        assert server.asked() == {f"{n}": 1 for n in range(35)}


def test_a_row_is_the_answer_to_what_its_key_says(tmp_path: Path) -> None:
    """Whatever case a damaged row names, nothing is asked again and nothing belongs to no command."""
    journal = tmp_path / "journal.jsonl"
    with LoopbackServer() as server:
        first = collect_from(server.base_url, journal, 0, 2)
    row, *others = records(journal)
    journal.write_text("".join(json.dumps(one) + "\n" for one in [row | {"case_id": "of no case"}, *others]))
    assert collect(requests(0, 2), SPEC, GREEDY, journal, connect=never) == first


GREEDY = Decoding()
(FIRST,) = requests(0, 1)


def test_an_answer_to_something_else_is_not_reused(tmp_path: Path) -> None:
    """Model, adapter, messages, decoding, case and sample all say what was asked: a change in any asks anew."""
    journal = tmp_path / "j.jsonl"
    with LoopbackServer() as server:
        collect_from(server.base_url, journal, 0, 1)
    collect([FIRST], SPEC, GREEDY, journal, connect=never)
    for request, spec, decoding in (
        (replace(FIRST, case_id="other"), SPEC, GREEDY),
        (replace(FIRST, sample=1), SPEC, GREEDY),
        (replace(FIRST, messages=({"role": "user", "content": "0 "},)), SPEC, GREEDY),
        (FIRST, replace(SPEC, text="other:m"), GREEDY),
        (FIRST, replace(SPEC, revision="retrained"), GREEDY),
        (FIRST, SPEC, Decoding(temperature=0.1)),
        (FIRST, SPEC, Decoding(max_tokens=1)),
        (FIRST, SPEC, Decoding(seed=1)),
        (FIRST, SPEC, Decoding(extra={"top_p": 0.5})),
    ):
        with pytest.raises(OpenedError):
            collect([request], spec, decoding, journal, connect=never)


def test_infrastructure_trouble_is_asked_again_and_the_model_is_not(tmp_path: Path) -> None:
    """A rejected request says nothing about the model; an answer that ran too long does, and stands."""
    journal = tmp_path / "journal.jsonl"

    def cut(body: dict[str, Any]) -> dict[str, Any]:
        return chat_completion("m", body["messages"][-1]["content"], finish_reason="length")

    with LoopbackServer(answer=cut, faults=[status(400)]) as server:
        one_by_one = replace(SPEC, settings=EndpointSettings("", concurrency=1))
        first = collect(requests(0, 3), one_by_one, GREEDY, journal, connect=opener(server.base_url))
        second = collect_from(server.base_url, journal, 0, 3)
        asked = server.asked()
    assert [c.outcome for c in first] == [Outcome.BAD_REQUEST, Outcome.TRUNCATED, Outcome.TRUNCATED]
    assert [c.outcome for c in second] == [Outcome.TRUNCATED] * 3
    assert asked == {"0": 2, "1": 1, "2": 1}


class Watcher(Progress):
    """Writes down what it hears and how many tasks there are meanwhile; may hold the event loop up at each answer."""

    def __init__(self, hold_s: float = 0.0) -> None:
        self.heard: list[Any] = []
        self.most_tasks = 0
        self.hold_s = hold_s

    def begin(self, model: str, total: int, kept: int) -> None:
        """Note the totals."""
        self.heard.append((model, total, kept))

    def advance(self, completion: Completion) -> None:
        """Note the arrival."""
        self.heard.append(completion.case_id)
        self.most_tasks = max(self.most_tasks, len(asyncio.all_tasks()))
        time.sleep(self.hold_s)

    def end(self) -> None:
        """Note the end."""
        self.heard.append("end")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (status(401, "invalid_api_key"), "rejects the key"),
        (status(404, "model_not_found"), "does not offer the model 'm'"),
        (status(429, "insufficient_quota"), "no quota left"),
    ],
)
def test_hopeless_trouble_stops_the_run_at_once(fault: Fault, words: str, tmp_path: Path) -> None:
    """After the first such reply nothing new is asked; the message says what to do; what arrived is kept."""
    journal, watcher = tmp_path / "journal.jsonl", Watcher()
    with LoopbackServer(faults=[None] * 20 + [fault] * 100) as server:
        with pytest.raises(EndpointError, match=words) as caught:
            collect(requests(0, 60), SPEC, GREEDY, journal, connect=opener(server.base_url), progress=watcher)
        assert watcher.heard[-1] == "end", "no bar is left standing on the terminal"
        assert server.count() <= 20 + CONCURRENCY
        kept = [r for r in records(journal) if r["outcome"] == "answered"]
        # On a busy machine a good reply may still be on its way when the first bad one is read.
        assert 20 - CONCURRENCY < len(kept) <= 20
        assert f"{len(kept)} of 60 answers are kept" in str(caught.value)
        server.faults.clear()
        assert all(c.outcome.scored for c in collect_from(server.base_url, journal, 0, 60))
        assert set(server.asked().values()) <= {1, 2}


def test_replies_that_arrive_with_the_hopeless_one_are_counted(tmp_path: Path) -> None:
    """Good replies that wait behind the one that ends the run are kept, and the message counts them."""
    journal = tmp_path / "journal.jsonl"
    with LoopbackServer(faults=[None] * 3 + [status(401, "invalid_api_key")]) as server:
        connect = opener(server.base_url)
        with pytest.raises(EndpointError) as caught:
            collect(requests(0, 100), SPEC, GREEDY, journal, connect=connect, progress=Watcher(hold_s=0.02))
    kept = [r for r in records(journal) if r["outcome"] == "answered"]
    assert f"{len(kept)} of 100 answers are kept" in str(caught.value)


def test_an_endpoint_that_is_not_there(tmp_path: Path) -> None:
    """Nobody listens: one clear message within seconds, not one failure for each case."""
    with LoopbackServer() as server:
        pass
    started = time.monotonic()
    with pytest.raises(EndpointError, match=r"cannot be reached(.|\n)*refused"):
        collect_from(server.base_url, tmp_path / "journal.jsonl", 0, 50)
    assert time.monotonic() - started < 5


def test_an_endpoint_that_goes_down_stops_the_run(tmp_path: Path) -> None:
    """Failures in a row, each after its retries, end the run instead of failing every case that is left."""
    journal = tmp_path / "journal.jsonl"
    faults = [None] * 10 + [status(503, headers=AT_ONCE)] * 5000
    kept = "10 of 200 answers are kept, run the same command"
    with LoopbackServer(faults=faults) as server, pytest.raises(EndpointError, match=kept):
        collect_from(server.base_url, journal, 0, 200)
    assert sum(r["outcome"] == "server_error" for r in records(journal)) == FAILURES_IN_A_ROW


def test_progress_hears_of_everything(tmp_path: Path) -> None:
    """Totals first, each arrival once, an end; and tasks are bounded by the concurrency, not by the requests."""
    journal, watcher = tmp_path / "journal.jsonl", Watcher()
    with LoopbackServer() as server:
        collect_from(server.base_url, journal, 0, 5)
        connect = opener(server.base_url)
        collect(requests(0, 100), SPEC, GREEDY, journal, connect=connect, progress=watcher)
    assert watcher.heard[0] == ("lab:m", 100, 5)
    assert sorted(watcher.heard[1:-1]) == sorted(f"case-{n}" for n in range(5, 100))
    assert watcher.heard[-1] == "end"
    assert watcher.most_tasks < 40  # a worker and a connection attempt for each place


def test_the_same_request_twice_is_a_mistake(tmp_path: Path) -> None:
    """Two requests with one case and sample could not be told apart later."""
    with pytest.raises(ValueError, match="unique"):
        collect(requests(0, 2) + requests(1, 2), SPEC, GREEDY, tmp_path / "j.jsonl", connect=never)


def test_a_recording_is_read_and_nothing_is_written(tmp_path: Path) -> None:
    """Answers on file need no endpoint and leave no journal; a line of an unknown case is the user's error."""
    path = tmp_path / "old.jsonl"
    path.write_text('{"id": "case-0", "output": "[]"}\n{"id": "case-7", "output": "x"}\n', encoding="utf-8")
    spec = ModelSpec(f"recorded:{path}", "recorded", str(path), path=path)
    journal = tmp_path / "j.jsonl"
    (completion,) = collect(requests(0, 1), spec, GREEDY, journal, connect=never)
    assert (completion.text, completion.model) == ("[]", f"recorded:{path}")
    assert not journal.exists()
    with pytest.raises(InputError, match=r"old\.jsonl:2: no case has the id 'case-7'"):
        collect(requests(0, 1), spec, GREEDY, journal, connect=never, known_cases={"case-0"})


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def show(stream: io.StringIO) -> str:
    """Two models one after the other, each with an answer, a failure and an answer; what was written."""
    bar = ProgressBar(stream)
    for model in ("lab:[red]first", "lab:second"):
        bar.begin(model, 4, 1)
        for outcome in (Outcome.ANSWERED, Outcome.TIMEOUT, Outcome.ANSWERED):
            bar.advance(Completion("k", "lab:m", "c", 0, outcome))
        bar.end()
    return stream.getvalue()


def test_a_log_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a terminal: a line at the start, at the end, and now and then with rate and remaining time; no escapes."""
    assert show(io.StringIO()).splitlines() == [
        "lab:[red]first: 1 on file, 3 to ask",
        "lab:[red]first: 3 of 4 done, 1 failed, 0 s",
        "lab:second: 1 on file, 3 to ask",
        "lab:second: 3 of 4 done, 1 failed, 0 s",
    ]
    monkeypatch.setattr(progress, "PLAIN_EVERY_S", 0.0)
    line = show(io.StringIO()).splitlines()[1]
    assert line.startswith("lab:[red]first: 2 of 4 done, 0 failed, ")
    assert "/s, about" in line


def test_a_terminal_gets_a_bar_for_each_model() -> None:
    """Done, failed and rate stand beside the name, which is never taken for markup."""
    shown = show(Terminal())
    for part in ("lab:[red]first", "lab:second", "3/4", "1 failed", "/s"):
        assert part in shown
