"""`gonogo finetune --provider openai` with the real client over a real socket, faults included."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.models.resources import Resources
from harness.tests import loopback_replies as replies
from harness.tests.conftest import Gonogo
from harness.tests.finetuning import JOBS, Course, FineTuning
from harness.tests.loopback import LoopbackServer
from harness.tests.loopback_files import FILES
from harness.tests.test_chatfile import chat_line
from harness.training import hosted
from harness.training.chatfile import read_chat_file

Capture = pytest.CaptureFixture[str]
SPOILT = (replies.RESET, replies.SHORT_BODY, replies.TRUNCATED_JSON, replies.EMPTY_OBJECT, replies.HTML_PAGE)
KEY = "sk-loopback-0123456789abcdef"
RUN = ("finetune", "train.jsonl", "--provider", "openai", "--model", "lab:gpt-4.1-mini-2025-04-14", "--poll", "0.01")


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder with training files and a key, no terminal, and no long waiting after a lost answer."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setenv("LAB_KEY", KEY)
    monkeypatch.setattr(hosted, "Resources", partial(Resources, pause_s=0.01, settle_s=0.4))
    Path("train.jsonl").write_text("".join(chat_line(n) for n in range(12)), encoding="utf-8")
    Path("valid.jsonl").write_text("".join(chat_line(n) for n in range(100, 103)), encoding="utf-8")


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    """A server that insists on the key, named `lab` in gonogo.toml."""
    with LoopbackServer(key=KEY) as made:
        Path("gonogo.toml").write_text(f'[endpoints.lab]\nbase_url = "{made.base_url}"\napi_key_env = "LAB_KEY"\n')
        yield made


def _record() -> dict[str, Any]:
    (path,) = Path("runs/finetune").glob("*.json")
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def _creations(server: LoopbackServer) -> list[Any]:
    return [request for request in server.received if (request.method, request.path) == ("POST", JOBS)]


def _running(until: Callable[[], bool]) -> subprocess.Popen[str]:
    """The command as a process of its own, as soon as something has happened."""
    started = subprocess.Popen([sys.executable, "-m", "harness", *RUN, "--yes"], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not until() and time.monotonic() < deadline:
        time.sleep(0.01)
    return started


def test_a_job_is_made_followed_and_recorded(server: LoopbackServer, capsys: Capture) -> None:
    """Files arrive byte for byte, the request is as documented, an unknown status is not final; no key anywhere."""
    tuning = FineTuning(server, [Course(odd_status="polishing")])
    assert main([*RUN, "--validation", "valid.jsonl", "--yes", "--suffix", "dog", "--epochs", "2"]) == 0
    (job,) = tuning.jobs.values()
    assert _record()["fine_tuned_model"] == job["fine_tuned_model"] == "ft:gpt-4.1-mini-2025-04-14:loopback::1"
    assert tuning.files.content[job["training_file"]] == Path("train.jsonl").read_bytes()
    assert tuning.files.content[job["validation_file"]] == Path("valid.jsonl").read_bytes()
    (created,) = _creations(server)
    assert created.body["method"] == {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}
    assert created.body["suffix"] == "dog"
    assert "hyperparameters" not in created.body, "the top-level field is deprecated"
    told = capsys.readouterr()
    assert "tuned model: lab:ft:gpt-4.1-mini-2025-04-14:loopback::1\nbilled tokens: 1234\n" in told.out
    assert "ftjob-1: running\nftjob-1: polishing\nftjob-1: succeeded" in told.err
    everything = told.out + told.err + "".join(p.read_text(encoding="utf-8") for p in Path("runs").rglob("*.*"))
    assert KEY not in everything


def test_tokens_and_cost_are_told_and_confirmed_before_anything_is_sent(
    server: LoopbackServer, capsys: Capture
) -> None:
    """Without --yes and a terminal nothing is uploaded; the price comes with its date, an unknown one is called so."""
    FineTuning(server)
    assert main([*RUN, "--epochs", "5"]) == 2
    told = capsys.readouterr().err
    tokens = read_chat_file(Path("train.jsonl")).tokens
    assert f"12 examples, about {tokens:,} tokens, 5 epochs: {5 * tokens:,} tokens: about $0.0" in told
    assert "$5 a million, read 2025-10" in told
    assert main([*RUN[:4], "--model", "lab:other"]) == 2
    assert "price unknown" in capsys.readouterr().err
    assert {request.method for request in server.received} == {"GET"}


@pytest.mark.parametrize(
    ("fault", "silent_looks"),
    [
        *((fault, 1) for fault in (*SPOILT, replies.CLOSE)),
        *((fault, 3) for fault in (replies.RESET, replies.status(500))),
    ],
)
def test_a_lost_answer_to_the_creation_leaves_exactly_one_job(
    fault: replies.Fault, silent_looks: int, server: LoopbackServer
) -> None:
    """Reset, close, half a body, nonsense, 5xx: the creation is sent once; done or not is decided by the list."""
    tuning = FineTuning(server, [Course(silent_looks=silent_looks)])
    server.faults[JOBS] = deque([None, fault])  # the first request lists, the second creates
    code = main([*RUN, "--yes"])
    assert len(_creations(server)) == 1
    if fault.kind != "reply":  # the work was done
        assert code == 0
        assert len(tuning.jobs) == 1
    else:
        # The endpoint did nothing: no job is found, nothing is tried on suspicion, and the next run creates it.
        assert code == 5
        assert len(tuning.jobs) == 0
        assert main([*RUN, "--yes"]) == 0
        assert len(tuning.jobs) == 1


def test_the_same_command_again_finds_its_job(server: LoopbackServer, capsys: Capture) -> None:
    """After success it shows the result; without the record the job is found by its metadata; never a second job."""
    tuning = FineTuning(server)
    assert main([*RUN, "--yes"]) == 0
    assert main(list(RUN)) == 0
    for path in Path("runs/finetune").iterdir():
        path.unlink()
    assert main(list(RUN)) == 0
    assert len(tuning.jobs) == 1
    assert capsys.readouterr().out.count("tuned model: ") == 3
    assert main([*RUN, "--yes", "--seed", "2"]) == 0
    assert len(tuning.jobs) == 2


@pytest.mark.parametrize("created", [False, True])
def test_a_killed_process_leaves_one_job_and_the_same_command_goes_on(created: bool, server: LoopbackServer) -> None:
    """SIGKILL before the creation's answer, or while following: the next run finds the job and follows it."""
    tuning = FineTuning(server, [Course(steps=40)])
    server.faults[JOBS] = deque([None, *([] if created else [replies.slow(30)])])
    running = _running(lambda: server.count(f"{JOBS}/ftjob-1") >= 3 if created else bool(tuning.jobs))
    running.send_signal(signal.SIGKILL)
    running.communicate()
    assert _record()["job"] == ("ftjob-1" if created else "")
    assert main([*RUN, "--yes"]) == 0
    assert _record()["status"] == "succeeded"
    assert len(_creations(server)) == len(tuning.jobs) == 1


