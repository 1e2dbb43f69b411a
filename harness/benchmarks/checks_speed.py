"""What checking an answer costs beside parsing it: CPU of format + syntax + API + safety over the floor.

Run: python -m harness.benchmarks.checks_speed [--answers 2000] [--rounds 5] [--memory 100000] [--json]

The floor is what no checker of Python text can do without: `ast.literal_eval` of the list and `ast.parse` of each
command. Both take turns in one process on one core; ratios are medians over the rounds. Three loads:

- distinct: different answers of six commands, the cache of commands switched off, so that nothing recurs;
- recordings: the references of the held-out cases, as models repeat them, each checker starting with an empty cache;
- memory: the peak resident size after a tenth of the answers and after all of them, arguments drawn anew for each.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable

from harness.benchmarks.answers_from_profile import distinct_answers, endless_answers
from harness.checks import Checker
from harness.pack import load_pack
from harness.sdk.profile import Profile, load_profile

DISTINCT_LIMIT = 2.5  # ours over the floor, where nothing recurs
RECORDED_LIMIT = 1.0  # and where commands recur
COPIES = 6  # how often a reference recurs in a recording: two models, three samples
MEMORY_LIMIT = 1.05  # peak after all answers over the peak after a tenth: ten times the answers, no growth


def floor(answers: list[str]) -> None:
    """Read each list and parse each command, judging nothing."""
    for answer in answers:
        for command in ast.literal_eval(answer):
            ast.parse(command, mode="eval")


def checking(profile: Profile, answers: list[str], cache_size: int | None) -> Callable[[], None]:
    """The whole check of every answer by a fresh checker; every answer must turn out right."""

    def run() -> None:
        checker = Checker(profile) if cache_size is None else Checker(profile, cache_size)
        for answer in answers:
            if checker.answer(answer, ("sport_client.Damp", "sport_client.FrontJump")).findings:
                raise AssertionError(f"a right answer has findings: {answer}")

    return run


def compare(profile: Profile, answers: list[str], rounds: int, cache_size: int | None) -> dict[str, float]:
    """Microseconds an answer of both, and the median ratio."""
    ours = checking(profile, answers, cache_size)
    pairs = [(_cpu(lambda: floor(answers)), _cpu(ours)) for _ in range(rounds)]
    return {
        "answers": len(answers),
        "floor_us": 1e6 * statistics.median(f for f, _ in pairs) / len(answers),
        "ours_us": 1e6 * statistics.median(o for _, o in pairs) / len(answers),
        "ratio": statistics.median(o / f for f, o in pairs),
    }


def recorded_answers() -> list[str]:
    """The accepted references of the pack's cases, written as answers, as often as a recording repeats them."""
    references = [list(commands) for case in load_pack("go2").cases() for commands in case.references]
    return [json.dumps(commands, ensure_ascii=False) for commands in references] * COPIES


def memory(profile: Profile, count: int) -> dict[str, float]:
    """Peak resident MB after a tenth of the answers and after all; each is made, checked and dropped."""
    checker = Checker(profile)
    peaks = []
    for number, answer in enumerate(itertools.islice(endless_answers(profile, seed=1), count), start=1):
        checker.answer(answer)
        if number in {count // 10, count}:
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return {"answers": count, "after_tenth_mb": peaks[0], "after_all_mb": peaks[-1], "ratio": peaks[-1] / peaks[0]}


def _cpu(run: Callable[[], None]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def main() -> int:
    """Print the figures; 1 where a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", type=int, default=100_000, help="answers for the memory load; 0 leaves it out")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    profile = load_profile(load_pack("go2").profile)
    # Memory first: the peak of the other loads, which hold all their answers, would hide it.
    used = memory(profile, args.memory) if args.memory else None
    distinct = compare(profile, distinct_answers(profile, args.answers), args.rounds, cache_size=0)
    recorded = compare(profile, recorded_answers(), args.rounds, cache_size=None)
    result = {"distinct": distinct, "recordings": recorded, "memory": used}
    ok = distinct["ratio"] <= DISTINCT_LIMIT and recorded["ratio"] <= RECORDED_LIMIT
    ok &= used is None or used["ratio"] <= MEMORY_LIMIT
    if args.json:
        print(json.dumps({**result, "within_limits": ok}))
        return 0 if ok else 1
    for name, row, limit in (("distinct", distinct, DISTINCT_LIMIT), ("recordings", recorded, RECORDED_LIMIT)):
        print(
            f"{name:10} {row['answers']:6} answers  floor {row['floor_us']:6.1f} us  ours {row['ours_us']:6.1f} us  "
            f"ratio {row['ratio']:.2f} (at most {limit})  {1e6 / row['ours_us']:,.0f} answers/s"
        )
    if used:
        print(
            f"{'memory':10} {used['answers']:6} answers  {used['after_tenth_mb']:.1f} MB after a tenth, "
            f"{used['after_all_mb']:.1f} MB after all  ratio {used['ratio']:.3f} (at most {MEMORY_LIMIT})"
        )
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
