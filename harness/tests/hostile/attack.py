"""What is attacked, how, and what must hold after each attack; `harness.benchmarks.attack` draws more of the same."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from harness import cli, promotion
from harness.errors import InputError
from harness.models import retry
from harness.models.openai_shape import ApiError, parse_chat_request
from harness.models.resources import Resources
from harness.pack import bundled
from harness.sdk.source import SourceSpec, open_source
from harness.tests.batches import Batches
from harness.tests.finetuning import JOBS, FineTuning
from harness.tests.hostile.faults import Draw, in_bytes, in_chain, in_json, in_lines, in_toml, mostly, whole
from harness.tests.loopback import LoopbackServer
from harness.tests.loopback_replies import Fault, Reply, chat_completion
from harness.training import hosted

CODES = {0, 1, 2, 3, 4, 5}  # of the README's table; 70, a fault of gonogo itself, is what attacks are to find
MOST_CPU_S = 6.0  # of one command line: imports, and twice what a megabyte of anything may take
KEY = "sk-of-the-attacked-endpoint"
RIGHT = '["self.light(on=True)"]'
FRESH = "--pack toy --limit 1 --runs runs-hostile --fresh"
FINETUNE = "finetune train.jsonl --provider openai --model e:m --yes --poll 0.01"
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
DOG = SourceSpec("wheel", "dog-sdk", "1.0", "here", "MIT", files=("dog/client.py",))
SHUT_DOWN = {"id": "m", "object": "model", "shutdown_date": "2027-01-01"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 5}}}
# What the endpoint and its callers send, before it is damaged.
BODIES: dict[str, Any] = {
    "reply": chat_completion(KEY, RIGHT, finish_reason=f"stop:{KEY}"),
    "error": {"error": {"message": f"no {KEY}", "type": "x", "param": None, "code": "y"}},
    "models": {"object": "list", "data": [SHUT_DOWN]},
    "request": {
        "model": "m",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
        "stop": ["b"],
        "stream_options": {"include_usage": True},
    },
}


Command = str | Callable[[], int]  # a command line, or what gives an exit code


class Boundary(NamedTuple):
    """A file from outside, the faults that it is given, and what reads it."""

    file: str
    draw: Draw
    command: Command


def archive_of(path: str) -> Command:
    """Reads an archive of SDK source that no hash pins."""

    def read() -> int:
        try:
            return int(not open_source(DOG, Path(path), pinned=False).files)
        except InputError:
            return 2

    return read


def request() -> int:
    """Reads a request to `gonogo serve`."""
    try:
        return int(not parse_chat_request(Path("request.json").read_bytes(), ("m",)).messages)
    except ApiError as error:
        return 2 if 400 <= error.status < 500 else 70


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
    "rehashed promotions": Boundary("promotions.jsonl", in_chain, "promoted --history"),
    "journal": Boundary("runs/toy.jsonl", in_lines, "run e:m --pack toy --json"),
    "reply": Boundary("reply.json", in_json, f"run e:hostile-reply {FRESH}"),
    "error": Boundary("error.json", in_json, f"run e:hostile-error {FRESH}"),
    "offered": Boundary("models.json", in_json, "models e --pack toy"),
    "job": Boundary("job.json", in_json, f"{FINETUNE} --runs runs-tuned"),
    "profile, shown": Boundary("toy/profiles/lamp.json", in_json, "sdk list l --profile toy/profiles/lamp.json"),
    "promptfoo": Boundary("promptfoo.json", in_json, "score promptfoo.json --pack toy"),
    "inspect": Boundary("inspect.json", in_json, "score inspect.json --pack toy"),
    "training file": Boundary("train.jsonl", in_lines, f"{FINETUNE} --runs tuned"),
    "request to serve": Boundary("request.json", in_json, request),
    "wheel": Boundary("dog.whl", in_bytes, archive_of("dog.whl")),
    "sdist": Boundary("dog.tar.gz", in_bytes, archive_of("dog.tar.gz")),
}


class Ended(NamedTuple):
    """What a command line gave."""

    code: int
    said: str
    cpu_s: float


def run(command: Command) -> Ended:
    """Run a command line, or what else reads a file, in this process."""
    said = io.StringIO()
    begun = time.process_time()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = cli.main(command.split()) if isinstance(command, str) else command()
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
            "a key": KEY in ended.said,
            "a control character": not ended.said.replace("\n", "").replace("\t", "").replace("\r", "").isprintable(),
            "a command to a CI's log": any(line.lstrip().startswith("::") or "##[" in line for line in lines),
            f"{len(ended.said)} characters said": len(ended.said) > 200_000,
            f"{ended.cpu_s:.1f} s of CPU": ended.cpu_s > MOST_CPU_S,
        }.items()
        if wrong
    )


class Laboratory(NamedTuple):
    """The endpoint `e` of the laboratory, and what it was given."""

    server: LoopbackServer
    tuning: FineTuning
    batches: Batches


def _hostile(kind: str) -> Fault:
    """The reply that stands in a file, as it is; an error's status and headers vary with it."""
    body = Path(f"{kind}.json").read_bytes()
    if kind != "error":
        return Fault("reply", Reply(200, body))
    headers: tuple[dict[str, str], ...] = (
        {},
        {"Retry-After": "9" * 400},
        {"Retry-After": "-5"},
        {"x-ratelimit-reset": "9" * 39},
    )
    status = (400, 401, 404, 429, 500, 529)[len(body) % 6]
    return Fault("reply", Reply(status, body, headers[len(body) % 4]))


