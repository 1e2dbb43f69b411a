"""Batch answers with the real client against the loopback server: the same answers, each paid for once."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.answers import Decoding, collect
from harness.batch import Wanted, fill
from harness.batch.folder import open_folder
from harness.batch.inputs import MOST_BYTES, MOST_REQUESTS, Asking, Limits, plan_batches
from harness.errors import EndpointError, EvidenceError, InputError
from harness.journal import read_journal
from harness.models.connect import Endpoint
from harness.models.outcomes import Outcome
from harness.models.parameters import first_parameters
from harness.models.requests import Request, request_keys
from harness.models.specs import ModelSpec
from harness.plan import Usage
from harness.prices import describe_batch
from harness.testing.batches import BATCHES, Batches, Course
from harness.testing.foreign import add_responses
from harness.testing.loopback import LoopbackServer
from harness.testing.replies import CLOSE, HTML_PAGE, RESET, SHORT_BODY, Fault, chat_completion, status
from harness.tests.batching import QUICK, fill_from
from harness.tests.collecting import SPEC, collect_from, opener, requests
from harness.tests.loopback_files import FILES

SECRET = "sk-test-batch-91b2c3d4"  # noqa: S105  a made-up key, to see that it never shows


def quiet(_: str) -> None:
    """Tells nobody."""


def on_file(journal: Path, last: int, first: int = 0) -> list[str]:
    """Texts on file for these numbers, in order; a missing answer is an error."""
    keys = request_keys(tuple(requests(first, last)), SPEC, Decoding())
    found = read_journal(journal, set(keys))
    return [found[key].text for key in keys if found[key].outcome.scored]


def numbers(last: int) -> list[str]:
    """The answers that the echoing server gives."""
    return [str(n) for n in range(last)]


def test_a_batch_asks_the_same_words_and_keeps_the_same_answers(tmp_path: Path) -> None:
    """Bodies, journal keys, texts, outcomes and usage are those of the interactive way; only times differ."""

    def answer(body: dict[str, Any]) -> str | dict[str, Any] | Fault:
        number = int(body["messages"][-1]["content"])
        if number == 3:
            return chat_completion("m-2026", None, refusal="no")
        if number == 4:
            return chat_completion("m-2026", "['self.st", finish_reason="length")
        if number == 5:
            return status(400, "content_filter", message="filtered")
        return f"answer {number}, seed {body['seed']} \u2028 é"

    many = [replace(one, sample=sample) for one in requests(0, 8) for sample in range(3)]
    decoding = Decoding(temperature=0.7, max_tokens=50, seed=11, extra={"top_p": 0.9})
    with LoopbackServer(answer=answer) as server:
        batches = Batches(server)
        one_by_one = collect(many, SPEC, decoding, tmp_path / "one.jsonl", connect=opener(server.base_url))
        asked = server.count()
        fill(
            [Wanted(SPEC, many, decoding)],
            tmp_path / "two.jsonl",
            connect=opener(server.base_url),
            tell=quiet,
            timing=QUICK,
        )
        by_batch = collect(many, SPEC, decoding, tmp_path / "two.jsonl", connect=opener(server.base_url))
        assert server.count() == asked, "the journal is complete: nothing is asked interactively"
        bodies = [request.body for request in server.received[:asked]]
        batched = [line["body"] for lines in batches.inputs.values() for line in lines]
    timeless = [[replace(one, latency_s=0.0, at=0.0) for one in many] for many in (by_batch, one_by_one)]
    assert timeless[0] == timeless[1]
    assert sorted(map(json.dumps, bodies)) == sorted(map(json.dumps, batched))
    assert {one.outcome for one in by_batch} == {
        *(Outcome.ANSWERED, Outcome.REFUSED, Outcome.TRUNCATED, Outcome.FILTERED)
    }


def test_only_what_failed_or_expired_is_asked_again(tmp_path: Path) -> None:
    """Expired, unmentioned, torn and failed requests, and no other, are in further batches; each answer is joined."""
    failures = Counter({"10": 1})

    def answer(body: dict[str, Any]) -> str | Fault:
        text = str(body["messages"][-1]["content"])
        if failures[text] > 0:
            failures[text] -= 1
            return status(500, "server_error")
        return text

    with LoopbackServer(answer=answer) as server:
        batches = Batches(server, [Course(final="expired", expired=3), Course(missing=2, torn=True)])
        fill_from(server.base_url, tmp_path / "j.jsonl", 0, 20)
        asked = Counter(batches.requests())
        assert on_file(tmp_path / "j.jsonl", 20) == numbers(20)
        assert server.count() == 0
    keys = request_keys(tuple(requests(0, 20)), SPEC, Decoding())
    again = {number for number, key in enumerate(keys) if asked[key] == 2}
    assert {5, 6, 7, 8, 9, 10} <= again
    assert len(again) == 7, "and the one whose line was torn"
    assert max(asked.values()) == 2
    assert len(asked) == 20


@pytest.mark.parametrize("fault", [RESET, CLOSE, SHORT_BODY])
@pytest.mark.parametrize("silent", [0, 3])
def test_a_lost_answer_to_the_creation_leaves_one_batch(tmp_path: Path, fault: Fault, silent: int) -> None:
    """The provider did the work and the answer is lost: one batch, found by its metadata, however late it is listed."""
    with LoopbackServer() as server:
        batches = Batches(server, [Course(silent_looks=silent)])
        server.faults[BATCHES] = deque([fault])
        fill_from(server.base_url, tmp_path / "j.jsonl", 0, 5, replace(QUICK, settle_s=30.0))
        assert len(batches.objects) == 1
        assert on_file(tmp_path / "j.jsonl", 5) == numbers(5)


@pytest.mark.parametrize("fault", [HTML_PAGE, status(500), status(429)])
def test_a_creation_that_failed_is_repeated(tmp_path: Path, fault: Fault) -> None:
    """The provider did nothing: the list is searched for a while, then the batch is created, once."""
    with LoopbackServer() as server:
        batches = Batches(server)
        server.faults[BATCHES] = deque([fault])
        fill_from(server.base_url, tmp_path / "j.jsonl", 0, 5)
        assert len(batches.objects) == 1
        assert server.received[1].path == BATCHES
        assert on_file(tmp_path / "j.jsonl", 5) == numbers(5)


@pytest.mark.parametrize("path", [FILES, f"{BATCHES}/batch_1", f"{FILES}/file-2/content"])
def test_trouble_on_the_way_is_tried_again(tmp_path: Path, path: str) -> None:
    """Resets, short bodies, pages, 500 and 429 of upload, look and download cost nothing but time."""
    with LoopbackServer() as server:
        batches = Batches(server)
        server.faults[path] = deque([RESET, SHORT_BODY, HTML_PAGE, status(500), status(429)])
        fill_from(server.base_url, tmp_path / "j.jsonl", 0, 5)
        assert len(batches.objects) == 1
        assert on_file(tmp_path / "j.jsonl", 5) == numbers(5)


def test_input_files_keep_within_the_limits(tmp_path: Path) -> None:
    """50,001 requests are two files, a small limit of bytes is kept too, and a request beyond it is refused."""
    assert (Limits().requests, Limits().size) == (MOST_REQUESTS, MOST_BYTES) == (50_000, 200_000_000)
    asking = Asking("lab:m", "m", "", first_parameters(Decoding()))
    with open_folder(tmp_path / "a.jsonl") as folder:
        planned = list(
            plan_batches(folder, ((str(n), one) for n, one in enumerate(requests(0, 50_001))), asking, Limits())
        )
        assert [state.count for state in planned] == [50_000, 1]
        assert len(folder.input_path(planned[0]).read_bytes().splitlines()) == 50_000
    with LoopbackServer() as server:
        batches = Batches(server)
        fill_from(server.base_url, tmp_path / "b.jsonl", 0, 30, replace(QUICK, limits=Limits(size=1000)))
        sizes = [len(content) for content in batches.files.content.values() if b'"url"' in content]
        assert len(sizes) == 8
        assert max(sizes) <= 1000
        with pytest.raises(InputError, match="case-99"):
            fill_from(server.base_url, tmp_path / "b.jsonl", 99, 100, replace(QUICK, limits=Limits(size=100)))


def test_a_parameter_that_the_model_rejects_is_learnt_and_remembered(tmp_path: Path) -> None:
    """As in the interactive way the body is changed, each answer tells so, and a later run asks rightly at once."""

    def answer(body: dict[str, Any]) -> str | Fault:
        if "max_tokens" in body:
            return status(400, "unsupported_parameter", param="max_tokens")
        return str(body["max_completion_tokens"])

    with LoopbackServer(answer=answer) as server:
        batches = Batches(server)
        fill_from(server.base_url, tmp_path / "j.jsonl", 0, 5)
        assert len(batches.objects) == 2
        fill_from(server.base_url, tmp_path / "j.jsonl", 5, 9)
        assert len(batches.objects) == 3
    keys = request_keys(tuple(requests(0, 9)), SPEC, Decoding())
    found = read_journal(tmp_path / "j.jsonl", set(keys))
    assert {one.adapted for one in found.values()} == {("max_tokens sent as max_completion_tokens",)}
    assert {found[key].text for key in keys} == {"384"}


def test_a_model_of_the_responses_api_only_has_batches_too(tmp_path: Path) -> None:
    """The hint in the first batch's errors sends the next one to the other API; every answer is had and tells so."""
    hint = status(404, None, message="This model is only supported in v1/responses.", param="model")
    with LoopbackServer(answer=lambda _: hint) as server:
        add_responses(server, lambda body: str(body["messages"][-1]["content"]))
        batches = Batches(server)
        fill_from(server.base_url, tmp_path / "j.jsonl", 0, 5)
        assert [one["endpoint"] for one in batches.objects.values()] == ["/v1/chat/completions", "/v1/responses"]
    keys = request_keys(tuple(requests(0, 5)), SPEC, Decoding())
    found = read_journal(tmp_path / "j.jsonl", set(keys))
    assert [found[key].text for key in keys] == ["0", "1", "2", "3", "4"]
    assert {one.adapted for one in found.values()} == {("asked by the Responses API", "seed dropped")}


