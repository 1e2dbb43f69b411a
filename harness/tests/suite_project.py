"""A project as `gonogo init` writes it, with answers that a test makes up, and `pytest` run in it as a process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
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
    for name in ("gonogo.toml", "heldout.jsonl"):
        shutil.copyfile(source.root / name, folder / name)
    (folder / "recordings").mkdir()
    for name in ("smollm2-135m+go2", "smollm2-135m"):
        write_answers(folder / "recordings" / f"{name}.plain.jsonl", references(source.cases()))
    return load_pack(folder)


def references(cases: list[Case]) -> dict[str, str]:
    """Case id -> its first reference as an answer."""
    return {case.id: json.dumps(list(case.references[0])) for case in cases}


def write_answers(path: Path, answers: Mapping[str, str], samples: int = 1) -> None:
    """A recording in the bare format."""
    lines = [
        json.dumps({"id": case_id, "output": text, "sample": sample})
        for case_id, text in answers.items()
        for sample in range(samples)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a pytest process.

    Attributes:
        outcomes: `suite[case id]` -> passed, failed, error, xfailed or skipped.
        messages: The same -> the message attribute of JUnit.
        bodies: The same -> the text of JUnit.
        properties: The same -> JUnit's properties.
    """

    code: int
    output: str
    outcomes: Mapping[str, str]
    messages: Mapping[str, str]
    bodies: Mapping[str, str]
    properties: Mapping[str, Mapping[str, str]]

    def of(self, outcome: str) -> set[str]:
        """Names of the tests with an outcome."""
        return {name for name, found in self.outcomes.items() if found == outcome}


@dataclass(frozen=True, slots=True)
class Project:
    """A project under test."""

    folder: Path

    @property
    def cases(self) -> list[Case]:
        """Its commands."""
        return load_pack(self.folder / "pack").cases()

    def answer(self, changes: Mapping[str, str | None] | None = None, samples: int = 1) -> None:
        """Write the recording: references, but for some ids; None leaves an id out."""
        answers = references(self.cases) | dict(changes or {})
        kept = {case_id: text for case_id, text in answers.items() if text is not None}
        write_answers(self.folder / ANSWERS, kept, samples)

    def pytest(self, *arguments: str, xdist: bool = False, **variables: str) -> Ran:
        """Run pytest in the folder; other plugins of this environment stay out, but for xdist where wanted."""
        report = self.folder / "junit.xml"
        report.unlink(missing_ok=True)
        plugins = ("-p", "xdist") if xdist else ()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *plugins, f"--junitxml={report}", *arguments],
            cwd=self.folder,
            env={name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "OPENAI_"))}
            | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
            | variables,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        tests = ET.parse(report).getroot().iter("testcase") if report.is_file() else ()  # noqa: S314  as above
        found = {str(test.get("name")): test for test in tests}
        results = {name: _outcome(test) for name, test in found.items()}
        return Ran(
            code=done.returncode,
            output=done.stdout + done.stderr,
            outcomes={name: result[0] for name, result in results.items()},
            messages={name: result[1] for name, result in results.items()},
            bodies={name: result[2] for name, result in results.items()},
            properties={
                name: {str(one.get("name")): str(one.get("value")) for one in test.iter("property")}
                for name, test in found.items()
            },
        )


def make_project(source: Pack, folder: Path) -> Project:
    """A fresh project, without a baseline."""
    write_starter(source, folder)
    return Project(folder)


def _outcome(test: ET.Element) -> tuple[str, str, str]:
    for word, outcome in (("failure", "failed"), ("error", "error"), ("skipped", "skipped")):
        found = test.find(word)
        if found is not None:
            xfailed = word == "skipped" and found.get("type") == "pytest.xfail"
            return "xfailed" if xfailed else outcome, str(found.get("message")), found.text or ""
    return "passed", "", ""
