"""The allow-list as the checks use it: frozen records read from one committed JSON file.

`harness.sdk.build` writes that file from SDK source and an overlay; `load_profile` reads it and pydantic validates
it: every key known, every value of its type, every limit possible. The records stay plain dataclasses with slots,
so that scoring pays nothing for that.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from harness.errors import InputError
from harness.files import STRICT, adapter, read_json, validated
from harness.pack import bundled
from harness.sdk.param_types import fixed_length, is_type, item_type

SCHEMA: Literal["gonogo-profile/1"] = "gonogo-profile/1"

Tier = Literal["allow", "guarded", "deny"]
Scalar = str | int | float | bool
_PLAIN: Mapping[str, tuple[type, ...]] = {
    "float": (float, int),
    "int": (int,),
    "bool": (bool,),
    "str": (str,),
    "any": (float, int, bool, str),
}


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a call.

    `type` is `float`, `int`, `bool`, `str`, a list or tuple of them (`list[float]`, `tuple[int, ...]`,
    `tuple[int, int]`), `call:BUILDER` (a nested builder call) or `any` (one of the four; for SDK source without
    types). `min` and `max` are the enforced range in `unit`, of each item where it is a list; `documented` the wider
    one of the vendor's page. `range_from` says that the range, or the documented one, was read from the method's
    docstring. A parameter that is not required has a `default`; None says that leaving it out is not the same as
    any value. `passing` restricts how it is given; an argument of the method's `**kwargs` is given by name.
    """

    name: str
    type: str
    required: bool = True
    default: Scalar | None = None
    min: int | float | None = None
    max: int | float | None = None
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
    documented: tuple[int | float, int | float] | None = None
    sdk_param: str = ""
    kwargs: bool = False
    passing: Literal["either", "position", "name"] = "either"
    range_from: Literal["", "docstring"] = ""
    source: str = ""
    limit_source: str = ""

    def __post_init__(self) -> None:
        """ValueError for an unknown type, limits that no value meets and a default that is not allowed."""
        if not is_type(self.type):
            raise ValueError(f"{self.name}: unknown type {self.type!r}")
        one = item_type(self.type) or self.type
        if one not in {"int", "float"} and not (self.min is None and self.max is None and not self.range_from):
            raise ValueError(f"{self.name}: {self.type} has no range")
        if self.enum and (odd := [value for value in self.enum if type(value) not in _PLAIN.get(one, ())]):
            raise ValueError(f"{self.name}: {odd[0]!r} of its enumeration is no {one}")
        try:
            re.compile(self.pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"{self.name}: pattern: {error}") from error
        if self.min is not None and self.max is not None:
            if self.min > self.max:
                raise ValueError(f"{self.name}: min {self.min} is above max {self.max}")
            if self.documented and (self.min < self.documented[0] or self.max > self.documented[1]):
                low, high = self.documented
                raise ValueError(f"{self.name}: the enforced range leaves the documented {low} to {high}")
        if self.default is not None and not self.allows(self.default):
            raise ValueError(f"{self.name}: the default {self.default!r} is not allowed by its own type and limits")

    @property
    def length(self) -> tuple[int, int | None]:
        """The least and the largest number of items of a list."""
        fixed = fixed_length(self.type)
        return (self.min_items, self.max_items) if fixed is None else (fixed, fixed)

    def allows(self, value: object) -> bool:
        """Whether a plain value has the type and is within the range and the enumeration, and not denied."""
        if type(value) not in _PLAIN.get(self.type, ()) or (self.enum and value not in self.enum):
            return False
        below = self.min is not None and value < self.min  # type: ignore[operator]  # a number where there are limits
        above = self.max is not None and value > self.max  # type: ignore[operator]
        return not (below or above or value in self.deny)


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

    def __post_init__(self) -> None:
        """ValueError where what is given by position alone, either way and by name alone is not in this order."""
        ranks = [("position", "either", "name").index(param.passing) for param in self.params or ()]
        if ranks != sorted(ranks):
            raise ValueError("arguments given by name alone stand last, by position alone first")

    def listed(self, texts: Iterable[str]) -> str:
        """Texts on the parameters, one each, joined as Python does it.

        `/` stands after those given by position alone, `*` before those given by name alone.
        """
        parts = list(texts)
        passing = [param.passing for param in self.params or ()]
        if "name" in passing:
            parts.insert(passing.index("name"), "*")
        if "position" in passing:
            parts.insert(passing.count("position"), "/")
        return ", ".join(parts)


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


@dataclass(frozen=True, eq=False, kw_only=True)
class Profile:
    """The whole allow-list of one robot and firmware. Compared by identity; `digest` says if two are the same."""

    __pydantic_config__ = STRICT
    schema: Literal["gonogo-profile/1"] = SCHEMA  # first, so that a file of another version is called that
    name: str
    title: str
    firmware: str
    overlays: Mapping[str, str]
    sources: tuple[Source, ...]
    references: Mapping[str, str]
    calls: tuple[CallSpec, ...]
    deny_text: tuple[DenyText, ...]
    known: tuple[KnownMethod, ...]

    def __post_init__(self) -> None:
        """ValueError for a call that stands twice, or a parameter built by a call that is no builder."""
        if len(self.by_path) < len(self.calls):
            paths = [call.path for call in self.calls]
            repeated = sorted({path for path in paths if paths.count(path) > 1})
            raise ValueError(f"{', '.join(repeated)}: allowed and denied, or listed twice")
        for call in self.calls:
            for param in call.params or ():
                kind, _, built = param.type.partition("call:")
                if not kind and not (built in self.by_path and self.by_path[built].nested_only):
                    raise ValueError(f"call {call.path!r}: {param.type!r} is no nested_only call")

    @cached_property
    def by_path(self) -> Mapping[str, CallSpec]:
        """Every call by its path."""
        return {call.path: call for call in self.calls}

    @cached_property
    def digest(self) -> str:
        """Hex sha256 of the profile's JSON: part of what makes two results comparable."""
        return hashlib.sha256(dump_profile(self).encode()).hexdigest()


def load_profile(path: str | Path) -> Profile:
    """Read a profile."""
    data = read_json(Path(path), hint="Profiles are made by `gonogo sdk build`.")
    return validated(Profile, data, Path(path), "a profile")


def shipped_profiles() -> dict[str, Path]:
    """Name -> file of every profile that a shipped pack carries."""
    found = sorted(bundled("datasets").glob("*/profiles/*.json"), key=lambda path: path.stem)
    return {path.stem: path for path in found if not path.name.endswith(".signatures.json")}


def find_profile(name: str) -> Profile:
    """Load the profile that a file or a name means."""
    shipped = shipped_profiles()
    if name not in shipped and not Path(name).exists():
        raise InputError(f"there is no profile {name!r}", hint=f"Name a file, or one of {', '.join(shipped)}.")
    return load_profile(shipped.get(name, name))


def dump_profile(profile: Profile) -> str:
    """The committed form: the same bytes for the same content, fields that hold their default left out."""
    return json.dumps({"schema": SCHEMA, **lean(profile)}, indent=1, ensure_ascii=False) + "\n"


def lean(record: Profile | CallSpec) -> dict[str, Any]:
    """A profile, or a call of it, as its JSON object, without the fields that hold their default."""
    kind: Any = type(record)
    kept: dict[str, Any] = adapter(kind).dump_python(record, mode="json", exclude_defaults=True)
    return kept