def test_ctrl_c_leaves_the_job_and_says_how_to_go_on(server: LoopbackServer) -> None:
    """SIGINT while following: exit code 130, the job is not cancelled, and the ways on are told; two cannot follow."""
    tuning = FineTuning(server, [Course(steps=10_000)])
    running = _running(lambda: server.count(f"{JOBS}/ftjob-1") >= 5)
    assert main([*RUN, "--yes"]) == 2, "another process is at work on this run"
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "the same command follows it" in told
    assert "--model lab:gpt-4.1-mini-2025-04-14 --cancel ftjob-1" in told
    assert "Traceback" not in told
    assert tuning.jobs["ftjob-1"]["status"] == "running"


def test_a_cancelled_job_is_told_and_tried_anew(server: LoopbackServer, gonogo: Gonogo) -> None:
    """--cancel ends a job; the same command tells so once, then makes a second attempt; one that ended is refused."""
    tuning, cancel = FineTuning(server), (*RUN[:1], *RUN[2:], "--cancel", "ftjob-1")
    assert gonogo(*RUN, "--yes").code == 0
    done = gonogo(*cancel)
    assert (done.code, "cancel the job ftjob-1: HTTP 400" in done.err) == (5, True)
    tuning.jobs["ftjob-1"]["status"] = "running"
    assert gonogo(*cancel)[:2] == (0, "ftjob-1: cancelled\n")
    done = gonogo(*RUN, "--yes")
    assert (done.code, "the job ftjob-1 ended without a model: cancelled" in done.err) == (5, True)
    assert gonogo(*RUN, "--yes").code == 0
    assert [job["status"] for job in tuning.jobs.values()] == ["cancelled", "succeeded"]


