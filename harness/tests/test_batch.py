"""Batch answers with the real client against the loopback server: the same answers, each paid for once."""

from __future__ import annotations

import errno
import json
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from harness.ask.collect import collect
from harness.batch import folder
from harness.batch.folder import open_folder
from harness.batch.follow import Wanted, fill
from harness.batch.provider import BatchOptions
from harness.errors import EndpointError, EvidenceError, GonogoError, InputError
from harness.files import write_whole
from harness.models.connect import Endpoint
from harness.models.outcomes import Outcome
from harness.models.requests import Decoding, Request, request_keys
from harness.models.specs import ModelSpec
from harness.tests.batches import BATCHES, Batches, Course
from harness.tests.collecting import QUICK, SPEC, collect_from, on_file, opener, requests
from harness.tests.foreign import add_responses
from harness.tests.loopback import Answer, LoopbackServer
from harness.tests.loopback_files import FILES
from harness.tests.loopback_replies import CLOSE, HTML_PAGE, RESET, SHORT_BODY, Fault, chat_completion, status

GREEDY = Decoding()
SECRET = "sk-test-batch-91b2c3d4"  # noqa: S105  a made-up key, to see that it never shows


@dataclass
class Lab:
    """A provider with a journal beside it."""

    journal: Path
    server: LoopbackServer
    batches: Batches

    def fill(self, first: int, last: int, **options: Any) -> None:
        """Ask these numbers by batch."""
        self.fill_all(requests(first, last), **options)

    def fill_all(self, many: Sequence[Request], *specs: ModelSpec, decoding: Decoding = GREEDY, **options: Any) -> None:
        """Ask these requests of these models, by default of one."""
        wanted = [Wanted(spec, many, decoding) for spec in specs or (SPEC,)]
        connect = opener(self.server.base_url)
        fill(wanted, self.journal, connect=connect, show=lambda _: None, options=replace(QUICK, **options))

    def answered(self, last: int) -> bool:
        """Whether the numbers from 0 are on file, each with its own text."""
        return [one.text for one in on_file(self.journal, 0, last)] == [str(number) for number in range(last)]

    @property
    def sizes(self) -> list[int]:
        """Requests of each batch that was created."""
        return [len(lines) for lines in self.batches.inputs.values()]


Start = Callable[..., Lab]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Start]:
    """Starts a provider whose batches take these courses; by default an answer is the question."""
    with ExitStack() as stack:

        def start(*courses: Course, answer: Answer | None = None) -> Lab:
            server = stack.enter_context(LoopbackServer(answer=answer))
            return Lab(tmp_path / "j.jsonl", server, Batches(server, courses))

        yield start


def question(body: dict[str, Any]) -> str:
    """The last message of a request: a number."""
    return str(body["messages"][-1]["content"])


def test_a_batch_asks_the_same_words_and_keeps_the_same_answers(tmp_path: Path, lab: Start) -> None:
    """Bodies, journal keys, texts, outcomes and usage are those of the interactive way; only times differ."""
    odd: dict[str, dict[str, Any] | Fault] = {
        "3": chat_completion("m-2026", None, refusal="no"),
        "4": chat_completion("m-2026", "['self.st", finish_reason="length"),
        "5": status(400, "content_filter", message="filtered"),
    }

    def answer(body: dict[str, Any]) -> str | dict[str, Any] | Fault:
        number = question(body)
        return odd.get(number, f"answer {number}, seed {body['seed']} \u2028 é")

    many = [replace(one, sample=sample) for one in requests(0, 6) for sample in range(2)]
    decoding = Decoding(temperature=0.7, max_tokens=50, seed=11, extra={"top_p": 0.9})
    here = lab(answer=answer)
    connect = opener(here.server.base_url)
    one_by_one = collect(many, SPEC, decoding, tmp_path / "one.jsonl", connect=connect)
    asked = here.server.count()
    here.fill_all(many, decoding=decoding)
    by_batch = collect(many, SPEC, decoding, here.journal, connect=connect)
    assert here.server.count() == asked, "the journal is complete: nothing is asked interactively"
    timeless = [[replace(one, latency_s=0.0, at=0.0) for one in found] for found in (by_batch, one_by_one)]
    assert timeless[0] == timeless[1]
    bodies = [request.body for request in here.server.received[:asked]]
    batched = [line["body"] for lines in here.batches.inputs.values() for line in lines]
    assert sorted(map(json.dumps, bodies)) == sorted(map(json.dumps, batched))
    outcomes = {Outcome.ANSWERED, Outcome.REFUSED, Outcome.TRUNCATED, Outcome.FILTERED}
    assert {one.outcome for one in by_batch} == outcomes


