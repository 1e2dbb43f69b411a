"""The request body that a decoding becomes, and how it changes for a model that rejects a parameter.

One place for both ways of asking, so that an answer from a batch is an answer to the very same words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness.models.requests import Decoding, Request

UNSUPPORTED = frozenset({"unsupported_parameter", "unsupported_value"})  # `error.code` beside HTTP 400


@dataclass(frozen=True, slots=True)
class Parameters:
    """The decoding as one model takes it.

    Attributes:
        sent: Fields of the body beside model, messages and seed.
        seed: Of sample 0; None sends none.
        adapted: What was changed, in words, for `Completion.adapted`.
    """

    sent: dict[str, Any]
    seed: int | None
    adapted: tuple[str, ...] = field(default=())


def first_parameters(decoding: Decoding) -> Parameters:
    """The decoding as it is asked for, before the model has said anything."""
    sent: dict[str, Any] = {}
    if decoding.temperature is not None:
        sent["temperature"] = decoding.temperature
    if decoding.max_tokens is not None:
        sent["max_tokens"] = decoding.max_tokens
    return Parameters({**decoding.extra, **sent}, decoding.seed)


def without(parameters: Parameters, name: str | None) -> Parameters:
    """The same without a rejected parameter; the very same object where that cannot be."""
    sent = dict(parameters.sent)
    if name == "max_tokens" and name in sent:
        sent["max_completion_tokens"] = sent.pop(name)
        return Parameters(sent, parameters.seed, (*parameters.adapted, "max_tokens sent as max_completion_tokens"))
    if name == "temperature" and name in sent:
        del sent[name]
        return Parameters(sent, parameters.seed, (*parameters.adapted, "temperature dropped"))
    if name == "seed" and parameters.seed is not None:
        return Parameters(sent, None, (*parameters.adapted, "seed dropped"))
    return parameters


def body_of(model: str, request: Request, parameters: Parameters) -> dict[str, Any]:
    """Body of a chat completion; sample k is asked with the seed plus k."""
    body = {"model": model, "messages": request.messages, **parameters.sent}
    if parameters.seed is not None:
        body["seed"] = parameters.seed + request.sample
    return body
