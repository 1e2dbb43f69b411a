"""What tokens cost, by a dated list of prices: estimates before money is spent, and a cap that holds while it is.

Nothing here guesses a price: a model that the list does not hold has none. A dated snapshot has the price of its
model; a fine-tune has a price of its own, which is never taken from its base.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import InputError
from harness.files import read_toml
from harness.pack import bundled

if TYPE_CHECKING:
    from harness.models.outcomes import Completion
    from harness.models.requests import Request
    from harness.models.specs import ModelSpec
    from harness.plan import Usage

PRICES = "prices.toml"
BYTES_PER_TOKEN = 4  # of English and code, roughly; only for estimates
TOKENS_PER_MESSAGE = 8  # role and separators: OpenAI's formats use 3 to 4
# "50% cost discount vs. the synchronous APIs": https://help.openai.com/en/articles/9197833-batch-api-faq, and
# https://developers.openai.com/api/docs/guides/batch, read 2026-11-22. Input and output alike.
BATCH_SHARE = 0.5
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens, the ISO date on which that was read, and where."""

    input_usd: float
    output_usd: float
    read: str
    source: str


@dataclass(frozen=True, slots=True)
class TrainingPrice:
    """US dollars for a million tokens that a hosted fine-tuning job trains on; date and source as of `Price`."""

    usd: float
    read: str
    source: str


def load_prices(path: Path | None = None) -> dict[str, Price]:
    """Model id -> price, from a TOML file; the shipped one by default.

    Raises:
        InputError: not readable, or an entry without its two prices, date and source.
    """
    table = _table(path, "models")
    return {name: Price(*_entry(name, entry, path, "input_usd", "output_usd")) for name, entry in table.items()}


def load_training_price(model: str, path: Path | None = None) -> TrainingPrice | None:
    """What a hosted fine-tuning job of a base model (`gpt-4.1-mini-2025-04-14`) bills, None where it is not listed.

    Raises:
        InputError: the file cannot be read, or the entry is not usable.
    """
    table = _table(path, "training")
    entry = table.get(model) or table.get(_SNAPSHOT.sub("", model))
    return None if entry is None else TrainingPrice(*_entry(model, entry, path, "usd"))


def _table(path: Path | None, name: str) -> dict[str, Any]:
    return dict(read_toml(path or bundled("datasets") / PRICES).get(name, {}))


def _entry(name: str, entry: Any, path: Path | None, *prices: str) -> tuple[Any, ...]:
    try:
        return (*(float(entry[price]) for price in prices), str(entry["read"]), str(entry["source"]))
    except (KeyError, TypeError, ValueError) as error:
        hint = f"give {' and '.join(prices)} for a million tokens, the date it was read and the source"
        where = path or bundled("datasets") / PRICES
        raise InputError(f"the price of {name!r} cannot be used ({error})", path=where, hint=hint) from None


def price_of(model: str, prices: Mapping[str, Price]) -> tuple[Price | None, str]:
    """The price of a model spec, and a note. Only models of OpenAI's own endpoint are looked up."""
    kind, _, name = model.partition(":")
    if kind == "local":
        return Price(0.0, 0.0, "", ""), "runs on this machine: no fee; electricity and hardware are not counted"
    if kind == "recorded":
        return None, "answers on file: what the model cost is not known here"
    if kind != "openai":
        return None, "an endpoint of your own: no price on file"
    found = prices.get(name) or prices.get(_SNAPSHOT.sub("", name))
    return found, "list price of standard requests, without discounts" if found else "no price on file"


def load_price(spec: ModelSpec, path: Path | None = None) -> Price | None:
    """The price of asking a model, None where it is not listed; one of an endpoint of your own stands under its spec.

    Raises:
        InputError: as `load_prices`.
    """
    prices = load_prices(path)
    return prices.get(spec.text) or price_of(spec.text, prices)[0]


def cost_of(price: Price, prompt_tokens: float, completion_tokens: float) -> float:
    """Dollars for so many tokens."""
    return (prompt_tokens * price.input_usd + completion_tokens * price.output_usd) / 1e6


def rough_tokens(texts: Sequence[str]) -> int:
    """About how many tokens messages have: four bytes a token, and what surrounds each message."""
    return sum(len(text.encode()) // BYTES_PER_TOKEN + TOKENS_PER_MESSAGE for text in texts)


def describe_batch(spec: ModelSpec, usage: Usage, count: int) -> str:
    """What so many requests by batch cost, in words; models without a price on file get their tokens alone.

    Raises:
        InputError: the price file cannot be used.
    """
    prompt, completion = count * usage.prompt_tokens, count * usage.completion_tokens

    def short(tokens: float) -> str:
        return f"{tokens / 1e6:.1f} million" if tokens >= 1e6 else f"{tokens:,.0f}"

    words = f"{count} requests by batch, about {short(prompt)} tokens in and {short(completion)} out ({usage.source})"
    price, _ = price_of(spec.text, load_prices())
    if price is None or spec.kind != "openai":
        return f"{words}; no price on file"
    dollars = BATCH_SHARE * cost_of(price, prompt, completion)
    return f"{words}: about ${dollars:.2f} at the batch price, half of the list price read {price.read}"


@dataclass(slots=True)
class Budget:
    """Money spent and the most that may be, in dollars.

    Before a request is sent, what it could cost at most is set aside: a token is at least one byte, and an answer
    ends at its `max_tokens`. So the cap holds even where an estimate is far off.
    """

    price: Price | None
    cap: float | None
    max_tokens: int
    spent: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def affordable(self, requests: Sequence[Request]) -> list[Request]:
        """The requests, in order, that can be paid for within the cap."""
        if self.cap is None or self.price is None:
            return list(requests)
        most = [cost_of(self.price, _most_prompt_tokens(request), self.max_tokens) for request in requests]
        left = self.cap - self.spent
        return [request for request, total in zip(requests, accumulate(most), strict=True) if total <= left]

    def pay(self, request: Request, completion: Completion) -> None:
        """Count what a completion has cost; where the endpoint counts no tokens, the most it can have been."""
        prompt = completion.prompt_tokens
        answer = completion.completion_tokens
        self.prompt_tokens += _most_prompt_tokens(request) if prompt is None else prompt
        self.completion_tokens += len(completion.text.encode()) if answer is None else answer
        self.spent = 0.0 if self.price is None else cost_of(self.price, self.prompt_tokens, self.completion_tokens)


def _most_prompt_tokens(request: Request) -> int:
    return sum(len(message["content"].encode()) + TOKENS_PER_MESSAGE for message in request.messages)