@contextlib.contextmanager
def laboratory(folder: Path, *, answer_s: float = 0.0) -> Iterator[Laboratory]:
    """A folder with the toy pack and one good file of each kind, as the current one; and the endpoint `e`."""

    def answer(body: dict[str, Any]) -> str | Fault:
        time.sleep(answer_s)
        _, hostile, kind = str(body["model"]).partition("hostile-")
        return _hostile(kind) if hostile else RIGHT

    folder.mkdir(parents=True, exist_ok=True)
    with (
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, ATTACKED=KEY),
        mock.patch.object(retry, "FIRST_WAIT_S", 0.0),
        mock.patch.object(hosted, "Resources", partial(Resources, pause_s=0.0, settle_s=0.0)),
        LoopbackServer(answer=answer, key=KEY) as server,
    ):
        batches, tuning = Batches(server), FineTuning(server)
        batches.files = tuning.files  # where uploads arrive
        server.routes["GET", "/v1/models"] = lambda _: _hostile("models")
        shutil.copytree(bundled("datasets") / "toy", "toy")
        shutil.copy(bundled("datasets") / "go2" / "gate.toml", ".")
        shutil.copy(bundled("datasets") / "prices.toml", ".")
        endpoint = f'[endpoints.e]\nbase_url = "{server.base_url}"\napi_key_env = "ATTACKED"\ntimeout_s = 5\n'
        Path("gonogo.toml").write_text(endpoint, encoding="utf-8")
        assert run("run e:m --pack toy --record rec.jsonl").code == 0
        for end in ("", ".manifest.json"):
            shutil.copy(f"rec.jsonl{end}", f"safe.jsonl{end}")
        for form in ("promptfoo", "inspect"):
            assert run(f"export rec.jsonl --pack toy --format {form} --out {form}.json").code == 0
        answers = [json.loads(line) for line in Path("rec.jsonl").read_text().splitlines()]
        bare = [json.dumps({"id": one["case_id"], "output": one["text"]}) for one in answers]
        Path("bare.jsonl").write_text("\n".join(bare))
        chats = [[{"role": "user", "content": f"go {n}"}, {"role": "assistant", "content": RIGHT}] for n in range(10)]
        Path("train.jsonl").write_text("\n".join(json.dumps({"messages": chat}) for chat in chats))
        for name, body in BODIES.items():
            Path(f"{name}.json").write_text(json.dumps(body))
        assert run(f"{FINETUNE} --runs runs-tuned").code == 0
        job = json.dumps(tuning.jobs["ftjob-1"]).encode()
        Path("job.json").write_bytes(job)
        hostile = cycle((True, False))  # so that following ends, whatever the first look says
        server.routes["GET", f"{JOBS}/ftjob-1"] = lambda _: _hostile("job") if next(hostile) else Reply(200, job)
        Path("settings.toml").write_text(SETTINGS)
        Path(".env").write_text("SOME=thing\n")
        Path("sdk/dog").mkdir(parents=True)
        Path("sdk/dog/client.py").write_text("class Dog:\n    def Move(self, vx: float): ...\n")
        shutil.move(shutil.make_archive("dog", "zip", "sdk"), "dog.whl")
        shutil.make_archive("dog", "gztar", ".", "sdk")
        record = Path("promotions.jsonl")
        for number in range(2):
            promotion.attempt(record, "a", "b", {"verdict": "GO", "number": number})
        promotion.promote(record, "c", "b", {"verdict": "GO"}, promotion.last_hash(promotion.read(record)))
        promotion.rollback(record)
        yield Laboratory(server, tuning, batches)


def attack(name: str, rng: random.Random, draws: int) -> Iterator[str]:
    """Attack one boundary in the laboratory; a line for each time when something did not hold."""
    file, draw, command = BOUNDARIES[name]
    path = Path(file)
    good, before = path.read_bytes(), run(command)
    for number in range(draws):
        content = mostly(draw)(rng, good)
        path.write_bytes(content)
        if fault := fault_of(run(command)):
            yield f"{name} {number}: {fault}: {content[:200]!r}"
    path.write_bytes(good)
    if (ended := run(command)).code != before.code:  # nothing that lies about is broken by what went before
        yield f"{name}: the good file again: {ended.said[-300:]}"
    if any(KEY in one.read_text(errors="replace") for folder in Path().glob("runs*") for one in folder.rglob("*.*")):
        yield f"{name}: a key in what was kept"
