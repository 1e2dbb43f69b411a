"""The tutorial of datasets/README.md: every file of it written, every command of it run, in a folder of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "datasets" / "README.md"
_BLOCK = re.compile(r"^```(\w+) ?(.*)\n((?:.*\n)*?)^```$", re.MULTILINE)
_EXIT_CODE = re.compile(r"# exit code (\d+)$")
_LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for top in ("datasets", "suites", "reports") for page in ROOT.glob(f"{top}/**/*.md"))]
)
PAGES.append(ROOT / "harness" / "README.md")


def test_every_command_of_the_tutorial_works(tmp_path: Path) -> None:
    """From an empty folder: each command ends as the page says, and prints the lines that the page shows."""
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "gonogo").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m harness "$@"\n', encoding="utf-8")
    (commands / "gonogo").chmod(0o755)
    path = f"{commands}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    folder, printed, ran = tmp_path / "work", "", 0
    folder.mkdir()
    for kind, name, text in _BLOCK.findall(TUTORIAL.read_text(encoding="utf-8")):
        if name:
            file = tmp_path / "work" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        elif kind == "text":
            assert [line for line in text.splitlines() if line not in printed] == []
        else:
            assert kind == "sh"
            printed = ""
            for line in text.splitlines():
                if line.startswith("cd "):
                    folder /= line.removeprefix("cd ")
                    continue
                wanted = int(found[1]) if (found := _EXIT_CODE.search(line)) else 0
                done = subprocess.run(
                    ["/bin/sh", "-c", line],
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    check=False,
                )
                assert done.returncode == wanted, f"{line}\n{done.stdout}"
                printed, ran = printed + done.stdout, ran + 1
    assert ran >= 9
    assert "eyes-1" in (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link of a page names a file or folder that is there."""
    links = [link for link in _LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
