"""`gonogo compare`, `run`, `try` and `models` as a user runs them: a real socket, recordings, kills and Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.cases import Case
from harness.models.outcomes import Completion
from harness.pack import load_pack
from harness.score import Score, Scorer
from harness.tests.conftest import Gonogo, Serve
from harness.tests.loopback import Answer
from harness.tests.loopback_replies import slow
from harness.tests.suite_project import references, right_answers, write_answers

SECRET = "sk-test-5f9a2b7c1d"  # noqa: S105  a made-up key, to see that it never shows
KEYED = 'api_key_env = "TEST_KEY"\n'


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """All held-out cases."""
    return load_pack("go2").cases()


@pytest.fixture(scope="module")
def right(cases: list[Case]) -> Answer:
    """An endpoint that gives a reference to every command."""
    return right_answers(cases)


def test_each_answer_is_scored_once(
    cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gonogo: Gonogo
) -> None:
    """Two recordings on 36 commands make 72 scorings, report, verdict and JSON included; `run --json` has the rows."""
    scored: list[tuple[str, str]] = []
    score = Scorer.score

    def counting(scorer: Scorer, completion: Completion) -> Score:
        scored.append((completion.model, completion.case_id))
        return score(scorer, completion)

    monkeypatch.setattr(Scorer, "score", counting)
    for name in ("old", "new"):
        write_answers(tmp_path / f"{name}.jsonl", references(cases))
    done = gonogo("compare", "recorded:old.jsonl", "recorded:new.jsonl", "--limit", 36, "--json")
    assert done.code == 0
    assert len(json.loads(done.out)["cases"]) == 36
    assert len(scored) == len(set(scored)) == 72
    rows = json.loads(gonogo("run", "recorded:old.jsonl", "--sample", 36, "--json").out)
    assert [row["success"] for row in rows] == [True] * 36


def test_compare_two_endpoints_writes_table_report_and_json(
    tmp_path: Path, right: Answer, gonogo: Gonogo, serve: Serve
) -> None:
    """A right endpoint beats one that talks; JSON on stdout, the table on stderr, no key anywhere."""
    servers = (
        serve(lambda _: "Sure! I will do that.", KEYED, "poor", key=SECRET),
        serve(right, KEYED, "good", key=SECRET),
    )
    done = gonogo("compare", "poor:m", "good:m", "--limit", 12, "--json", "--report", "out.html", TEST_KEY=SECRET)
    assert done.code == 0, done.err
    assert [server.count() for server in servers] == [12, 12]
    bodies = [sorted(json.dumps(r.body["messages"]) for r in server.received if r.body) for server in servers]
    assert bodies[0] == bodies[1]
    success = next(count for count in json.loads(done.out)["metrics"] if count["name"] == "success")
    assert (success["base"], success["candidate"], success["total"]) == (0, 12, 12)
    assert "12/12" in done.err
    assert "Sure! I will do that." in (tmp_path / "out.html").read_text(encoding="utf-8")
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in written if SECRET in path.read_text(encoding="utf-8")]
    assert SECRET not in done.out + done.err


def test_ctrl_c_ends_within_two_seconds_and_the_same_command_goes_on(
    tmp_path: Path, right: Answer, gonogo: Gonogo, serve: Serve
) -> None:
    """SIGINT while requests hang: exit 130 at once, no traceback, the answers so far kept and not asked for again."""
    arguments, journal = ["run", "slow:m", "--limit", "20"], tmp_path / "runs" / "go2.jsonl"
    server = serve(right, name="slow", faults=[None] * 6 + [slow(60)] * 14)

    def kept() -> int:
        return journal.read_bytes().count(b"\n") if journal.exists() else 0

    streams: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-m", "harness", *arguments], cwd=tmp_path, **streams) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and (server.count() < 20 or kept() < 6):
            time.sleep(0.02)
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        took = time.monotonic() - started
    assert (process.returncode, kept()) == (130, 6)
    assert took < 2
    assert "run the same command to go on" in errors
    assert "Traceback" not in errors
    assert gonogo(*arguments).code == 0
    assert (len(server.asked()), server.count(), kept()) == (20, 34, 20)


@pytest.mark.parametrize(
    ("code", "arguments", "said"),
    [
        (2, ["compare", "local:nothing", "local:smollm2-135m"], "unknown embedded model"),
        (2, ["compare", "openai:gpt-4.1", "local:smollm2-135m"], "OPENAI_API_KEY"),
        (2, ["compare", "one"], "takes two to five models"),
        (2, ["compare", "--pack", "nowhere"], "there is no pack 'nowhere'"),
        (2, ["compare", "--config", "nothing.toml"], "nothing.toml: there is no such configuration"),
        (2, ["compare", "--category", "nothing"], "known categories"),
        (2, ["compare", "--limit", "0"], "a sample of 0"),
        (2, ["run", "recorded:nothing.jsonl"], "there is no such recording"),
        (2, ["models", "nothing"], "there is no endpoint 'nothing'"),
        (2, ["try", " "], "the command is empty"),
        (2, ["run", "recorded:strange.jsonl"], "strange.jsonl:1: no case has the id 'no-such-case'"),
        (4, ["run", "recorded:part.jsonl"], "single-001-p2"),
        (2, ["run", "local:smollm2-135m", "--pack", "mine"], "heldout.jsonl:2: not JSON"),
    ],
)
def test_a_mistake_is_one_message_without_a_traceback(
    code: int, arguments: list[str], said: str, tmp_path: Path, gonogo: Gonogo
) -> None:
    """Wrong arguments, specs, keys and files give a plain message: exit 2, and 4 where answers are missing."""
    (first, *_), pack = load_pack("go2").heldout, load_pack("go2").root
    write_answers(tmp_path / "strange.jsonl", {"no-such-case": "[]"})
    write_answers(tmp_path / "part.jsonl", {"single-001-p1": "[]"})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "gonogo.toml").write_bytes((pack / "gonogo.toml").read_bytes())
    lines = first.read_text(encoding="utf-8").splitlines()
    (tmp_path / "mine" / "heldout.jsonl").write_text(f"{lines[0]}\n{lines[1][:40]}\n", encoding="utf-8")
    done = gonogo(*arguments)
    assert done.code == code
    assert said in done.err
    assert "Traceback" not in done.err


def test_version_and_help_import_nothing_heavy(tmp_path: Path) -> None:
    """`gonogo --version` and `--help` leave pandas, openai, jinja2, xllamacpp and their like alone."""
    heavy = {"pandas", "openai", "jinja2", "xllamacpp", "numpy", "scipy", "libcst", "rich", "aiohttp", "tenacity"}
    code = (
        "import sys\nfrom harness.cli import main\n"
        "for flag in ('--version', '--help'):\n  try: main([flag])\n  except SystemExit: pass\n"
        f"print('LOADED', sorted({heavy!r} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_try_begins_where_the_command_says(gonogo: Gonogo, serve: Serve) -> None:
    """A held-out command begins as its case does; another by --start, whose mistakes are told."""
    serve(lambda _: "['self.undock()']")
    docked = ("--start", "docked", "--start", "battery=12", "--json")
    for command, start, code, said in (
        ("leave the DOCK!", (), 0, "from the start of case single-021-p"),
        ("Leave it", (), 1, "R511"),
        ("Leave it", docked, 0, '"trace": [\n  [\n   "undocked"'),
        ("Leave it", ("--start", "posture=flying"), 2, "'posture' cannot be 'flying'"),
    ):
        done = gonogo("try", command, "--model", "m1:m", *start)
        assert (done.code, said in done.out + done.err) == (code, True), done


def test_try_shows_answer_findings_and_trace(gonogo: Gonogo, serve: Serve) -> None:
    """A right answer is simulated, in rooms that it names; a wrong one has its finding under a caret, exit 1."""
    going = ["self.nav_publisher.publish(self.create_nav_goal(room='wizards_tower'))", "self.wait_for_navigation()"]
    answers = {"Go to the wizard's tower": json.dumps(going), "Fly": "[\"self.fly(height='\x1b[31m')\"]"}
    serve(lambda body: answers[str(body["messages"][-1]["content"])])
    right, wrong = (gonogo("try", command, "--model", "m1:m") for command in answers)
    assert right.code == 0, right.err
    assert "no findings" in right.out
    assert "arrived room=wizards_tower" in right.out
    assert (wrong.code, "^" in wrong.out, "\x1b" in wrong.out) == (1, True, False)
