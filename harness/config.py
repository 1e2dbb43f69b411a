"""Settings: the pack's defaults, overridden by a gonogo.toml of the user's; keys from the environment or .env."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit

from annotated_types import Ge, Gt, Le, MinLen

from harness.errors import InputError
from harness.files import STRICT, read_toml, read_whole, validated
from harness.pack import PROMPTS, Pack, PackSection
from harness.parsed import toml_line

CONFIG_FILE = "gonogo.toml"
RESERVED = ("local", "openai", "recorded")  # kinds of model specs: no endpoint may be called so

Temperature = Annotated[float, Ge(0), Le(2)]
Count = Annotated[int, Ge(1)]
Positive = Annotated[float, Gt(0)]
SystemRole = Literal["system", "developer", "user"]
AnswerForm = Literal["text", "constrained", "tools"]


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """`[endpoints.NAME]`: one OpenAI-compatible server of the user's, and how it wants to be asked.

    Attributes:
        base_url: Such as `http://localhost:8000/v1`. A query is kept behind the path.
        api_key_env: Variable that holds the key; None where none is needed.
        headers: Sent with each request. `$NAME` stands for a variable of the environment or of .env.
        query: Sent with each request, such as `api-version`.
        timeout_s: Seconds that one attempt may take from sending to the last byte.
        requests_per_minute: Requests begun in a minute at most; None leaves it to what the server allows.
        extra: Further fields of the body, such as `reasoning_effort` or `chat_template_kwargs`.
        seed: `default` sends none; `sent` sends the decoding's.
        system_role: How the system message is sent: `user` puts it in front of the first user message.
        kind: The API: chat completions, responses, or chat completions with Azure's addresses and key header.
        strip_reasoning: Leave out what the model thought before its answer; the record keeps the whole text.
    """

    base_url: Annotated[str, MinLen(1)]
    api_key_env: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    timeout_s: Positive = 120.0
    concurrency: Count = 16
    requests_per_minute: Positive | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    seed: Literal["sent", "default"] = "sent"
    system_role: SystemRole = "system"
    kind: Literal["chat", "responses", "azure"] = "chat"
    strip_reasoning: bool = True

    def __post_init__(self) -> None:
        """Refuse an address that cannot be asked; "" stands for none."""
        if self.base_url:
            check_address(self.base_url, "base_url")
        version = "api-version" in self.query or "api-version=" in self.base_url
        if self.kind == "azure" and "/v1" not in urlsplit(self.base_url).path and not version:
            raise ValueError(
                'kind azure needs query = { api-version = "2024-10-21" }, or a base_url that ends in /openai/v1'
            )

    def asked_as(self) -> dict[str, Any]:
        """What changes the question or the answer's text, where it is not the default: part of journal keys."""
        default = EndpointSettings("")
        names = ("extra", "seed", "system_role", "strip_reasoning")
        return {name: getattr(self, name) for name in names if getattr(self, name) != getattr(default, name)}


@dataclass(frozen=True, slots=True)
class ArmDecoding:
    """`decoding` of an arm: what differs from `[decoding]`; `default` leaves a parameter to the endpoint."""

    temperature: Temperature | Literal["default"] | None = None
    max_tokens: Count | Literal["default"] | None = None
    seed: Annotated[int, Ge(0)] | Literal["default"] | None = None
    extra: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ArmSettings:
    """`[arms.NAME]`: a model with a prompt and decoding of its own, called by one name. Files are beside the settings.

    Attributes:
        prompt: `plain`, `card` or a file; None where the command line says.
        decoding: Parameters of its own; the command line gives the others.
        answer_form: How the answer comes (`harness.models.answer_form`); None is text.
        label: What results call it; the name, where there is none.
    """

    model: Annotated[str, MinLen(1)]
    prompt: Annotated[str, MinLen(1)] | None = None
    decoding: ArmDecoding = ArmDecoding()
    answer_form: AnswerForm | None = None
    label: str = ""

    def chosen(self) -> dict[str, Any]:
        """What it has of its own, as fields of a `harness.models.requests.Decoding`."""
        given = {**asdict(self.decoding), "answer_form": self.answer_form}
        return {name: None if value == "default" else value for name, value in given.items() if value is not None}

    def beside(self, folder: Path) -> ArmSettings:
        """The same with the files of a settings file in this folder."""
        if folder.resolve() == Path.cwd():
            return self
        kind, _, name = self.model.partition(":")
        model = f"{kind}:{folder / Path(name).expanduser()}" if kind == "recorded" else self.model
        own = self.prompt and self.prompt not in PROMPTS
        return replace(self, model=model, prompt=str(folder / str(self.prompt)) if own else self.prompt)


def http_address(text: str) -> SplitResult | None:
    """The parts of an http address, None for anything else."""
    try:
        url = urlsplit(text)
        usable = url.scheme in ("http", "https") and url.hostname and (url.port or 1) > 0
    except ValueError:  # brackets left open, a port that is none
        return None
    return url if usable else None


def check_address(base_url: str, what: str) -> None:
    """Refuse what is no http address, and one with a password in it, since addresses are shown.

    Raises:
        ValueError: the message names `what` and never repeats the address.
    """
    url = http_address(base_url)
    if url is None:
        raise ValueError(f'{what} is not an http address, such as "http://localhost:8000/v1"')
    if url.username or url.password:
        raise ValueError(f"{what} holds a user name or password, which would show in logs: use api_key_env")


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """`[settings]`, in whose file the keys are in capitals; their meaning is told in datasets/go2/gonogo.toml.

    Attributes:
        temperature: Of the teacher, DATA_MODEL.
    """

    __pydantic_config__ = {**STRICT, "alias_generator": str.upper}  # noqa: RUF012  as pydantic has it

    base_model: str
    candidate_model: str
    data_model: str
    temperature: Temperature
    number_of_examples: Count


