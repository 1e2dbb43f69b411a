"""One table of figures: what gonogo costs, each figure by a named row, here and beside another checkout.

    python -m harness.benchmarks.speed                                 every row
    python -m harness.benchmarks.speed checks gate --rounds 5          these rows
    python -m harness.benchmarks.speed checks gate --against ../old    and the same of another checkout, in turns

Every figure is a cost: less is better. It is the least of the rounds, since other work on a machine only adds to it;
CPU time where nothing else is said. The ratio is of the two least ones. Rows run `gonogo` in processes of their own, so
that another checkout needs today's options alone, with the packages that are installed here. A row that lacks something
(Chromium, the extras `scale`, `train`, `local`) is skipped and says why. For the other checkout of a commit:

    git worktree add --detach ../old COMMIT
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.benchmarks.rows import ROWS, Figures
from harness.benchmarks.workload import HERE, Checkout, FailedError, SkippedError

MOST_OF_OTHER = 1.10  # of the other checkout's cost, before it counts as slower


def measure(name: str, checkouts: Sequence[Checkout], rounds: int, size: float) -> list[Figures]:
    """The least figures of one row, for each checkout; they take turns."""
    best: list[Figures] = [{} for _ in checkouts]
    for _ in range(rounds):
        for at, so_far in zip(checkouts, best, strict=True):
            with tempfile.TemporaryDirectory() as folder:
                for figure, value in ROWS[name](at, Path(folder), size).items():
                    so_far[figure] = min(value, so_far.get(figure, value))
    return best


def main() -> int:
    """Print the table; 1 where a row fails, or a figure is more than a tenth above the other checkout's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"some of: {', '.join(ROWS)} (default: all)")
    parser.add_argument("--against", type=Path, metavar="PATH", help="another checkout")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="times that each is measured (default: 3)")
    parser.add_argument("--size", type=float, default=1.0, metavar="X", help="share of the answers, 0.1 for a trial")
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    args = parser.parse_args()
    if unknown := set(args.rows) - ROWS.keys():
        parser.error(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    others = [Checkout(args.against.resolve())] if args.against else []
    table, good = [], True
    for name in args.rows or ROWS:
        try:
            here, *there = measure(name, [Checkout(HERE), *others], args.rounds, args.size)
        except (FailedError, SkippedError) as error:
            good &= isinstance(error, SkippedError)
            print(f"{name:9} {error}", file=sys.stderr)
            continue
        for figure, value in here.items():
            other = there[0].get(figure) if there else None
            ratio = value / other if other else None
            good &= ratio is None or ratio <= MOST_OF_OTHER
            table.append({"row": name, "figure": figure, "here": value, "there": other, "ratio": ratio})
            if not args.json:
                beside = "" if other is None else f"{other:11.3f}  " + ("" if ratio is None else f"{ratio:5.2f}")
                print(f"{name:9} {figure:32} {value:11.3f} {beside}", flush=True)
    if args.json:
        print(json.dumps({"rounds": args.rounds, "size": args.size, "table": table}, indent=1))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
