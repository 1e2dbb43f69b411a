"""What answers cost and how long they took: tokens, latency percentiles, and money where a dated price is on file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.comparison import Comparison
from harness.errors import InputError
from harness.pack import bundled, read_toml
from harness.scores import Score

PRICES = "prices.toml"
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")
PERCENTILES = (0.5, 0.9, 0.99)


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens, and where that was read.

    Attributes:
        read: ISO date on which the source was read, or which it gives.
    """

    input_usd: float
    output_usd: float
    read: str
    source: str


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


def load_prices(path: Path | None = None) -> dict[str, Price]:
    """Model id -> price, from a TOML file; the shipped one by default.

    Raises:
        InputError: not readable, or an entry without its two prices, date and source.
    """
    path = path or bundled("datasets") / PRICES
    prices = {}
    for name, entry in read_toml(path).get("models", {}).items():
        try:
            prices[name] = Price(
                float(entry["input_usd"]), float(entry["output_usd"]), str(entry["read"]), str(entry["source"])
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"the price of {name!r} cannot be used ({error})",
                path=path,
                hint="give input_usd and output_usd for a million tokens, the date it was read and the source",
            ) from None
    return prices


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
        usd = (prompt * price.input_usd + completion * price.output_usd) / 1e6
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


def price_of(model: str, prices: Mapping[str, Price]) -> tuple[Price | None, str]:
    """The price of a model spec, and a note. Only models of OpenAI's own endpoint are looked up.

    A dated snapshot has the price of its model; a fine-tune has a price of its own, so it is never taken from its base.
    """
    kind, _, name = model.partition(":")
    if kind == "local":
        return Price(0.0, 0.0, "", ""), "runs on this machine: no fee; electricity and hardware are not counted"
    if kind == "recorded":
        return None, "answers on file: what the model cost is not known here"
    if kind != "openai":
        return None, "an endpoint of your own: no price on file"
    found = prices.get(name) or prices.get(_SNAPSHOT.sub("", name))
    return found, "list price of standard requests, without discounts" if found else "no price on file"
