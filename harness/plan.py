"""How many intents, paraphrases and samples a decision needs, and what asking them costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from harness.errors import InputError
from harness.statistics.power import Design, estimate_design, intents_needed, minimum_detectable_difference, power_of

if TYPE_CHECKING:
    from harness.cases import Case
    from harness.models.outcomes import Completion
    from harness.score import Score

PARAPHRASES = (1, 2, 3, 5)  # rows of the table
SAMPLES = (1, 3, 5)
CHARACTERS_PER_TOKEN = 4.0  # where no usage was recorded: OpenAI's rule of thumb for English text


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request, on average, and in words where the numbers come from."""

    prompt_tokens: float
    completion_tokens: float
    source: str


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be shown, and how surely.

    Attributes:
        margin: Share that may be lost.
        true_difference: Candidate - base as it is expected to be; more than minus the margin.
        alpha: One-sided chance of a wrong GO.
        power: Chance of a GO if the true difference is as expected.
    """

    margin: float
    true_difference: float = 0.0
    alpha: float = 0.05
    power: float = 0.8

    @property
    def distance(self) -> float:
        """From the bound to the true difference."""
        return self.margin + self.true_difference


def options(
    goal: Goal, design: Design, usage: Usage, models: int, price: tuple[float, float] | None
) -> list[dict[str, float | None]]:
    """Ways to reach the goal with fewer or more paraphrases and samples: numbers, tokens, and dollars where known.

    More samples are shown only where they are known to differ from one another.

    Args:
        goal: What is to be shown.
        design: Discordance and correlations; its numbers of paraphrases and samples are not used.
        usage: Tokens of one request.
        models: Models that must be asked: 1 where the other is on file.
        price: US dollars for a million prompt and a million completion tokens.
    """
    found: list[dict[str, float | None]] = []
    for samples, paraphrases in product(SAMPLES if design.between_samples < 1 else SAMPLES[:1], PARAPHRASES):
        chosen = replace(design, paraphrases=paraphrases, samples=samples)
        shown_by = {"true_difference": goal.true_difference, "alpha": goal.alpha, "power": goal.power}
        intents = max(2, math.ceil(intents_needed(goal.distance, chosen, **shown_by)))  # one has no variance
        requests = intents * paraphrases * samples * models
        prompt, completion = requests * usage.prompt_tokens, requests * usage.completion_tokens
        found.append(
            {
                "intents": intents,
                "paraphrases": paraphrases,
                "samples": samples,
                "requests": requests,
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "usd": None if price is None else (prompt * price[0] + completion * price[1]) / 1e6,
            }
        )
    return found


def reach(cases: Sequence[Case], goal: Goal, design: Design) -> dict[str, float]:
    """What the held-out set as it is can show: the chance of reaching the goal, and the smallest difference found."""
    intents = len({case.intent for case in cases})
    chosen = replace(design, paraphrases=len(cases) / intents)
    return {
        "intents": intents,
        "commands": len(cases),
        "power": power_of(intents, goal.distance, chosen, true_difference=goal.true_difference, alpha=goal.alpha),
        "detectable": minimum_detectable_difference(intents, chosen, alpha=goal.alpha, power=goal.power),
    }


def design_of(base: Sequence[Score], candidate: Sequence[Score] = ()) -> Design:
    """Discordance and likeness measured on the scores of two models, or assumed from those of one.

    Of one model, the other is taken to be as good and to fail elsewhere: two models with success rate p whose failures
    have nothing to do with each other differ on 2p(1-p) of the items, as many as can be expected, since models tend to
    fail on the same commands. The likeness of the paraphrases of an intent is then that of this model's successes.

    Raises:
        InputError: the two models did not answer the same cases and samples.
    """
    after = {score.key: float(score.success) for score in candidate}
    if after and after.keys() != {score.key for score in base}:
        raise InputError("the two recordings hold different cases or samples", hint="name recordings of the same ones")
    values = [after.get(score.key, 0.0) - float(score.success) for score in base]
    design = estimate_design(values, [score.intent for score in base], [score.case_id for score in base])
    rate = -sum(values) / len(values)
    return design if after else replace(design, discordance=2 * rate * (1 - rate))


def usage_of(completions: Sequence[Completion], system: str, cases: Sequence[Case]) -> Usage:
    """Tokens of a request, from recorded usage or, where there is none, from the length of the texts."""
    counted = [
        (one.prompt_tokens, one.completion_tokens) for one in completions if one.prompt_tokens and one.completion_tokens
    ]
    if counted:
        prompt, completion = (sum(side) / len(counted) for side in zip(*counted, strict=True))
        return Usage(prompt, completion, f"usage of {len(counted)} recorded answers")
    command = sum(len(case.command) for case in cases) / len(cases)
    texts = [one.text for one in completions] or [repr(list(case.references[0])) for case in cases]
    prompt, completion = len(system) + command, sum(map(len, texts)) / len(texts)
    return Usage(prompt / CHARACTERS_PER_TOKEN, completion / CHARACTERS_PER_TOKEN, "about 4 characters a token")
