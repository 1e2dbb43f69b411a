"""xdist: the workers know which tests there are, the controller asks for the answers, once, and shows the progress.

A folder that all processes know is the meeting point. Each worker writes the cases of its (equal) collection there
and waits for tests; the first collection that arrives makes the controller gather and write the answers, before it
hands out any test.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection
from pathlib import Path

import pytest

WORKER_INPUT = "gonogo_folder"


class Meeting:
    """The folder, as one process sees it."""

    def __init__(self, folder: Path) -> None:
        self._wanted = folder / "wanted.json"
        self.answers = folder / "answers.jsonl"

    def leave(self, case_ids: Collection[str], suites: Path) -> None:
        """A worker says which cases its tests need, and in which folder the suites are."""
        wanted = self._wanted.with_suffix(f".{id(self)}.tmp")
        wanted.write_text(json.dumps({"cases": sorted(case_ids), "suites": str(suites)}), encoding="utf-8")
        wanted.replace(self._wanted)  # in one step: another worker may write the same

    def wanted(self) -> tuple[frozenset[str], Path] | None:
        """What a worker left; None where no test of a suite was collected."""
        if not self._wanted.is_file():
            return None
        found = json.loads(self._wanted.read_text(encoding="utf-8"))
        return frozenset(found["cases"]), Path(found["suites"])


def worker_meeting(config: pytest.Config) -> Meeting | None:
    """Where this worker meets the controller; None in any other process."""
    found = getattr(config, "workerinput", None)
    return None if found is None else Meeting(Path(found[WORKER_INPUT]))


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is one of xdist's workers."""
    return hasattr(config, "workerinput")


def make_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for the controller's session; it is removed with the object."""
    return tempfile.TemporaryDirectory(prefix="gonogo-suites-")
