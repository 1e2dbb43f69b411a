"""The tutorial of datasets/README.md: every file of it written, every command of it run, in a folder of its own."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from harness.cli import main

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "datasets" / "README.md"
_BLOCK = re.compile(r"^```(\w+) ?(.*)\n((?:.*\n)*?)^```$", re.MULTILINE)
_EXIT_CODE = re.compile(r"# exit code (\d+)$")
_LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for top in ("datasets", "suites", "reports") for page in ROOT.glob(f"{top}/**/*.md"))]
)
PAGES.append(ROOT / "harness" / "README.md")


def test_every_command_of_the_tutorial_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """From an SDK's wheel to a verdict: each command ends as the page says, and prints the lines that it shows."""
    commands, work = tmp_path / "bin", tmp_path / "work"
    commands.mkdir()
    (commands / "gonogo").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m harness "$@"\n', encoding="utf-8")
    (commands / "gonogo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("COLUMNS", "200")
    work.mkdir()
    monkeypatch.chdir(work)
    printed, steps = "", 0
    for kind, name, text in _BLOCK.findall(TUTORIAL.read_text(encoding="utf-8")):
        if ".whl/" in name:
            wheel, _, member = name.partition("/")
            with zipfile.ZipFile(work / wheel, "w") as archive:
                archive.writestr(member, text)
        elif name:
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_text(text, encoding="utf-8")
            steps += 1
        elif kind == "text":
            assert [line for line in text.splitlines() if line not in printed] == []
        else:
            assert kind == "sh"
            printed = ""
            for line in text.splitlines():
                steps += 1
                wanted = int(found[1]) if (found := _EXIT_CODE.search(line)) else 0
                ended, out = _run(line, monkeypatch, capfd)
                assert ended == wanted, f"{line}\n{out}"
                printed += out
    assert 20 <= steps <= 30
    assert "eyes-1" in Path("report.html").read_text(encoding="utf-8")


def _run(line: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and output of a line: gonogo in this process, which is quicker, anything else by the shell."""
    if line.startswith("cd "):
        monkeypatch.chdir(line.removeprefix("cd "))
        return 0, ""
    capfd.readouterr()
    if line.startswith("gonogo "):
        code = main(shlex.split(line, comments=True)[1:])
    else:
        code = subprocess.run(["/bin/sh", "-c", line], stdin=subprocess.DEVNULL, check=False).returncode
    return code, "".join(capfd.readouterr())


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link of a page names a file or folder that is there."""
    links = [link for link in _LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
