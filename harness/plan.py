"""How many intents, paraphrases and samples a decision needs, and what asking them costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.statistics.power import Design, intents_needed, minimum_detectable_difference, power_of

if TYPE_CHECKING:
    from harness.cases import Case
    from harness.models.outcomes import Completion
    from harness.score import Score

PARAPHRASES = (1, 2, 3, 5)  # rows of the table
SAMPLES = (1, 3, 5)
CHARACTERS_PER_TOKEN = 4.0  # where no usage was recorded: OpenAI's rule of thumb for English text


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request, on average.

    Attributes:
        source: Where the numbers come from, in words.
    """

    prompt_tokens: float
    completion_tokens: float
    source: str


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be shown, and how surely.

    Attributes:
        margin: Share that may be lost: above 0.
        true_difference: Candidate - base as it is expected to be; more than minus the margin.
        alpha: One-sided chance of a wrong GO.
        power: Chance of a GO if the true difference is as expected.
    """

    margin: float
    true_difference: float = 0.0
    alpha: float = 0.05
    power: float = 0.8


@dataclass(frozen=True, slots=True)
class Option:
    """One way to reach the goal.

    Attributes:
        requests: Of all models that are asked.
        usd: Cost, None where no price was given.
    """

    intents: int
    paraphrases: int
    samples: int
    requests: int
    prompt_tokens: float
    completion_tokens: float
    usd: float | None


def options(goal: Goal, design: Design, usage: Usage, models: int, price: tuple[float, float] | None) -> list[Option]:
    """Ways to reach the goal, with fewer or more paraphrases and samples.

    More samples are shown only where they are known to differ from one another.

    Args:
        goal: What is to be shown.
        design: Discordance and correlations; its numbers of paraphrases and samples are not used.
        usage: Tokens of one request.
        models: Models that must be asked: 1 where the other is on file.
        price: US dollars for a million prompt and a million completion tokens.
    """
    found = []
    for samples in SAMPLES if design.between_samples < 1 else SAMPLES[:1]:
        for paraphrases in PARAPHRASES:
            chosen = replace(design, paraphrases=paraphrases, samples=samples)
            intents = math.ceil(
                intents_needed(
                    goal.margin + goal.true_difference,
                    chosen,
                    true_difference=goal.true_difference,
                    alpha=goal.alpha,
                    power=goal.power,
                )
            )
            intents = max(intents, 2)  # one cluster has no variance
            requests = intents * paraphrases * samples * models
            prompt, completion = requests * usage.prompt_tokens, requests * usage.completion_tokens
            usd = None if price is None else (prompt * price[0] + completion * price[1]) / 1e6
            found.append(Option(intents, paraphrases, samples, requests, prompt, completion, usd))
    return found


@dataclass(frozen=True, slots=True)
class Reach:
    """What the pack as it is can show.

    Attributes:
        power: Chance of showing the goal.
        detectable: Smallest difference found with the goal's power.
    """

    intents: int
    commands: int
    power: float
    detectable: float


def reach(cases: Sequence[Case], goal: Goal, design: Design) -> Reach:
    """Power of the held-out set as it is, with the design's samples."""
    intents = len({case.intent for case in cases})
    chosen = replace(design, paraphrases=len(cases) / intents)
    distance = goal.margin + goal.true_difference
    return Reach(
        intents,
        len(cases),
        power_of(intents, distance, chosen, true_difference=goal.true_difference, alpha=goal.alpha),
        minimum_detectable_difference(intents, chosen, alpha=goal.alpha, power=goal.power),
    )


def design_of_one(scores: Sequence[Score], metric: str = "success") -> Design:
    """Assumptions from one model's scores: the other is taken to be as good, and to fail elsewhere.

    Two models with success rate p whose failures have nothing to do with each other differ on 2p(1-p) of the items:
    as many as can be expected, since models tend to fail on the same commands. The likeness of the wordings of one
    intent is that of this model's successes.
    """
    from harness.statistics.power import estimate_design

    held = [float(getattr(score, metric)) for score in scores]
    design = estimate_design(held, [score.intent for score in scores], [score.case_id for score in scores])
    rate = sum(held) / len(held)
    return replace(design, discordance=2 * rate * (1 - rate))


def design_of_two(base: Sequence[Score], candidate: Sequence[Score], metric: str = "success") -> Design:
    """The same, measured on two models' scores of the same cases and samples."""
    from harness.statistics.power import estimate_design

    after = {(score.case_id, score.sample): getattr(score, metric) for score in candidate}
    change = [float(after[score.case_id, score.sample]) - float(getattr(score, metric)) for score in base]
    return estimate_design(change, [score.intent for score in base], [score.case_id for score in base])


def usage_of(completions: Sequence[Completion], system: str, cases: Sequence[Case]) -> Usage:
    """Tokens of a request, from recorded usage or, where there is none, from the length of the texts."""
    counted = [one for one in completions if one.prompt_tokens and one.completion_tokens]
    if counted:
        return Usage(
            sum(one.prompt_tokens or 0 for one in counted) / len(counted),
            sum(one.completion_tokens or 0 for one in counted) / len(counted),
            f"usage of {len(counted)} recorded answers",
        )
    command = sum(len(case.command) for case in cases) / len(cases)
    texts = [one.text for one in completions] or [repr(list(case.references[0])) for case in cases]
    answer = sum(len(text) for text in texts) / len(texts)
    return Usage(
        (len(system) + command) / CHARACTERS_PER_TOKEN, answer / CHARACTERS_PER_TOKEN, "about 4 characters a token"
    )
