"""What tokens cost: estimates, and a spending cap that holds before money is spent.

Prices are those of the dated price file (`harness.report.costs`). Nothing here guesses one: a model that the file does
not list has none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InputError
from harness.models.outcomes import Completion
from harness.models.requests import Request
from harness.models.specs import ModelSpec
from harness.pack import bundled, read_toml
from harness.report.costs import PRICES, Price, load_prices, price_of

BYTES_PER_TOKEN = 4  # of English and code, roughly; only for estimates
TOKENS_PER_MESSAGE = 8  # role and separators: OpenAI's formats use 3 to 4
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


@dataclass(frozen=True, slots=True)
class TrainingPrice:
    """US dollars for a million training tokens, and where that was read."""

    usd: float
    read: str
    source: str


def load_price(spec: ModelSpec, path: Path | None = None) -> Price | None:
    """The price of asking a model, None where the file does not list it.

    Args:
        spec: Models on this machine cost nothing; one of an endpoint of your own is listed under its whole spec.
        path: A price file; by default the shipped one.

    Raises:
        InputError: the file cannot be read, or has an entry that is not usable.
    """
    prices = load_prices(path)
    return prices.get(spec.text) or price_of(spec.text, prices)[0]


def load_training_price(model: str, path: Path | None = None) -> TrainingPrice | None:
    """What a hosted fine-tuning job of a base model bills, None where the file does not list it.

    Args:
        model: Such as `gpt-4.1-mini-2025-04-14`; a dated snapshot has the price of its model.
        path: A price file; by default the shipped one.

    Raises:
        InputError: the file cannot be read, or the entry is not usable.
    """
    path = path or bundled("datasets") / PRICES
    table = read_toml(path).get("training", {})
    entry = table.get(model) or table.get(_SNAPSHOT.sub("", model))
    if entry is None:
        return None
    try:
        return TrainingPrice(float(entry["usd"]), str(entry["read"]), str(entry["source"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"the training price of {model!r} cannot be used ({error})",
            path=path,
            hint="give usd for a million tokens, the date it was read and the source",
        ) from None


def cost_of(price: Price, prompt_tokens: float, completion_tokens: float) -> float:
    """Dollars for so many tokens."""
    return (prompt_tokens * price.input_usd + completion_tokens * price.output_usd) / 1e6


def rough_tokens(texts: Sequence[str]) -> int:
    """About how many tokens messages have: four bytes a token, and what surrounds each message."""
    return sum(len(text.encode()) // BYTES_PER_TOKEN + TOKENS_PER_MESSAGE for text in texts)


@dataclass(slots=True)
class Purse:
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
        left = self.cap - self.spent
        chosen = []
        for request in requests:
            left -= cost_of(self.price, _most_prompt_tokens(request), self.max_tokens)
            if left < 0:
                break
            chosen.append(request)
        return chosen

    def pay(self, request: Request, completion: Completion) -> None:
        """Count what a completion has cost; where the endpoint counts no tokens, the most it can have been."""
        prompt = completion.prompt_tokens
        answer = completion.completion_tokens
        self.prompt_tokens += _most_prompt_tokens(request) if prompt is None else prompt
        self.completion_tokens += len(completion.text.encode()) if answer is None else answer
        self.spent = 0.0 if self.price is None else cost_of(self.price, self.prompt_tokens, self.completion_tokens)


def _most_prompt_tokens(request: Request) -> int:
    return sum(len(message["content"].encode()) + TOKENS_PER_MESSAGE for message in request.messages)
