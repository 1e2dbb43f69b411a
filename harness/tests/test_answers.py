"""Collecting answers: nothing asked twice, nothing lost, trouble told once and early. Over a real socket."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.answers import FAILURES_IN_A_ROW, Decoding, NoProgress, Request, collect
from harness.config import EndpointSettings
from harness.errors import EndpointError, InputError
from harness.models.connect import Endpoint
from harness.models.outcomes import Completion, Outcome
from harness.models.specs import ModelSpec
from harness.tests.collecting import CONCURRENCY, SPEC, collect_from, opener, requests
from harness.tests.loopback import LoopbackServer
from harness.tests.loopback_replies import RESET, chat_completion, status

AT_ONCE = {"retry-after-ms": "1"}


def records(journal: Path) -> list[dict[str, Any]]:
    """Every line of a journal; all of them must be JSON."""
    return [json.loads(line) for line in journal.read_bytes().splitlines()]


def never(spec: ModelSpec) -> AbstractContextManager[Endpoint]:
    """A `connect` that must not be called."""
    raise AssertionError(f"{spec.text} was opened though nothing was missing")


def test_answers_come_in_order_and_are_on_file(tmp_path: Path) -> None:
    """One completion for each request, in the order asked, and one journal line for each."""
    journal = tmp_path / "new" / "folder" / "journal.jsonl"
    with LoopbackServer() as server:
        completions = collect_from(server.base_url, journal, 0, 30)
        assert server.count() == 30
    assert [c.text for c in completions] == [f"{n}" for n in range(30)]
    assert {c.outcome for c in completions} == {Outcome.ANSWERED}
    assert sorted(r["case_id"] for r in records(journal)) == sorted(c.case_id for c in completions)


def test_the_same_command_again_asks_nothing(tmp_path: Path) -> None:
    """A complete journal needs neither endpoint nor network, and gives the very same completions."""
    journal = tmp_path / "journal.jsonl"
    with LoopbackServer() as server:
        before = collect_from(server.base_url, journal, 0, 10)
    again = collect(requests(0, 10), SPEC, Decoding(), journal, connect=never)
    assert again == before


def test_only_what_is_missing_is_asked(tmp_path: Path) -> None:
    """More cases: the old answers stand, the new ones are asked."""
    journal = tmp_path / "journal.jsonl"
    with LoopbackServer() as server:
        collect_from(server.base_url, journal, 0, 10)
        completions = collect_from(server.base_url, journal, 5, 15)
        assert set(server.asked().values()) == {1}
    assert [c.text for c in completions] == [f"{n}" for n in range(5, 15)]


@pytest.mark.parametrize(
    ("request_", "spec", "decoding"),
    [
        (Request("other", 0, ({"role": "user", "content": "0"},)), SPEC, Decoding()),
        (Request("case-0", 1, ({"role": "user", "content": "0"},)), SPEC, Decoding()),
        (Request("case-0", 0, ({"role": "user", "content": "0 "},)), SPEC, Decoding()),
        (requests(0, 1)[0], replace(SPEC, text="other:m"), Decoding()),
        (requests(0, 1)[0], replace(SPEC, revision="retrained"), Decoding()),
        (requests(0, 1)[0], SPEC, Decoding(temperature=0.1)),
        (requests(0, 1)[0], SPEC, Decoding(max_tokens=1)),
        (requests(0, 1)[0], SPEC, Decoding(seed=1)),
        (requests(0, 1)[0], SPEC, Decoding(extra={"top_p": 0.5})),
    ],
)
def test_an_answer_to_something_else_is_not_reused(
    request_: Request, spec: ModelSpec, decoding: Decoding, tmp_path: Path
) -> None:
    """Model, adapter, messages, decoding, case and sample all say what was asked: a change in any asks anew."""
    journal = tmp_path / "journal.jsonl"
    with LoopbackServer() as server:
        collect_from(server.base_url, journal, 0, 1)
        collect([request_], spec, decoding, journal, connect=opener(server.base_url))
        assert server.count() == 2


def test_infrastructure_trouble_is_asked_again_and_the_model_is_not(tmp_path: Path) -> None:
    """A timeout says nothing about the model; an answer that ran too long does, and stands."""
    journal = tmp_path / "journal.jsonl"

    def cut(body: dict[str, Any]) -> dict[str, Any]:
        return chat_completion("m", body["messages"][-1]["content"], finish_reason="length")

    with LoopbackServer(answer=cut, faults=[status(400)]) as server:
        alone = replace(SPEC, settings=EndpointSettings("", concurrency=1))
        first = collect(requests(0, 3), alone, Decoding(), journal, connect=opener(server.base_url))
        second = collect_from(server.base_url, journal, 0, 3)
        asked = server.asked()
    assert [c.outcome for c in first] == [Outcome.BAD_REQUEST, Outcome.TRUNCATED, Outcome.TRUNCATED]
    assert [c.outcome for c in second] == [Outcome.TRUNCATED] * 3
    assert asked == {"0": 2, "1": 1, "2": 1}


def test_an_answer_lost_on_the_way_is_recorded_once(tmp_path: Path) -> None:
    """The endpoint did the work and the connection broke: asked again, one record, one completion."""
    journal = tmp_path / "journal.jsonl"
    with LoopbackServer(faults=[RESET]) as server:
        (completion,) = collect_from(server.base_url, journal, 0, 1)
        assert server.count() == 2
    assert (completion.outcome, completion.attempts) == (Outcome.ANSWERED, 2)
    assert len(records(journal)) == 1


def test_each_sample_has_a_seed_of_its_own(tmp_path: Path) -> None:
    """Five samples with one seed would be one answer five times."""
    asked = [Request("case", sample, ({"role": "user", "content": "go"},)) for sample in range(5)]
    with LoopbackServer() as server:
        collect(asked, SPEC, Decoding(temperature=1.0, seed=7), tmp_path / "j.jsonl", connect=opener(server.base_url))
        assert sorted(received.body["seed"] for received in server.received) == [7, 8, 9, 10, 11]


class Slow(NoProgress):
    """Takes its time at each answer, so that several replies wait together."""

    def advance(self, completion: Completion) -> None:
        """Hold the event loop up."""
        super().advance(completion)
        time.sleep(0.02)


def test_replies_that_arrive_with_the_hopeless_one_are_counted(tmp_path: Path) -> None:
    """Good replies that wait behind the one that ends the run are kept, and the message counts them."""
    journal = tmp_path / "journal.jsonl"
    faults = [None] * 3 + [status(401, "invalid_api_key")]
    with LoopbackServer(faults=faults) as server:
        connect = opener(server.base_url)
        with pytest.raises(EndpointError) as caught:
            collect(requests(0, 100), SPEC, Decoding(), journal, connect=connect, progress=Slow())
    kept = [r for r in records(journal) if r["outcome"] == "answered"]
    assert f"{len(kept)} of 100 answers are kept" in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (status(401, "invalid_api_key"), "rejects the key"),
        (status(404, "model_not_found"), "does not offer the model 'm'"),
        (status(429, "insufficient_quota"), "no quota left"),
    ],
)
def test_hopeless_trouble_stops_the_run_at_once(fault: Any, words: str, tmp_path: Path) -> None:
    """After the first such reply nothing new is asked; the message says what to do; what arrived is kept."""
    journal = tmp_path / "journal.jsonl"
    with LoopbackServer(faults=[None] * 20 + [fault] * 500) as server:
        with pytest.raises(EndpointError, match=words) as caught:
            collect_from(server.base_url, journal, 0, 300)
        assert server.count() <= 20 + CONCURRENCY
        kept = [r for r in records(journal) if r["outcome"] == "answered"]
        # On a busy machine a good reply may still be on its way when the first bad one is read.
        assert 20 - CONCURRENCY < len(kept) <= 20
        assert f"{len(kept)} of 300 answers are kept" in str(caught.value)
        server.faults.clear()
        assert all(c.outcome.scored for c in collect_from(server.base_url, journal, 0, 300))
        answered_twice = set(server.asked().values()) - {1, 2}
    assert not answered_twice


def test_an_endpoint_that_is_not_there(tmp_path: Path) -> None:
    """Nobody listens: one clear message within seconds, not one failure for each case."""
    with LoopbackServer() as server:
        pass
    started = time.monotonic()
    with pytest.raises(EndpointError, match="cannot be reached"):
        collect_from(server.base_url, tmp_path / "journal.jsonl", 0, 50)
    assert time.monotonic() - started < 5


def test_an_endpoint_that_goes_down_stops_the_run(tmp_path: Path) -> None:
    """Failures in a row, each after its retries, end the run instead of failing every case that is left."""
    journal = tmp_path / "journal.jsonl"
    with LoopbackServer(faults=[None] * 10 + [status(503, headers=AT_ONCE)] * 5000) as server:
        with pytest.raises(EndpointError, match="10 of 200 answers are kept, run the same command"):
            collect_from(server.base_url, journal, 0, 200)
        failed = [r for r in records(journal) if r["outcome"] == "server_error"]
    assert len(failed) == FAILURES_IN_A_ROW


def test_a_few_failures_among_answers_do_not(tmp_path: Path) -> None:
    """One bad case leaves its outcome and the others go on."""
    faults = [None, status(422), None, None, status(422)]
    with LoopbackServer(faults=faults) as server:
        completions = collect_from(server.base_url, tmp_path / "j.jsonl", 0, 40)
    assert sum(c.outcome is Outcome.BAD_REQUEST for c in completions) == 2
    assert len(completions) == 40


class Watcher:
    """Writes down what progress is told, and how many tasks there are meanwhile."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int, int]] = []
        self.arrived: list[Completion] = []
        self.notes: list[str] = []
        self.ended = 0
        self.most_tasks = 0

    def note(self, line: str) -> None:
        """Note the line."""
        self.notes.append(line)

    def begin(self, model: str, total: int, kept: int) -> None:
        """Note the totals."""
        self.begun.append((model, total, kept))

    def advance(self, completion: Completion) -> None:
        """Note the arrival."""
        self.arrived.append(completion)
        self.most_tasks = max(self.most_tasks, len(asyncio.all_tasks()))

    def end(self) -> None:
        """Note the end."""
        self.ended += 1


