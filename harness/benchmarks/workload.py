"""What the rows run on: commands of a checkout as processes, answers, recordings, suites."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parents[2]
_FLOAT = re.compile(r"\d+\.\d+")


class FailedError(Exception):
    """A command did not do what the row measures: a figure would mean nothing."""


class SkippedError(Exception):
    """Something that a row needs is not installed here."""


class Done(NamedTuple):
    """A process that has ended: CPU and wall seconds, peak resident MB, output; its own children counted in."""

    cpu: float
    wall: float
    mb: float
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Checkout:
    """A working tree of gonogo, run by this Python with the packages that are installed here."""

    root: Path

    def gonogo(self, folder: Path, *words: str, codes: tuple[int, ...] = (0, 1)) -> Done:
        """A gonogo command, run in a folder."""
        return self.python(folder, "-m", "harness", *words, codes=codes)

    def python(self, folder: Path, *words: str, codes: tuple[int, ...] = (0,)) -> Done:
        """A Python process in a folder; FailedError where it ends with another code."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            started = time.perf_counter()
            process = self._start(folder, words, out, err)
            _, status, used = os.wait4(process.pid, 0)
            wall = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            done = Done(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024, out.read(), err.read())
        if process.returncode not in codes:
            raise FailedError(
                f"`{' '.join(words[:8])}` in {self.root} ends with {process.returncode}: {done.err[-400:]}"
            )
        return done

    @contextlib.contextmanager
    def serving(self, folder: Path) -> Iterator[tuple[str, str]]:
        """`gonogo serve` until the context ends; its base_url, and its last model: the base with the pack's adapter."""
        with tempfile.TemporaryFile("w+") as err:
            process = self._start(folder, ("-m", "harness", "serve", "--port", "0"), subprocess.PIPE, err)
            try:
                assert process.stdout is not None, "it has a pipe"
                found = re.match(r"Serving (.*) at (\S+) ", process.stdout.readline())
                if found is None:
                    err.seek(0)
                    raise FailedError(f"gonogo serve does not begin: {err.read()[-400:]}")
                yield found[2], found[1].split(", ")[-1]
            finally:
                process.terminate()
                process.communicate()

    def _start(self, folder: Path, words: tuple[str, ...], out: Any, err: Any) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(self.root)}
        return subprocess.Popen(
            [sys.executable, *words], cwd=folder, stdout=out, stderr=err, text=True, env=environment
        )


def need(package: str, extra: str) -> None:
    """SkippedError where a package is missing."""
    if importlib.util.find_spec(package) is None:
        raise SkippedError(f"skipped: it needs pip install 'gonogo[{extra}]'")


def read_cases(root: Path) -> list[dict[str, Any]]:
    """The held-out commands of a checkout, as its file has them."""
    lines = (root / "datasets" / "go2" / "heldout.jsonl").read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def write_answers(root: Path, path: Path, count: int, fresh: int) -> None:
    """References as recorded answers, over and over; every `fresh`-th is made a text of its own."""
    cases, rng = read_cases(root), random.Random(0)  # noqa: S311  repeatable, no secret
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            case = cases[number % len(cases)]
            commands = list(case["references"][0])
            if fresh and number % fresh == 0 and case["disposition"] == "execute":
                # Nearer to zero, so that every value stays within its limits.
                commands = [_FLOAT.sub(lambda m: f"{float(m[0]) * rng.uniform(0.9, 1):.3f}", one) for one in commands]
                commands.append(f"self.say(text='Number {number}')")
            record = {"id": case["id"], "output": json.dumps(commands), "sample": number // len(cases)}
            file.write(json.dumps(record) + "\n")


def write_recording(root: Path, path: Path, wrong: float, seed: int) -> Path:
    """One answer to each held-out command, this share of them wrong."""
    rng = random.Random(seed)  # noqa: S311  repeatable, no secret
    answers = [
        {"id": case["id"], "output": "Sure!" if rng.random() < wrong else json.dumps(case["references"][0])}
        for case in read_cases(root)
    ]
    path.write_text("".join(json.dumps(one) + "\n" for one in answers), encoding="utf-8")
    return path


def write_chats(root: Path, path: Path, count: int | None = None, *, answered: bool = False) -> int:
    """Held-out commands as chats, one a line: messages alone, or with the answer as a training file; their number."""
    system = (root / "datasets" / "go2" / "prompts" / "system.md").read_text(encoding="utf-8").strip()
    cases = read_cases(root)[:count]
    with path.open("w", encoding="utf-8") as file:
        for case in cases:
            chat = [{"role": "system", "content": system}, {"role": "user", "content": case["command"]}]
            answer = {"role": "assistant", "content": json.dumps(case["references"][0])}
            file.write(json.dumps({"messages": [*chat, answer]} if answered else chat) + "\n")
    return len(cases)


def make_suites(root: Path, folder: Path) -> Path:
    """The shipped suites beside a copy of the go2 pack, and a recording of every held-out command, a tenth wrong."""
    shutil.copytree(root / "datasets" / "go2", folder / "pack", ignore=shutil.ignore_patterns("*.gguf", "*.xz"))
    shutil.copytree(root / "suites", folder / "suites", ignore=shutil.ignore_patterns("baselines", "__pycache__"))
    (folder / "conftest.py").write_text('pytest_plugins = ["harness.suites.plugin"]\n', encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\ngonogo_pack = pack\n", encoding="utf-8")
    write_recording(root, folder / "answers.jsonl", 0.1, 3)
    return folder
