"""What `pytest suites/` costs beyond an empty pytest run, and whether collecting grows in step with the cases.

Run: python -m harness.benchmarks.suites_speed [--model MODEL] [--rounds 3] [--json]

Wall and CPU seconds of whole pytest processes, taken in turns, the least over the rounds (noise only adds): an empty
folder, the shipped suites on a recording of every held-out command, and the same with twice and ten times as many
cases (only collected). Without --model the recording is made here: references, every tenth spoilt, because failing
cases cost more than passing ones. On a busy machine compare the CPU figures.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.pack import Pack, bundled, load_pack

LIMIT_S = 8.0  # wall, beyond an empty run
GROWTH_LIMIT = 1.3  # cost of a case among 10,000 over its cost among 2,500
SIZES = (2_500, 10_000)
SPOILT = 10  # every so many answers one is wrong
COLLECT = ("--collect-only", "-qq")


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of one process."""

    wall: float
    cpu: float


def make_project(pack: Pack, folder: Path, cases: int | None = None) -> Path:
    """The suites on a copy of a pack, with its references as recorded answers, every tenth spoilt.

    Args:
        pack: Whose cases to use.
        folder: Where to; made.
        cases: How many, by repeating them under new ids; None for the pack's own.
    """
    root = folder / "pack"
    for name in ("scenes", "profiles", "prompts"):
        shutil.copytree(pack.root / name, root / name)
    shutil.copyfile(pack.root / "gonogo.toml", root / "gonogo.toml")
    shutil.copytree(bundled("suites"), folder / "suites", ignore=shutil.ignore_patterns("baselines", "__pycache__"))
    (folder / "conftest.py").write_text('pytest_plugins = ["harness.suites.plugin"]\n', encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\ngonogo_pack = pack\n", encoding="utf-8")
    lines = [json.loads(line) for path in pack.heldout for line in path.read_text(encoding="utf-8").split("\n") if line]
    count = len(lines) if cases is None else cases
    repeated = [_again(lines[i % len(lines)], i // len(lines)) for i in range(count)]
    _write(root / "heldout.jsonl", repeated)
    answers = [json.dumps(line["references"][0]) if i % SPOILT else "Sure!" for i, line in enumerate(repeated)]
    _write(folder / "answers.jsonl", [{"id": a["id"], "output": b} for a, b in zip(repeated, answers, strict=True)])
    return folder


def _again(line: Mapping[str, Any], turn: int) -> Mapping[str, Any]:
    suffix = f"-again{turn}" if turn else ""
    return {**line, "id": f"{line['id']}{suffix}", "intent": f"{line['intent']}{suffix}"}


def _write(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def run(folder: Path, *arguments: str) -> Cost:
    """One pytest process; its output must be that of a run that judged something, or of an empty one."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1, 5):  # passed, failures, nothing collected
        raise SystemExit(f"pytest did not run: the figures would mean nothing\n{done.stdout}{done.stderr}")
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measure(model: str | None, rounds: int) -> dict[str, Cost]:
    """The least cost by what was run: `empty`, `suites`, and `collect N`."""
    pack = load_pack("go2")
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        (base / "empty").mkdir()
        (base / "empty" / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        own = make_project(pack, base / "own")
        chosen = model or f"recorded:{own / 'answers.jsonl'}"
        runs: dict[str, tuple[Path, tuple[str, ...]]] = {
            "empty": (base / "empty", ()),
            "suites": (own, ("--model", chosen)),
        }
        for size in SIZES:
            folder = make_project(pack, base / str(size), size)
            runs[f"collect {size}"] = (folder, ("--model", f"recorded:{folder / 'answers.jsonl'}", *COLLECT))
        costs: dict[str, list[Cost]] = {key: [] for key in runs}
        for _ in range(rounds):
            for key, (folder, arguments) in runs.items():
                costs[key].append(run(folder, *arguments))
    return {key: Cost(min(cost.wall for cost in many), min(cost.cpu for cost in many)) for key, many in costs.items()}


def main() -> int:
    """Print the figures; 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a recording of the go2 pack, as recorded:/absolute/path")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    costs = measure(args.model, args.rounds)
    empty = costs["empty"]
    few, many = (costs[f"collect {size}"].cpu - empty.cpu for size in SIZES)
    figures = {
        "empty_wall_s": empty.wall,
        "empty_cpu_s": empty.cpu,
        "suites_beyond_wall_s": costs["suites"].wall - empty.wall,
        "suites_beyond_cpu_s": costs["suites"].cpu - empty.cpu,
        "limit_wall_s": LIMIT_S,
        **{f"collect_{size}_beyond_cpu_s": costs[f"collect {size}"].cpu - empty.cpu for size in SIZES},
        "growth_per_case": (many / SIZES[1]) / (few / SIZES[0]),
        "growth_limit": GROWTH_LIMIT,
    }
    if args.json:
        print(json.dumps(figures, indent=1))
    else:
        for name, value in figures.items():
            print(f"{name:30} {value:8.2f}")
    held = figures["suites_beyond_wall_s"] <= LIMIT_S and figures["growth_per_case"] <= GROWTH_LIMIT
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
