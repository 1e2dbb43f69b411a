"""Time of `gonogo gate` on two recordings, from the start of the process to its end, bootstrap included.

Run: python -m harness.benchmarks.gate_speed [BASE.jsonl CANDIDATE.jsonl] [--rounds 5] [--early-stop] [--json]

Without arguments two recordings are made from the references of the go2 pack, a seeded fifth and a quarter of them
replaced by a wrong answer: the time depends on the number of answers, not on which are right. The limit is 3 s of
wall time on 2 idle cores; on a busy machine look at the CPU time.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT_S = 3.0


def synthetic(path: Path, wrong: float, seed: int) -> Path:
    """A recording of the go2 pack with a share of wrong answers."""
    from harness.pack import load_pack

    rng = random.Random(seed)  # noqa: S311  reproducible, not secret
    lines = []
    for case in load_pack("go2").cases():
        answer = ["self.ask_operator(question='which?')"] if rng.random() < wrong else list(case.references[0])
        lines.append(json.dumps({"id": case.id, "output": repr(answer)}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def measure(base: Path, candidate: Path, rounds: int, options: list[str]) -> dict[str, object]:
    """Wall and CPU seconds of `gonogo gate` in fresh processes."""
    command = [sys.executable, "-m", "harness", "gate", f"recorded:{candidate}", "--against", f"recorded:{base}"]
    walls, cpus, verdict = [], [], ""
    for _ in range(rounds):
        before, start = _cpu(), time.perf_counter()
        done = subprocess.run([*command, "--json", *options], capture_output=True, text=True, check=False)
        walls.append(time.perf_counter() - start)
        cpus.append(_cpu() - before)
        if done.returncode not in (0, 1, 3):
            raise SystemExit(done.stderr)
        verdict = json.loads(done.stdout)["verdict"]
    answers = sum(1 for path in (base, candidate) for line in path.read_text().splitlines() if line.strip())
    return {
        "answers": answers,
        "verdict": verdict,
        "wall_s_best": round(min(walls), 2),
        "wall_s_median": round(statistics.median(walls), 2),
        "cpu_s_median": round(statistics.median(cpus), 2),
        "limit_s": LIMIT_S,
        "within": min(walls) <= LIMIT_S,
    }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Measure, print, and return 1 where the limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", nargs="*", type=Path, metavar="BASE CANDIDATE")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--early-stop", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if len(args.recordings) not in (0, 2):
        parser.error("two recordings, or none")
    with tempfile.TemporaryDirectory() as folder:
        base, candidate = args.recordings or (
            synthetic(Path(folder) / "base.jsonl", 0.25, 1),
            synthetic(Path(folder) / "candidate.jsonl", 0.2, 2),
        )
        figures = measure(base, candidate, args.rounds, ["--early-stop"] if args.early_stop else [])
    print(json.dumps(figures) if args.json else "\n".join(f"{name:14} {value}" for name, value in figures.items()))
    return 0 if figures["within"] else 1


if __name__ == "__main__":
    sys.exit(main())
