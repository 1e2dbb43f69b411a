"""`[endpoints.NAME]` of gonogo.toml: one OpenAI-compatible server of the user's, and how it wants to be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from harness.errors import InputError

Kind = Literal["chat", "responses", "azure"]
SystemRole = Literal["system", "developer", "user"]
RESERVED = ("local", "openai", "recorded")  # kinds of model specs


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """One server.

    Attributes:
        base_url: Such as `http://localhost:8000/v1`. A query is kept behind the path.
        api_key_env: Variable that holds the key; None where none is needed.
        headers: Sent with each request. `$NAME` stands for a variable of the environment or of .env.
        query: Sent with each request, such as `api-version`.
        timeout_s: Seconds that one attempt may take from sending to the last byte.
        concurrency: Requests in flight at most.
        requests_per_minute: Requests begun in a minute at most; None leaves it to what the server allows.
        extra: Further fields of the body, such as `reasoning_effort` or `chat_template_kwargs`.
        seed: `default` sends none; `sent` sends the decoding's.
        system_role: How the system message is sent: `user` puts it in front of the first user message.
        kind: The API: chat completions, responses, or chat completions with Azure's addresses and key header.
        strip_reasoning: Leave out what the model thought before its answer; the record keeps the whole text.
    """

    base_url: str
    api_key_env: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 120.0
    concurrency: int = 16
    requests_per_minute: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    seed: Literal["sent", "default"] = "sent"
    system_role: SystemRole = "system"
    kind: Kind = "chat"
    strip_reasoning: bool = True

    def asked_as(self) -> dict[str, Any]:
        """What of it changes the question or the answer's text, as far as it is not as usual: part of journal keys."""
        names = ("extra", "seed", "system_role", "strip_reasoning")
        return {name: value for name, value in self._changed() if name in names}

    def _changed(self) -> list[tuple[str, Any]]:
        usual = EndpointSettings("")
        values = [(one.name, getattr(self, one.name)) for one in fields(self)]
        return [(name, value) for name, value in values if value != getattr(usual, name)]


# Key -> what it must be, in words, and whether a value is that.
_TEXT = ("text", lambda value: isinstance(value, str))
_TEXTS = (
    'a table of texts, such as { "api-version" = "2024-10-21" }',
    lambda value: isinstance(value, dict) and all(isinstance(one, str) for one in value.values()),
)
_POSITIVE = (
    "a number above 0",
    lambda value: isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf"),
)


def _one_of(*words: str) -> tuple[str, Any]:
    return " or ".join(f'"{word}"' for word in words), lambda value: value in words


_KEYS: dict[str, tuple[str, Any]] = {
    "base_url": _TEXT,
    "api_key_env": _TEXT,
    "headers": _TEXTS,
    "query": _TEXTS,
    "timeout_s": _POSITIVE,
    "concurrency": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "requests_per_minute": _POSITIVE,
    "extra": ('a table, such as { reasoning_effort = "low" }', lambda value: isinstance(value, dict)),
    "seed": _one_of("default", "sent"),
    "system_role": _one_of("system", "developer", "user"),
    "kind": _one_of("chat", "responses", "azure"),
    "strip_reasoning": ("true or false", lambda value: isinstance(value, bool)),
}


def read_endpoints(raw: Mapping[str, Any], path: Path) -> dict[str, EndpointSettings]:
    """The servers that a settings file names.

    Raises:
        InputError: a table without base_url, an unknown key, a value that cannot be used, or a name that is taken.
    """
    tables = raw.get("endpoints", {})
    if not isinstance(tables, dict):
        raise InputError("[endpoints] must hold tables", path=path, hint='[endpoints.NAME] with base_url = "..."')
    endpoints = {}
    for name, table in tables.items():
        if not isinstance(table, dict) or "base_url" not in table:
            raise InputError(f"[endpoints.{name}] needs base_url", path=path, hint='base_url = "http://host/v1"')
        for key, value in table.items():
            if key not in _KEYS:
                raise InputError(
                    f"unknown key {key!r} in [endpoints.{name}]", path=path, hint=f"known keys: {', '.join(_KEYS)}"
                )
            words, fits = _KEYS[key]
            if not fits(value):
                raise InputError(f"{key} in [endpoints.{name}] must be {words}", path=path, hint="mend it")
        if name in RESERVED:
            raise InputError(f"the endpoint name {name!r} is taken", path=path, hint="choose another name")
        endpoints[name] = EndpointSettings(**table)
    return endpoints
