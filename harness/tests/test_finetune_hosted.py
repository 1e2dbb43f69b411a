"""`gonogo finetune --provider openai` with the real client over a real socket, faults included."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.cli import main
from harness.errors import InputError
from harness.testing.files import FILES
from harness.testing.finetuning import JOBS, Course, FineTuning
from harness.testing.loopback import LoopbackServer
from harness.testing.replies import (
    CLOSE,
    EMPTY_OBJECT,
    HTML_PAGE,
    RESET,
    SHORT_BODY,
    TRUNCATED_JSON,
    Fault,
    slow,
    status,
)
from harness.training import hosted
from harness.training.chatfile import read_chat_file
from harness.training.hosted import read_curve

KEY = "sk-loopback-0123456789abcdef"
RUN = ("finetune", "train.jsonl", "--provider", "openai", "--model", "lab:gpt-4.1-mini-2025-04-14", "--poll", "0.01")


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder with training files and a key, no terminal, and no long waiting after a lost answer."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setenv("LAB_KEY", KEY)
    original = hosted.open_hosted
    monkeypatch.setattr("harness.training.hosted_run.open_hosted", lambda e: original(e, settle_s=0.4, pause_s=0.05))
    Path("train.jsonl").write_text("".join(_line(n) for n in range(12)), encoding="utf-8")
    Path("valid.jsonl").write_text("".join(_line(n) for n in range(100, 103)), encoding="utf-8")


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    """A server that insists on the key, named `lab` in gonogo.toml."""
    with LoopbackServer(key=KEY) as made:
        Path("gonogo.toml").write_text(f'[endpoints.lab]\nbase_url = "{made.base_url}"\napi_key_env = "LAB_KEY"\n')
        yield made


def _line(number: int, **assistant: Any) -> str:
    messages = [
        {"role": "system", "content": "You translate."},
        {"role": "user", "content": f"command {number}"},
        {"role": "assistant", "content": '["self.sport_client.Sit()"]', **assistant},
    ]
    return json.dumps({"messages": messages}) + "\n"


def _records() -> list[dict[str, Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in Path("runs/finetune").glob("*.json")]


def test_a_job_is_made_followed_and_recorded(server: LoopbackServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Model id, checkpoints, curve and events are in the record; the files arrive byte for byte; no key anywhere."""
    tuning = FineTuning(server, [Course(steps=4)])
    assert main([*RUN, "--validation", "valid.jsonl", "--yes", "--suffix", "dog", "--epochs", "2"]) == 0
    (record,) = _records()
    (job,) = tuning.jobs.values()
    assert record["fine_tuned_model"] == job["fine_tuned_model"] == "ft:gpt-4.1-mini-2025-04-14:loopback::1"
    assert [checkpoint["step"] for checkpoint in record["checkpoints"]] == [3, 4]
    assert [row["step"] for row in record["curve"]] == [1, 2, 3, 4]
    assert record["curve"][0] == {"step": 1, "train_loss": 2, "train_accuracy": 0.9, "valid_loss": 2.5}
    assert "valid_loss" not in record["curve"][1], "an empty cell is no zero"
    assert [event["data"]["step"] for event in record["events"] if "step" in event["data"]] == [1, 2, 3, 4]
    assert tuning.files.content[job["training_file"]] == Path("train.jsonl").read_bytes()
    assert tuning.files.content[job["validation_file"]] == Path("valid.jsonl").read_bytes()
    created = next(r for r in server.received if (r.method, r.path) == ("POST", JOBS))
    assert created.body["method"] == {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}
    assert created.body["suffix"] == "dog"
    assert "hyperparameters" not in created.body, "the top-level field is deprecated"
    told = capsys.readouterr()
    assert "tuned model: lab:ft:gpt-4.1-mini-2025-04-14:loopback::1" in told.out
    assert "Created fine-tuning job" in told.err
    assert "step 1 of 4, training loss 2.0000" in told.err
    everything = told.out + told.err + "".join(p.read_text(encoding="utf-8") for p in Path("runs").rglob("*.*"))
    assert KEY not in everything


