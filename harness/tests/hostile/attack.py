"""What is attacked, how, and what must hold after each attack; `harness.benchmarks.attack` draws more of the same."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from harness import cli, promotion
from harness.pack import bundled
from harness.tests.hostile.faults import Draw, in_json, in_lines, in_toml, mostly, whole
from harness.tests.loopback import LoopbackServer

CODES = {0, 1, 2, 3, 4, 5}  # of the README's table; 70, a fault of gonogo itself, is what attacks are to find
MOST_CPU_S = 6.0  # of one command line: imports, and twice what a megabyte of anything may take
RIGHT = '["self.light(on=True)"]'
GATE = "gate recorded:rec.jsonl --against recorded:safe.jsonl --pack toy"
COMPARE = "compare recorded:rec.jsonl recorded:safe.jsonl --pack toy --report r.html"
SETTINGS = """[settings]
TEMPERATURE = 0.4
NUMBER_OF_EXAMPLES = 5
[decoding]
seed = 3
max_tokens = 5
[endpoints.other]
base_url = "http://127.0.0.1:9/v1"
headers = { a = "b" }
timeout_s = 1
concurrency = 2
extra = { a = 1 }
"""


class Boundary(NamedTuple):
    """A file from outside, the faults that it is given, and the command line that reads it."""

    file: str
    draw: Draw
    command: str


BOUNDARIES = {
    "pack": Boundary("toy/gonogo.toml", in_toml, "run recorded:rec.jsonl --pack toy"),
    "cases": Boundary("toy/heldout.jsonl", in_lines, "data check --pack toy"),
    "profile": Boundary("toy/profiles/lamp.json", in_json, "data check --pack toy"),
    "overlay": Boundary("toy/profiles/lamp.toml", in_toml, "sdk build toy/profiles/lamp.toml --output made.json"),
    "prompt": Boundary("toy/prompts/card.md", whole, "run recorded:rec.jsonl --pack toy --prompt card"),
    "settings": Boundary("settings.toml", in_toml, "models --pack toy --config settings.toml"),
    "environment": Boundary(".env", whole, "models --pack toy"),
    "manifest": Boundary("rec.jsonl.manifest.json", in_json, GATE),
    "recording": Boundary("rec.jsonl", in_lines, GATE),
    "compared": Boundary("rec.jsonl", in_lines, COMPARE),
    "scored": Boundary("rec.jsonl", in_lines, "score rec.jsonl --pack toy --table scores.csv"),
    "checked": Boundary("bare.jsonl", in_lines, "check bare.jsonl --pack toy --sarif"),
    "policy": Boundary("gate.toml", in_toml, f"{GATE} --policy gate.toml"),
    "prices": Boundary("prices.toml", in_toml, f"{COMPARE} --prices prices.toml"),
    "promotions": Boundary("promotions.jsonl", in_lines, "promoted --history"),
    "journal": Boundary("runs/toy.jsonl", in_lines, "run e:m --pack toy --json"),
}


class Ended(NamedTuple):
    """What a command line gave."""

    code: int
    said: str
    cpu_s: float


def run(command: str) -> Ended:
    """Run a command line in this process."""
    said = io.StringIO()
    begun = time.process_time()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = cli.main(command.split())
        except SystemExit as error:
            code = int(error.code or 0)
    return Ended(code, said.getvalue(), time.process_time() - begun)


def fault_of(ended: Ended) -> str:
    """What must not be, in words; empty where all is well."""
    lines = ended.said.split("\n")
    return "; ".join(
        what
        for what, wrong in {
            f"exit code {ended.code}": ended.code not in CODES,
            "a traceback": "Traceback" in ended.said,
            "a control character": not ended.said.replace("\n", "").replace("\t", "").replace("\r", "").isprintable(),
            "a command to a CI's log": any(line.lstrip().startswith("::") or "##[" in line for line in lines),
            f"{len(ended.said)} characters said": len(ended.said) > 200_000,
            f"{ended.cpu_s:.1f} s of CPU": ended.cpu_s > MOST_CPU_S,
        }.items()
        if wrong
    )


@contextlib.contextmanager
def laboratory(folder: Path, *, answer_s: float = 0.0) -> Iterator[LoopbackServer]:
    """A folder with the toy pack and one good file of each kind, as the current one; and the endpoint `e`."""

    def answer(_: object) -> str:
        time.sleep(answer_s)
        return RIGHT

    before = Path.cwd()
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    try:
        shutil.copytree(bundled("datasets") / "toy", "toy")
        shutil.copy(bundled("datasets") / "go2" / "gate.toml", ".")
        shutil.copy(bundled("datasets") / "prices.toml", ".")
        with LoopbackServer(answer=answer) as server:
            Path("gonogo.toml").write_text(f'[endpoints.e]\nbase_url = "{server.base_url}"\ntimeout_s = 5\n')
            assert run("run e:m --pack toy --record rec.jsonl").code == 0
            for end in ("", ".manifest.json"):
                shutil.copy(f"rec.jsonl{end}", f"safe.jsonl{end}")
            answers = [json.loads(line) for line in Path("rec.jsonl").read_text().splitlines()]
            bare = [json.dumps({"id": one["case_id"], "output": one["text"]}) for one in answers]
            Path("bare.jsonl").write_text("\n".join(bare))
            Path("settings.toml").write_text(SETTINGS)
            Path(".env").write_text("SOME=thing\n")
            for number in range(2):
                promotion.attempt(Path("promotions.jsonl"), "a", "b", {"verdict": "GO", "number": number})
            yield server
    finally:
        os.chdir(before)


def attack(name: str, rng: random.Random, draws: int) -> Iterator[str]:
    """Attack one boundary in the laboratory; a line for each time when something did not hold."""
    file, draw, command = BOUNDARIES[name]
    path = Path(file)
    good = path.read_text(encoding="utf-8")
    for number in range(draws):
        content = mostly(draw)(rng, good)
        path.write_bytes(content)
        if fault := fault_of(run(command)):
            yield f"{name} {number}: {fault}: {content[:200]!r}"
    path.write_text(good, encoding="utf-8")
    if (ended := run(command)).code not in (0, 1):  # nothing that lies about is broken by what went before
        yield f"{name}: the good file again: {ended.said[-300:]}"
