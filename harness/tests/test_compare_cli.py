"""`gonogo compare`, `run`, `try` and `models` as a user runs them: real processes, a real socket, recordings."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.cases import Case, select
from harness.models.outcomes import Completion
from harness.pack import load_pack
from harness.score import Score, Scorer
from harness.tests.loopback import LoopbackServer
from harness.tests.loopback_replies import slow

SECRET = "sk-test-5f9a2b7c1d"  # noqa: S105  a made-up key, to see that it never shows


def _gonogo(*arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        cwd=folder,
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _reference_answers(cases: list[Case]) -> dict[str, str]:
    """Command -> the case's first reference as an answer."""
    return {case.command: json.dumps(list(case.references[0])) for case in cases}


def _configure(folder: Path, **servers: LoopbackServer) -> None:
    lines = [
        f'[endpoints.{name}]\nbase_url = "{server.base_url}"\napi_key_env = "TEST_KEY"\n'
        for name, server in servers.items()
    ]
    (folder / "gonogo.toml").write_text("".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """All held-out cases."""
    return load_pack("go2").cases()


@pytest.fixture(scope="module")
def right(cases: list[Case]) -> Callable[[dict[str, Any]], str]:
    """An endpoint's answer function that gives a reference to every command."""
    references = _reference_answers(cases)
    return lambda body: references[str(body["messages"][-1]["content"])]


def test_every_reference_of_the_pack_scores_as_success(cases: list[Case], tmp_path: Path) -> None:
    """A recording of the references succeeds on every case: pack, checks, simulator and expectations agree."""
    recording = tmp_path / "references.jsonl"
    recording.write_text(
        "".join(json.dumps({"id": c.id, "output": json.dumps(list(c.references[0]))}) + "\n" for c in cases),
        encoding="utf-8",
    )
    done = _gonogo("run", f"recorded:{recording}", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [(row["case_id"], row["reason"]) for row in rows if not row["success"]] == []
    assert len(rows) == len(cases)


def test_each_answer_is_scored_once(
    cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two recordings on 36 commands make 72 scorings, report, verdict and JSON included."""
    scored: list[tuple[str, str]] = []
    score = Scorer.score

    def counting(scorer: Scorer, completion: Completion) -> Score:
        scored.append((completion.model, completion.case_id))
        return score(scorer, completion)

    monkeypatch.setattr(Scorer, "score", counting)
    monkeypatch.chdir(tmp_path)
    for name in ("old", "new"):
        lines = [{"id": case.id, "output": json.dumps(case.references[0])} for case in cases]
        Path(f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert cli.main(["compare", "recorded:old.jsonl", "recorded:new.jsonl", "--sample", "36", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["cases"]) == 36
    assert len(scored) == len(set(scored)) == 72


def test_compare_two_endpoints_writes_table_report_and_json(
    tmp_path: Path, right: Callable[[dict[str, Any]], str]
) -> None:
    """A right endpoint beats one that talks; JSON on stdout, the table on stderr, no key anywhere."""
    with (
        LoopbackServer(answer=lambda _: "Sure! I will do that.", key=SECRET) as poor,
        LoopbackServer(answer=right, key=SECRET) as good,
    ):
        _configure(tmp_path, poor=poor, good=good)
        done = _gonogo(
            *("compare", "poor:m", "good:m", "--sample", "12", "--json", "--report", "out.html"),
            folder=tmp_path,
            TEST_KEY=SECRET,
        )
        assert done.returncode == 0, done.stderr
        assert poor.count() == good.count() == 12
        bodies = [sorted(json.dumps(r.body["messages"]) for r in s.received if r.body) for s in (poor, good)]
    assert bodies[0] == bodies[1]
    result = json.loads(done.stdout)
    success = next(count for count in result["metrics"] if count["name"] == "success")
    assert (success["base"], success["candidate"], success["total"]) == (0, 12, 12)
    assert "12/12" in done.stderr
    assert "Sure! I will do that." in (tmp_path / "out.html").read_text(encoding="utf-8")
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in written if SECRET in path.read_text(encoding="utf-8")]
    assert SECRET not in done.stdout + done.stderr


def test_a_killed_run_asks_nothing_twice_but_what_was_in_flight(
    tmp_path: Path, right: Callable[[dict[str, Any]], str]
) -> None:
    """SIGKILL in the middle, the same command again: every command is answered, few are asked twice."""
    command = ["run", "slow:m", "--sample", "40", "--json"]
    with LoopbackServer(answer=right, faults=[slow(0.2)] * 40) as server:
        _configure(tmp_path, slow=server)
        text = (tmp_path / "gonogo.toml").read_text(encoding="utf-8")
        (tmp_path / "gonogo.toml").write_text(text + "concurrency = 4\n", encoding="utf-8")
        environment = os.environ | {"TEST_KEY": "k"}
        with subprocess.Popen(
            [sys.executable, "-m", "harness", *command], cwd=tmp_path, env=environment, stdout=-3, stderr=-3
        ) as process:
            journal = tmp_path / "runs" / "go2.jsonl"
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and (not journal.exists() or journal.read_bytes().count(b"\n") < 8):
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
        kept = journal.read_bytes().count(b"\n")
        assert 8 <= kept < 40
        done = _gonogo(*command, folder=tmp_path, TEST_KEY="k")
        assert done.returncode == 0, done.stderr
        asked = server.asked()
    assert len(json.loads(done.stdout)) == 40
    assert len(asked) == 40
    assert sum(asked.values()) - 40 <= 4, "only what was in flight is asked again"


def test_ctrl_c_ends_within_two_seconds_and_says_how_to_go_on(
    tmp_path: Path, right: Callable[[dict[str, Any]], str]
) -> None:
    """SIGINT while requests hang: exit 130 at once, no traceback, the answers so far kept."""
    with LoopbackServer(answer=right, faults=[None] * 6 + [slow(60)] * 40) as server:
        _configure(tmp_path, slow=server)
        with subprocess.Popen(
            [sys.executable, "-m", "harness", "run", "slow:m", "--sample", "20"],
            cwd=tmp_path,
            env=os.environ | {"TEST_KEY": "k"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            journal = tmp_path / "runs" / "go2.jsonl"
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and (server.count() < 20 or journal.read_bytes().count(b"\n") < 6):
                time.sleep(0.02)
            started = time.monotonic()
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
            took = time.monotonic() - started
    assert process.returncode == 130
    assert took < 2
    assert "run the same command to go on" in errors
    assert "Traceback" not in errors
    assert journal.read_bytes().count(b"\n") == 6


def test_a_stratified_sample_is_the_same_for_both_models(cases: list[Case]) -> None:
    """The default sample takes every category and repeats for its seed."""
    chosen = select(cases, sample=36)
    assert {case.category for case in chosen} == {case.category for case in cases}
    assert chosen == select(cases, sample=36)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["compare", "local:nothing", "local:smollm2-135m"], "unknown embedded model"),
        (["compare", "openai:gpt-4.1", "local:smollm2-135m"], "OPENAI_API_KEY"),
        (["compare", "one"], "takes two to five models"),
        (["compare", "--pack", "nowhere"], "there is no pack 'nowhere'"),
        (["compare", "--config", "nothing.toml"], "nothing.toml: there is no such configuration"),
        (["compare", "--category", "nothing"], "known categories"),
        (["compare", "--sample", "0"], "a sample of 0"),
        (["run", "recorded:nothing.jsonl"], "there is no such recording"),
        (["models", "nothing"], "there is no endpoint 'nothing'"),
        (["try", " "], "the command is empty"),
    ],
)
def test_a_mistake_is_one_message_with_exit_2(arguments: list[str], said: str, tmp_path: Path) -> None:
    """Wrong arguments, specs, keys and files give a plain message, exit code 2 and no traceback."""
    done = _gonogo(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_recording_with_an_unknown_case_names_the_line(tmp_path: Path) -> None:
    """An id that the pack lacks is an error at that line, not an answer that is passed over."""
    (tmp_path / "r.jsonl").write_text('{"id": "no-such-case", "output": "[]"}\n', encoding="utf-8")
    done = _gonogo("run", "recorded:r.jsonl", folder=tmp_path)
    assert done.returncode == 2
    assert "r.jsonl:1: no case has the id 'no-such-case'" in done.stderr


def test_a_recording_with_missing_cases_is_invalid(tmp_path: Path, cases: list[Case]) -> None:
    """Answers that are not on file make the evidence incomplete: exit 4, with what is missing."""
    (tmp_path / "r.jsonl").write_text(json.dumps({"id": cases[0].id, "output": "[]"}) + "\n", encoding="utf-8")
    done = _gonogo("run", "recorded:r.jsonl", folder=tmp_path)
    assert done.returncode == 4
    assert cases[1].id in done.stderr


def test_a_broken_dataset_line_names_file_and_line(tmp_path: Path) -> None:
    """A pack whose second line is cut off is one message with file and line, exit 2."""
    pack = tmp_path / "mine"
    source = load_pack("go2").root
    pack.mkdir()
    text = (source / "gonogo.toml").read_text(encoding="utf-8")
    (pack / "gonogo.toml").write_text(text, encoding="utf-8")
    for name in load_pack("go2").heldout:
        (pack / name.name).write_text("", encoding="utf-8")
    first = load_pack("go2").heldout[0].name
    lines = (source / first).read_text(encoding="utf-8").splitlines()[:2]
    (pack / first).write_text(f"{lines[0]}\n{lines[1][:40]}\n", encoding="utf-8")
    done = _gonogo("run", "local:smollm2-135m", "--pack", str(pack), folder=tmp_path)
    assert done.returncode == 2
    assert f"{first}:2: not JSON" in done.stderr


def test_version_and_help_import_nothing_heavy(tmp_path: Path) -> None:
    """`gonogo --version` and `--help` leave pandas, openai, jinja2, xllamacpp and their like alone."""
    heavy = {"pandas", "openai", "jinja2", "xllamacpp", "numpy", "scipy", "libcst", "rich", "aiohttp", "tenacity"}
    for flag in ("--version", "--help"):
        code = (
            "import sys\nfrom harness.cli import main\n"
            f"try: main(['{flag}'])\nexcept SystemExit: pass\n"
            f"print('LOADED', sorted({heavy!r} & set(sys.modules)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
        )
        assert done.stdout.splitlines()[-1] == "LOADED []"


def test_try_shows_answer_findings_and_trace(tmp_path: Path) -> None:
    """A right answer is simulated, in rooms that it names; a wrong one has its finding under a caret, exit 1."""
    going = ["self.nav_publisher.publish(self.create_nav_goal(room='wizards_tower'))", "self.wait_for_navigation()"]
    answers = {"Go to the wizard's tower": json.dumps(going), "Fly": "[\"self.fly(height='\x1b[31m')\"]"}
    with LoopbackServer(answer=lambda body: answers[str(body["messages"][-1]["content"])]) as server:
        _configure(tmp_path, lab=server)
        right = _gonogo("try", "Go to the wizard's tower", "--model", "lab:m", folder=tmp_path, TEST_KEY="k")
        wrong = _gonogo("try", "Fly", "--model", "lab:m", folder=tmp_path, TEST_KEY="k")
    assert right.returncode == 0, right.stderr
    assert "no findings" in right.stdout
    assert "arrived room=wizards_tower" in right.stdout
    assert wrong.returncode == 1
    assert "^" in wrong.stdout
    assert "\x1b" not in wrong.stdout
