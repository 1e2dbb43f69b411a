"""What a pack's held-out commands can decide by a policy, and what asking them costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from harness.errors import InputError
from harness.prices import Price, cost_of
from harness.statistics.power import estimate_design

if TYPE_CHECKING:
    from harness.cases import Case
    from harness.models.outcomes import Completion
    from harness.score import Score

CHARACTERS_PER_TOKEN = 4.0  # where no usage was recorded: OpenAI's rule of thumb for English text


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request, on average, and in words where the numbers come from."""

    prompt_tokens: float
    completion_tokens: float
    source: str


def times_as_many(cases: Sequence[Case], many: int) -> list[Case]:
    """The cases, and further intents like theirs until there are so many times as many."""
    numbered = ((case, f"/{n}" if n else "") for n in range(many) for case in cases)
    return [replace(case, id=case.id + n, intent=case.intent + n) for case, n in numbered]


def cost(requests: int, usage: Usage, price: Price | None) -> dict[str, float | None]:
    """Tokens of so many requests, and US dollars where the price is known."""
    prompt, completion = requests * usage.prompt_tokens, requests * usage.completion_tokens
    usd = None if price is None else cost_of(price, prompt, completion)
    return {"requests": requests, "prompt_tokens": prompt, "completion_tokens": completion, "usd": usd}


def truth_of(base: Sequence[Score], candidate: Sequence[Score] = ()) -> dict[str, Any]:
    """Success rate, discordance and likeness for a `Truth`, measured on two models or assumed from one.

    Of one model, the other is taken to be as good and half as likely to fail elsewhere as chance would have it: two
    models with success rate p whose failures have nothing to do with each other differ on 2p(1-p) of the commands, and
    models tend to fail on the same ones. The likeness of the paraphrases of an intent is then that of its successes.

    Raises:
        InputError: the two models did not answer the same cases and samples.
    """
    after = {score.key: float(score.success) for score in candidate}
    if after and after.keys() != {score.key for score in base}:
        raise InputError("the two recordings hold different cases or samples", hint="name recordings of the same ones")
    values = [after.get(score.key, 0.0) - float(score.success) for score in base]
    design = estimate_design(values, [score.intent for score in base], [score.case_id for score in base])
    rate = sum(score.success for score in base) / len(base)
    return {
        "base": rate,
        "discordance": design.discordance if after else rate * (1 - rate),
        "likeness": design.between_paraphrases,
    }


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
