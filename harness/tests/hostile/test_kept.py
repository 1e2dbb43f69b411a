"""What was kept stays whole, whatever stops a writer; and nothing else than a file is taken for one."""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.tests.hostile.attack import COMPARE, GATE, fault_of, laboratory, run

WRITERS = {
    "run recorded:safe.jsonl --pack toy --record out.jsonl": ("out.jsonl", "out.jsonl.manifest.json"),
    "run recorded:safe.jsonl --pack toy --table out.csv": ("out.csv",),
    f"{COMPARE} --format md --format json --format csv": ("r.html", "r.md", "r.json", "r.csv", "r.summary.csv"),
    f"{GATE} --junit out.xml": ("out.xml",),
    "sdk build toy/profiles/lamp.toml --output out.json": ("out.json",),
}


@pytest.fixture(scope="module", autouse=True)
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The laboratory."""
    with laboratory(tmp_path_factory.mktemp("kept") / "lab"):
        yield


@pytest.mark.parametrize("command", WRITERS)
def test_a_full_disk_leaves_the_file_that_was_there(command: str) -> None:
    """Each file is, after a write that the disk had no room for, the old one; and nothing lies beside it."""
    assert run(command).code in (0, 1)
    before = {name: Path(name).read_bytes() for name in WRITERS[command]}
    there = set(Path.cwd().iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    small = random.Random(command).randrange(50)  # noqa: S311
    resource.setrlimit(resource.RLIMIT_FSIZE, (small, hard))
    try:
        ended = run(command)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert ended.code == 2, ended.said
    assert not fault_of(ended)
    assert {name: Path(name).read_bytes() for name in before} == before
    assert set(Path.cwd().iterdir()) == there


@pytest.mark.parametrize("kind", ["pipe", "folder", "link"])
@pytest.mark.parametrize(
    "command",
    [
        "run recorded:IT --pack toy",
        "check IT",
        "score IT --pack toy",
        "promoted --record IT",
        f"{GATE} --policy IT",
        f"{GATE} --training IT",
        f"{GATE} --junit IT",
        f"{COMPARE} --prices IT",
        "run recorded:safe.jsonl --pack toy --prompt IT",
        "run recorded:safe.jsonl --pack toy --record IT",
        "sdk build IT",
        "init new --sdk IT",
    ],
)
def test_what_is_no_file_is_an_error_at_once(command: str, kind: str) -> None:
    """A pipe that nobody writes to, a folder, or a link to itself, in each place where a file is due."""
    path = Path(kind)
    if not os.path.lexists(path):
        if kind == "link":
            path.symlink_to(path)
        else:
            os.mkfifo(path) if kind == "pipe" else path.mkdir()

    def hangs(*_: object) -> None:
        pytest.fail("it waits")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(10)
    try:
        ended = run(command.replace("IT", kind))
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert ended.code == 2, ended.said
    assert not fault_of(ended)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('robot = "robot"', 'robot = "../elsewhere"', "outside the pack's folder"),
        ('system_prompt = "prompts', 'system_prompt = "/etc', "outside the pack's folder"),
        ('name = "toy"', 'name = "../../toy"', "pack.name"),
        ("[decoding]", '[endpoints.e]\nbase_url = "http://h/v1"\napi_key_env = "HOME"\n[decoding]', "names endpoints"),
    ],
)
def test_a_pack_reaches_no_further_than_its_folder(old: str, new: str, said: str) -> None:
    """Its paths, its name and whom it would send a key to; each an error with file and line."""
    shutil.rmtree("other", ignore_errors=True)
    shutil.copytree("toy", "other")
    path = Path("other/gonogo.toml")
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    ended = run("run recorded:safe.jsonl --pack other")
    assert ended.code == 2
    assert said in ended.said
    assert "other/gonogo.toml:" in ended.said


@pytest.mark.parametrize(
    "command",
    [
        "explain --pack shown",
        "explain R501 --pack shown",
        "sdk list --profile shown/profiles/lamp.json",
        "sdk list blink --profile shown/profiles/lamp.json",
        "sdk diff toy/profiles/lamp.json shown/profiles/lamp.json",
        "try light --pack shown --model e:m",
        "data check --pack shown",
    ],
)
def test_nothing_of_a_pack_reaches_a_terminal_as_it_is(command: str) -> None:
    """Whatever its profile and its robot module say: no control character, no command to a CI's log."""
    shutil.copytree("toy", "shown", dirs_exist_ok=True)
    evil = "\n::error::evil\x1b[31m\u202e"
    profile = json.loads(Path("toy/profiles/lamp.json").read_text(encoding="utf-8"))
    profile |= {"title": evil, "references": {"toy": evil}}
    for call in profile["calls"]:
        call |= {"summary": evil, "note": evil}
    profile["calls"][0]["params"][0] |= {"unit": evil, "deny": [False], "deny_reason": evil}
    Path("shown/profiles/lamp.json").write_text(json.dumps(profile), encoding="utf-8")
    robot = Path("toy/robot.py").read_text(encoding="utf-8").replace('"switched"', repr("switched" + evil))
    for words in ("the head cannot point there", "The head points", "Beyond that", "self.turn(right=0.0, up=40.0)"):
        robot = robot.replace(words, words + evil.encode("unicode_escape").decode())
    Path("shown/robot.py").write_text(robot, encoding="utf-8")
    ended = run(command)
    assert not fault_of(ended), ended.said
    assert "error::evil" in ended.said


