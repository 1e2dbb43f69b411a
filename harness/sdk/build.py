"""Joins signatures from SDK source with an overlay into a profile; refuses what the source does not bear out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NoReturn

from harness.errors import InputError
from harness.sdk.overlay import Overlay, load_overlay
from harness.sdk.profile import CallSpec, DenyText, KnownMethod, Param, Profile, Source, Symbol, param_from
from harness.sdk.signatures import Method, Parameter, Signatures, SourceFile
from harness.sdk.source import fetch_wheel, open_source

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
    overlay = load_overlay(overlay_path)
    if unknown := given.keys() - overlay.sources.keys():
        raise InputError(
            f"no source named {', '.join(sorted(unknown))}",
            path=overlay_path,
            hint=f"It has {', '.join(overlay.sources)}.",
        )
    read = {name: _open(overlay, name, given, fetch_into) for name in overlay.sources}
    return _Builder(overlay, read).profile()


def _open(overlay: Overlay, name: str, given: Mapping[str, Path], fetch_into: Path | None) -> Signatures:
    spec = overlay.sources[name]
    if name in given:
        return open_source(spec, given[name], pinned=given[name].suffix == ".whl")
    if spec.kind == "signatures":
        return open_source(spec, overlay.path.parent / spec.file, pinned=False)
    if fetch_into is None:
        raise InputError(
            f"source {name!r} ({spec.name} {spec.version}) is not given",
            path=overlay.path,
            hint=f"Give its wheel, sdist or folder as --source {name}=PATH, or download it with --fetch.",
        )
    return open_source(spec, fetch_wheel(spec, fetch_into), pinned=True)


class _Builder:
    """One build: the overlay and the signatures it is checked against."""

    def __init__(self, overlay: Overlay, read: Mapping[str, Signatures]) -> None:
        self.overlay = overlay
        self.read = read

    def profile(self) -> Profile:
        overlay = self.overlay
        calls = [self._call(table) for table in overlay.calls]
        builders = {f"call:{call.path}" for call in calls if call.nested_only}
        for call in calls:
            for param in call.params or ():
                if param.type.startswith("call:") and param.type not in builders:
                    self._fail(f"call {call.path!r}: {param.type!r} is no nested_only call")
        for table in overlay.denials:
            calls += self._denied(table)
        paths = [call.path for call in calls]
        if repeated := sorted({p for p in paths if paths.count(p) > 1}):
            self._fail(f"{', '.join(repeated)}: allowed and denied, or denied twice")
        return Profile(
            name=overlay.name,
            title=overlay.title,
            firmware=overlay.firmware,
            calls=tuple(calls),
            known=tuple(self._known(set(paths))),
            deny_text=tuple(DenyText(**table) for table in overlay.deny_text),
            sources=tuple(self._source(name) for name in overlay.sources),
            references=overlay.references,
            overlays=overlay.hashes,
        )

    # ------------------------------------------------------------ allowed and guarded calls

    def _call(self, table: Mapping[str, Any]) -> CallSpec:
        path = table["path"]
        what = f"call {path!r}"
        client, _, method = path.rpartition(".")
        params = tuple(self._param(entry, what) for entry in table.get("param", ()))
        symbol = None
        if client:
            if client not in self.overlay.clients:
                self._fail(f"{what}: {client!r} is not under [clients]")
            source, class_name = self.overlay.clients[client].split(":")
            file, found = self._find(source, class_name, method, what)
            self._check_signature(params, found, what)
            symbol = _symbol(source, class_name, file, found)
        elif "sdk" in table:
            source, _, name = table["sdk"].partition(":")
            class_name, _, method = name.rpartition(".")
            file, found = self._find(source, class_name, method, what)
            self._check_counterparts(params, found, what)
            symbol = _symbol(source, class_name, file, found)
        if "via" in table:
            source, _, name = table["via"].partition(":")
            class_name, _, getter = name.rpartition(".")
            self._find(source, class_name, getter, what)
        if table.get("tier", "allow") != "allow" and not table.get("reason"):
            self._fail(f"{what}: a guarded call needs its reason")
        return CallSpec(
            path=path,
            tier=table.get("tier", "allow"),
            summary=table["summary"],
            params=params,
            reason=table.get("reason", ""),
            nested_only=table.get("nested_only", False),
            alone=table.get("alone", False),
            sdk=symbol,
            note=table.get("note", ""),
            source=table.get("source", ""),
        )

    def _param(self, table: Mapping[str, Any], what: str) -> Param:
        try:
            required = "default" not in table and "required_if" not in table
            # An empty default beside required_if only says "may be left out".
            default = table.get("default") if table.get("default") != "" else None
            entry = {k: v for k, v in table.items() if k != "default"}
            param = param_from({**entry, "required": required, "default": default})
            re.compile(param.pattern)
        except (TypeError, re.error) as error:
            self._fail(f"{what}: parameter {table.get('name')!r}: {error}")
        if param.min is not None and param.max is not None and param.min > param.max:
            self._fail(f"{what}: {param.name}: min {param.min} is above max {param.max}")
        if param.documented and param.min is not None and param.max is not None:
            low, high = param.documented
            if param.min < low or param.max > high:
                self._fail(f"{what}: {param.name}: the enforced range leaves the documented {low} to {high}")
        return param

    def _check_signature(self, params: tuple[Param, ...], found: Method, what: str) -> None:
        """A client's method is called as it is: the same parameters in the same order, every required one."""
        real = [p for p in found.params if p.kind in _BINDABLE]
        names = [p.name for p in real]
        wanted = [p.sdk_param or p.name for p in params]
        for param, name in zip(params, wanted, strict=True):
            if name not in names:
                self._fail(f"{what}: the source's {found.text()} has no parameter {name!r}")
            self._check_type(param, real[names.index(name)], what)
        if [n for n in names if n in wanted] != wanted:
            self._fail(f"{what}: the parameters are not in the order of {found.text()}")
        if missing := [p.name for p in real if p.default is None and p.name not in wanted]:
            self._fail(f"{what}: {found.text()} also requires {', '.join(missing)}")

    def _check_counterparts(self, params: tuple[Param, ...], found: Method, what: str) -> None:
        """A node's own call names its counterparts below: each must exist and have the same plain type."""
        real = {p.name: p for p in found.params}
        for param in params:
            if not param.sdk_param:
                continue
            if param.sdk_param not in real:
                self._fail(f"{what}: the source's {found.text()} has no parameter {param.sdk_param!r}")
            self._check_type(param, real[param.sdk_param], what)

    def _check_type(self, param: Param, real: Parameter, what: str) -> None:
        both_plain = param.type in _CHECKED_TYPES and real.annotation in _CHECKED_TYPES
        if both_plain and param.type != real.annotation:
            self._fail(f"{what}: {param.name} is {param.type} here and {real.annotation} in the source")

    # ------------------------------------------------------------ denied calls

    def _denied(self, table: Mapping[str, Any]) -> list[CallSpec]:
        if "sdk" in table:
            source, _, class_name = table["sdk"].partition(":")
            owners = [(name, source, class_name, name) for name in table["methods"]]
        else:
            clients = {**self.overlay.clients, **self.overlay.hidden_clients}
            owners = []
            for path in table["paths"]:
                client, _, method = path.rpartition(".")
                if client not in clients:
                    self._fail(f"denial of {path!r}: no client {client!r}")
                owners.append((path, *clients[client].split(":"), method))
        denied = []
        for path, source, class_name, method in owners:
            file, found = self._find(source, class_name, method, f"denial of {path!r}")
            on_client = "paths" in table
            denied.append(
                CallSpec(
                    path=path,
                    tier="deny",
                    summary=found.text(),
                    params=_signature_params(found) if on_client else None,
                    reason=table["reason"],
                    sdk=_symbol(source, class_name, file, found),
                    source=table["source"],
                )
            )
        return denied

    # ------------------------------------------------------------ what is real but not in the list

    def _known(self, listed: set[str]) -> list[KnownMethod]:
        overlay = self.overlay
        clients = {**overlay.clients, **overlay.hidden_clients}
        owners = [*clients.items(), *(("", base) for base in overlay.node_bases)]
        known = []
        for client, owner in owners:
            source, class_name = owner.split(":")
            for method in self.read[source].methods(class_name).values():
                if f"{client}.{method.name}".lstrip(".") not in listed:
                    file, _ = self._find(source, class_name, method.name, client)
                    relation = f"in {self.read[source].name} {self.read[source].version}"
                    known.append(_known_method(client, method, "unexposed", relation, file))
        for table in overlay.other_versions:
            known += self._only_in_other(table, clients)
        return known

    def _only_in_other(self, table: Mapping[str, Any], clients: Mapping[str, str]) -> list[KnownMethod]:
        other, ours = self.read[table["source"]], self.read[table["of"]]
        known = []
        for client, owner in clients.items():
            source, class_name = owner.split(":")
            if source != table["of"]:
                continue
            for method in other.methods(class_name).values():
                if method.name not in ours.methods(class_name):
                    file = next(f for f in other.files if class_name in f.classes)
                    known.append(_known_method(client, method, "other_version", table["relation"], file))
        return known

    # ------------------------------------------------------------ helpers

    def _source(self, name: str) -> Source:
        spec, read = self.overlay.sources[name], self.read[name]
        return Source(
            id=name,
            kind=spec.kind,
            name=read.name,
            version=read.version,
            origin=spec.origin,
            license=read.license,
            sha256=spec.sha256,
            files={file.path: file.sha256 for file in read.files},
        )

    def _find(self, source: str, class_name: str, method: str, what: str) -> tuple[SourceFile, Method]:
        if source not in self.read:
            self._fail(f"{what}: no source {source!r}")
        found = self.read[source].find(class_name, method)
        if found is None:
            version = self.read[source].version
            self._fail(f"{what}: {source} {version} has no {class_name}.{method}")
        return found

    def _fail(self, message: str) -> NoReturn:
        raise InputError(message, path=self.overlay.path, hint="The overlay may only name what the SDK source holds.")


def _symbol(source: str, class_name: str, file: SourceFile, method: Method) -> Symbol:
    return Symbol(source, f"{class_name}.{method.name}", file.path, method.line, method.text())


def _known_method(
    client: str, method: Method, kind: Literal["unexposed", "other_version"], relation: str, file: SourceFile
) -> KnownMethod:
    return KnownMethod(client, method.name, method.text(), kind, relation, file.path, method.line)


def _signature_params(method: Method) -> tuple[Param, ...]:
    """The parameters of a denied SDK method, typed as far as its source says."""
    return tuple(
        Param(
            name=p.name,
            type=p.annotation if p.annotation in _CHECKED_TYPES else "any",
            required=p.default is None,
        )
        for p in method.params
        if p.kind in _BINDABLE
    )