def test_batches_of_all_models_are_under_way_together(tmp_path: Path) -> None:
    """Two models' batches are created before either is looked at: a day of waiting, not two."""
    specs = [SPEC, replace(SPEC, text="lab:n", model="n")]
    with LoopbackServer() as server:
        Batches(server)
        wanted = [Wanted(spec, requests(0, 5), Decoding()) for spec in specs]
        fill(wanted, tmp_path / "j.jsonl", connect=opener(server.base_url), tell=quiet, timing=QUICK)
        paths = [(one.method, one.path) for one in server.received]
        created = [i for i, one in enumerate(paths) if one == ("POST", BATCHES)]
        looked = [i for i, one in enumerate(paths) if one[0] == "GET"]
        assert len(created) == 2
        assert max(created) < min(looked)
        for spec in specs:
            assert len(collect(requests(0, 5), spec, Decoding(), tmp_path / "j.jsonl")) == 5


def test_more_than_the_account_may_enqueue_is_sent_in_smaller_batches(tmp_path: Path) -> None:
    """A batch refused for its size is halved until it fits, and everything is answered."""
    with LoopbackServer() as server:
        batches = Batches(server, [Course("failed", error="token_limit_exceeded")] * 2)
        fill_from(server.base_url, tmp_path / "j.jsonl", 0, 8)
        assert [len(lines) for lines in batches.inputs.values()] == [8, 4, 2, 2, 2, 2]
        assert on_file(tmp_path / "j.jsonl", 8) == numbers(8)


