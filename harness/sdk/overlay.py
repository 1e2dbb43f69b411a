"""The hand-written half of a profile: a TOML file that says what SDK source does not hold.

An overlay may extend another: its tables replace those of the same name, its calls those of the same path.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.sdk.profile import Param
from harness.sdk.source import SourceSpec

_TOP = {
    "extends", "name", "title", "firmware", "drop", "drop_deny", "replace_references", "sources", "other_version",
    "clients", "hidden_clients", "node", "references", "call", "deny", "deny_text",
}  # fmt: skip
_CALL = {
    "path", "summary", "tier", "reason", "nested_only", "alone", "sdk", "via", "note", "source", "param",
}  # fmt: skip
_DENY = {"paths", "sdk", "methods", "reason", "source"}
_PARAM = {f.name for f in fields(Param)} - {"required"}  # required is "no default, no required_if"


@dataclass(frozen=True, slots=True)
class Overlay:
    """A merged overlay; the tables keep their TOML form and are read by `harness.sdk.build`."""

    path: Path
    name: str
    title: str
    firmware: str
    sources: Mapping[str, SourceSpec]
    clients: Mapping[str, str]
    hidden_clients: Mapping[str, str]
    node_bases: tuple[str, ...]
    references: Mapping[str, str]
    calls: tuple[Mapping[str, Any], ...]
    denials: tuple[Mapping[str, Any], ...]
    deny_text: tuple[Mapping[str, Any], ...]
    other_versions: tuple[Mapping[str, Any], ...]
    hashes: Mapping[str, str]


def load_overlay(path: Path) -> Overlay:
    """Read an overlay and whatever it extends.

    Raises:
        InputError: not TOML, an unknown or missing key, a reference that is not listed.
    """
    tables, hashes = _read(path)
    try:
        overlay = Overlay(
            path=path,
            name=tables["name"],
            title=tables["title"],
            firmware=tables["firmware"],
            sources={name: _source(name, table) for name, table in tables["sources"].items()},
            clients=tables["clients"],
            hidden_clients=tables.get("hidden_clients", {}),
            node_bases=tuple(tables.get("node", {}).get("bases", ())),
            references=tables["references"],
            calls=tuple(tables["call"]),
            denials=tuple(tables.get("deny", ())),
            deny_text=tuple(tables.get("deny_text", ())),
            other_versions=tuple(tables.get("other_version", ())),
            hashes=hashes,
        )
    except (KeyError, TypeError) as error:
        raise InputError(f"is not an overlay: {error}", path=path) from error
    _check_keys(overlay)
    return overlay


def _read(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        raw = path.read_bytes()
        tables = tomllib.loads(raw.decode("utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"is not TOML: {error}", path=path) from error
    if unknown := tables.keys() - _TOP:
        raise InputError(f"unknown table or key {_names(unknown)}", path=path)
    hashes = {path.name: hashlib.sha256(raw).hexdigest()}
    if "extends" not in tables:
        return tables, hashes
    base, base_hashes = _read(path.parent / tables["extends"])
    return _merge(base, tables, path), base_hashes | hashes


def _merge(base: Mapping[str, Any], top: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The extending overlay on top of its base."""
    swap = top.get("replace_references", {})
    own = {call["path"]: call for call in top.get("call", ())}
    dropped = set(top.get("drop", ()))
    if missing := dropped - {call["path"] for call in base["call"]}:
        raise InputError(f"drops {_names(missing)}, which the base has not", path=path)
    calls = [own.pop(c["path"], _swapped(c, swap.get("call", {}))) for c in base["call"] if c["path"] not in dropped]
    dropped_deny = set(top.get("drop_deny", ()))
    if missing := dropped_deny - {p for d in base.get("deny", ()) for p in d.get("paths", ())}:
        raise InputError(f"drops the denial of {_names(missing)}, which the base has not", path=path)
    denials = [
        d | {"paths": [p for p in d["paths"] if p not in dropped_deny]} if "paths" in d else d
        for d in (_swapped(d, swap.get("deny", {})) for d in base.get("deny", ()))
    ]
    merged = {
        **base,
        **{key: top[key] for key in ("name", "title", "firmware", "other_version", "deny_text") if key in top},
        "call": [*calls, *own.values()],
        "deny": [*denials, *top.get("deny", ())],
    }
    for table in ("sources", "clients", "hidden_clients", "node", "references"):
        merged[table] = {**base.get(table, {}), **top.get(table, {})}
    # A source of the base that nothing refers to any more would be read for nothing.
    used = {c["source"] for c in merged["other_version"]} | {c["of"] for c in merged["other_version"]}
    used |= {owner.partition(":")[0] for owner in [*merged["clients"].values(), *merged["hidden_clients"].values()]}
    used |= {owner.partition(":")[0] for owner in merged["node"].get("bases", ())}
    used |= {c["sdk"].partition(":")[0] for c in [*merged["call"], *merged["deny"]] if "sdk" in c}
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


def _source(name: str, table: Mapping[str, Any]) -> SourceSpec:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    return SourceSpec(id=name, **values)


def _check_keys(overlay: Overlay) -> None:
    """Every key known, every reference listed: a misspelt `mx = 1.0` must not become "no limit"."""
    for call in overlay.calls:
        _check_table(overlay, call, _CALL, f"call {call.get('path')!r}")
        for param in call.get("param", ()):
            _check_table(overlay, param, _PARAM, f"call {call['path']!r}, parameter {param.get('name')!r}")
    for denial in overlay.denials:
        _check_table(overlay, denial, _DENY, f"denial {denial.get('paths') or denial.get('methods')}")
    paths = [call["path"] for call in overlay.calls]
    if repeated := {p for p in paths if paths.count(p) > 1}:
        raise InputError(f"call {_names(repeated)} stands twice", path=overlay.path)


def _check_table(overlay: Overlay, table: Mapping[str, Any], known: set[str], what: str) -> None:
    if unknown := table.keys() - known:
        raise InputError(f"{what}: unknown key {_names(unknown)}", path=overlay.path)
    for key in ("source", "limit_source"):
        if (reference := table.get(key)) and reference not in overlay.references:
            raise InputError(f"{what}: {key} {reference!r} is not under [references]", path=overlay.path)
    if not table.get("source") and ("min" in table or "max" in table or "enum" in table or "pattern" in table):
        raise InputError(f"{what}: a range, enumeration or pattern needs its source", path=overlay.path)


def _names(values: Sequence[str] | set[str]) -> str:
    return ", ".join(repr(v) for v in sorted(values))
