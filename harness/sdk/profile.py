"""The allow-list as the checks use it: frozen records read from one committed JSON file.

`harness.sdk.build` writes that file from SDK source and an overlay; `load_profile` reads and validates it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from harness.errors import InputError

SCHEMA = "gonogo-profile/1"

Tier = Literal["allow", "guarded", "deny"]
Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a call.

    `type` is `float`, `int`, `bool`, `str`, `list[str]`, `call:BUILDER` (a nested builder call) or `any` (denied
    calls whose SDK source gives no type). `min` and `max` are the enforced range in `unit`, `documented` the
    wider one of the vendor's page. A parameter that is not required has a `default`; None says that leaving it
    out is not the same as any value.
    """

    name: str
    type: str
    required: bool = True
    default: Scalar | None = None
    min: float | None = None
    max: float | None = None
    unit: str = ""
    enum: tuple[Scalar, ...] = ()
    pattern: str = ""
    pattern_name: str = ""
    min_len: int = 0
    max_len: int | None = None
    min_items: int = 0
    max_items: int | None = None
    required_if: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    deny: tuple[Scalar, ...] = ()
    deny_reason: str = ""
    documented: tuple[float, float] | None = None
    sdk_param: str = ""
    source: str = ""
    limit_source: str = ""


@dataclass(frozen=True, slots=True)
class Symbol:
    """The method of the SDK underneath: where its `def` stands and its signature as text."""

    source: str
    symbol: str
    file: str
    line: int
    signature: str


@dataclass(frozen=True, slots=True)
class CallSpec:
    """One call that the checks know: path below `self`, as in `client.method` or `getter().method`.

    `params` is None where a denied call takes arguments that nobody checks. `nested_only` marks builders, `alone`
    the two calls that must be an answer's only item.
    """

    path: str
    tier: Tier
    summary: str
    params: tuple[Param, ...] | None
    reason: str = ""
    nested_only: bool = False
    alone: bool = False
    sdk: Symbol | None = None
    note: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class KnownMethod:
    """A method that is real but no part of the allow-list; `relation` says why (hidden, removed, added later)."""

    client: str
    name: str
    signature: str
    kind: Literal["unexposed", "other_version"]
    relation: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Source:
    """One SDK distribution that the profile was built from, with the sha256 of every file read."""

    id: str
    kind: str
    name: str
    version: str
    origin: str
    license: str
    sha256: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DenyText:
    """Text that no argument outside the allow-list may carry, such as the name of a motor topic."""

    pattern: str
    reason: str
    source: str


@dataclass(frozen=True, eq=False)
class Profile:
    """The whole allow-list of one robot and firmware. Compared by identity; `digest` says if two are the same."""

    name: str
    title: str
    firmware: str
    calls: tuple[CallSpec, ...]
    known: tuple[KnownMethod, ...]
    deny_text: tuple[DenyText, ...]
    sources: tuple[Source, ...]
    references: Mapping[str, str]
    overlays: Mapping[str, str]

    @cached_property
    def by_path(self) -> Mapping[str, CallSpec]:
        """Every call by its path."""
        return {call.path: call for call in self.calls}

    @cached_property
    def digest(self) -> str:
        """Hex sha256 of the profile's JSON: part of what makes two results comparable."""
        return hashlib.sha256(dump_profile(self).encode()).hexdigest()


def load_profile(path: str | Path) -> Profile:
    """Read a profile.

    Raises:
        InputError: the file is missing, is not JSON or not a profile of this schema.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", path=path, hint="Profiles are made by `gonogo sdk build`."
        ) from error
    try:
        data = json.loads(text)
        if data["schema"] != SCHEMA:
            raise InputError(f"schema is {data['schema']!r}, expected {SCHEMA!r}", path=path)
        return _profile(data)
    except json.JSONDecodeError as error:
        raise InputError(f"is not JSON: {error.msg}", path=path, line=error.lineno) from error
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"is not a profile: {error!r}", path=path, hint="Build it again with `gonogo sdk build`."
        ) from error


def dump_profile(profile: Profile) -> str:
    """The committed form: the same bytes for the same content, fields that hold their default left out."""
    data: dict[str, Any] = {
        "schema": SCHEMA,
        "name": profile.name,
        "title": profile.title,
        "firmware": profile.firmware,
        "overlays": dict(profile.overlays),
        "sources": [asdict(source) for source in profile.sources],
        "references": dict(profile.references),
        "calls": [_lean(call) for call in profile.calls],
        "deny_text": [asdict(text) for text in profile.deny_text],
        "known": [asdict(known) for known in profile.known],
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def call_json(call: CallSpec) -> dict[str, Any]:
    """One call as the profile's JSON holds it."""
    data: dict[str, Any] = _lean(call)
    return data


def _profile(data: Mapping[str, Any]) -> Profile:
    return Profile(
        name=data["name"],
        title=data["title"],
        firmware=data["firmware"],
        calls=tuple(_call(entry) for entry in data["calls"]),
        known=tuple(KnownMethod(**entry) for entry in data["known"]),
        deny_text=tuple(DenyText(**entry) for entry in data["deny_text"]),
        sources=tuple(Source(**entry) for entry in data["sources"]),
        references=data["references"],
        overlays=data["overlays"],
    )


def _call(entry: Mapping[str, Any]) -> CallSpec:
    rest = {key: value for key, value in entry.items() if key not in {"params", "sdk"}}
    params = None if entry["params"] is None else tuple(param_from(p) for p in entry["params"])
    return CallSpec(params=params, sdk=Symbol(**entry["sdk"]) if entry.get("sdk") else None, **rest)


def param_from(entry: Mapping[str, Any]) -> Param:
    """A parameter from its JSON or TOML table, lists made tuples.

    Raises:
        TypeError: a key is unknown or missing.
    """
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
    if "required_if" in values:
        values["required_if"] = {name: tuple(when) for name, when in values["required_if"].items()}
    return Param(**values)


def _lean(value: Any) -> Any:  # one of our records, a tuple of them, or a JSON scalar
    """A record as a dict without the fields that hold their default."""
    if isinstance(value, (Param, CallSpec, Symbol)):
        return {
            f.name: _lean(getattr(value, f.name)) for f in fields(value) if not _is_default(f, getattr(value, f.name))
        }
    if isinstance(value, tuple):
        return [_lean(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value


def _is_default(of: Any, value: Any) -> bool:  # dataclasses.Field carries its default as Any
    if of.default_factory is not MISSING:
        return bool(value == of.default_factory())
    # `is` for bools and None, so that a default of 0 or 0.0 is not taken for False.
    return of.default is not MISSING and value == of.default and type(value) is type(of.default)
