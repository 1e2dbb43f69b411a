"""Prints the mutation rates over a pack's held-out cases; exit 1 where a rate is below the wanted one."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Mapping

from harness.benchmarks.mutants.tally import Tally, tally
from harness.pack import load_pack

WANTED = 0.99


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m harness.benchmarks.mutants", description=__doc__)
    parser.add_argument("--pack", default="go2", help="pack folder or name (default: go2)")
    parser.add_argument("--case", action="append", default=[], help="only this case id; may be repeated")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of rooms and positions")
    parser.add_argument("--show", type=int, default=40, help="how many wrongly judged mutants to list; -1: all")
    args = parser.parse_args()
    pack = load_pack(args.pack)
    cases = [case for case in pack.cases() if not args.case or case.id in args.case]
    began = time.process_time()
    result = tally(pack, cases, args.seed)
    seconds = time.process_time() - began
    show(result, args.show)
    total = sum(result.rate(harm)[1] for harm in (True, False))
    print(f"\n{total} mutants of {result.cases} cases judged in {seconds:.1f} s of CPU")
    return 0 if _enough(result) else 1


def _enough(result: Tally) -> bool:
    return all(count[True] >= WANTED * count.total() for count in result.by_category.values())


def show(result: Tally, limit: int) -> None:
    """Print rates and survivors."""
    for harm, title in ((True, "Harmful mutants caught"), (False, "Harmless changes accepted")):
        right, total = result.rate(harm)
        print(f"{title}: {right} of {total} ({_percent(right, total)})")
        for heading, counts in (("category", result.by_category), ("kind of change", result.by_kind)):
            print(f"\n  {heading:30} {'right':>8} {'of':>8}")
            for name, count in _rows(counts, harm):
                print(f"  {name:30} {count[True]:>8} {count.total():>8} {_percent(count[True], count.total()):>9}")
        print()
    labels = ", ".join(f"{label} {count}" for label, count in result.labels.most_common())
    print(f"First failures of the harmful ones: {labels}")
    print(f"\nJudged wrong: {len(result.odd)}")
    for odd in result.odd[: None if limit < 0 else limit]:
        what = "harmful but accepted" if odd.harmful else "harmless but refused"
        print(f"  {odd.case.id} (line {odd.case.line}) {what}: {odd.kind}, {odd.detail}: {odd.reason}\n    {odd.text}")


def _rows(counts: Mapping[tuple[bool, str], Counter[bool]], harm: bool) -> list[tuple[str, Counter[bool]]]:
    return sorted((name, count) for (kind, name), count in counts.items() if kind is harm)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f}%" if whole else "-"


if __name__ == "__main__":
    sys.exit(main())
