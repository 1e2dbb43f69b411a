"""Whether a long collection stays small and its cost per sample flat.

Run: python -m harness.benchmarks.memory_flat [--samples 500 5000] [--json]

Each size is collected in a fresh process, with the journal on and 64 concurrent, from a server in another process.
Peak resident memory is that of the collecting process with everything it imports.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time

from harness.benchmarks.client_overhead import make_requests, ours
from harness.benchmarks.fast_server import fast_server

MEMORY_LIMIT_MB = 120
REPEATS = 3  # the machine's speed varies
FLAT = 1.15  # CPU per sample of the largest size over the smallest


def measure(base_url: str, samples: int) -> dict[str, float]:
    """Peak memory in MB and median CPU milliseconds per sample, each collection in a fresh process."""
    command = [sys.executable, "-m", "harness.benchmarks.memory_flat", "--child", base_url, str(samples)]
    runs = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(REPEATS)
    ]
    return {
        "peak_mb": max(run["peak_mb"] for run in runs),
        "cpu_ms_per_sample": statistics.median(run["cpu_ms_per_sample"] for run in runs),
    }


def _child(base_url: str, samples: int) -> None:
    ours(base_url, make_requests(64))  # imports and first connections are paid once, not per sample
    before = time.process_time()
    ours(base_url, make_requests(samples))
    cpu = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak_mb = peak / 2**20 if sys.platform == "darwin" else peak / 2**10  # bytes there, KiB elsewhere
    print(json.dumps({"peak_mb": peak_mb, "cpu_ms_per_sample": cpu / samples * 1000}))


def main() -> int:
    """Print the figures; exit 1 where memory or growth is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, nargs="+", default=[500, 5000])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        _child(args.child[0], int(args.child[1]))
        return 0
    with fast_server() as base_url:
        figures = {samples: measure(base_url, samples) for samples in sorted(args.samples)}
    smallest, largest = figures[min(figures)], figures[max(figures)]
    growth = largest["cpu_ms_per_sample"] / smallest["cpu_ms_per_sample"]
    within = largest["peak_mb"] <= MEMORY_LIMIT_MB and growth <= FLAT
    if args.json:
        print(json.dumps({"samples": figures, "cpu_growth": growth, "within": within}))
        return 0 if within else 1
    for samples, figure in figures.items():
        cost = f"{figure['cpu_ms_per_sample']:.2f} ms CPU per sample"
        print(f"{samples:>6} samples   {figure['peak_mb']:6.1f} MB peak   {cost}")
    print(f"CPU per sample grows {growth:.2f} x (at most {FLAT}), peak memory at most {MEMORY_LIMIT_MB} MB: ", end="")
    print("within" if within else "ABOVE")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