def test_tokens_and_cost_are_told_and_confirmed_before_anything_is_sent(
    server: LoopbackServer, capsys: pytest.CaptureFixture[str]
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
    "fault", [RESET, CLOSE, SHORT_BODY, TRUNCATED_JSON, EMPTY_OBJECT, HTML_PAGE, status(500), status(503)]
)
@pytest.mark.parametrize("silent_looks", [1, 3])
def test_a_lost_answer_to_the_creation_leaves_exactly_one_job(
    fault: Fault, silent_looks: int, server: LoopbackServer
) -> None:
    """Reset, close, half a body, nonsense, 5xx: the creation is sent once; done or not is decided by the list."""
    work_done = fault.kind != "reply"
    tuning = FineTuning(server, [Course(silent_looks=silent_looks)])
    server.faults[JOBS] = deque([None, fault])  # the first request lists, the second creates
    code = main([*RUN, "--yes"])
    created = [request for request in server.received if (request.method, request.path) == ("POST", JOBS)]
    assert len(created) == 1
    if work_done:
        assert code == 0
        assert len(tuning.jobs) == 1
    else:
        # The endpoint did nothing: no job is found, nothing is tried on suspicion, and the next run creates it.
        assert code == 5
        assert len(tuning.jobs) == 0
        assert main([*RUN, "--yes"]) == 0
        assert len(tuning.jobs) == 1


def test_the_same_command_again_finds_its_job(server: LoopbackServer, capsys: pytest.CaptureFixture[str]) -> None:
    """After success it shows the result; without the record the job is found by its metadata; never a second job."""
    tuning = FineTuning(server)
    assert main([*RUN, "--yes"]) == 0
    assert main(list(RUN)) == 0
    for path in Path("runs/finetune").iterdir():
        path.unlink()
    assert main(list(RUN)) == 0
    assert len(tuning.jobs) == 1
    assert capsys.readouterr().out.count("tuned model: ") == 3
    assert main([*RUN, "--yes", "--label", "once more"]) == 0
    assert len(tuning.jobs) == 2


