"""What asking by batch costs on our side: CPU and memory of planning, uploading and bringing home.

    python -m harness.benchmarks.batch [--requests 20000] [--json]

The provider is the loopback server in a process of its own, which answers at once, so that what is left is our work.
Requests are held in memory as in the interactive way; input and result files are not.
"""

from __future__ import annotations

import argparse
import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from harness.batch.follow import Wanted, fill
from harness.batch.provider import BatchOptions
from harness.benchmarks.client_overhead import make_requests
from harness.models.connect import connect
from harness.models.requests import Decoding, Request
from harness.models.specs import ModelSpec
from harness.tests.batches import Batches
from harness.tests.loopback import LoopbackServer

PROJECTED = 5_000_000


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        return _serve()
    with subprocess.Popen(
        [sys.executable, "-m", "harness.benchmarks.batch", "--serve"], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None, "it has a pipe"
            figures = measure(server.stdout.readline().strip(), args.requests)
        finally:
            server.kill()
    if args.json:
        print(json.dumps(figures))
        return 0
    print(
        f"{args.requests} requests by batch: {figures['cpu_ms']:.3f} ms CPU a request, {figures['wall_s']:.1f} s in all"
    )
    print(f"peak memory {figures['peak_mb']:.0f} MB, {figures['kb_per_request']:.1f} kB a request above the start")
    hours = PROJECTED * figures["cpu_ms"] / 3.6e6
    print(f"projection, not measured: {PROJECTED:,} requests cost {hours:.1f} hours of one core, over a day of waiting")
    return 0


def measure(base_url: str, count: int) -> dict[str, float]:
    """CPU milliseconds and kilobytes a request, wall seconds, peak MB."""
    spec = ModelSpec("lab:m", "endpoint", "m", base_url)
    requests = make_requests(count)
    with tempfile.TemporaryDirectory() as name:
        _fill(spec, requests[:100], Path(name) / "first.jsonl")  # imports and the first connection
        before, cpu, wall = _peak_mb(), time.process_time(), time.perf_counter()
        _fill(spec, requests, Path(name) / "journal.jsonl")
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {
        "requests": count,
        "cpu_ms": 1000 * cpu / count,
        "wall_s": wall,
        "peak_mb": _peak_mb(),
        "kb_per_request": (_peak_mb() - before) * 1024 / count,
    }


def _fill(spec: ModelSpec, requests: Sequence[Request], journal: Path) -> None:
    fill(
        [Wanted(spec, requests, Decoding())],
        journal,
        connect=connect,
        show=lambda _: None,
        options=BatchOptions(look_every_s=0.05),
    )


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10  # bytes there, KiB elsewhere


def _serve() -> int:
    with LoopbackServer() as server:
        Batches(server)
        print(server.base_url, flush=True)
        signal.pause()  # until it is killed
    return 0


if __name__ == "__main__":
    sys.exit(main())
