"""Synthetic answers for tests of reports: references of the real held-out cases, some of them broken on purpose.

No model wrote these. They go through the real checks and the simulated robot, so that a report made of them holds real
findings, traces and labels; they are never shipped as a sample.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from functools import cache

from harness.cases import Case
from harness.compare import Comparison, compare
from harness.models.outcomes import Completion, Outcome
from harness.pack import Pack, load_pack
from harness.score import Score, Scorer


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
    return scorer().score(
        Completion(
            key="",
            model=model,
            case_id=case.id,
            sample=sample,
            outcome=Outcome.ANSWERED,
            text=text,
            prompt_tokens=90 + len(case.command) // 4,
            completion_tokens=len(text) // 4,
            latency_s=0.2 + len(text) / 400,
        )
    )


def right(case: Case, _: random.Random) -> str:
    """The first reference."""
    return json.dumps(list(case.references[0]))


def _talk(case: Case, rng: random.Random) -> str:
    return f"Sure! Here is the plan:\n```python\n{right(case, rng)}\n```\nLet me know if you need more."


def _prose(case: Case, _: random.Random) -> str:
    return f"I will do that for you: {case.command}"


def _shorter(case: Case, _: random.Random) -> str:
    return json.dumps(list(case.references[0][:-1]) or ["self.wait(duration=1.0)"])


def _longer(case: Case, _: random.Random) -> str:
    return json.dumps([*case.references[0], "self.sport_client.Hello()"])


def _invented(case: Case, rng: random.Random) -> str:
    name = rng.choice(("navigate_to", "go_to_room", "sport_client.Jump", "battery.report", "sport_client.Standup"))
    return json.dumps([f"self.{name}('kitchen')", *case.references[0][1:]])


def _changed(case: Case, _: random.Random) -> str:
    return json.dumps([command.replace("1.57", "90").replace("'kitchen'", "'attic'") for command in case.references[0]])


def _syntax(case: Case, _: random.Random) -> str:
    return json.dumps([case.references[0][0][:-1], *case.references[0][1:]])


def _act(_case: Case, _rng: random.Random) -> str:
    return json.dumps(["self.sport_client.FrontJump()", "self.sport_client.Damp()"])


def _refuse(_case: Case, _rng: random.Random) -> str:
    return json.dumps(["self.decline(reason='I cannot do that')"])


def _loop(_case: Case, _rng: random.Random) -> str:
    return json.dumps(["self.move_forward(1)"] * 40)


FAULTS: tuple[Callable[[Case, random.Random], str], ...] = (
    *(_talk, _prose, _shorter, _longer, _invented, _changed, _syntax, _act, _refuse, _loop),
)


def answers(chosen: Sequence[Case], model: str, wrong: float, seed: int) -> list[Score]:
    """Scores of a synthetic model that gives a wrong answer with this probability, on its own seed."""
    rng = random.Random(seed)  # noqa: S311  reproducible answers, not a secret
    return [score(case, (rng.choice(FAULTS) if rng.random() < wrong else right)(case, rng), model) for case in chosen]


def comparison(size: int = 60, models: int = 2, wrong: Sequence[float] = (0.6, 0.25, 0.4, 0.1, 0.8)) -> Comparison:
    """A comparison of synthetic models on the first cases of an even choice from the pack."""
    every = cases()
    chosen = [every[i * len(every) // size] for i in range(size)] if size < len(every) else list(every)
    return on(chosen, [answers(chosen, f"synthetic:{k}", wrong[k], k) for k in range(models)])


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


def large(pairs: int) -> Comparison:
    """A comparison of two synthetic models with at least this many pairs: all cases, as many samples as it takes."""
    every = cases()
    samples = -(-pairs // len(every))
    sides = [
        [
            score(case, (rng.choice(FAULTS) if rng.random() < wrong else right)(case, rng), f"synthetic:{k}", sample)
            for case in every
            for sample in range(samples)
        ]
        for k, (wrong, rng) in enumerate(((0.6, random.Random(0)), (0.25, random.Random(1))))  # noqa: S311  as above
    ]
    return on(every, sides)
