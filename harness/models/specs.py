"""Model specs: one string says where answers come from.

`local:smollm2-135m`, `local:smollm2-135m+go2` (an adapter of the pack), `local:smollm2-135m+path/to/adapter.gguf`
(one of your own), `openai:<model id or ft: id>`, `NAME:model` for an endpoint named in gonogo.toml,
`recorded:path.jsonl`. `OPENAI_BASE_URL` sends `openai:` to another server, such as a gateway.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from harness.errors import InputError

if TYPE_CHECKING:
    from harness.config import Settings
    from harness.models.endpoint_settings import EndpointSettings

Kind = Literal["local", "openai", "endpoint", "recorded"]

EMBEDDED_MODEL = "smollm2-135m"
OPENAI_BASE_URL = "https://api.openai.com/v1"
OPENAI_KEY = "OPENAI_API_KEY"
OPENAI_URL_VARIABLE = "OPENAI_BASE_URL"  # asks another server, such as a gateway, for OpenAI's models
SECRET = re.compile("key|token|secret|sig|pass|auth|code|cred", re.IGNORECASE)  # in the name of a query field


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Where the answers of one model come from. Holds the name of the key's variable, never the key.

    Attributes:
        text: The spec as given; names the model in journals and reports.
        model: Model id sent to the endpoint; the file for a recording.
        base_url: Of the endpoint; empty for `local` (the port is chosen when it is served) and `recorded`.
        api_key_env: Variable that holds the key; empty where none is needed.
        path: The recording.
        adapter: LoRA adapter file of a `local` model, None for the base.
        revision: Hash of the adapter, so that answers of a retrained one are never mistaken for its own.
        concurrency: Requests in flight at most.
        settings: Of an endpoint named in gonogo.toml: how it wants to be asked.
        asked_as: What in them changes the question or its answer, for journal keys and manifests.
    """

    text: str
    kind: Kind
    model: str
    base_url: str = ""
    api_key_env: str = ""
    path: Path | None = None
    adapter: Path | None = None
    revision: str = ""
    concurrency: int = 64
    settings: EndpointSettings | None = field(default=None, hash=False)
    asked_as: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def address(self) -> str:
        """Where answers come from, as journals name it; empty for OpenAI's own, the embedded model and recordings."""
        return address_of(self.base_url)


def address_of(base_url: str) -> str:
    """One form of a base URL for all its spellings, without user name, password or secrets of the query.

    Empty for OpenAI's own, so that its answers keep the keys that they have always had.
    """
    url = urlsplit(base_url)
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else (url.hostname or "")
    port = "" if url.port in (None, {"http": 80, "https": 443}.get(url.scheme)) else f":{url.port}"
    query = urlencode(sorted(pair for pair in parse_qsl(url.query) if not SECRET.search(pair[0])))
    address = f"{url.scheme}://{host}{port}{url.path.rstrip('/')}" + (f"?{query}" if query else "")
    return "" if not host or address == OPENAI_BASE_URL else address


def parse_spec(text: str, settings: Settings, adapters: Mapping[str, Path] | None = None) -> ModelSpec:
    """Read a model spec.

    Args:
        text: The spec.
        settings: Endpoints and keys.
        adapters: The pack's `Pack.adapters`: what `local:smollm2-135m+<name>` may name.

    Raises:
        InputError: unknown kind, endpoint, embedded model or adapter (with the nearest known one), a recording
            that is not there, or a key that is not set (names the variable).
    """
    kind, separator, name = text.partition(":")
    if not separator or not name.strip() or name != name.strip():
        raise InputError(f"{text!r} is not a model spec", hint=_known(text, settings, adapters or {}))
    if kind == "local":
        return _local(text, name, settings, adapters or {})
    if kind == "recorded":
        return _recorded(text, name)
    if kind == "openai":
        _require_key(OPENAI_KEY, text, settings)
        base_url = settings.secret(OPENAI_URL_VARIABLE) or OPENAI_BASE_URL
        _require_address(base_url, OPENAI_URL_VARIABLE)
        return ModelSpec(text, "openai", name, base_url, OPENAI_KEY)
    if kind in settings.endpoints:
        return _endpoint(text, kind, name, settings)
    raise InputError(f"unknown kind of model {kind!r} in {text!r}", hint=_known(text, settings, adapters or {}))