@dataclass(frozen=True, slots=True)
class DecodingSettings:
    """`[decoding]`: of the models under test; `samples` are the answers per case and model."""

    temperature: Temperature
    max_tokens: Count
    seed: Annotated[int, Ge(0)]
    samples: Count


@dataclass(frozen=True, kw_only=True)
class SettingsFile:
    """A `gonogo.toml`: of a pack all of it, of a user any part, which overrides the pack's."""

    __pydantic_config__ = STRICT

    settings: ModelSettings
    decoding: DecodingSettings
    endpoints: Mapping[str, EndpointSettings]
    arms: Mapping[str, ArmSettings]
    pack: PackSection | None = None  # `harness.pack` reads it


@dataclass(frozen=True, kw_only=True)
class Settings(ModelSettings):
    """Everything configurable, in one place; `arms` with their files where they are."""

    decoding: DecodingSettings
    endpoints: Mapping[str, EndpointSettings]
    arms: Mapping[str, ArmSettings]
    _environment: Mapping[str, str] = field(repr=False)  # holds keys: never shown

    def secret(self, name: str) -> str | None:
        """Value of an environment variable, or of the same name in .env; None where neither has one."""
        return self._environment.get(name) or None


def load_settings(pack: Pack, config: Path | None = None, directory: Path | None = None) -> Settings:
    """Merge the pack's defaults, the user's gonogo.toml and the environment.

    Args:
        pack: Its file gives the defaults.
        config: The user's file; by default `gonogo.toml` in `directory`, if there is one.
        directory: Where the user works; by default the current one. Its `.env` is read too.

    Raises:
        InputError: unknown key, wrong type or value out of range, with file and line.
    """
    directory = directory or Path.cwd()
    if config is not None and not config.is_file():
        raise InputError("there is no such configuration file", path=config, hint="check --config")
    tables = {"endpoints": {}, "arms": {}, **pack.raw}
    shipped, own = pack.root / CONFIG_FILE, config or directory / CONFIG_FILE
    in_pack = own.resolve() == shipped.resolve()
    if tables["endpoints"] and not in_pack:  # a pack from elsewhere names nobody to send a key to
        line, hint = toml_line(read_whole(shipped), ("endpoints",)), f"name them in a {CONFIG_FILE} beside your work"
        raise InputError("a pack that names endpoints", path=shipped, line=line, hint=hint)
    found = _validated(tables, shipped)
    arms = {name: arm.beside(pack.root) if in_pack else _of_pack(name, arm, pack) for name, arm in found.arms.items()}
    if own.is_file() and not in_pack:
        # The pack's tables are good by themselves, so what is wrong with the two together stands in the user's file.
        users = read_toml(own)
        for name, table in users.items():
            both = isinstance(table, dict) and isinstance(tables.get(name), dict)
            tables[name] = {**tables[name], **table} if both else table
        found = _validated(tables, own)
        arms |= {name: found.arms[name].beside(own.parent) for name in users.get("arms", ())}
    return Settings(
        **asdict(found.settings),
        decoding=found.decoding,
        endpoints=found.endpoints,
        arms=arms,
        _environment=_environment(directory),
    )


def _validated(tables: Mapping[str, Any], path: Path) -> SettingsFile:
    others = {name: table for name, table in tables.items() if name != "pack"}
    found = validated(SettingsFile, others, path, "a settings file")
    for name in RESERVED:
        if name in found.endpoints:
            raise InputError(f"the endpoint name {name!r} is taken", path=path, hint="choose another name")
    for name, arm in found.arms.items():
        if not (re.fullmatch(r"[\w.-]+", name) and arm.label.isprintable()):
            what = f"an arm cannot be called {name!r}" + (f", {arm.label!r}" if arm.label else "")
            raise InputError(what, path=path, hint="letters, digits, dots, dashes and underscores; a label is one line")
    return found


def _of_pack(name: str, arm: ArmSettings, pack: Pack) -> ArmSettings:
    """An arm that a pack brings along: of the embedded model or of answers in the pack, which need no key."""
    kind, _, rest = arm.model.partition(":")
    files = [Path(rest)] if kind == "recorded" else []
    files += [Path(arm.prompt)] if arm.prompt and arm.prompt not in PROMPTS else []
    inside = not rest.endswith(".gguf") and all(
        (pack.root / file).resolve().is_relative_to(pack.root.resolve()) for file in files
    )
    if kind not in ("local", "recorded") or not inside:
        what = f"arms.{name}: an arm of a pack is local:, or recorded: and has a prompt of files in the pack"
        hint = "endpoints and keys are named in a gonogo.toml beside your work"
        raise InputError(what, path=pack.root / CONFIG_FILE, hint=hint)
    return arm.beside(pack.root)


def _environment(directory: Path) -> dict[str, str]:
    from_file: dict[str, str | None] = {}
    if (path := directory / ".env").is_file():
        from dotenv import dotenv_values

        from_file = dotenv_values(stream=StringIO(read_whole(path)))
    return {name: value for name, value in from_file.items() if value} | dict(os.environ)