@pytest.mark.parametrize(
    ("course", "code", "told"),
    [
        (Course(final="failed", code="invalid_training_file", message="line 3 is odd"), 2, "line 3 is odd"),
        (Course(final="failed", code="exceeded_quota", message="no credit"), 5, "exceeded_quota"),
        (Course(final="failed", message=f"{KEY} \x1b[31mblocked by the safety evaluation"), 5, "blocked by the safety"),
        (Course(modelless=True), 5, "ended without a model: succeeded"),
    ],
)
def test_a_failure_is_told_in_the_providers_words(
    course: Course, code: int, told: str, server: LoopbackServer, capsys: Capture
) -> None:
    """On the job or only in its events: the reason reaches the user, without keys or terminal codes."""
    FineTuning(server, [course])
    assert main([*RUN, "--yes"]) == code
    said = capsys.readouterr().err
    assert told in said
    assert KEY not in said
    assert "\x1b" not in said
    assert _record()["status"] == course.final
    assert _record()["error"].startswith(course.code)


def test_a_job_of_which_no_record_can_be_kept_is_told_and_not_lost(
    server: LoopbackServer, gonogo: Gonogo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model and an error of other types: the endpoint's trouble; afterwards the same command ends the same job."""
    tuning = FineTuning(server)
    with monkeypatch.context() as patch:
        patch.setattr(tuning, "_look", lambda job, *_: replies.Reply(200, job | {"error": [1], "fine_tuned_model": 5}))
        done = gonogo(*RUN, "--yes")
    assert (done.code, "fine_tuned_model cannot be used" in done.err) == (5, True)
    assert gonogo(*RUN, "--yes").code == 0
    assert (_record()["job"], len(tuning.jobs)) == ("ftjob-1", 1)


def test_outages_are_waited_out(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Faults of upload and looks change nothing; an endpoint gone for good is told, and the same command goes on."""
    tuning = FineTuning(server)
    server.faults[FILES] = deque([replies.RESET, replies.TRUNCATED_JSON, replies.status(429), None])
    server.faults[f"{JOBS}/ftjob-1"] = deque([*SPOILT, replies.status(500)])
    assert main([*RUN, "--yes"]) == 0
    monkeypatch.setattr(hosted, "LOOKS", 3)
    server.faults[f"{JOBS}/ftjob-2"] = deque([replies.status(500)] * 3)
    assert main([*RUN, "--yes", "--seed", "2"]) == 5
    assert "tell of the job ftjob-2, which goes on there: HTTP 500" in capsys.readouterr().err
    assert main([*RUN, "--seed", "2"]) == 0
    assert len(tuning.jobs) == 2


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        (["--epochs", "0"], "0 is not within 1 and 50"),
        (["--poll", "nan"], "nan is not within"),
        (["--learning-rate", "inf"], "inf is not within"),
        (["--batch-size", "x"], "invalid int value: 'x'"),
        (["--model", "local:smollm2-135m"], "--provider local"),
        (["--cancel", "ftjob-404"], "ftjob-404"),
        (["--validation", "train.jsonl"], "train.jsonl:1: this example is in train.jsonl too"),
    ],
)
def test_mistakes_are_told_with_what_to_do(extra: list[str], told: str, server: LoopbackServer, gonogo: Gonogo) -> None:
    """Bad numbers and files, a model that no provider tunes, a job that is not there: one message, nothing created."""
    FineTuning(server)
    done = gonogo(*RUN, "--yes", *extra)
    assert {request.path for request in server.received} <= {f"{JOBS}/ftjob-404/cancel"}
    assert done.code in (2, 5)
    assert told in done.err


def test_a_refusal_is_told_with_what_to_do(server: LoopbackServer, gonogo: Gonogo) -> None:
    """A closed organisation learns of the local way; a wrong key ends the run before the upload and is not shown."""
    FineTuning(server, closed=True)
    code, _, told = gonogo(*RUN, "--yes")
    assert code == 5
    assert "closed to this organisation" in told
    assert "gonogo finetune --provider local" in told
    assert (len(_creations(server)), server.count(FILES)) == (1, 1)
    code, _, told = gonogo(*RUN, "--yes", LAB_KEY="sk-wrong-0123456789abcdef")
    assert code == 5
    assert "check the key" in told
    assert "0123456789abcdef" not in told
    assert server.count(FILES) == 1
