"""From text to success: CPU of checks, simulation and judgement, against the floor of merely parsing.

The floor is `ast.literal_eval` of the list plus `ast.parse` of each command. Answers are distinct six-command lists, no
command is cached, each is judged by its own expectation, and every second one is wrong somewhere. Then 100,000 answers
are scored in one process and its memory is read before and after.

    python -m harness.benchmarks.whole_way
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from harness.cases import Case
from harness.checks import Checker
from harness.pack import Pack, load_pack
from harness.sdk.profile import Profile, load_profile
from harness.simulation import Expectation, decide, expect, load_scenes
from harness.tests.mutants_go2 import goal, look
from harness.tests.programs import Program, call, written

LIMIT = 5.0  # times the floor
ROUNDS = 5


def main() -> int:
    """Run from the command line; exit 1 where the limit is passed or memory grows."""
    parser = argparse.ArgumentParser(prog="python -m harness.benchmarks.whole_way", description=__doc__)
    parser.add_argument("--answers", type=int, default=2000, help="distinct answers (default: 2000)")
    parser.add_argument("--soak", type=int, default=100_000, help="answers of the memory run (default: 100000)")
    args = parser.parse_args()
    pack = load_pack("go2")
    profile = load_profile(pack.profile)
    texts, expectations = _answers(args.answers, profile, pack)
    uncached, cached = Checker(profile, cache_size=0), Checker(profile)
    ways: dict[str, Callable[[], object]] = {
        "floor: literal_eval and six ast.parse": lambda: _each(_floor, texts),
        "checks alone": lambda: _each(uncached.answer, texts),
        "text to success": lambda: _score(uncached, texts, expectations),
        "text to success, commands recurring": lambda: _score(cached, texts, expectations),
    }
    times = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, way in ways.items():
            began = time.process_time()
            way()
            times[name] = min(times[name], time.process_time() - began)
    floor = next(iter(times.values()))
    print(f"{len(texts)} distinct six-command answers, best of {ROUNDS} rounds, CPU of one core")
    for name, seconds in times.items():
        print(f"  {name:40} {1e6 * seconds / len(texts):8.1f} us an answer {seconds / floor:6.2f} x floor")
    right = sum(_score(uncached, texts, expectations))
    print(f"  judged right: {right} of {len(texts)} (every second answer is wrong)")
    grown = _soak(cached, texts, expectations, args.soak)
    print(f"  {args.soak} answers scored: peak memory grew by {grown:.1f} MB")
    held = times["text to success"] <= LIMIT * floor and grown < 5
    print("held" if held else f"NOT held: at most {LIMIT:g} x floor and 5 MB")
    return 0 if held else 1


def _each(way: Callable[[str], object], texts: Sequence[str]) -> None:
    for text in texts:
        way(text)  # nothing is kept: what the garbage collector does with a heap of trees is not the point


def _floor(text: str) -> list[ast.Expression]:
    return [ast.parse(command, mode="eval") for command in ast.literal_eval(text)]


def _score(checker: Checker, texts: Sequence[str], expectations: Sequence[Expectation]) -> list[bool]:
    return [
        decide(checker.answer(text), expectation).success for text, expectation in zip(texts, expectations, strict=True)
    ]


def _soak(checker: Checker, texts: Sequence[str], expectations: Sequence[Expectation], count: int) -> float:
    """MB that the peak resident set grows by while `count` answers are scored."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for start in range(0, count, len(texts)):
        for text, expectation in islice(zip(texts, expectations, strict=True), count - start):
            decide(checker.answer(text), expectation)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def _answers(count: int, profile: Profile, pack: Pack) -> tuple[list[str], list[Expectation]]:
    """Distinct answers with the expectation of the command each belongs to."""
    scenes = load_scenes(pack, profile)
    checker = Checker(profile)
    rng = random.Random(0)  # noqa: S311  repeatable, no secret
    texts: dict[str, Expectation] = {}
    for program in _programs(rng, tuple(scenes["home"].rooms)):
        text = written(program, profile)
        if text in texts:
            continue
        commands = tuple(ast.literal_eval(text))
        case = Case("b", "b", "b", "b", "execute", (commands,), "home")
        expectation = expect(case, scenes, lambda reference: checker.answer(json.dumps(list(reference))).calls or ())
        answer = text if len(texts) % 2 else written((*program[4:], *program[2:4], *program[:2]), profile)
        texts.setdefault(answer, expectation)
        if len(texts) == count:
            break
    return list(texts), list(texts.values())


def _programs(rng: random.Random, rooms: Sequence[str]) -> Iterator[Program]:
    """Programs of six calls."""
    things = ("red ball", "teapot", "chair", "backpack", "globe", "watering can")
    while True:
        turn = (call("spin", angle=round(rng.uniform(-3.1, -0.1), 3)), call("wait_for_navigation"))
        find = look("find_object")
        request = call("create_perception_request", task="find_object", object_name=rng.choice(things))
        find = (call("perception_client.call_async", request=request), find[1])
        speech = (call("say", text=f"Number {rng.randint(1, 9999)} is ready"), call("capture_image"))
        waiting = (call("wait", seconds=round(rng.uniform(1, 59), 1)), call("report_battery_level"))
        parts = rng.sample([goal(rng.choice(rooms)), turn, find, speech, waiting], 3)
        yield tuple(one for part in parts for one in part)


if __name__ == "__main__":
    sys.exit(main())
