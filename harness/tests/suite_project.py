"""A project as `gonogo init` writes it, with answers that a test makes up, and `pytest` run in it as a process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET  # pytest's own output, written a moment ago

from harness.cases import Case
from harness.pack import Pack, load_pack
from harness.starter import write_starter

ANSWERS = "pack/recordings/smollm2-135m+go2.plain.jsonl"
TALK = "Sure! I will do that right away."


def synthetic_pack(folder: Path) -> Pack:
    """A copy of the go2 pack whose recordings are its own references: for tests, nobody's answers."""
    source = load_pack("go2")
    for name in ("robot", "scenes", "profiles", "prompts"):
        shutil.copytree(source.root / name, folder / name)
    for name in ("gonogo.toml", "heldout.jsonl", "words.toml"):
        shutil.copyfile(source.root / name, folder / name)
    (folder / "recordings").mkdir()
    for name in ("smollm2-135m+go2", "smollm2-135m"):
        write_answers(folder / "recordings" / f"{name}.plain.jsonl", references(source.cases()))
    return load_pack(folder)


def references(cases: list[Case]) -> dict[str, str]:
    """Case id -> its first reference as an answer."""
    return {case.id: json.dumps(list(case.references[0])) for case in cases}


def right_answers(cases: list[Case]) -> Callable[[dict[str, Any]], str]:
    """An endpoint's answer function that gives a reference to every command."""
    by_command = {case.command: references([case])[case.id] for case in cases}
    return lambda body: by_command[str(body["messages"][-1]["content"])]


def write_answers(path: Path, answers: Mapping[str, str]) -> None:
    """A recording in the bare format."""
    lines = [json.dumps({"id": case_id, "output": text}) + "\n" for case_id, text in answers.items()]
    path.write_text("".join(lines), encoding="utf-8")


class Told(NamedTuple):
    """What JUnit says of one test: passed, failed, error, xfailed or skipped, in words, and its properties."""

    outcome: str
    message: str
    body: str
    properties: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a pytest process; `tests` are by their names, `suite[case id]`."""

    code: int
    output: str
    tests: Mapping[str, Told]

    def of(self, outcome: str) -> set[str]:
        """Names of the tests with an outcome."""
        return {name for name, test in self.tests.items() if test.outcome == outcome}


@dataclass(frozen=True)
class Project:
    """A project under test."""

    folder: Path

    @cached_property
    def cases(self) -> list[Case]:
        """Its commands, one of each category."""
        return load_pack(self.folder / "pack").cases()

    def case(self, category: str) -> Case:
        """The command of a category."""
        return next(case for case in self.cases if case.category == category)

    def answer(self, changes: Mapping[str, str | None]) -> None:
        """Write the recording: references, but for some ids; None leaves an id out."""
        answers = references(self.cases) | dict(changes)
        kept = {case_id: text for case_id, text in answers.items() if text is not None}
        write_answers(self.folder / ANSWERS, kept)

    def pytest(self, *arguments: str, xdist: bool = False) -> Ran:
        """Run pytest in the folder; other plugins of this environment stay out, but for xdist where wanted."""
        report = self.folder / "junit.xml"
        report.unlink(missing_ok=True)
        plugins = ("-p", "xdist") if xdist else ()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *plugins, f"--junitxml={report}", *arguments],
            cwd=self.folder,
            env={name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "OPENAI_"))}
            | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        tests = ET.parse(report).getroot().iter("testcase") if report.is_file() else ()  # noqa: S314  pytest's own
        return Ran(done.returncode, done.stdout + done.stderr, {str(test.get("name")): _told(test) for test in tests})


def make_project(folder: Path) -> Project:
    """A fresh project in a new folder, without a baseline; every answer is right."""
    write_starter(synthetic_pack(folder / "source"), folder / "mine")
    return Project(folder / "mine")


def _told(test: ET.Element) -> Told:
    properties = {str(one.get("name")): str(one.get("value")) for one in test.iter("property")}
    for word, outcome in (("failure", "failed"), ("error", "error"), ("skipped", "skipped")):
        found = test.find(word)
        if found is not None:
            xfailed = word == "skipped" and found.get("type") == "pytest.xfail"
            name = "xfailed" if xfailed else outcome
            return Told(name, str(found.get("message")), found.text or "", properties)
    return Told("passed", "", "", properties)
