"""The request body that a decoding becomes, and how it changes for a model or server that refuses a part of it.

One table says what may be left out or put in another way, by the name of what is refused. Single requests and batches
both use it, so that an answer from a batch is an answer to the very same words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from harness.config import EndpointSettings, SystemRole
from harness.models.answer_form import FIELDS
from harness.models.error_bodies import ErrorBody
from harness.models.requests import Decoding, Request


@dataclass(frozen=True, slots=True)
class Parameters:
    """The decoding as one model takes it.

    Attributes:
        sent: Fields of the body beside model, messages and seed.
        seed: Of sample 0; None sends none.
        adapted: What was changed, in words, for `Completion.adapted`.
    """

    sent: Mapping[str, Any]
    seed: int | None
    adapted: tuple[str, ...] = ()
    system_role: SystemRole = "system"
    api: Literal["chat", "responses"] = "chat"

    @property
    def path(self) -> str:
        """Of the API, behind the base URL."""
        return "/responses" if self.api == "responses" else "/chat/completions"


@dataclass(frozen=True, slots=True)
class _Adaptation:
    """What can be done where an endpoint refuses something."""

    complaint: re.Pattern[str]  # finds the refusal in the server's words, which count only where no field is named
    change: Callable[[Parameters], Parameters]
    described: str  # the change in words, for records and reports


def _complaint(name: str) -> re.Pattern[str]:
    """A sentence that calls this field unknown or unsupported. Sentences about its size are none."""
    refusal = (
        r"(?:not (?:be )?(?:supported|permitted|allowed|accepted|recogni[sz]ed)|n[o']t support|unsupported|unknown"
        r"|unrecogni[sz]ed|unexpected|extra (?:inputs|fields)|no such|cannot find|deprecated|only (?:the default|1\b))"
    )
    named = rf"(?<![\w.]){name}(?![\w])"
    return re.compile(rf"{refusal}[^.;]{{0,80}}{named}|{named}[^;]{{0,120}}{refusal}", re.IGNORECASE)


def _renamed(before: Parameters, name: str, new_name: str | None) -> Parameters:
    """With a field of the body under another name, or without it."""
    names = {name: new_name}
    pairs = [(names.get(key, key), value) for key, value in before.sent.items()]
    return replace(before, sent={key: value for key, value in pairs if key is not None})


_ADAPTATIONS = {
    "max_tokens": _Adaptation(
        _complaint("max_tokens"),
        lambda before: _renamed(before, "max_tokens", "max_completion_tokens"),
        "max_tokens sent as max_completion_tokens",
    ),
    **{
        name: _Adaptation(_complaint(name), partial(_renamed, name=name, new_name=None), f"{name} dropped")
        for name in ("temperature", "response_format", "tools", "tool_choice")
    },
    "seed": _Adaptation(_complaint("seed"), lambda before: replace(before, seed=None), "seed dropped"),
    "system": _Adaptation(
        re.compile(
            r"\b(?:system|developer)\W{0,3}\s*(?:role|message|prompt|instruction)s?\b[^.;]{0,60}(?:\bnot\b|n't\b|\bonly\b)"
            r"|(?:\bnot|n't) support\w*[^.;]{0,40}\b'?(?:system|developer)\b"
            r"|\bonly\b[^.;]{0,20}\buser\b[^.;]{0,10}\bassistant\b|\broles must alternate user",
            re.IGNORECASE,
        ),
        lambda before: replace(before, system_role="user"),
        "system message sent in front of the user's",
    ),
    "responses": _Adaptation(
        re.compile(r"\bv1/responses\b|\bresponses api\b", re.IGNORECASE),
        lambda before: replace(before, api="responses", seed=None),
        "asked by the Responses API",
    ),
}
_ROLE = re.compile(r"messages\W{0,2}\d*\W{0,2}(?:role)?")


def first_parameters(decoding: Decoding, settings: EndpointSettings = EndpointSettings("")) -> Parameters:  # noqa: B008
    """The decoding as it is asked for, before the model has said anything; what its settings change is told."""
    usual: dict[str, Any] = {**FIELDS[decoding.answer_form], **decoding.extra}
    if decoding.temperature is not None:
        usual["temperature"] = decoding.temperature
    if decoding.max_tokens is not None:
        usual["max_tokens"] = decoding.max_tokens
    if settings.extra.keys() & _RESPONSE_NAMES.keys():
        usual.pop("max_tokens", None)  # the settings limit the length in their own words
    described = tuple(f"{name} = {value} by the endpoint's settings" for name, value in sorted(settings.extra.items()))
    first = Parameters({**usual, **settings.extra}, decoding.seed, described)
    if settings.seed == "default":
        first = without(first, "seed")
    if settings.system_role == "user":
        first = without(first, "system")
    elif settings.system_role == "developer":
        first = replace(first, system_role="developer", adapted=(*first.adapted, "system message sent as developer"))
    return without(first, "responses") if settings.kind == "responses" else first


def without(parameters: Parameters, name: str) -> Parameters:
    """The same without what is refused, named as by `refused`; the very same object where that changes nothing."""
    adaptation = _ADAPTATIONS.get(name)
    changed = adaptation.change(parameters) if adaptation else parameters
    if adaptation is None or changed == parameters:
        return parameters
    lost = ("seed dropped",) if name == "responses" and parameters.seed is not None else ()
    return replace(changed, adapted=(*parameters.adapted, adaptation.described, *lost))


def refused(error: ErrorBody) -> tuple[str, ...]:
    """Names of what an error complains of and this module can do without, for `without`.

    A field that the error names counts; its words count only where it names none, since they may mention others.
    """
    named = {name.rpartition(".")[2] for name in error.fields} & _ADAPTATIONS.keys()
    if any(_ROLE.fullmatch(one) and re.search("system|developer|role", one + error.text) for one in error.fields):
        named.add("system")
    if named:
        return tuple(sorted(named))
    return tuple(name for name, one in _ADAPTATIONS.items() if one.complaint.search(error.text))


def body_of(model: str, request: Request, parameters: Parameters) -> dict[str, Any]:
    """Body of a request; sample k is asked with the seed plus k."""
    messages: Any = request.messages
    role = parameters.system_role
    if role == "user":
        system = "\n\n".join(one["content"] for one in messages if one["role"] == "system")
        messages = [dict(one) for one in messages if one["role"] != "system"]
        if system and messages:
            messages[0]["content"] = f"{system}\n\n{messages[0]['content']}"
    elif role != "system":
        messages = [{**one, "role": role} if one["role"] == "system" else dict(one) for one in messages]
    body = {"model": model, "messages": messages, **parameters.sent}
    if parameters.api == "responses":
        return _as_response(body)
    if parameters.seed is not None:
        body["seed"] = parameters.seed + request.sample
    return body


_RESPONSE_NAMES = {"messages": "input", "max_tokens": "max_output_tokens", "max_completion_tokens": "max_output_tokens"}


def _as_response(body: Mapping[str, Any]) -> dict[str, Any]:
    """A chat completion's body in the words of the Responses API, which has no seed and keeps replies unless told."""
    made = {_RESPONSE_NAMES.get(name, name): value for name, value in body.items()}
    effort = made.pop("reasoning_effort", None)
    if effort is not None:
        made["reasoning"] = {**made.get("reasoning", {}), "effort": effort}
    if "response_format" in made:
        made["text"] = {**made.get("text", {}), "format": _flat(made.pop("response_format"))}
    made |= {name: _flat(made[name]) for name in ("tools", "tool_choice") if name in made}
    return {**made, "store": False}


def _flat(value: Any) -> Any:
    """What chat completions nest as `{"type": T, T: {...}}` in the form of the Responses API, `{"type": T, ...}`."""
    if isinstance(value, list | tuple):
        return [_flat(one) for one in value]
    kind = value.get("type") if isinstance(value, dict) else None
    return {"type": kind, **value[kind]} if isinstance(kind, str) and isinstance(value.get(kind), dict) else value