def test_only_what_failed_or_expired_is_asked_again(lab: Start) -> None:
    """Expired, unmentioned, torn and failed requests, and no other, are in further batches; each answer is joined."""
    failures = Counter({"10": 1})

    def answer(body: dict[str, Any]) -> str | Fault:
        failures[question(body)] -= 1
        return status(500, "server_error") if failures[question(body)] == 0 else question(body)

    here = lab(Course(final="expired", expired=3), Course(missing=2, torn=True), answer=answer)
    here.fill(0, 20)
    assert here.answered(20)
    assert here.server.count() == 0
    asked = Counter(here.batches.requests())
    again = {n for n, key in enumerate(request_keys(tuple(requests(0, 20)), SPEC, GREEDY)) if asked[key] == 2}
    assert {5, 6, 7, 8, 9, 10} < again
    assert len(again) == 7, "and the one whose line was torn"
    assert (max(asked.values()), len(asked)) == (2, 20)


FAILED = [RESET, SHORT_BODY, HTML_PAGE, status(500), status(429)]
TROUBLE = {
    "a lost answer to the creation": (BATCHES, [RESET], 0),
    "closed instead of answered": (BATCHES, [CLOSE], 0),
    "half an answer, and the batch is listed late": (BATCHES, [SHORT_BODY], 3),
    "a creation that failed": (BATCHES, [HTML_PAGE, status(500), status(429)], 0),
    "the upload": (FILES, FAILED, 0),
    "the look": (f"{BATCHES}/batch_1", FAILED, 0),
    "the download": (f"{FILES}/file-2/content", FAILED, 0),
}


@pytest.mark.parametrize("where", TROUBLE)
def test_trouble_on_the_way_costs_nothing_but_time(lab: Start, where: str) -> None:
    """Whatever call fails, the work done or not: one batch, however late it is listed, and every answer."""
    path, faults, silent_looks = TROUBLE[where]
    here = lab(Course(silent_looks=silent_looks))
    here.server.faults[path] = deque(faults)
    here.fill(0, 5, settle_s=30.0 if path == BATCHES and len(faults) == 1 else 0.05)
    assert here.sizes == [5]
    assert here.answered(5)


def test_input_files_keep_within_the_limits(lab: Start) -> None:
    """A limit of requests and one of bytes are kept, and a request beyond it is refused before anything is sent."""
    assert (BatchOptions().most_requests, BatchOptions().most_bytes) == (50_000, 200_000_000)
    here = lab()
    here.fill(0, 17)
    assert here.sizes == [8, 8, 1]
    here.fill(20, 50, most_bytes=1000)
    sizes = [len(content) for content in here.batches.files.content.values() if b'"url"' in content][3:]
    assert (len(sizes), max(sizes) <= 1000) == (8, True)
    long = Request("case-99", 0, ({"role": "user", "content": "x" * 1000},))
    with pytest.raises(InputError, match="case-99"):
        here.fill_all([*requests(60, 63), long], most_bytes=1000)
    assert len(here.sizes) == 3 + 8


def test_a_parameter_that_the_model_rejects_is_learnt_and_remembered(lab: Start) -> None:
    """As in the interactive way the body is changed, each answer tells so, and a later run asks rightly at once."""

    def answer(body: dict[str, Any]) -> str | Fault:
        if "max_tokens" in body:
            return status(400, "unsupported_parameter", param="max_tokens")
        return str(body["max_completion_tokens"])

    here = lab(answer=answer)
    here.fill(0, 5)
    here.fill(5, 9)
    assert here.sizes == [5, 5, 4]
    kept = {(one.text, one.adapted) for one in on_file(here.journal, 0, 9)}
    assert kept == {("384", ("max_tokens sent as max_completion_tokens",))}


def test_a_model_of_the_responses_api_only_has_batches_too(lab: Start) -> None:
    """The hint in the first batch's errors sends the next one to the other API; every answer is had and tells so."""
    hint = status(404, None, message="This model is only supported in v1/responses.", param="model")
    here = lab(answer=lambda _: hint)
    add_responses(here.server, question)
    here.fill(0, 5)
    endpoints = [one["endpoint"] for one in here.batches.objects.values()]
    assert endpoints == ["/v1/chat/completions", "/v1/responses"]
    assert here.answered(5)
    adapted = {one.adapted for one in on_file(here.journal, 0, 5)}
    assert adapted == {("asked by the Responses API", "seed dropped")}