def test_a_refused_batch_says_why_and_nothing_is_repeated(tmp_path: Path) -> None:
    """A batch that fails as a whole ends the run with the provider's reason, after one batch."""
    with LoopbackServer() as server:
        batches = Batches(server, [Course("failed", error="model_not_found")])
        with pytest.raises(EndpointError, match="model_not_found"):
            fill_from(server.base_url, tmp_path / "j.jsonl", 0, 3)
        assert len(batches.objects) == 1


def test_a_cancelled_batch_keeps_what_it_has_and_is_not_sent_again(tmp_path: Path) -> None:
    """Who cancels a batch does not want it: its answers are kept, the run ends INVALID, the next one asks the rest."""
    with LoopbackServer() as server:
        batches = Batches(server, [Course("cancelled", expired=2)])
        with pytest.raises(EvidenceError, match=r"2 of 5 answers.*cancelled"):
            fill_from(server.base_url, tmp_path / "j.jsonl", 0, 5)
        assert len(batches.objects) == 1
        fill_from(server.base_url, tmp_path / "j.jsonl", 0, 5)
        assert [len(lines) for lines in batches.inputs.values()] == [5, 2]


def test_what_never_comes_is_given_up_after_two_rounds(tmp_path: Path) -> None:
    """Requests that bring nothing twice in a row are not paid for ever; one that is rejected is not repeated."""

    def answer(body: dict[str, Any]) -> str | Fault:
        return {"0": status(400, "invalid_value"), "1": status(503)}.get(str(body["messages"][-1]["content"]), "fine")

    with LoopbackServer(answer=answer) as server:
        batches = Batches(server)
        with pytest.raises(EvidenceError, match="2 of 4 answers"):
            fill_from(server.base_url, tmp_path / "j.jsonl", 0, 4)
        assert [len(lines) for lines in batches.inputs.values()] == [4, 1, 1]


