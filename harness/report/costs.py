"""What answers cost and how long they took: tokens, latency percentiles, and money where a dated price is on file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.compare import Comparison
from harness.prices import Price, cost_of, price_of
from harness.score import Score

PERCENTILES = (0.5, 0.9, 0.99)


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost and speed of one model's answers.

    Attributes:
        prompt_tokens: Sum, None where an answer lacks the count. So completion_tokens.
        price: None where none is known.
        price_note: Why there is none, or what it leaves out.
        usd: Of all answers; None where price or tokens are not known.
        usd_per_success: None also where nothing succeeded.
        latency_s: Percentiles of `PERCENTILES`, seconds; empty where no answer has a latency.
    """

    model: str
    answers: int
    successes: int
    prompt_tokens: int | None
    completion_tokens: int | None
    price: Price | None
    price_note: str
    usd: float | None
    usd_per_success: float | None
    latency_s: tuple[float, ...]


def costs(comparison: Comparison, prices: Mapping[str, Price]) -> list[Cost]:
    """One row a model, in the order of the comparison."""
    return [
        _cost(model, [row.scores[k] for row in comparison.rows], prices) for k, model in enumerate(comparison.models)
    ]


def _cost(model: str, scores: Sequence[Score], prices: Mapping[str, Price]) -> Cost:
    import pandas as pd

    prompt, completion = (
        None if any(one is None for one in counts) else sum(one or 0 for one in counts)
        for counts in ([s.prompt_tokens for s in scores], [s.completion_tokens for s in scores])
    )
    price, note = price_of(model, prices)
    usd = None
    if price and prompt is not None and completion is not None:
        usd = cost_of(price, prompt, completion)
    timed = [s.latency_s for s in scores if s.latency_s]
    successes = sum(s.success for s in scores)
    return Cost(
        model,
        len(scores),
        successes,
        prompt,
        completion,
        price,
        note,
        usd,
        usd / successes if usd is not None and successes else None,
        tuple(float(q) for q in pd.Series(timed, dtype=float).quantile(list(PERCENTILES))) if timed else (),
    )
