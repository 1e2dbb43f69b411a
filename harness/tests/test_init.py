"""`gonogo init` as a user runs it: a process, a temporary folder, and everything it wrote put to use."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli import main
from harness.datacheck import check_cases
from harness.errors import InputError
from harness.pack import Pack, load_pack
from harness.starter import COMMANDS, choose, write_starter
from harness.tests.loopback import LoopbackServer
from harness.tests.suite_project import TALK, references, right_answers, synthetic_pack, write_answers

RUNNING = re.compile(r"- run: (.*)")
CANDIDATE, INCUMBENT = (f"recorded:pack/recordings/{name}.plain.jsonl" for name in ("smollm2-135m+go2", "smollm2-135m"))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """A pack whose candidate is right but in what is chosen last, and whose base only talks."""
    pack = synthetic_pack(tmp_path_factory.mktemp("source"))
    right = references(pack.cases())
    recordings = pack.root / "recordings"
    write_answers(recordings / "smollm2-135m+go2.plain.jsonl", right | {choose(pack.cases())[-1].id: TALK})
    write_answers(recordings / "smollm2-135m.plain.jsonl", dict.fromkeys(right, TALK))
    return pack


@pytest.fixture(scope="module")
def made(source: Pack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project, for tests that only look at it."""
    folder = tmp_path_factory.mktemp("made")
    done = _shell(f"gonogo init 'my robot' --from '{source.root}'", folder)
    assert done.returncode == 0, done.stderr
    return folder / "my robot"


@pytest.fixture
def mine(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(made, tmp_path / "mine"))


def _shell(line: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A line as a workflow runs it, without this environment's pytest plugins and keys."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "OPENAI_", "GITHUB_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return subprocess.run(
        ["/bin/bash", "-c", line],
        cwd=folder,
        env=kept | {"PATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_pack_is_small_and_whole(made: Path) -> None:
    """Fifteen commands of one scene, most categories, every file that the pack names; `data check` is content."""
    pack = load_pack(made / "pack")
    cases = pack.cases()
    assert len(cases) == COMMANDS
    assert len({case.scene for case in cases}) == 1
    assert len({case.category for case in cases}) >= 10
    assert {"execute", "decline"} <= {case.disposition for case in cases}
    assert [path.stem for path in (pack.root / "scenes").iterdir()] == [cases[0].scene]
    for path in (pack.profile, pack.system_prompt, pack.card_prompt, pack.task_prompt, *pack.heldout):
        assert path.is_file()
    assert sum(path.stat().st_size for path in made.rglob("*") if path.is_file()) < 300_000
    assert list(check_cases(pack, cases)) == []


def test_the_templates_are_filled_with_what_is_there(made: Path) -> None:
    """No @NAME@ and no path of the machine in any file; workflow, readme and pack name recordings that exist."""
    texts = {path: path.read_text(encoding="utf-8") for path in made.rglob("*") if path.is_file()}
    for path, text in texts.items():
        assert not re.search(r"@[A-Z]+@", text), path
        assert str(made) not in text, path
    for spec in (CANDIDATE, INCUMBENT):
        assert f'default: "{spec}"' in texts[made / ".github/workflows/gonogo.yml"]
        assert spec in texts[made / "README.md"]
        assert (made / spec.removeprefix("recorded:")).is_file()
    assert load_pack(made / "pack").default_model == CANDIDATE.replace("pack/", "")


def test_the_workflow_runs_and_a_regression_makes_it_red(mine: Path) -> None:
    """Every command of the workflow runs as it stands; after a regression the suites' step fails."""
    steps = RUNNING.findall((mine / ".github/workflows/gonogo.yml").read_text(encoding="utf-8"))
    suites, gate = (step for step in steps if not step.startswith("pip install"))
    done = _shell(suites, mine)
    assert done.returncode == 0, done.stdout
    assert (mine / "gonogo.xml").is_file()
    verdict = _shell(gate, mine, CANDIDATE=CANDIDATE, INCUMBENT=INCUMBENT)
    assert verdict.returncode == 3, verdict.stdout + verdict.stderr
    assert "INCONCLUSIVE" in verdict.stdout
    worse = _shell(gate, mine, CANDIDATE=INCUMBENT, INCUMBENT=CANDIDATE)
    assert worse.returncode == 1, "the base for the candidate is NO-GO"
    cases = load_pack(mine / "pack").cases()
    write_answers(mine / CANDIDATE.removeprefix("recorded:"), references(cases) | {cases[0].id: TALK})
    broken = _shell(suites, mine)
    assert broken.returncode == 1
    assert "4 failed" in broken.stdout


def test_a_known_failure_is_in_the_baseline_from_the_start(source: Pack, made: Path) -> None:
    """Where the recording is wrong the new project is green all the same (above), and says what is known."""
    record = json.loads((made / "suites/baselines/my-robot.json").read_text(encoding="utf-8"))
    assert len(record["failing"]["test_heldout"]) == 1
    assert choose(source.cases())[-1].id in str(record["failing"]["test_heldout"])


def test_recordings_with_a_manifest_stay_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Answers asked of an endpoint, recorded, cut by init: the gate still takes them as tied to what was asked."""
    pack = synthetic_pack(tmp_path / "pack")
    chosen = {case.line for case in choose(pack.cases())}
    lines = pack.heldout[0].read_text(encoding="utf-8").split("\n")
    kept = [line for number, line in enumerate(lines, start=1) if number in chosen]
    pack.heldout[0].write_text("\n".join(kept), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with LoopbackServer(answer=right_answers(pack.cases())) as server:
        Path("gonogo.toml").write_text(f'[endpoints.lab]\nbase_url = "{server.base_url}"\n', encoding="utf-8")
        for name in ("smollm2-135m+go2", "smollm2-135m"):
            path = pack.root / "recordings" / f"{name}.plain.jsonl"
            assert main(["run", "lab:m", "--record", str(path), "--pack", str(pack.root)]) == 0
    write_starter(pack, Path("new"))
    monkeypatch.chdir("new")
    capsys.readouterr()
    main(["gate", CANDIDATE, "--against", INCUMBENT, "--json"])
    decision = json.loads(capsys.readouterr().out)
    assert decision["verdict"] != "INVALID"
    sides = [decision[side] for side in ("candidate", "incumbent")]
    assert [(side["unverified"], side["model"]) for side in sides] == [("", "lab:m")] * 2


@pytest.mark.parametrize("prepare", [lambda path: (path / "file").mkdir(parents=True), Path.touch])
def test_nothing_is_overwritten(source: Pack, tmp_path: Path, prepare: Callable[[Path], None]) -> None:
    """A folder that holds anything, and a file of that name, are left alone with a message."""
    prepare(tmp_path / "new")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match="there is something here already"):
        write_starter(source, tmp_path / "new")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_pack_without_recordings_is_said(tmp_path: Path) -> None:
    """There is nothing to start from, and nothing is written."""
    pack = synthetic_pack(tmp_path / "pack")
    (pack.root / "recordings" / "smollm2-135m.plain.jsonl").unlink()
    with pytest.raises(InputError, match="the pack lacks this recording"):
        write_starter(pack, tmp_path / "new")
    assert not (tmp_path / "new").exists()