def test_progress_hears_of_everything(tmp_path: Path) -> None:
    """Totals first, each arrival once, an end; and tasks are bounded by the concurrency, not by the requests."""
    journal = tmp_path / "journal.jsonl"
    watcher = Watcher()
    with LoopbackServer() as server:
        collect_from(server.base_url, journal, 0, 5)
        completions = collect(
            requests(0, 300), SPEC, Decoding(), journal, connect=opener(server.base_url), progress=watcher
        )
    assert watcher.begun == [("lab:m", 300, 5)]
    assert {c.case_id for c in watcher.arrived} == {c.case_id for c in completions[5:]}
    assert len(watcher.arrived) == 295
    assert watcher.ended == 1
    assert watcher.most_tasks < 40  # a worker and a connection attempt for each place


def test_the_end_is_told_after_trouble_too(tmp_path: Path) -> None:
    """A bar is not left standing on the terminal by an error."""
    watcher = Watcher()
    with LoopbackServer(faults=[status(401)] * 9) as server, pytest.raises(EndpointError):
        collect(
            requests(0, 9), SPEC, Decoding(), tmp_path / "j.jsonl", connect=opener(server.base_url), progress=watcher
        )
    assert watcher.ended == 1


def test_the_same_request_twice_is_a_mistake(tmp_path: Path) -> None:
    """Two requests with one case and sample could not be told apart later."""
    with pytest.raises(ValueError, match="unique"):
        collect(requests(0, 2) + requests(1, 2), SPEC, Decoding(), tmp_path / "j.jsonl", connect=never)


def test_a_recording_is_read_and_nothing_is_written(tmp_path: Path) -> None:
    """Answers on file need no endpoint and leave no journal; a line of an unknown case is the user's error."""
    path = tmp_path / "old.jsonl"
    path.write_text('{"id": "case-0", "output": "[]"}\n{"id": "case-7", "output": "x"}\n', encoding="utf-8")
    spec = ModelSpec(f"recorded:{path}", "recorded", str(path), path=path)
    journal = tmp_path / "j.jsonl"
    (completion,) = collect(requests(0, 1), spec, Decoding(), journal, connect=never)
    assert (completion.text, completion.model) == ("[]", f"recorded:{path}")
    assert not journal.exists()
    with pytest.raises(InputError, match=r"old\.jsonl:2: no case has the id 'case-7'"):
        collect(requests(0, 1), spec, Decoding(), journal, connect=never, known_cases={"case-0"})
