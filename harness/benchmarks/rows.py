"""The rows of the table: each takes a checkout, an empty folder and a share of its usual size, and gives figures."""

from __future__ import annotations

import ast
import json
import re
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.benchmarks.workload import (
    HERE,
    Checkout,
    FailedError,
    make_suites,
    need,
    write_answers,
    write_chats,
    write_recording,
)
from harness.tests.loopback import LoopbackServer

Figures = dict[str, float]


def checks(at: Checkout, folder: Path, size: float) -> Figures:
    """Format, syntax, API and safety by `gonogo check`, beside the floor: `literal_eval` and `ast.parse` of it."""
    figures: Figures = {}
    for name, fresh in (("distinct", 1), ("recurring", 0)):
        few, many = _two_files(at, folder, int(20_000 * size), fresh)
        cpu = at.gonogo(folder, "check", str(many)).cpu - at.gonogo(folder, "check", str(few)).cpu
        lines = many.read_text(encoding="utf-8").splitlines()
        texts = [json.loads(line)["output"] for line in lines[len(lines) // 10 :]]
        started = time.process_time()
        for text in texts:
            for command in ast.literal_eval(text):
                ast.parse(command, mode="eval")
        floor = time.process_time() - started
        figures |= {f"{name} answers, us each": 1e6 * cpu / len(texts), f"{name}, times the floor": cpu / floor}
    return figures


def success(at: Checkout, folder: Path, size: float) -> Figures:
    """From text to success by `gonogo score` in one process: checks, simulation, judgement; every second text new."""
    few, many = _two_files(at, folder, int(20_000 * size), 2)
    small, large = (at.gonogo(folder, "score", str(path)) for path in (few, many))
    return {
        "us an answer": 1e6 * (large.cpu - small.cpu) / (0.9 * int(20_000 * size)),
        "MB for ten times the answers": large.mb - small.mb,
    }


def suites(at: Checkout, folder: Path, _size: float) -> Figures:
    """`pytest suites/` on a recording of every held-out command, beyond an empty pytest run; every tenth is wrong."""
    empty = folder / "empty"
    empty.mkdir()
    (empty / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    own = make_suites(at.root, folder / "own")
    pytest = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
    nothing = at.python(empty, *pytest, codes=(5,))
    model = ("--model", f"recorded:{own / 'answers.jsonl'}")
    judged = at.python(own, *pytest, *model, codes=(1,))
    return {"s": judged.cpu - nothing.cpu, "wall s": judged.wall - nothing.wall}


def gate(at: Checkout, folder: Path, _size: float) -> Figures:
    """`gonogo gate` on two recordings of every held-out command, a quarter and a fifth of them wrong."""
    base, candidate = _pair(at, folder)
    done = at.gonogo(folder, "gate", candidate, "--against", base, "--json", codes=(0, 1, 3))
    return {"s": done.cpu, "wall s": done.wall}


def compare(at: Checkout, folder: Path, _size: float) -> Figures:
    """`gonogo compare` on the same recordings, its report included."""
    done = at.gonogo(folder, "compare", *_pair(at, folder), "--all", "--report", "r.html", "--json")
    return {"s": done.cpu, "wall s": done.wall}


# Times the rendering alone, inside `gonogo compare`.
_RENDER = """
import sys, time
from harness import report
from harness.cli import main
own = report.render
def render(*given, **named):
    start = time.process_time()
    made = own(*given, **named)
    print(f"rendered {time.process_time() - start}", file=sys.stderr)
    return made
report.render = render
sys.exit(main(sys.argv[1:]))
"""


def report(at: Checkout, folder: Path, _size: float) -> Figures:
    """The HTML report of these recordings: size, time to render; time to open in Chromium."""
    done = at.python(folder, "-c", _RENDER, "compare", *_pair(at, folder), "--all", "--report", "r.html")
    found = re.search(r"^rendered (\S+)$", done.err, re.MULTILINE)
    if found is None:
        raise FailedError(f"gonogo compare does not call harness.report.render: {done.err[-300:]}")
    path = folder / "r.html"
    figures = {"KB": path.stat().st_size / 1024, "to render, s": float(found[1])}
    if not (browser := shutil.which("chromium") or shutil.which("google-chrome")):
        return figures
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return figures
    with sync_playwright() as driver:
        page = driver.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"]).new_page()
        page.goto(path.as_uri())
        timing: Any = page.evaluate("performance.getEntriesByType('navigation')[0].toJSON()")
    return figures | {"to open, wall ms": timing["domContentLoadedEventEnd"] - timing["startTime"]}


def start(at: Checkout, folder: Path, _size: float) -> Figures:
    """What a command costs before it does anything, the smallest that does something, and the smallest that asks."""
    (folder / "answer.txt").write_text("[\"self.say(text='hello')\"]", encoding="utf-8")
    commands = {"--version": ("--version",), "check of one answer": ("check", "answer.txt")}
    figures = {f"{name}, s": min(at.gonogo(folder, *words).cpu for _ in range(3)) for name, words in commands.items()}
    with LoopbackServer(answer=_always) as server:
        (folder / "gonogo.toml").write_text(f'[endpoints.bench]\nbase_url = "{server.base_url}"\n', encoding="utf-8")
        asking = [at.gonogo(folder, "run", "bench:m", "--limit", "1", "--runs", f"runs-{n}").cpu for n in range(3)]
    openai = min(at.python(folder, "-c", "import openai").cpu for _ in range(3))
    return figures | {"run of one sample, above import openai, s": min(asking) - openai}


_BARE = """
import asyncio, json, sys, time
import openai
async def main(base_url, messages):
    async def work(client, pending):
        for one in pending:
            await client.chat.completions.create(model="m", messages=one, temperature=0, max_tokens=320, seed=0)
    async def ask(client, some):
        pending = iter(some)
        await asyncio.gather(*(work(client, pending) for _ in range(64)))
    client = openai.AsyncOpenAI(api_key="unused", base_url=base_url, http_client=openai.DefaultAioHttpClient())
    async with client:
        await ask(client, messages[:64])
        start = time.process_time()
        await ask(client, messages)
        print(time.process_time() - start)
asyncio.run(main(sys.argv[1], [json.loads(line) for line in open(sys.argv[2])]))
"""


def client(at: Checkout, folder: Path, _size: float) -> Figures:
    """`gonogo run` of 64 at a time from a server that answers at once, beside a bare loop over the `openai` package.

    An answer costs what three to each command cost more than one: request, retries, journal, and its score.
    """
    bare = folder / "bare.jsonl"
    count = write_chats(at.root, bare)
    with LoopbackServer(answer=_always) as server:
        config = f'[endpoints.bench]\nbase_url = "{server.base_url}"\nconcurrency = 64\n'
        (folder / "gonogo.toml").write_text(config, encoding="utf-8")
        few, many = (
            at.gonogo(folder, "run", "bench:m", "--repeat", str(n), "--runs", f"runs-{n}", "--json") for n in (1, 3)
        )
        loop = at.python(folder, "-c", _BARE, server.base_url, str(bare))
    each = (many.cpu - few.cpu) / (2 * count)
    bare_each = float(loop.out) / count
    return {"ms an answer": 1000 * each, "times the bare loop": each / bare_each, "peak MB": many.mb}


def dask(at: Checkout, folder: Path, size: float) -> Figures:
    """`gonogo score` on a Dask cluster of this machine: one worker, two, and what of the second is lost."""
    few, many = _two_files(at, folder, int(150_000 * size), 2)
    walls, peak = [], 0.0
    for workers in ("1", "2"):
        how = ("--block-mb", "0.5", "--workers", workers, "--table", f"{workers}.parquet")
        ends = [at.gonogo(folder, "score", str(path), *how) for path in (few, many)]
        walls.append((ends[1].wall - ends[0].wall) / (0.9 * int(150_000 * size)))
        peak = max(peak, ends[1].mb)
    return {
        "two workers, wall us an answer": 1e6 * walls[1],
        "times half of one worker's": 2 * walls[1] / walls[0],
        "peak MB of a process": peak,
    }


# PEFT's own layers instead of the product in one step.
_PEFT = """
import sys
from harness.cli import main
from harness.training import lora
lora.forward_in_one_step = lambda model: None
sys.exit(main(sys.argv[1:]))
"""


def training(at: Checkout, folder: Path, size: float) -> Figures:
    """`gonogo finetune --provider local` of the embedded model on one thread: an example, loading left out."""
    for package in ("torch", "peft", "transformers"):
        need(package, "train")
    counts = (16, 16 + int(32 * size))
    for count in counts:
        write_chats(at.root, folder / f"{count}.jsonl", count, answered=True)

    def each(*program: str) -> float:
        ends = []
        for count in counts:
            words = ("finetune", f"{count}.jsonl", "--provider", "local", "--batch", "8", "--device", "cpu")
            ends.append(at.python(folder, *program, *words, "--out", f"out-{time.monotonic_ns()}").cpu)
        return (ends[1] - ends[0]) / (counts[1] - counts[0])

    own = each("-m", "harness")
    peft = {"times PEFT's own layers": own / each("-c", _PEFT)} if at.root == HERE else {}
    return {"s an example": own} | peft


def serving(at: Checkout, folder: Path, size: float) -> Figures:
    """The embedded model behind `gonogo serve`: its system message, with the API card, kept from answer to answer."""
    need("xllamacpp", "local")
    import openai

    from harness.pack import load_pack, system_message

    pack = load_pack("go2")
    system = system_message(pack, "card")
    commands = [case.command for case in pack.cases()[: int(10 * size)]]
    with at.serving(folder) as (base_url, model), openai.OpenAI(base_url=base_url, api_key="unused") as asker:

        def ask(numbers: Sequence[int]) -> float:
            started = time.perf_counter()
            for number, command in zip(numbers, commands, strict=True):
                # Another number at the beginning leaves nothing to be kept.
                told = {"role": "system", "content": f"{number:04d}. {system}"}
                asker.chat.completions.create(
                    model=model,
                    messages=[told, {"role": "user", "content": command}],  # type: ignore[list-item]
                    temperature=0,
                    max_tokens=64,
                )
            return (time.perf_counter() - started) / len(commands)

        ask([0] * len(commands))  # warms up
        kept, read = ask([0] * len(commands)), ask(range(1, len(commands) + 1))
    return {"wall s an answer": kept, "times reading it each time": kept / read}


def _always(_: dict[str, Any]) -> str:
    return '["self.wait(seconds=1.0)"]'


def _two_files(at: Checkout, folder: Path, count: int, fresh: int) -> tuple[Path, Path]:
    """So many answers, and a tenth of them, so that what a process costs before the first answer cancels out."""
    few, many = folder / f"few-{fresh}.jsonl", folder / f"many-{fresh}.jsonl"
    write_answers(at.root, few, count // 10, fresh)
    write_answers(at.root, many, count, fresh)
    return few, many


def _pair(at: Checkout, folder: Path) -> tuple[str, str]:
    base = write_recording(at.root, folder / "base.jsonl", 0.25, 1)
    return f"recorded:{base}", f"recorded:{write_recording(at.root, folder / 'candidate.jsonl', 0.2, 2)}"


ROWS: dict[str, Callable[[Checkout, Path, float], Figures]] = {
    row.__name__: row
    for row in (checks, success, suites, gate, compare, report, start, client, dask, training, serving)
}
