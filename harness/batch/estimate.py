"""What a batch will cost: the dated list price, at the provider's batch discount."""

from __future__ import annotations

from harness.models.specs import ModelSpec
from harness.planning import Usage

# "50% cost discount vs. the synchronous APIs": https://help.openai.com/en/articles/9197833-batch-api-faq, and
# https://developers.openai.com/api/docs/guides/batch, read 2026-11-22. Input and output alike.
BATCH_SHARE = 0.5


def estimate(spec: ModelSpec, usage: Usage, count: int) -> str:
    """What so many requests cost by batch, in words; models without a price on file get their tokens alone.

    Raises:
        InputError: the price file cannot be used.
    """
    from harness.report.costs import load_prices, price_of

    prompt, completion = count * usage.prompt_tokens, count * usage.completion_tokens
    words = f"{count} requests by batch, about {_short(prompt)} tokens in and {_short(completion)} out ({usage.source})"
    price, _ = price_of(spec.text, load_prices())
    if price is None or spec.kind != "openai":
        return f"{words}; no price on file"
    dollars = BATCH_SHARE * (prompt * price.input_usd + completion * price.output_usd) / 1e6
    return f"{words}: about ${dollars:.2f} at the batch price, half of the list price read {price.read}"


def _short(tokens: float) -> str:
    return f"{tokens / 1e6:.1f} million" if tokens >= 1e6 else f"{tokens:,.0f}"
