"""Model specs: one string says where answers come from.

`local:smollm2-135m`, `local:smollm2-135m+go2` (an adapter of the pack), `local:smollm2-135m+path/to/adapter.gguf`
(one of your own), `openai:<model id or ft: id>`, `NAME:model` for an endpoint named in gonogo.toml,
`recorded:path.jsonl`. `OPENAI_BASE_URL` sends `openai:` to another server, such as a gateway.

Wherever a command takes a model it takes an arm too (`arm_of`): the name of an `[arms.NAME]` table, and either of them
with a prompt behind it, `MODEL@PROMPT`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from harness.config import ArmSettings, EndpointSettings, check_address
from harness.errors import InputError
from harness.files import open_file

if TYPE_CHECKING:
    from harness.config import Settings

EMBEDDED_MODEL = "smollm2-135m"
OPENAI_BASE_URL = "https://api.openai.com/v1"
OPENAI_KEY = "OPENAI_API_KEY"
OPENAI_URL_VARIABLE = "OPENAI_BASE_URL"  # asks another server, such as a gateway, for OpenAI's models
_PROMPT = re.compile(r"(?s)(.+)@(plain|card|.+\.(?:md|txt))")  # model ids may hold an @ too, before a date
SECRET = re.compile("key|token|secret|sig|pass|auth|code|cred", re.IGNORECASE)  # in the name of a query field


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Where the answers of one model come from. Holds the name of the key's variable, never the key.

    Attributes:
        text: The spec as given; names the model in journals and reports.
        model: Model id sent to the endpoint; the file for a recording.
        base_url: Of the endpoint; empty for `local` (the port is chosen when it is served) and `recorded`.
        adapter: LoRA adapter file of a `local` model, None for the base.
        revision: Hash of the adapter: answers of a retrained one are others.
        asked_as: What in them changes the question or its answer, for journal keys and manifests.
    """

    text: str
    kind: Literal["local", "openai", "endpoint", "recorded"]
    model: str
    base_url: str = ""
    api_key_env: str = ""
    path: Path | None = None
    adapter: Path | None = None
    revision: str = ""
    settings: EndpointSettings = field(default=EndpointSettings(""), hash=False)
    asked_as: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def address(self) -> str:
        """Where answers come from, as journals name it; empty for OpenAI's own, the embedded model and recordings."""
        return address_of(self.base_url)


def arm_of(text: str, settings: Settings) -> ArmSettings:
    """What a model or arm is asked, by the words of a command line: a spec or an arm's name, perhaps with @PROMPT.

    A prompt behind the @ is `plain`, `card` or a file that ends in .md or .txt. Everything that the arm leaves open is
    None; its label is never empty.
    """
    found = None if text in settings.arms else _PROMPT.fullmatch(text)
    name, prompt = found.groups() if found else (text, None)
    arm = settings.arms.get(name) or ArmSettings(name)
    return replace(arm, prompt=prompt or arm.prompt, label=text if prompt else arm.label or text)


def served_by(model: str, address: str) -> str:
    """Where the model of a spec is asked, in words, from its `address_of`; empty where that is not known."""
    return address or {"openai": OPENAI_BASE_URL, "local": "this machine"}.get(model.partition(":")[0], "")


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
    """Read a model spec; `adapters` are the pack's (`Pack.adapters`), which `local:smollm2-135m+<name>` may name.

    Raises:
        InputError: unknown kind, endpoint, embedded model or adapter (with the nearest known one), a recording
            that is not there, or a key that is not set (names the variable).
    """
    adapters = adapters or {}
    kind, separator, name = text.partition(":")
    if not separator or not name.strip() or name != name.strip():
        raise InputError(f"{text!r} is neither a model spec nor an arm", hint=_known(text, settings, adapters))
    if kind == "local":
        return _local(text, name, settings, adapters)
    if kind == "recorded":
        path = Path(name).expanduser()
        if not path.is_file():
            raise InputError("there is no such recording", path=path, hint=f"check the path in {text!r}")
        return ModelSpec(text, "recorded", name, path=path)
    if kind == "openai":
        base_url = settings.secret(OPENAI_URL_VARIABLE) or OPENAI_BASE_URL
        try:
            check_address(base_url, OPENAI_URL_VARIABLE)
        except ValueError as error:
            raise InputError(str(error)) from None
        entry = EndpointSettings(base_url, OPENAI_KEY, concurrency=64)
    elif kind in settings.endpoints:
        entry = settings.endpoints[kind]
    else:
        raise InputError(f"unknown kind of model {kind!r} in {text!r}", hint=_known(text, settings, adapters))
    if entry.api_key_env:
        read_key(entry.api_key_env, text, settings)
    url = urlsplit(entry.base_url)
    base_url = url._replace(query=urlencode([*parse_qsl(url.query), *entry.query.items()])).geturl()
    of: Literal["openai", "endpoint"] = "openai" if kind == "openai" else "endpoint"
    return ModelSpec(text, of, name, base_url, entry.api_key_env or "", settings=entry, asked_as=entry.asked_as())


def known_specs(settings: Settings, adapters: Mapping[str, Path]) -> tuple[str, ...]:
    """Every spec that can be named here, with placeholders where any model id may follow."""
    return (
        f"local:{EMBEDDED_MODEL}",
        *(f"local:{EMBEDDED_MODEL}+{name}" for name in sorted(adapters)),
        f"local:{EMBEDDED_MODEL}+<adapter.gguf>",
        "openai:<model id>",
        *(f"{name}:<model id>" for name in sorted(settings.endpoints)),
        "recorded:<path.jsonl>",
        *sorted(settings.arms),
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
        with open_file(path) as file:
            revision = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        hint = "check the path" if own else "restore the pack's adapter file"
        raise InputError(f"cannot read the adapter of {text}: {error.strerror}", path=path, hint=hint) from None
    return ModelSpec(text, "local", name, adapter=path, revision=revision)


def read_key(variable: str, text: str, settings: Settings | None) -> str:
    """The API key that a variable holds, for the spec `text`.

    Raises:
        InputError: it is not set, or cannot be sent in a header.
    """
    secret = settings.secret(variable) if settings is not None else None
    if not secret:
        raise InputError(
            f"{text} needs an API key, and {variable} is not set",
            hint=f"export {variable}=..., or write {variable}=... into .env in this folder",
        )
    key = secret.strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise InputError(
            f"{variable} cannot be sent: it holds spaces, line ends or letters beyond ASCII",
            hint="copy the key again",
        )
    return key