TOO_MUCH = Course("failed", error="token_limit_exceeded")
TROUBLED = {"0": status(400, "invalid_value"), "1": status(503)}
KEPT = "7 of 8 answers are kept"
# What becomes of the batches, answers, what the run raises with which words, sizes of its batches and of the next run's
Row = tuple[list[Course], dict[str, Fault], type[GonogoError] | None, str, list[int], list[int]]
ENDINGS: dict[str, Row] = {
    "more than may be enqueued": ([TOO_MUCH, TOO_MUCH], {}, None, "", [8, 4, 2, 2, 2, 2], []),
    "a batch fails": ([Course("failed", error="model_not_found")], {}, EndpointError, "model_not_found", [8], [8]),
    "it is cancelled": ([Course("cancelled", expired=2)], {}, EvidenceError, r"2 of 8 answers.*cancelled", [8], [2]),
    "trouble again and again": ([], TROUBLED, EvidenceError, "2 of 8 answers", [8, 1, 1], [2]),
    "no quota": ([], {"0": status(429, "insufficient_quota")}, EndpointError, KEPT, [8], [1]),
    "no such model": ([], {"0": status(404, "model_not_found")}, EndpointError, KEPT, [8], [1]),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_sent_again_and_what_ends_the_run(lab: Start, ending: str) -> None:
    """Too large a batch is halved; what is twice in vain or rejected is paid for no more; the end is explained.

    The next run asks for the rest.
    """
    courses, answers, error, words, sizes, again = ENDINGS[ending]
    troubled = dict(answers)
    here = lab(*courses, answer=lambda body: troubled.get(question(body), question(body)))
    with pytest.raises(error, match=words) if error else nullcontext():
        here.fill(0, 8)
    assert here.sizes == sizes
    troubled.clear()
    here.fill(0, 8)
    assert (here.sizes, here.answered(8)) == (sizes + again, True)


@pytest.mark.parametrize(("key", "words"), [("another", "check the key"), (None, "without --batch")])
def test_the_key_never_shows(tmp_path: Path, key: str | None, words: str) -> None:
    """A rejected key and an endpoint without batches: one message, what to do, no key in it or on disk."""
    wanted = [Wanted(SPEC, requests(0, 3), GREEDY)]
    with LoopbackServer(key=key) as server:
        endpoint = nullcontext(Endpoint(server.base_url, "m", SECRET))
        with pytest.raises(EndpointError, match=words) as caught:
            fill(wanted, tmp_path / "j.jsonl", connect=lambda _: endpoint, show=lambda _: None, options=QUICK)
    assert SECRET not in str(caught.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and SECRET in path.read_text()]


def test_results_of_another_command_are_kept_as_well(lab: Start) -> None:
    """A batch that a stopped run had sent is brought home whole by a run that wants only a part of it."""
    here = lab()
    here.server.faults[f"{BATCHES}/batch_1"] = deque([status(401)])
    with pytest.raises(EndpointError):
        here.fill(0, 8)
    here.fill(6, 8)
    assert here.sizes == [8]
    assert here.answered(8)


def test_a_full_disk_is_told_before_anything_is_created(lab: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state that cannot be written is the user's to mend: no batch is created, and none is taken for lost."""

    def full(path: Path, content: str, *, durable: bool) -> None:
        if json.loads(content)["sent_at"]:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_whole(path, content, durable=durable)

    here = lab()
    monkeypatch.setattr(folder, "write_whole", full)
    with pytest.raises(InputError, match="cannot write the batches: No space left"):
        here.fill(0, 3)
    assert here.sizes == []


def test_what_cannot_be_followed_is_told_before_anything_is_sent(lab: Start) -> None:
    """A second process, a model without batches, a damaged state: a message instead of a batch that is paid for twice.

    The embedded model and recordings have none, and nothing is sent for the others either.
    """
    here = lab()
    with open_folder(here.journal), pytest.raises(InputError, match="another gonogo"):
        here.fill(0, 1)
    with pytest.raises(InputError, match="no batch endpoint"):
        here.fill_all(requests(0, 1), SPEC, ModelSpec("local:smollm2-135m", "local", "smollm2-135m"))
    state = here.journal.with_suffix(".batches") / "one" / "state.json"
    state.parent.mkdir(parents=True)
    for text in ("{", '{"name": "one", "surprise": 1}'):
        state.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=r"state\.json"):
            here.fill(0, 1)
    assert not here.server.received


def test_the_two_ways_share_the_journal(lab: Start) -> None:
    """What a batch brought is not asked again by `collect`, and the other way round; a key fits into a custom_id."""
    here = lab()
    collect_from(here.server.base_url, here.journal, 0, 4)
    here.fill(0, 7)
    assert here.batches.requests() == request_keys(tuple(requests(4, 7)), SPEC, GREEDY)
    collect_from(here.server.base_url, here.journal, 0, 9)
    assert here.server.count() == 4 + 2
    (key,) = request_keys((Request("x" * 500, 0, ()),), SPEC, GREEDY)
    assert len(key) == 64, "the provider's limit"
