"""The hand-written half of a profile: a TOML file that says what SDK source does not hold.

An overlay may extend another: its tables replace those of the same name, its calls those of the same path.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from harness.errors import InputError
from harness.files import STRICT, read_toml, validated
from harness.sdk.profile import DenyText, Param
from harness.sdk.source import SourceSpec, file_sha256

# How an overlay that extends another is put on top of it: keys taken whole from either, tables merged by name.
_WHOLE = ("name", "title", "firmware", "deny_text", "other_version", "node")
_BY_NAME = ("sources", "clients", "hidden_clients", "references")


@dataclass(frozen=True, slots=True)
class CallTable:
    """`[[call]]`: an allowed or guarded call; `sdk` and `via` name methods underneath as source:Class.method."""

    path: str
    summary: str
    tier: Literal["allow", "guarded"] = "allow"
    reason: str = ""
    nested_only: bool = False
    alone: bool = False
    sdk: str = ""
    via: str = ""
    note: str = ""
    source: str = ""
    param: tuple[Param, ...] = ()

    def __post_init__(self) -> None:
        """ValueError for a guarded call without reason, a limit without source, and what the build decides."""
        if self.tier == "guarded" and not self.reason:
            raise ValueError("a guarded call needs its reason")
        for param in self.param:
            if not param.required:
                raise ValueError(f"{param.name}: 'required' follows from the default, here and in the source")
            if param.kwargs and not param.source:
                raise ValueError(f"{param.name}: an argument of **kwargs needs its source")
            limited = param.enum or param.pattern or param.min is not None or param.max is not None
            if limited and not param.source:
                raise ValueError(f"{param.name}: a range, enumeration or pattern needs its source")


@dataclass(frozen=True, slots=True)
class DenyTable:
    """`[[deny]]`: `paths` on clients, or `methods` of the class `sdk`, never to be called."""

    reason: str
    source: str
    paths: tuple[str, ...] = ()
    sdk: str = ""
    methods: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OtherVersion:
    """`[[other_version]]`: a source that is another version `of` one, and what its further methods are."""

    source: str
    of: str
    relation: str


@dataclass(frozen=True, slots=True)
class Overlay:
    """One overlay file, or several merged.

    `node` holds the classes (`bases`) whose methods the robot node has without exposing them. With `extends`, `drop`
    and `drop_deny` take calls and denials of the base away, `replace_references` puts other references in its calls
    (`call`) and denials (`deny`), and what is left out is the base's.
    """

    __pydantic_config__ = STRICT
    name: str = ""
    title: str = ""
    firmware: str = ""
    sources: Mapping[str, SourceSpec] = field(default_factory=dict)
    clients: Mapping[str, str] = field(default_factory=dict)
    hidden_clients: Mapping[str, str] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    call: tuple[CallTable, ...] = ()
    node: Mapping[Literal["bases"], tuple[str, ...]] = field(default_factory=dict)
    deny: tuple[DenyTable, ...] = ()
    deny_text: tuple[DenyText, ...] = ()
    other_version: tuple[OtherVersion, ...] = ()
    extends: str = ""
    drop: tuple[str, ...] = ()
    drop_deny: tuple[str, ...] = ()
    replace_references: Mapping[Literal["call", "deny"], Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """ValueError for what is missing, in a whole overlay: one that extends another is checked when it is merged."""
        if self.extends:
            return
        if missing := [key for key in ("name", "title", "firmware", "call") if not getattr(self, key)]:
            raise ValueError(f"{', '.join(missing)}: missing")
        used = {call.source: f"call {call.path!r}" for call in self.call}
        for call in self.call:
            for param in call.param:
                what = f"call {call.path!r}, parameter {param.name!r}"
                used |= {param.source: what, param.limit_source: what}
        used |= {denial.source: f"the denial of {denial.reason!r} calls" for denial in self.deny}
        for reference, what in used.items():
            if reference and reference not in self.references:
                raise ValueError(f"{what}: source {reference!r} is not under [references]")


def load_overlay(path: Path, above: tuple[Path, ...] = ()) -> tuple[Overlay, dict[str, str]]:
    """Read an overlay and whatever it extends; with the sha256 of each file by its name.

    Raises:
        InputError: not TOML, an unknown or missing key, a reference that is not listed.
    """
    if path.resolve() in above:
        raise InputError("extends itself", path=path)
    overlay = validated(Overlay, read_toml(path), path, "an overlay")
    hashes = {path.name: file_sha256(path)}
    if not overlay.extends:
        return overlay, hashes
    base, base_hashes = load_overlay(path.parent / overlay.extends, (*above, path.resolve()))
    try:
        return _merged(base, overlay), base_hashes | hashes
    except ValueError as error:
        raise InputError(f"is not an overlay: {error}", path=path) from error


def _merged(base: Overlay, top: Overlay) -> Overlay:
    """The extending overlay on top of its base."""
    missing = {*top.drop} - {call.path for call in base.call}
    missing |= {*top.drop_deny} - {path for denial in base.deny for path in denial.paths}
    if missing:
        raise ValueError(f"drops {', '.join(map(repr, sorted(missing)))}, which the base has not")
    in_calls, in_denials = (top.replace_references.get(key, {}) for key in ("call", "deny"))
    own = {call.path: call for call in top.call}
    calls = []
    for call in (call for call in base.call if call.path not in top.drop):
        params = tuple(replace(p, source=in_calls.get(p.source, p.source)) for p in call.param)
        swapped = replace(call, source=in_calls.get(call.source, call.source), param=params)
        calls.append(own.pop(call.path, swapped))
    denials = [
        replace(
            denial,
            source=in_denials.get(denial.source, denial.source),
            paths=tuple(path for path in denial.paths if path not in top.drop_deny),
        )
        for denial in base.deny
    ]
    tables: dict[str, Any] = {key: getattr(top, key) or getattr(base, key) for key in _WHOLE}
    tables |= {key: {**getattr(base, key), **getattr(top, key)} for key in _BY_NAME}
    calls += own.values()
    merged = replace(top, **tables, call=tuple(calls), deny=(*denials, *top.deny), extends="")
    # A source of the base that nothing refers to any more would be read for nothing.
    owners = [*merged.clients.values(), *merged.hidden_clients.values(), *merged.node.get("bases", ())]
    owners += [*(call.sdk for call in merged.call), *(denial.sdk for denial in merged.deny)]
    used = {owner.partition(":")[0] for owner in owners}
    used |= {source for other in merged.other_version for source in (other.source, other.of)}
    return replace(merged, sources={name: spec for name, spec in merged.sources.items() if name in used})