def test_a_killed_follower_is_resumed(server: LoopbackServer) -> None:
    """SIGKILL while the job runs; --resume JOB follows it to its end, and the record is complete."""
    tuning = FineTuning(server, [Course(steps=400)])
    running = subprocess.Popen([sys.executable, "-m", "harness", *RUN, "--yes"], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while server.count(f"{JOBS}/ftjob-1") < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait()
    (record,) = _records()
    assert record["job"] == "ftjob-1"
    assert record["status"] in ("queued", "running", "validating_files")
    tuning._chosen["ftjob-1"] = Course(steps=len(record["events"]) + 2)
    assert main([*RUN[:1], *RUN[2:], "--resume", "ftjob-1"]) == 0
    (record,) = _records()
    assert record["status"] == "succeeded"
    assert record["fine_tuned_model"]
    assert len(tuning.jobs) == 1
    ids = [event["id"] for event in record["events"]]
    assert len(set(ids)) == len(ids), "events are recorded once"


def test_a_job_that_this_machine_never_saw_is_followed(server: LoopbackServer) -> None:
    """--resume needs only the job's id; a record is made for it."""
    FineTuning(server)
    assert main([*RUN, "--yes"]) == 0
    assert main([*RUN[:1], *RUN[2:], "--resume", "ftjob-1", "--runs", "elsewhere"]) == 0
    assert json.loads(Path("elsewhere/finetune/ftjob-1.json").read_text(encoding="utf-8"))["fine_tuned_model"]


def test_a_job_is_cancelled_and_a_new_attempt_is_a_new_job(
    server: LoopbackServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """--cancel ends it at the provider and in the record; the same command then makes a second attempt."""
    tuning = FineTuning(server, [Course(final="failed", code="exceeded_quota")])
    assert main([*RUN, "--yes"]) == 5
    assert main([*RUN[:1], *RUN[2:], "--cancel", "ftjob-1"]) == 5
    assert "cancel the job ftjob-1" in capsys.readouterr().err
    tuning.jobs["ftjob-1"]["status"] = "running"
    assert main([*RUN[:1], *RUN[2:], "--cancel", "ftjob-1"]) == 0
    assert tuning.jobs["ftjob-1"]["status"] == "cancelled"
    assert _records()[0]["status"] == "cancelled"
    assert main([*RUN, "--yes"]) == 0
    assert [job["metadata"]["run"][-2:] for job in tuning.jobs.values()] == ["-1", "-2"]


@pytest.mark.parametrize(
    ("course", "code", "told"),
    [
        (
            Course(final="failed", code="invalid_training_file", message="line 3 is odd"),
            2,
            "invalid_training_file: line 3",
        ),
        (Course(final="failed", code="exceeded_quota", message="no credit"), 5, "exceeded_quota: no credit"),
        (Course(final="failed", message="something went wrong inside"), 5, "something went wrong inside"),
        (
            Course(final="failed", blocked=True, code="safety_check_failed", message="harmful outputs"),
            5,
            "for safety before it releases it): safety_check_failed: harmful outputs",
        ),
        (Course(final="failed", blocked=True, message="blocked by the safety evaluation"), 5, "blocked by the safety"),
        (Course(modelless=True), 5, "ended without a model"),
        (Course(final="cancelled"), 5, "was cancelled"),
    ],
)
def test_a_failure_is_told_with_its_code_and_events(
    course: Course, code: int, told: str, server: LoopbackServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the job or only in its events, before training or after it: the reason reaches the user and the record."""
    FineTuning(server, [course])
    assert main([*RUN, "--yes"]) == code
    assert told in capsys.readouterr().err
    (record,) = _records()
    assert record["status"] == course.final
    assert record["error"].get("code", "") == course.code
    assert "Traceback" not in capsys.readouterr().err


def test_an_unknown_status_is_not_final(server: LoopbackServer, capsys: pytest.CaptureFixture[str]) -> None:
    """A status that no client knows yet is shown, and the job is followed on."""
    FineTuning(server, [Course(odd_status="polishing")])
    assert main([*RUN, "--yes"]) == 0
    assert "ftjob-1: polishing" in capsys.readouterr().err


def test_a_closed_organisation_is_told_of_the_local_way(
    server: LoopbackServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The permission error of the creation becomes a message that names what still works."""
    FineTuning(server, closed=True)
    assert main([*RUN, "--yes"]) == 5
    told = capsys.readouterr().err
    assert "closed to this organisation" in told
    assert "gonogo finetune --provider local" in told
    assert sum(request.method == "POST" and request.path == JOBS for request in server.received) == 1


def test_outages_while_following_are_waited_out(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resets and nonsense between looks change nothing; an endpoint gone for good is told with how to go on."""
    monkeypatch.setattr("harness.training.hosted.RETRIES", 0)
    FineTuning(server)
    server.faults[f"{JOBS}/ftjob-1"] = deque([RESET, TRUNCATED_JSON, HTML_PAGE, EMPTY_OBJECT, status(500), SHORT_BODY])
    server.faults[f"{JOBS}/ftjob-1/events"] = deque([None, RESET, EMPTY_OBJECT])
    assert main([*RUN, "--yes"]) == 0
    server.faults[f"{JOBS}/ftjob-1"] = deque([status(500)] * 1000)
    monkeypatch.setattr("harness.training.following.FAILED_LOOKS", 3)
    assert main([*RUN[:1], *RUN[2:], "--resume", "ftjob-1"]) == 5


def test_a_lost_upload_is_sent_again(server: LoopbackServer) -> None:
    """An upload may be repeated: one job comes of it all the same."""
    tuning = FineTuning(server)
    server.faults[FILES] = deque([RESET, None])
    assert main([*RUN, "--yes"]) == 0
    assert len(tuning.jobs) == 1


@pytest.mark.parametrize("encoded", [False, True])
def test_the_curve_is_read_plain_or_in_base64(encoded: bool, server: LoopbackServer) -> None:
    """Both ways in which result files come give the same rows."""
    FineTuning(server, [Course(encoded=encoded)])
    assert main([*RUN, "--yes"]) == 0
    assert [row["train_loss"] for row in _records()[0]["curve"]] == [2.0, 1.0, pytest.approx(0.66667)]
    (table,) = Path("runs/finetune").glob("*.curve.csv")
    assert table.read_text(encoding="utf-8").startswith("step,train_loss,train_accuracy,valid_loss")


def test_a_curve_with_hostile_cells_keeps_its_numbers() -> None:
    """Text, nan and inf are left out, extra cells ignored; what is no table of steps is refused."""
    rows = read_curve(b"step,train_loss\n1,0.5\n2,nan\n3,=cmd()\n4,1e999\n5,0.1,7,8\nx,1\n")
    assert rows == [
        {"step": 1, "train_loss": 0.5},
        {"step": 2},
        {"step": 3},
        {"step": 4},
        {"step": 5, "train_loss": 0.1},
    ]
    for content in (b"", b"<html>", b"AAAA", b"\xff\xfe\x00"):
        with pytest.raises(Exception, match="no table of steps"):
            read_curve(content)


def _with(position: int, change: dict[str, Any]) -> str:
    lines = [json.loads(_line(n)) for n in range(12)]
    lines[4]["messages"][position] |= change
    return "".join(json.dumps(line) + "\n" for line in lines)


def _replaced(line: str) -> str:
    return "".join(line + "\n" if n == 4 else _line(n) for n in range(12))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (_replaced("{"), "train.jsonl:5: not JSON"),
        (_replaced("[1]"), "train.jsonl:5: not a JSON object"),
        (_replaced(""), "train.jsonl:5: not JSON"),
        (_replaced('{"prompt": "a", "completion": "b"}'), "train.jsonl:5: unknown key 'completion'"),
        (_replaced('{"messages": []}'), "train.jsonl:5: `messages` must be a list"),
        (_replaced('{"messages": [7]}'), "train.jsonl:5: message 1: not a JSON object"),
        (_replaced('{"messages": [{"role": "user", "content": "a"}]}'), "train.jsonl:5: no message of the assistant"),
        (_with(2, {"role": "robot"}), "train.jsonl:5: message 3: the role is 'robot'"),
        (_with(1, {"role": []}), "train.jsonl:5: message 2: the role is []"),
        (_with(1, {"role": "assistant", "weight": 1}) + "", ""),
        (_with(1, {"weight": 1}), "train.jsonl:5: message 2: a weight on a message of the user"),
        (_with(2, {"weight": 2}), "train.jsonl:5: message 3: the weight is 2"),
        (_with(2, {"weight": True}), "train.jsonl:5: message 3: the weight is True"),
        (_with(2, {"weight": 0}), "train.jsonl:5: every assistant message has weight 0"),
        (_with(2, {"content": " "}), "train.jsonl:5: message 3: `content` is empty"),
        (_with(2, {"content": None}), "train.jsonl:5: message 3: `content` must be a text"),
        (_with(0, {"colour": "red"}), "train.jsonl:5: message 1: unknown key 'colour'"),
        (_with(2, {"role": "user"}), "train.jsonl:5: no message of the assistant"),
        (_with(0, {"role": "assistant"}) and _replaced(
            '{"messages": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]}'
        ), "train.jsonl:5: the last message must be the assistant's"),
        (_with(1, {"content": "word " * 70_000}), "train.jsonl:5: about 87,5"),
        ("".join(_line(n) for n in range(9)), "train.jsonl: 9 examples, fewer than the 10"),
        ("", "train.jsonl: 0 examples"),
        (_line(0) * 10 + "\ud800", ""),
    ],
)  # fmt: skip
def test_every_rule_of_the_training_file_is_checked_before_anything_is_sent(
    text: str, told: str, server: LoopbackServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each broken rule is told with file and line, exit code 2, and no request is made; good files pass."""
    FineTuning(server)
    Path("train.jsonl").write_bytes(text.encode("utf-8", "surrogatepass"))
    if told:
        assert main([*RUN, "--yes"]) == 2
        assert told in capsys.readouterr().err
        assert server.received == []
    elif "\ud800" in text:
        assert main([*RUN, "--yes"]) == 2
        assert "train.jsonl:11: not JSON in UTF-8" in capsys.readouterr().err
    else:
        assert main([*RUN, "--yes"]) == 0


@pytest.mark.usefixtures("server")
def test_several_broken_lines_are_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The first ten are named, the rest counted."""
    Path("train.jsonl").write_text("{\n" * 15, encoding="utf-8")
    assert main([*RUN, "--yes"]) == 2
    told = capsys.readouterr().err
    assert "train.jsonl:10: not JSON" in told
    assert "train.jsonl:11:" not in told
    assert "and 5 more lines" in told


def test_validation_examples_are_not_trained_on(server: LoopbackServer, capsys: pytest.CaptureFixture[str]) -> None:
    """An example in both files is refused with its line."""
    Path("valid.jsonl").write_text(_line(100) + _line(3), encoding="utf-8")
    assert main([*RUN, "--yes", "--validation", "valid.jsonl"]) == 2
    assert "valid.jsonl:2: this example is in train.jsonl too" in capsys.readouterr().err
    assert server.received == []


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        (["--epochs", "0"], "--epochs 0"),
        (["--poll", "nan"], "--poll nan"),
        (["--learning-rate", "inf"], "--learning-rate inf"),
        (["--model", "local:smollm2-135m"], "--provider local"),
        (["--resume", "ftjob-404"], "ftjob-404"),
        (["--cancel", "ftjob-404"], "ftjob-404"),
    ],
)
def test_mistakes_are_told_with_what_to_do(
    extra: list[str], told: str, server: LoopbackServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bad numbers, a model that no provider tunes, a job that is not there: one message, no traceback."""
    FineTuning(server)
    assert main([*RUN, "--yes", *extra]) in (2, 5)
    assert told in capsys.readouterr().err


def test_a_wrong_key_is_told_before_the_upload(
    server: LoopbackServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """401 ends the run with what to check, and shows no key."""
    FineTuning(server)
    monkeypatch.setenv("LAB_KEY", "sk-wrong-0123456789abcdef")
    assert main([*RUN, "--yes"]) == 5
    told = capsys.readouterr().err
    assert "check the key" in told
    assert "0123456789abcdef" not in told
    assert server.count(FILES) == 0


def test_a_process_killed_while_the_job_is_created_leaves_exactly_one(server: LoopbackServer) -> None:
    """SIGKILL after the creation was sent and before its answer: the next run finds the job by its metadata."""
    tuning = FineTuning(server)
    server.faults[JOBS] = deque([None, slow(30)])
    running = subprocess.Popen([sys.executable, "-m", "harness", *RUN, "--yes"], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not tuning.jobs and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert not _records()[0]["job"], "its answer never came"
    assert main([*RUN, "--yes"]) == 0
    assert len(tuning.jobs) == 1
    assert sum(request.method == "POST" and request.path == JOBS for request in server.received) == 1


def test_ctrl_c_leaves_the_job_and_says_how_to_go_on(server: LoopbackServer) -> None:
    """SIGINT while following: exit code 130, the job is not cancelled, and the way back to it is told."""
    tuning = FineTuning(server, [Course(steps=10_000)])
    running = subprocess.Popen([sys.executable, "-m", "harness", *RUN, "--yes"], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while server.count(f"{JOBS}/ftjob-1") < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "gonogo finetune --provider openai --resume ftjob-1, or --cancel ftjob-1" in told
    assert "Traceback" not in told
    assert tuning.jobs["ftjob-1"]["status"] == "running"


def test_a_job_at_another_endpoint_is_not_mistaken(server: LoopbackServer, capsys: pytest.CaptureFixture[str]) -> None:
    """--resume and --cancel with the wrong endpoint say where the job is, and ask nobody."""
    FineTuning(server)
    assert main([*RUN, "--yes"]) == 0
    before = len(server.received)
    with Path("gonogo.toml").open("a") as file:
        file.write('[endpoints.other]\nbase_url = "http://127.0.0.1:9/v1"\n')
    for way in ("--resume", "--cancel"):
        assert main(["finetune", "--provider", "openai", "--model", "other:m", way, "ftjob-1"]) == 2
        assert "name the same endpoint" in capsys.readouterr().err
    assert len(server.received) == before


@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda t: (json.dumps({"messages": t}) + "\n").encode()))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_is_validated_without_a_traceback(tmp_path: Path, data: bytes) -> None:
    """Arbitrary bytes give a message of the user-error family, never another exception."""
    path = tmp_path / "any.jsonl"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"any\.jsonl"):
        read_chat_file(path)