@pytest.mark.parametrize("code", ["insufficient_quota", "model_not_found"])
def test_results_that_mean_the_end_stop_the_run(tmp_path: Path, code: str) -> None:
    """No quota or no such model: what arrived is kept, nothing further is sent."""
    with LoopbackServer(
        answer=lambda body: "fine" if body["messages"][-1]["content"] == "1" else status(429, code)
    ) as server:
        batches = Batches(server)
        with pytest.raises(EndpointError, match="1 of 3 answers are kept"):
            fill_from(server.base_url, tmp_path / "j.jsonl", 0, 3)
        assert len(batches.objects) == 1


def test_the_key_never_shows(tmp_path: Path) -> None:
    """A rejected key and an endpoint without batches: one message, what to do, no key in it or on disk."""

    def connect(base_url: str) -> Callable[[ModelSpec], Any]:
        from contextlib import nullcontext

        return lambda spec: nullcontext(Endpoint(base_url, spec.model, SECRET))

    wanted = [Wanted(SPEC, requests(0, 3), Decoding())]
    with LoopbackServer(key="another") as server:
        Batches(server)
        with pytest.raises(EndpointError, match="check the key") as caught:
            fill(wanted, tmp_path / "j.jsonl", connect=connect(server.base_url), tell=quiet, timing=QUICK)
        assert SECRET not in str(caught.value)
    with LoopbackServer() as server, pytest.raises(EndpointError, match="without --batch"):
        fill(wanted, tmp_path / "j.jsonl", connect=connect(server.base_url), tell=quiet, timing=QUICK)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and SECRET in path.read_text()]


def test_results_of_another_command_are_kept_as_well(tmp_path: Path) -> None:
    """A batch that a stopped run had sent is brought home whole by a run that wants only a part of it."""
    with LoopbackServer() as server:
        batches = Batches(server)
        server.faults[f"{BATCHES}/batch_1"] = deque([status(401)])
        with pytest.raises(EndpointError):
            fill_from(server.base_url, tmp_path / "j.jsonl", 0, 8)
        fill_from(server.base_url, tmp_path / "j.jsonl", 6, 8)
        assert len(batches.objects) == 1
        assert on_file(tmp_path / "j.jsonl", 8) == numbers(8)


def test_one_process_at_a_time_follows_the_batches_of_a_journal(tmp_path: Path) -> None:
    """A second run is told so instead of paying for the same batch."""
    with open_folder(tmp_path / "j.jsonl"), pytest.raises(InputError, match="another gonogo"):
        fill_from("http://127.0.0.1:9/v1", tmp_path / "j.jsonl", 0, 1)


def test_a_model_without_a_batch_endpoint_is_refused(tmp_path: Path) -> None:
    """The embedded model and recordings cannot be asked so, and nothing is sent for the others either."""
    local = ModelSpec("local:smollm2-135m", "local", "smollm2-135m")
    wanted = [Wanted(spec, requests(0, 1), Decoding()) for spec in (SPEC, local)]
    with LoopbackServer() as server, pytest.raises(InputError, match="no batch endpoint"):
        fill(wanted, tmp_path / "j.jsonl", connect=opener(server.base_url), tell=quiet, timing=QUICK)
    assert not server.received


def test_the_estimate_is_half_of_a_dated_list_price() -> None:
    """A model on the price file gets dollars at the batch price and the date; another gets its tokens, no invention."""
    usage = Usage(1000.0, 250.0, "measured")
    told = describe_batch(ModelSpec("openai:gpt-4.1", "openai", "gpt-4.1"), usage, 1_000_000)
    # 1,000 million tokens at $2.00 and 250 million at $8.00 are $4,000; half of it is $2,000.
    assert "$2000.00 at the batch price, half of the list price read 2026-06-21" in told
    assert "no price on file" in describe_batch(SPEC, usage, 10)
    assert "$" not in describe_batch(ModelSpec("openai:ft:gpt-4.1:x::y", "openai", "ft:gpt-4.1:x::y"), usage, 10)


def test_an_interactive_run_goes_on_from_a_batch(tmp_path: Path) -> None:
    """The two ways share the journal: what a batch brought is not asked again by `collect`, and the other way round."""
    with LoopbackServer() as server:
        batches = Batches(server)
        collect_from(server.base_url, tmp_path / "j.jsonl", 0, 4)
        fill_from(server.base_url, tmp_path / "j.jsonl", 0, 7)
        assert batches.requests() == request_keys(tuple(requests(4, 7)), SPEC, Decoding())
        collect_from(server.base_url, tmp_path / "j.jsonl", 0, 9)
        assert server.count() == 4 + 2


def test_request_keys_fit_into_a_custom_id() -> None:
    """The key is the custom_id, for which 64 characters are the provider's limit."""
    (key,) = request_keys((Request("x" * 500, 0, ()),), SPEC, Decoding())
    assert len(key) == 64
