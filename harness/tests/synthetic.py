"""Synthetic answers for tests of reports: references of the real held-out cases, some of them broken on purpose.

No model wrote these. They go through the real checks and the simulated robot, so that a report made of them holds real
findings, traces and labels; they are never shipped as a sample.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from itertools import repeat

from harness.cases import Case
from harness.compare import Comparison, compare
from harness.models.outcomes import Completion, Outcome
from harness.pack import Pack, load_pack
from harness.score import Score, Scorer

HOSTILE = (
    "</script><script>window.pwned = 1</script>",
    "<img src=x onerror='window.pwned = 1'>",
    '"><svg onload=window.pwned=1>',
    "<a href='javascript:window.pwned=1'>go</a>",
    "<!--<script>",
    "</style></template></details></title>",
    "\u202egnp.exe\u2066\u200b\u00ad\ufeff",
    "\x1b[31mred\x1b[0m\x07\x08",
    "a\x00b\x7f\x85",
    "\ud800 alone",
    "line\u2028and\u2029paragraph\r\nend",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; &amp;",
    "x" * 100_000,
)


@cache
def pack() -> Pack:
    """The shipped pack."""
    return load_pack("go2")


@cache
def cases() -> tuple[Case, ...]:
    """Its held-out cases."""
    return tuple(pack().cases())


@cache
def scorer() -> Scorer:
    """A scorer of all its cases."""
    return Scorer(pack(), cases())


def score(case: Case, text: str, model: str, sample: int = 0) -> Score:
    """Score one text as a model's answer; tokens and latency follow from its length."""
    asked, told, latency = 90 + len(case.command) // 4, len(text) // 4, 0.2 + len(text) / 400
    one = Completion("", model, case.id, sample, Outcome.ANSWERED, text, prompt_tokens=asked, completion_tokens=told)
    return scorer().score(replace(one, latency_s=latency))


def right(case: Case) -> str:
    """The first reference."""
    return json.dumps(list(case.references[0]))


def faults(case: Case, rng: random.Random) -> tuple[str, ...]:
    """Wrong answers of many kinds; the first is prose without any list."""
    first, *later = case.references[0]
    invented = rng.choice(("navigate_to", "go_to_room", "sport_client.Jump", "battery.report", "sport_client.Standup"))
    lists = (
        [first, *later][:-1] or ["self.wait(duration=1.0)"],
        [first, *later, "self.sport_client.Hello()"],
        [f"self.{invented}('kitchen')", *later],
        [command.replace("1.57", "90").replace("'kitchen'", "'attic'") for command in (first, *later)],
        [first[:-1], *later],
        ["self.sport_client.FrontJump()", "self.sport_client.Damp()"],
        ["self.decline(reason='I cannot do that')"],
        ["self.move_forward(1)"] * 40,
    )
    talk = f"Sure! Here is the plan:\n```python\n{right(case)}\n```\nLet me know if you need more."
    return (f"I will do that for you: {case.command}", talk, *map(json.dumps, lists))


def answer(case: Case, rng: random.Random, wrong: float) -> str:
    """A wrong answer with this probability, else the right one."""
    return rng.choice(faults(case, rng)) if rng.random() < wrong else right(case)


def comparison(pairs: int = 60, models: int = 2, wrong: Sequence[float] = (0.6, 0.25, 0.4, 0.1, 0.8)) -> Comparison:
    """A comparison of synthetic models on an even choice of cases, or all of them in as many samples as it takes."""
    every = cases()
    chosen = [every[i * len(every) // pairs] for i in range(pairs)] if pairs < len(every) else list(every)
    samples = -(-pairs // len(chosen))
    sides = []
    for k in range(models):
        rng = random.Random(k)  # noqa: S311  reproducible answers, not a secret
        sides.append(
            [score(case, answer(case, rng, wrong[k]), f"synthetic:{k}", n) for case in chosen for n in range(samples)]
        )
    return on(chosen, sides)


def hostile() -> Comparison:
    """Every hostile text as a whole answer, inside a command, and beside a list."""
    chosen = cases()[: 3 * len(HOSTILE)]
    answers = [
        *HOSTILE,
        *(json.dumps([f"self.say(text={text!r})", text]) for text in HOSTILE),
        *(f'{text} ["self.wait(seconds=1.0)"] {text}' for text in HOSTILE),
    ]
    return answered(chosen, map(right, chosen), answers, names=("base <b>\u202e", "x</title>"))


def answered(chosen: Sequence[Case], *sides: Iterable[str], names: Sequence[str] = "ab") -> Comparison:
    """A comparison of the answers that models of these names gave."""
    return on(chosen, [list(map(score, chosen, texts, repeat(name))) for name, texts in zip(names, sides, strict=True)])


def on(chosen: Sequence[Case], scores: Sequence[Sequence[Score]]) -> Comparison:
    """A comparison of given scores with a provenance as a real one has it."""
    provenance = {
        "pack": "go2",
        "success_means": "Success: the right disposition, no finding, and everything that was asked for.",
        "models": "synthetic answers for tests, written by no model",
        "system_message": "Answer with a Python list of strings.",
        "answered_until": "2026-11-22T12:00:00+00:00",
        "command": "gonogo compare recorded:a.jsonl recorded:b.jsonl --all",
    }
    return compare(chosen, scores, provenance, {case.id: scorer().expectation(case) for case in chosen})