def known_specs(settings: Settings, adapters: Mapping[str, Path]) -> tuple[str, ...]:
    """Every spec that can be named here, with placeholders where any model id may follow."""
    return (
        f"local:{EMBEDDED_MODEL}",
        *(f"local:{EMBEDDED_MODEL}+{name}" for name in sorted(adapters)),
        f"local:{EMBEDDED_MODEL}+<adapter.gguf>",
        "openai:<model id>",
        *(f"{name}:<model id>" for name in sorted(settings.endpoints)),
        "recorded:<path.jsonl>",
    )


def _known(text: str, settings: Settings, adapters: Mapping[str, Path]) -> str:
    """What is known here, and the nearest to what was written."""
    specs = known_specs(settings, adapters)
    complete = [spec for spec in specs if not spec.endswith(">")]
    kind, _, rest = text.partition(":")
    kinds = [spec.partition(":")[0] for spec in specs if spec not in complete]
    near = get_close_matches(text, complete, n=1, cutoff=0.7)
    if not near and rest:
        near = [f"{match}:{rest}" for match in get_close_matches(kind, kinds, n=1) if match != kind]
    guess = f"did you mean {near[0]}? " if near else ""
    return f"{guess}known here: {', '.join(specs)}; name further endpoints in gonogo.toml"


def _local(text: str, name: str, settings: Settings, adapters: Mapping[str, Path]) -> ModelSpec:
    base, plus, adapter = name.partition("+")
    own = adapter.endswith(".gguf") and adapter not in adapters
    if base != EMBEDDED_MODEL or (plus and not own and adapter not in adapters):
        raise InputError(f"unknown embedded model {text!r}", hint=_known(text, settings, adapters))
    if not plus:
        return ModelSpec(text, "local", name)
    path = Path(adapter).expanduser() if own else adapters[adapter]
    try:
        with path.open("rb") as file:
            revision = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        raise InputError(
            f"cannot read the adapter of {text}: {error.strerror}",
            path=path,
            hint="check the path" if own else "restore the pack's adapter file",
        ) from None
    return ModelSpec(text, "local", name, adapter=path, revision=revision)


def _recorded(text: str, name: str) -> ModelSpec:
    path = Path(name).expanduser()
    if not path.is_file():
        raise InputError("there is no such recording", path=path, hint=f"check the path in {text!r}")
    return ModelSpec(text, "recorded", name, path=path)


def _endpoint(text: str, kind: str, name: str, settings: Settings) -> ModelSpec:
    entry: EndpointSettings = settings.endpoints[kind]
    _require_address(entry.base_url, f"the base_url of endpoint {kind!r}")
    if entry.api_key_env:
        _require_key(entry.api_key_env, text, settings)
    url = urlsplit(entry.base_url)
    query = urlencode([*parse_qsl(url.query), *entry.query.items()])
    if entry.kind == "azure" and "/v1" not in url.path and "api-version" not in query:
        raise InputError(
            f"the endpoint {kind!r} of kind azure names no api-version",
            hint='query = { api-version = "2024-10-21" }, or a base_url that ends in /openai/v1',
        )
    return ModelSpec(
        text,
        "endpoint",
        name,
        url._replace(query=query).geturl(),
        entry.api_key_env or "",
        concurrency=max(1, entry.concurrency),
        settings=entry,
        asked_as=entry.asked_as(),
    )


def _require_address(base_url: str, what: str) -> None:
    try:
        url = urlsplit(base_url)
        usable = url.scheme in ("http", "https") and bool(url.hostname) and (url.port or 1) > 0
    except ValueError:  # brackets left open, a port that is none
        usable = False
    if not usable:
        raise InputError(f"{what} is not an http address", hint='such as "http://localhost:8000/v1"')
    if url.username or url.password:
        raise InputError(
            f"{what} holds a user name or password, which would show in logs",
            hint="remove it and name the key's variable with api_key_env",
        )


def _require_key(variable: str, text: str, settings: Settings) -> None:
    if not settings.secret(variable):
        raise InputError(
            f"{text} needs an API key, and {variable} is not set",
            hint=f"export {variable}=..., or write {variable}=... into .env in this folder",
        )