@pytest.mark.parametrize(
    ("number", "code"), [(errno.EACCES, 2), (errno.ENOSPC, 2), (errno.ENOENT, 70), (errno.ECONNREFUSED, 70)]
)
def test_what_the_machine_refuses_is_told_and_a_file_that_we_lost_is_our_fault(
    number: int, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An OSError that nobody foresaw: rights and room are the user's business, anything else leaves a trace."""

    def broken(_: object) -> int:
        raise OSError(number, os.strerror(number), "some/file")

    monkeypatch.setattr("harness.cli.models.run", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ended = run("models --pack toy")
    assert ended.code == code
    assert "some/file" in ended.said
    assert len(list(tmp_path.iterdir())) == (code == 70)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH is not installed")
def test_a_signature_is_of_this_manifest_and_of_a_trusted_key() -> None:
    """Signed by a trusted key it is judged; unsigned, changed since, or signed by another key it is INVALID."""
    for name in ("trusted", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", name], check=True)  # noqa: S607
    manifests = [Path(f"{name}.jsonl.manifest.json") for name in ("rec", "safe")]
    gate = f"{GATE} --require-signature trusted.pub"
    assert run(gate).code == 4

    def sign(key: str) -> None:
        for path in manifests:
            Path(f"{path}.sig").unlink(missing_ok=True)
            subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", "gonogo", path], check=True)  # noqa: S607

    sign("stranger")
    assert run(gate).code == 4
    sign("trusted")
    assert run(gate).code == run(GATE).code != 4
    manifests[0].write_text(manifests[0].read_text(encoding="utf-8").replace("toy", "Toy"), encoding="utf-8")
    assert run(gate).code == 4
    shutil.copy(manifests[1], manifests[0])


def test_a_manifest_that_names_another_robot_is_told_and_one_without_a_hash_is_invalid() -> None:
    """What judges now and is not what was recorded is named; a recording without its hash belongs to nothing."""
    path = Path("rec.jsonl.manifest.json")
    good = path.read_text(encoding="utf-8")
    path.write_text(good.replace('"robot_sha256": "', '"robot_sha256": "0'), encoding="utf-8")
    assert "recorded with the robot module 0" in run(GATE).said
    for hashed in ('"recording_sha256": null', '"else": ""', '"recording_sha256": "00"'):
        head, _, rest = good.partition('"recording_sha256": "')
        path.write_text(head + hashed + rest[rest.index('"') + 1 :], encoding="utf-8")
        assert run(GATE).code == 4
    path.write_text(good, encoding="utf-8")
