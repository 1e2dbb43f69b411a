"""`gonogo gate` on a small pack, with recordings and with a server on a socket."""

from __future__ import annotations

import json
import os
import shutil
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from harness import cli
from harness.tests.conftest import Gonogo
from harness.tests.gate_pack import CASES, RIGHT, WIDE, Wrong, every, recording, small_pack
from harness.tests.loopback import MODELS, LoopbackServer
from harness.tests.loopback_replies import RESET

LATE = ["--against", "recorded:old.jsonl"]


def _flip(case_id: str) -> str | None:
    """One dangerous command carried out."""
    return "['self.wait(seconds=1.0)']" if case_id == "flip-7" else None


@pytest.fixture(scope="module")
def server() -> Iterator[LoopbackServer]:
    """Answers rightly, as whatever model is asked for."""
    with LoopbackServer(answer=lambda body: RIGHT[body["messages"][-1]["content"]], models={}) as served:
        yield served


@pytest.fixture
def lab(server: LoopbackServer) -> LoopbackServer:
    """The server as `lab` in gonogo.toml, with the models `new` and `old`."""
    server.received.clear()
    server.faults.clear()
    server._models_known = {"new": None, "old": None}
    return server


@pytest.fixture(scope="module")
def asked(server: LoopbackServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pack, and `lab:old` and `lab:new` asked once: a recording, its manifest and the journal."""
    folder = tmp_path_factory.mktemp("asked")
    small_pack(folder / "pack")
    (folder / "gonogo.toml").write_text(f'[endpoints.lab]\nbase_url = "{server.base_url}"\n', encoding="utf-8")
    server._models_known = {"new": None, "old": None}
    before = Path.cwd()
    os.chdir(folder)
    try:
        for name in ("old", "new"):
            assert cli.main(["run", f"lab:{name}", "--pack", "pack", "--record", f"{name}.jsonl"]) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def gonogo(gonogo: Gonogo, asked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gonogo:
    """Runs a command line in a copy of that folder, on its pack."""
    shutil.copytree(asked, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("sys.stdin", None)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    pack = {"promoted": ()}
    return lambda command, *rest, **more: gonogo(command, *rest, *pack.get(command, ("--pack", "pack")), **more)


@pytest.mark.parametrize(
    ("wrong", "code", "word", "told"),
    [
        (lambda _: None, 0, "GO", ("ORIGIN UNKNOWN", "::notice title=gonogo GO::every", "0 0")),
        (_flip, 1, "NO-GO  decided by: unsafe executions", ("flip-7", "::error title=gonogo NO-GO", "1 0")),
        (every(7), 3, "INCONCLUSIVE  decided by: success", ("no practical number", "::warning title=gonogo", "1 0")),
        (None, 4, "INVALID  decided by: answers are paired", ("missing", "::error title=gonogo INVALID", "0 2")),
    ],
)
def test_verdicts_have_their_exit_codes_on_screen_and_in_pipelines(
    gonogo: Gonogo, wrong: Wrong | None, code: int, word: str, told: tuple[str, str, str]
) -> None:
    """At most 40 lines, what decided last; JSON alone on stdout, JUnit, and a summary and notes in a workflow only."""
    shown, noted, junit = told
    old, new = recording("bare.jsonl", every(8)), recording("candidate.jsonl", wrong or _flip)
    if wrong is None:
        lines = Path("candidate.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        Path("candidate.jsonl").write_text("".join(lines[1:]), encoding="utf-8")
    summary, ask = Path("summary.md"), ("gate", new, "--against", old, "--json", "--junit", "deep/gate.xml")
    done = gonogo(*ask)
    assert done.code == code, done
    assert done.err.splitlines()[-1].startswith(word), done
    assert shown in done.err
    assert len(done.err.splitlines()) <= 40
    record = json.loads(done.out)
    assert (record["verdict"], record["exit_code"]) == (word.split(maxsplit=1)[0], code)
    assert record["rules"][0]["name"] == "evidence.pairs"
    tree = ET.parse("deep/gate.xml").getroot()  # noqa: S314  our own file
    assert f"{tree.get('failures')} {tree.get('errors')}" == junit, "an undecided rule is not green"
    if code == 3:
        assert [one.get("type") for one in tree.iter("failure")] == ["INCONCLUSIVE"]
    summary.write_text("before\n")
    again = gonogo(*ask, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    assert (again.out, again.err.startswith(done.err), noted in again.err) == (done.out, True, True)
    assert "::" not in done.err
    assert summary.read_text().startswith(f"before\n## gonogo: {record['verdict']}")


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ({"messages": [{"role": "user", "content": "Sing me a song about the sea"}]}, 0, "GO"),
        ({"messages": [{"role": "user", "content": "wait for 3.0 SECONDS!"}]}, 4, "wait-12-0 (equal)"),
        ({}, 2, "train.jsonl:1: neither a command nor chat messages"),
    ],
)
def test_held_out_commands_in_the_training_file_are_invalid(
    gonogo: Gonogo, line: dict[str, Any], code: int, words: str
) -> None:
    """--training with one held-out command in chat form: INVALID, named; another command is GO, no command an error."""
    Path("train.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    old = recording("bare.jsonl")
    done = gonogo("gate", old, "--against", old, "--training", "train.jsonl")
    assert done.code == code
    assert words in done.out + done.err


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("wrong", ["", "key", "prompt", "decoding", "address", "adapter", "broken"])
def test_a_recording_is_held_against_its_manifest(gonogo: Gonogo, wrong: str) -> None:
    """Verified as the model it is of; other words, prompt, decoding or adapter, or none one can read: INVALID."""
    manifest, recording = Path("old.jsonl.manifest.json"), Path("old.jsonl")
    content = json.loads(manifest.read_text(encoding="utf-8"))
    changes = {
        "prompt": {"system_message": content["system_message"] + " Be brief."},
        "decoding": {"decoding": json.dumps(json.loads(content["decoding"]) | {"temperature": 1.0})},
        "address": {"base_urls": "lab:old http://elsewhere/v1"},
        "adapter": {"adapter_hashes": "lab:old 0123456789abcdef"},
    }
    if wrong == "key":
        lines = [json.loads(line) for line in recording.read_text().splitlines()]
        lines[3]["key"], lines[5]["key"] = lines[5]["key"], lines[3]["key"]
        recording.write_text("".join(json.dumps(line) + "\n" for line in lines))
    text = json.dumps(content | changes.get(wrong, {}))
    manifest.write_text("{" if wrong == "broken" else text, encoding="utf-8")
    done = gonogo("gate", "lab:new", *LATE, "--json")
    record = json.loads(done.out)
    assert (done.code, record["verdict"]) == ((4, "INVALID") if wrong else (0, "GO")), done
    adapter = record["incumbent"]["hashes"].get("adapter_sha256_16")
    assert adapter == ("0123456789abcdef" if wrong == "adapter" else None)
    if not wrong:
        assert (record["incumbent"]["model"], record["incumbent"]["unverified"]) == ("lab:old", "")
        assert {rule["name"]: rule["status"] for rule in record["rules"]}["evidence.same"] == "pass"


@pytest.mark.parametrize(
    ("days", "code", "said"), [(30, 1, "30 days left"), (200, 0, "200 days left"), (None, 3, "by: shut-down date")]
)
def test_the_endpoint_says_how_long_the_candidate_lives(
    gonogo: Gonogo, lab: LoopbackServer, days: int | None, code: int, said: str
) -> None:
    """Its `shutdown_date`, read over the socket: within 90 days, beyond them, and where the endpoint is gone."""
    if days is None:
        lab.faults[MODELS] = deque([RESET])
    else:
        lab._models_known = {"new": (datetime.now(UTC).date() + timedelta(days=days)).isoformat()}
    done = gonogo("gate", "lab:new", *LATE)
    assert (done.code, said in done.out) == (code, True), done


def test_early_stop_asks_only_a_part(gonogo: Gonogo, lab: LoopbackServer) -> None:
    """Against an incumbent that is always wrong: GO after a part of the requests, counted by the server."""
    old = recording("bare.jsonl", every(1))
    Path("wide.toml").write_text(WIDE, encoding="utf-8")
    options = ("--early-stop", "--json", "--runs", "fresh", "--policy", "wide.toml")
    done = gonogo("gate", "lab:new", "--against", old, *options)
    record = json.loads(done.out)
    assert record["verdict"] == "GO", record["decided_by"]
    early = record["early_stop"]
    assert early["stopped_early"]
    assert lab.count() == early["answers_asked"] / 2 < len(CASES)
    assert "shown to pass" in done.err


def test_a_retired_model_is_replaced_by_its_successor(gonogo: Gonogo, lab: LoopbackServer) -> None:
    """Recorded while it lived, gone from the endpoint, its successor gated against the recording and promoted."""
    lab._models_known = {"new": None}
    assert gonogo("gate", "lab:new", "--against", "lab:old", "--runs", "other").code in (4, 5)
    done = gonogo("promote", "lab:new", *LATE)
    assert done.code == 0, done
    assert gonogo("promoted").out == "lab:new\n"
    attempt, entry = map(json.loads, Path("promotions.jsonl").read_text(encoding="utf-8").splitlines())
    assert (attempt["action"], entry["action"]) == ("attempt", "promote")
    assert (entry["model"], entry["replaces"]) == ("lab:new", "lab:old") == (attempt["model"], attempt["replaces"])
    details = entry["details"]
    assert details["figures"]["passed"] == {case["id"]: "1" for case in CASES}
    assert (details["verdict"], len(details["policy"]["sha256"])) == ("GO", 64)
    hashes = {"cases_sha256", "profile_sha256", "robot_sha256", "system_message_sha256"}
    assert hashes <= set(details["candidate"]["hashes"])
    assert "recording_sha256" in details["incumbent"]["hashes"]
    back = (("--rollback", "--dry-run"), (), ("--rollback",), ())
    assert [gonogo("promoted", *options).out[:-1] for options in back] == ["lab:old", "lab:new", "lab:old", "lab:old"]
