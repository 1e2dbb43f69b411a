"""Joins signatures from SDK source with an overlay into a profile; refuses what the source does not bear out."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from harness.errors import InputError
from harness.sdk.overlay import CallTable, DenyTable, Overlay, load_overlay
from harness.sdk.profile import CallSpec, KnownMethod, Param, Profile, Scalar, Source, Symbol
from harness.sdk.source import Method, Parameter, Signatures, fetch_wheel, open_source

_CHECKED_TYPES = {"float", "int", "bool", "str"}
_BINDABLE = {"positional_only", "positional_or_keyword", "keyword_only"}


def build_profile(overlay_path: Path, given: Mapping[str, Path], *, fetch_into: Path | None = None) -> Profile:
    """Compile one profile.

    Args:
        overlay_path: The overlay (TOML).
        given: Source id -> wheel, sdist, folder or signature file to read in place of the overlay's own.
        fetch_into: A folder to download pinned wheels into; None to need every wheel in `given`.

    Raises:
        InputError: a source is missing or not the pinned one, or the overlay names what the source lacks.
    """
    overlay, hashes = load_overlay(overlay_path)
    if unknown := given.keys() - overlay.sources.keys():
        hint = f"It has {', '.join(overlay.sources)}."
        raise InputError(f"no source named {', '.join(sorted(unknown))}", path=overlay_path, hint=hint)
    read: dict[str, Signatures] = {}
    for name, spec in overlay.sources.items():
        if name in given:
            read[name] = open_source(spec, given[name], pinned=given[name].suffix == ".whl")
        elif spec.kind == "signatures":
            read[name] = open_source(spec, overlay_path.parent / spec.file, pinned=False)
        elif fetch_into is not None:
            read[name] = open_source(spec, fetch_wheel(spec, fetch_into), pinned=True)
        else:
            raise InputError(
                f"source {name!r} ({spec.name} {spec.version}) is not given",
                path=overlay_path,
                hint=f"Give its wheel, sdist or folder as --source {name}=PATH, or download it with --fetch.",
            )
    return _Builder(overlay, overlay_path, read).profile(hashes)


class _Builder:
    """One build: the overlay and the signatures it is checked against."""

    def __init__(self, overlay: Overlay, path: Path, read: Mapping[str, Signatures]) -> None:
        self.overlay = overlay
        self.path = path
        self.read = read
        self.clients = {**overlay.clients, **overlay.hidden_clients}

    def profile(self, hashes: Mapping[str, str]) -> Profile:
        overlay = self.overlay
        calls = [self._call(table) for table in overlay.call]
        calls += [call for table in overlay.deny for call in self._denied(table)]
        sources = []
        for name, spec in overlay.sources.items():
            found = self.read[name]
            files = {file.path: file.sha256 for file in found.files}
            of = Source(name, spec.kind, found.name, found.version, spec.origin, found.license, spec.sha256, files)
            sources.append(of)
        try:
            return Profile(
                name=overlay.name,
                title=overlay.title,
                firmware=overlay.firmware,
                overlays=hashes,
                sources=tuple(sources),
                references=overlay.references,
                calls=tuple(calls),
                deny_text=overlay.deny_text,
                known=tuple(self._known({call.path for call in calls})),
            )
        except ValueError as error:
            self._fail(str(error))

    def _call(self, table: CallTable) -> CallSpec:
        """An allowed or guarded call."""
        what = f"call {table.path!r}"
        client, _, method = table.path.rpartition(".")
        params, symbol = tuple(_as_left_out(param) for param in table.param), None
        if client:
            if client not in self.overlay.clients:
                self._fail(f"{what}: {client!r} is not under [clients]")
            symbol, found = self._find(f"{self.overlay.clients[client]}.{method}", what)
            params = self._as_in_source(params, method, found, what)
        elif table.sdk:
            symbol, found = self._find(table.sdk, what)
            for param in params:  # a node's own call names its counterparts below
                if param.sdk_param:
                    self._counterpart(param, found, what)
        if table.via:
            self._find(table.via, what)
        return CallSpec(
            path=table.path,
            tier=table.tier,
            summary=table.summary,
            params=params,
            reason=table.reason,
            nested_only=table.nested_only,
            alone=table.alone,
            sdk=symbol,
            note=table.note,
            source=table.source,
        )

    def _as_in_source(self, params: tuple[Param, ...], name: str, found: Method, what: str) -> tuple[Param, ...]:
        """A client's method is called as it is: the same parameters in the same order, with the SDK's defaults."""
        real = [p for p in found.params if p.kind in _BINDABLE]
        wanted = [p.sdk_param or p.name for p in params]
        joined = tuple(self._with_default(p, self._counterpart(p, found, what), what) for p in params)
        if [p.name for p in real if p.name in wanted] != wanted:
            self._fail(f"{what}: the parameters are not in the order of {found.text(name)}")
        if missing := [p.name for p in real if p.default is None and p.name not in wanted]:
            self._fail(f"{what}: {found.text(name)} also requires {', '.join(missing)}")
        return joined

    def _with_default(self, param: Param, real: Parameter, what: str) -> Param:
        """Optional where the SDK's parameter is; a default that the overlay does not allow has to be overridden."""
        if real.default is None:
            if param.default is not None:
                self._fail(f"{what}: {param.name} has a default here and none in the source: {real.text()}")
            return param
        default = _literal(real.default)
        if default is None:
            return replace(param, required=False)
        if param.type == "float" and type(default) is int:
            default = float(default)
        if param.default is not None and param.default != default:
            message = f"the default of {param.name} is {param.default!r} here and {real.default} in the source"
            self._fail(f"{what}: {message}")
        return replace(param, required=False, default=default) if param.allows(default) else param

    def _counterpart(self, param: Param, found: Method, what: str) -> Parameter:
        name = param.sdk_param or param.name
        real = next((p for p in found.params if p.name == name and p.kind in _BINDABLE), None)
        if real is None:
            self._fail(f"{what}: the source has no parameter {name!r}, only {found.text('')}")
        both_plain = param.type in _CHECKED_TYPES and real.annotation in _CHECKED_TYPES
        if both_plain and param.type != real.annotation:
            self._fail(f"{what}: {param.name} is {param.type} here and {real.annotation} in the source")
        return real

    def _denied(self, table: DenyTable) -> list[CallSpec]:
        """The denied calls of a table; those on clients with their parameters, as far as the source types them."""
        denied = []
        for path in (*table.methods, *table.paths):
            client, _, method = path.rpartition(".")
            on_client = path in table.paths
            if on_client and client not in self.clients:
                self._fail(f"denial of {path!r}: no client {client!r}")
            owner = self.clients[client] if on_client else table.sdk
            symbol, found = self._find(f"{owner}.{method}", f"denial of {path!r}")
            params = tuple(
                Param(p.name, p.annotation if p.annotation in _CHECKED_TYPES else "any", required=p.default is None)
                for p in found.params
                if p.kind in _BINDABLE
            )
            spec = CallSpec(path, "deny", symbol.signature, params if on_client else None, table.reason, sdk=symbol)
            denied.append(replace(spec, source=table.source))
        return denied

    def _known(self, listed: set[str]) -> list[KnownMethod]:
        """What is real but not in the list."""
        known: list[KnownMethod] = []
        for client, owner in [*self.clients.items(), *(("", base) for base in self.overlay.node.bases)]:
            methods = _methods(client, *self._owner(owner, client or "[node]"))
            known += [m for m in methods if f"{client}.{m.name}".lstrip(".") not in listed]
        for other in self.overlay.other_version:
            if missing := {other.source, other.of} - self.read.keys():
                self._fail(f"[[other_version]]: no source {', '.join(sorted(missing))}")
            for client, owner in self.clients.items():
                ours, class_name = self._owner(owner, client)
                if ours is self.read[other.of]:
                    methods = _methods(client, self.read[other.source], class_name)
                    further = [m for m in methods if m.name not in ours.methods(class_name)]
                    known += [replace(m, kind="other_version", relation=other.relation) for m in further]
        return known

    def _owner(self, text: str, what: str) -> tuple[Signatures, str]:
        """The signatures and the class that `source:Class` names."""
        source, _, class_name = text.partition(":")
        if source not in self.read:
            self._fail(f"{what}: no source {source!r}")
        if not any(class_name in file.classes for file in self.read[source].files):
            self._fail(f"{what}: {source} {self.read[source].version} has no class {class_name!r}")
        return self.read[source], class_name

    def _find(self, text: str, what: str) -> tuple[Symbol, Method]:
        """The method that `source:Class.method` names."""
        owner, _, name = text.rpartition(".")
        source, class_name = self._owner(owner, what)
        found = source.find(class_name, name)
        if found is None:
            self._fail(f"{what}: {owner.partition(':')[0]} {source.version} has no {class_name}.{name}")
        file, method = found
        symbol = f"{class_name}.{name}"
        return Symbol(owner.partition(":")[0], symbol, file.path, method.line, method.text(name)), method

    def _fail(self, message: str) -> NoReturn:
        raise InputError(message, path=self.path, hint="The overlay may only name what the SDK source holds.")


def _as_left_out(param: Param) -> Param:
    """Required is what has no default and no condition; an empty default only says "may be left out"."""
    optional = param.default is not None or bool(param.required_if)
    return replace(param, required=not optional, default=None if param.default == "" else param.default)


def _methods(client: str, source: Signatures, class_name: str) -> list[KnownMethod]:
    """The public methods of a client's class, as real but not in the list."""
    relation = f"in {source.name} {source.version}"
    file = next((file.path for file in source.files if class_name in file.classes), "")
    found = source.methods(class_name).items()
    return [KnownMethod(client, name, m.text(name), "unexposed", relation, file, m.line) for name, m in found]


def _literal(text: str) -> Scalar | None:
    """The value of a default that is written out; None for every other expression."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
    return value if isinstance(value, str | int | float | bool) else None
