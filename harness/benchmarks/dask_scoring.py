"""Scoring on a local Dask cluster: answers a second with one worker and with two, memory of a worker, and a projection.

    python -m harness.benchmarks.dask_scoring [--answers 300000] [--workers 1 2] [--rounds 3] [--json]

The answers are to the go2 pack's held-out commands: right ones, right ones to other commands, ones with random numbers
in them (so that most texts are distinct and no cache holds them), and talk. Each round starts a cluster of each size,
lets its workers score a tenth of the answers first (imports, the pack; their memory is read), then times all of them,
tables as Parquet included. All of it, scheduler and client included, is held to as many cores as there are workers at
most. Efficiency is the rate of all workers over their number times the rate of one, in the same round. Where other
programs keep the machine busy that figure is theirs as much as ours; what the CPU times alone would allow stands beside
it: CPU of an answer with one worker, over that with all of them plus the scheduler's and client's share.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.cases import Case
from harness.cluster import open_cluster, score_on
from harness.pack import load_pack

LEAST_EFFICIENCY = 0.85
PARTITION = 500_000  # bytes: many more partitions than workers, so that none waits long for the last one
FLAT_MB = 10  # by which a worker's peak may grow from a tenth of the answers to all of them
PROJECTED_ANSWERS, PROJECTED_CORES = 5_000_000, 64
_NUMBER = re.compile(r"-?\d+\.?\d*")


def write_answers(path: Path, count: int, cases: Sequence[Case], seed: int = 0) -> int:
    """Write a recording; how many of its texts are distinct."""
    rng = random.Random(seed)  # noqa: S311  repeatable, no secret
    texts = set()
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            case = cases[number % len(cases)]
            text = _answer(case, cases, rng)
            texts.add(hash(text))
            file.write(json.dumps({"id": case.id, "output": text, "sample": number // len(cases)}) + "\n")
    return len(texts)


def _answer(case: Case, cases: Sequence[Case], rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.05:
        return f"Sure! I will do that in {rng.randint(1, 10**6)} steps."
    source = case if kind < 0.6 else rng.choice(cases)
    commands = list(rng.choice(source.references))
    if kind > 0.3:
        commands = [_NUMBER.sub(lambda _: f"{rng.uniform(0.1, 3):.3f}", command) for command in commands]
        commands.append(f"self.wait(seconds={rng.uniform(1, 50):.3f})")
    return json.dumps(commands)


def measure(workers: int, few: Path, many: Path, folder: Path) -> dict[str, float]:
    """One round with so many workers: wall seconds, CPU seconds and peak memory in MB of the workers."""
    pack = load_pack("go2")
    with open_cluster(None, workers) as client:
        client.wait_for_workers(workers)
        score_on(client, [str(few)], pack, str(folder), block=PARTITION)
        peak_few = max(client.run(_peak_mb).values())
        before = sum(client.run(time.process_time).values())
        started, own = time.perf_counter(), time.process_time()
        answers = len(score_on(client, [str(many)], pack, str(folder), block=PARTITION))
        seconds, own = time.perf_counter() - started, time.process_time() - own
        cpu = sum(client.run(time.process_time).values()) - before
        peak_many = max(client.run(_peak_mb).values())
    return {
        "answers": answers,
        "seconds": seconds,
        "rate": answers / seconds,
        "cpu_ms_per_answer": 1000 * cpu / answers,
        "own_cpu_ms_per_answer": 1000 * own / answers,  # client and scheduler share a process here
        "cores_used": cpu / seconds,
        "peak_mb_few": peak_few,
        "peak_mb": peak_many,
    }


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10  # bytes there, KiB elsewhere


def main() -> int:
    """Print the figures; exit 1 where efficiency or memory is beyond its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=300_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: max(args.workers)])
    cases = load_pack("go2").cases()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_answers(folder / "few.jsonl", args.answers // 10, cases, seed=1)
        distinct = write_answers(folder / "many.jsonl", args.answers, cases)
        rounds = [
            {
                workers: measure(workers, folder / "few.jsonl", folder / "many.jsonl", folder / "table")
                for workers in args.workers
            }
            for _ in range(args.rounds)
        ]
    result = _summary(rounds) | {"distinct_texts": distinct, "load_average": os.getloadavg()}
    print(json.dumps({"rounds": rounds, **result}) if args.json else _words(rounds, result))
    return 0 if result["within"] else 1


def _summary(rounds: Sequence[dict[int, dict[str, float]]]) -> dict[str, Any]:
    least, most = min(rounds[0]), max(rounds[0])
    efficiencies = [one[most]["rate"] * least / (one[least]["rate"] * most) for one in rounds]
    by_cpu = [
        one[least]["cpu_ms_per_answer"] / (one[most]["cpu_ms_per_answer"] + one[most]["own_cpu_ms_per_answer"])
        for one in rounds
    ]
    grown = max(figures["peak_mb"] - figures["peak_mb_few"] for one in rounds for figures in one.values())
    per_process = max(one[most]["rate"] for one in rounds) / most
    return {
        "efficiencies": efficiencies,
        "efficiency": statistics.median(efficiencies),
        "efficiency_by_cpu": statistics.median(by_cpu),
        "grown_mb": grown,
        "projected_s": PROJECTED_ANSWERS / (PROJECTED_CORES * per_process),
        "within": statistics.median(efficiencies) >= LEAST_EFFICIENCY and grown <= FLAT_MB,
    }


def _words(rounds: Sequence[dict[int, dict[str, float]]], result: dict[str, Any]) -> str:
    first = next(iter(rounds[0].values()))
    lines = [f"{first['answers']:.0f} answers, {result['distinct_texts']} distinct texts, {len(rounds)} rounds"]
    for workers in rounds[0]:
        best = max((one[workers] for one in rounds), key=lambda figures: figures["rate"])
        lines += [
            f"workers {workers}: {best['rate']:.0f} answers/s, {best['rate'] / workers:.0f} a process",
            f"    {best['cpu_ms_per_answer']:.3f} ms CPU of workers an answer, {best['cores_used']:.2f} cores used",
            f"    peak of a worker {best['peak_mb_few']:.0f} MB after a tenth, {best['peak_mb']:.0f} MB after all",
        ]
    each = ", ".join(f"{one:.2f}" for one in result["efficiencies"])
    minutes = result["projected_s"] / 60
    lines += [
        f"efficiency {result['efficiency']:.2f}, the median of {each} (at least {LEAST_EFFICIENCY})",
        f"    by CPU time alone {result['efficiency_by_cpu']:.2f}: an estimate for a machine with nothing else to do",
        f"a worker's peak grows by at most {result['grown_mb']:.1f} MB (at most {FLAT_MB})",
        f"projection, not measured: {PROJECTED_ANSWERS:,} answers on {PROJECTED_CORES} cores in {minutes:.1f} minutes",
        "    if each process keeps the rate that it has here with the most workers",
        f"load average at the end: {result['load_average'][0]:.1f}",
        "within" if result["within"] else "NOT within",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
