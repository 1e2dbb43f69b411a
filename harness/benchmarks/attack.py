"""The attack suite at length: `python -m harness.benchmarks.attack [draws] [kills] [seed]`.

More draws of the faults of `harness.tests.hostile`, then kills at random moments of commands: after each the journal is
read, the same command ends well, and nothing was asked twice but what was on its way when the process died. Training on
this machine has its kill in `test_finetune_local`. Prints what did not hold, and one line of figures; exit code 1 where
there is any.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from harness.answers import read_journal
from harness.tests.hostile.attack import BOUNDARIES, Laboratory, attack, laboratory, run

COMMANDS = [
    "run e:m --pack toy --record kept.jsonl",
    "run e:m{0} --pack toy --batch --batch-look 0.05",
    "compare e:m e:n --pack toy --all --report r.html",
    "gate e:m --against e:n --pack toy --record kept.record",
    "promote e:m --against e:n --pack toy --record kept.record",
    "generate --teacher pack --pack go2 -n 20 --out made",
    "finetune train.jsonl --provider openai --model e:m --yes --poll 0.1 --seed {0}",
    "score safe.jsonl --pack toy --table kept.csv",
]
IN_FLIGHT = 16  # the endpoint's concurrency: requests that one kill may lose


def kill_at_random(lab: Laboratory, command: str, rng: random.Random) -> Iterator[str]:
    """Kill a command at a random moment, then let it end; a line for each thing that did not hold."""
    shutil.rmtree("runs", ignore_errors=True)
    lab.server.received.clear()
    jobs, batched = len(lab.tuning.jobs), len(lab.batches.requests())
    program = [sys.executable, "-m", "harness", *command.split()]
    with contextlib.suppress(subprocess.TimeoutExpired):  # for which it is killed
        subprocess.run(program, capture_output=True, check=False, timeout=rng.uniform(0.3, 3.0))
    journal = Path("runs/toy.jsonl")
    kept = _keys(journal)
    ended = run(command)
    if ended.code not in (0, 1, 3):
        yield f"{command}: after a kill it ends with {ended.code}: {ended.said[-300:]}"
    asked = lab.server.count() + len(lab.batches.requests()) - batched
    answers = _keys(journal)
    lost = 0 if "--batch" in command else IN_FLIGHT  # of a batch nothing is, whenever it is looked for again
    if asked > len(answers) + lost or not kept <= answers:
        yield f"{command}: {len(kept)} answers were kept, {len(answers)} are there, {asked} were asked"
    if len(lab.tuning.jobs) - jobs != ("finetune" in command):
        yield f"{command}: {len(lab.tuning.jobs) - jobs} jobs"


def _keys(journal: Path) -> set[str]:
    """What a journal answers, whose last line a kill may have cut."""
    found = set[str]()
    read_journal(journal, (), notice=lambda one: found.add(one.key))
    return found


def main(draws: int = 200, kills: int = 100, seed: int = 1) -> int:
    """Attack, print, and return the exit code."""
    rng, found, begun = random.Random(seed), 0, time.monotonic()  # noqa: S311
    with tempfile.TemporaryDirectory() as folder, laboratory(Path(folder, "lab"), answer_s=0.05) as lab:
        attacked = (attack(name, rng, draws) for name in BOUNDARIES)
        killed = (kill_at_random(lab, COMMANDS[n % len(COMMANDS)].format(n), rng) for n in range(kills))
        for line in chain.from_iterable(chain(attacked, killed)):
            found += 1
            print(line, flush=True)
    minutes = (time.monotonic() - begun) / 60
    print(f"{draws * len(BOUNDARIES)} faults, {kills} kills, {found} that did not hold, {minutes:.1f} minutes")
    return int(found > 0)


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
