"""The hand-written half of a profile: a TOML file that says what SDK source does not hold.

An overlay may extend another: its tables replace those of the same name, its calls those of the same path.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.files import STRICT, validated
from harness.sdk.profile import DenyText, Param, Tier
from harness.sdk.source import SourceSpec


@dataclass(frozen=True, slots=True)
class CallTable:
    """`[[call]]`: an allowed or guarded call; `sdk` and `via` name methods underneath as source:Class.method."""

    __pydantic_config__ = STRICT
    path: str
    summary: str
    tier: Tier = "allow"
    reason: str = ""
    nested_only: bool = False
    alone: bool = False
    sdk: str = ""
    via: str = ""
    note: str = ""
    source: str = ""
    param: tuple[Param, ...] = ()


@dataclass(frozen=True, slots=True)
class DenyTable:
    """`[[deny]]`: `paths` on clients, or `methods` of the class `sdk`, never to be called."""

    __pydantic_config__ = STRICT
    reason: str
    source: str
    paths: tuple[str, ...] = ()
    sdk: str = ""
    methods: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OtherVersion:
    """`[[other_version]]`: a source that is another version `of` one, and what its further methods are."""

    __pydantic_config__ = STRICT
    source: str
    of: str
    relation: str


@dataclass(frozen=True, slots=True)
class Node:
    """`[node]`: the classes whose methods the robot node has without exposing them."""

    __pydantic_config__ = STRICT
    bases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Overlay:
    """A merged overlay, table by table."""

    __pydantic_config__ = STRICT
    name: str
    title: str
    firmware: str
    sources: Mapping[str, SourceSpec]
    clients: Mapping[str, str]
    references: Mapping[str, str]
    call: tuple[CallTable, ...]
    hidden_clients: Mapping[str, str] = field(default_factory=dict)
    node: Node = Node()
    deny: tuple[DenyTable, ...] = ()
    deny_text: tuple[DenyText, ...] = ()
    other_version: tuple[OtherVersion, ...] = ()

    def __post_init__(self) -> None:
        """ValueError for a reference that is not listed, and for a limit that has none."""
        for call in self.call:
            items: list[CallTable | Param] = [call, *call.param]
            for item in items:
                what = f"call {call.path!r}" + (f", parameter {item.name!r}" if isinstance(item, Param) else "")
                limit = item.limit_source if isinstance(item, Param) else ""
                for reference in filter(None, (item.source, limit)):
                    if reference not in self.references:
                        raise ValueError(f"{what}: source {reference!r} is not under [references]")
                if isinstance(item, Param) and not item.source and _has_limit(item):
                    raise ValueError(f"{what}: a range, enumeration or pattern needs its source")
            if call.tier != "allow" and not call.reason:
                raise ValueError(f"call {call.path!r}: a guarded call needs its reason")
        for denial in self.deny:
            if denial.source not in self.references:
                raise ValueError(
                    f"denial of {_names({*denial.paths, *denial.methods})}: "
                    f"source {denial.source!r} is not under [references]"
                )


_ONLY_TO_EXTEND = {"extends", "drop", "drop_deny", "replace_references"}


def load_overlay(path: Path) -> tuple[Overlay, dict[str, str]]:
    """Read an overlay and whatever it extends; with the sha256 of each file by its name.

    Raises:
        InputError: not TOML, an unknown or missing key, a reference that is not listed.
    """
    try:
        tables, hashes = _read(path, ())
        for call in tables["call"]:
            call["param"] = [_param(table) for table in call.get("param", ())]
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"is not an overlay: {error}", path=path) from error
    return validated(Overlay, tables, path, "an overlay"), hashes


def _read(path: Path, above: tuple[Path, ...]) -> tuple[dict[str, Any], dict[str, str]]:
    if path.resolve() in above:
        raise InputError("extends itself", path=path)
    try:
        raw = path.read_bytes()
        tables = tomllib.loads(raw.decode("utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not TOML: {error}", path=path) from error
    if unknown := tables.keys() - {f.name for f in fields(Overlay)} - _ONLY_TO_EXTEND:
        raise InputError(f"unknown table or key {_names(unknown)}", path=path)
    hashes = {path.name: hashlib.sha256(raw).hexdigest()}
    if "extends" not in tables:
        return tables, hashes
    base, base_hashes = _read(path.parent / tables["extends"], (*above, path.resolve()))
    return _merge(base, tables, path), base_hashes | hashes


def _merge(base: Mapping[str, Any], top: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The extending overlay on top of its base."""
    swap = top.get("replace_references", {})
    own = {call["path"]: call for call in top.get("call", ())}
    drop, drop_deny = set(top.get("drop", ())), set(top.get("drop_deny", ()))
    if missing := drop - {call["path"] for call in base["call"]}:
        raise InputError(f"drops {_names(missing)}, which the base has not", path=path)
    if missing := drop_deny - {p for d in base.get("deny", ()) for p in d.get("paths", ())}:
        raise InputError(f"drops the denial of {_names(missing)}, which the base has not", path=path)
    calls = [own.pop(c["path"], _swapped(c, swap.get("call", {}))) for c in base["call"] if c["path"] not in drop]
    denials = [_swapped(d, swap.get("deny", {})) for d in base.get("deny", ())]
    for denial in denials:
        denial["paths"] = [p for p in denial.get("paths", ()) if p not in drop_deny]
    merged = {
        **base,
        **{key: top[key] for key in ("name", "title", "firmware", "other_version", "deny_text") if key in top},
        "call": [*calls, *own.values()],
        "deny": [*denials, *top.get("deny", ())],
    }
    for table in ("sources", "clients", "hidden_clients", "node", "references"):
        merged[table] = {**base.get(table, {}), **top.get(table, {})}
    # A source of the base that nothing refers to any more would be read for nothing.
    owners = [*merged["clients"].values(), *merged["hidden_clients"].values(), *merged["node"].get("bases", ())]
    owners += [table.get("sdk", "") for table in (*merged["call"], *merged["deny"])]
    used = {owner.partition(":")[0] for owner in owners}
    used |= {other[key] for other in merged.get("other_version", ()) for key in ("source", "of")}
    merged["sources"] = {name: table for name, table in merged["sources"].items() if name in used}
    return merged


def _swapped(table: Mapping[str, Any], swap: Mapping[str, str]) -> dict[str, Any]:
    """The table with its references replaced, in its parameters too."""
    copy = dict(table)
    if "source" in copy:
        copy["source"] = swap.get(copy["source"], copy["source"])
    if "param" in copy:
        copy["param"] = [_swapped(param, swap) for param in copy["param"]]
    return copy


def _param(table: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter's table as the record has it: required is what has no default and no condition."""
    if "required" in table:
        raise TypeError(f"parameter {table.get('name')!r}: unknown key 'required'")
    required = "default" not in table and "required_if" not in table
    # An empty default beside required_if only says "may be left out".
    return {key: value for key, value in table.items() if (key, value) != ("default", "")} | {"required": required}


def _has_limit(param: Param) -> bool:
    return bool(param.enum or param.pattern or param.min is not None or param.max is not None)


def _names(values: set[str]) -> str:
    return ", ".join(repr(v) for v in sorted(values))
