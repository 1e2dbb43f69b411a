"""Joins signatures from SDK source with an overlay into a profile; refuses what the source does not bear out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

from harness.errors import InputError
from harness.sdk.docstring import range_in, told_of
from harness.sdk.overlay import CallTable, DenyTable, Overlay, load_overlay
from harness.sdk.param_types import from_annotation, written_value
from harness.sdk.profile import CallSpec, KnownMethod, Param, Profile, Source, Symbol
from harness.sdk.signatures import Method, Parameter, Signatures
from harness.sdk.source import fetch_wheel, open_source

_BINDABLE: Mapping[str, Literal["position", "either", "name"]] = {
    "positional_only": "position",
    "positional_or_keyword": "either",
    "keyword_only": "name",
}
_OF_A_CALL = ("path", "tier", "summary", "reason", "nested_only", "alone", "note", "source")  # taken as they stand
_OPENED = Parameter("**kwargs", "keyword_only", None, "None")  # what an argument of a method's **kwargs stands for


def build_profile(overlay_path: Path, given: Mapping[str, Path], *, fetch_into: Path | None = None) -> Profile:
    """Compile one profile.

    `given` is source id -> wheel, sdist, folder or signature file to read in place of the overlay's own; other wheels
    are downloaded into the folder `fetch_into`, where one is named.

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
        sources = []
        for name, spec in overlay.sources.items():
            found = self.read[name]
            files = {file.path: file.sha256 for file in found.files}
            of = Source(name, spec.kind, found.name, found.version, spec.origin, found.license, spec.sha256, files)
            sources.append(of)
        calls = []
        for table in overlay.call:
            with self._about(f"call {table.path!r}: "):
                calls.append(self._call(table))
        for denial in overlay.deny:
            for path in (*denial.methods, *denial.paths):
                with self._about(f"denial of {path!r}: "):
                    calls.append(self._denied(denial, path))
        with self._about():
            same = {key: getattr(overlay, key) for key in ("name", "title", "firmware", "references", "deny_text")}
            known = self._known({call.path for call in calls})
            return Profile(overlays=hashes, sources=tuple(sources), calls=tuple(calls), known=tuple(known), **same)

    def _call(self, table: CallTable) -> CallSpec:
        """An allowed or guarded call."""
        client, _, method = table.path.rpartition(".")
        params, symbol = tuple(_as_left_out(param) for param in table.param), None
        if not client and any(param.kwargs for param in params):
            raise ValueError("kwargs opens an argument of a client's method, and this is a call of the node's own")
        if client:
            if client not in self.overlay.clients:
                raise ValueError(f"{client!r} is not under [clients]")
            symbol, found = self._find(f"{self.overlay.clients[client]}.{method}")
            if found.is_property:
                raise ValueError(f"{symbol.symbol} is a property, which is read and not called")
            params = _as_in_source(params, method, found)
        elif table.sdk:
            symbol, found = self._find(table.sdk)
            for param in params:  # a node's own call names its counterparts below
                if param.sdk_param:
                    _counterpart(param, found)
        if symbol:
            params = tuple(_with_range(param, found, symbol.symbol) for param in params)
        elif any(param.range_from for param in params):
            raise ValueError("there is no docstring to read a range from")
        if table.via:
            self._find(table.via)
        same = {key: getattr(table, key) for key in _OF_A_CALL}
        return CallSpec(params=params, sdk=symbol, **same)

    def _denied(self, table: DenyTable, path: str) -> CallSpec:
        """A denied call; one on a client with its parameters, as far as the source types them."""
        client, _, method = path.rpartition(".")
        on_client = path in table.paths
        if on_client and client not in self.clients:
            raise ValueError(f"no client {client!r}")
        symbol, found = self._find(f"{self.clients[client] if on_client else table.sdk}.{method}")
        params = tuple(
            Param(p.name, from_annotation(p.annotation) or "any", p.default is None, passing=_BINDABLE[p.kind])
            for p in found.params
            if p.kind in _BINDABLE
        )
        taken = params if on_client else None
        return CallSpec(path, "deny", symbol.signature, taken, table.reason, sdk=symbol, source=table.source)

    def _known(self, listed: set[str]) -> list[KnownMethod]:
        """What is real but not in the list."""
        known: list[KnownMethod] = []
        for client, owner in [*self.clients.items(), *(("", base) for base in self.overlay.node.get("bases", ()))]:
            methods = _methods(client, *self._owner(owner, f"{client or '[node]'}: "))
            known += [m for m in methods if f"{client}.{m.name}".lstrip(".") not in listed]
        for other in self.overlay.other_version:
            if missing := {other.source, other.of} - self.read.keys():
                raise ValueError(f"[[other_version]]: no source {', '.join(sorted(missing))}")
            for client, owner in self.clients.items():
                ours, class_name = self._owner(owner)
                if ours is self.read[other.of]:
                    methods = _methods(client, self.read[other.source], class_name)
                    further = [m for m in methods if m.name not in ours.methods(class_name)]
                    known += [replace(m, kind="other_version", relation=other.relation) for m in further]
        return known

    def _owner(self, text: str, what: str = "") -> tuple[Signatures, str]:
        """The signatures and the class that `source:Class` names."""
        source, _, class_name = text.partition(":")
        if source not in self.read:
            raise ValueError(f"{what}no source {source!r}")
        if not any(class_name in file.classes for file in self.read[source].files):
            raise ValueError(f"{what}{source} {self.read[source].version} has no class {class_name!r}")
        return self.read[source], class_name

    def _find(self, text: str) -> tuple[Symbol, Method]:
        """The method that `source:Class.method` names."""
        owner, _, name = text.rpartition(".")
        source, class_name = self._owner(owner)
        found = source.find(class_name, name)
        if found is None:
            raise ValueError(f"{owner.partition(':')[0]} {source.version} has no {class_name}.{name}")
        file, method = found
        symbol = f"{class_name}.{name}"
        return Symbol(owner.partition(":")[0], symbol, file.path, method.line, method.text(name)), method

    @contextmanager
    def _about(self, what: str = "") -> Iterator[None]:
        """Refuse what a ValueError says, with the line of the overlay that holds what the message names first."""
        try:
            yield
        except ValueError as error:
            message = f"{what}{error}"
            named = '"' + message.partition("'")[2].partition("'")[0] + '"'  # two quotes where it names nothing
            lines = enumerate(self.path.read_text(encoding="utf-8-sig").split("\n"), start=1)
            line = next((number for number, text in lines if named in text and len(named) > 2), None)
            hint = "The overlay may only name what the SDK source holds."
            raise InputError(message, path=self.path, line=line, hint=hint) from error


def _as_in_source(params: tuple[Param, ...], name: str, found: Method) -> tuple[Param, ...]:
    """A client's method is called as it is: the same parameters in the same order, with the SDK's defaults."""
    joined, skipped = [], ""
    opened = [param for param in params if _counterpart(param, found) is _OPENED]
    listed = {p.sdk_param or p.name: p for p in params}
    for one in (p for p in found.params if p.kind in _BINDABLE):
        if param := listed.get(one.name):
            joined.append(_joined(param, one, skipped))
        elif one.default is None:
            raise ValueError(f"{found.text(name)} also requires {one.name}")
        elif one.kind != "keyword_only":
            skipped = skipped or one.name
    joined += [_joined(param, _OPENED, "") for param in opened]
    if [p.name for p in joined] != [p.name for p in params]:
        raise ValueError(f"the parameters are not in the order of {found.text(name)}")
    return tuple(joined)


def _joined(param: Param, real: Parameter, skipped: str) -> Param:
    """Passed and left out as the SDK's parameter is; by name behind one that the overlay leaves out (`skipped`).

    A default that the overlay does not allow has to be overridden, so that it is none.
    """
    passing = _BINDABLE[real.kind]
    if skipped and passing == "position":
        raise ValueError(f"{param.name} is given by position, so {skipped} before it cannot be left out")
    param = replace(param, passing="name" if skipped else param.passing if passing == "either" else passing)
    if real.default is None:
        if param.default is not None:
            raise ValueError(f"{param.name} has a default here and none in the source: {real.text()}")
        return param
    default = written_value(real.default)
    if default is None:
        return replace(param, required=False)
    if param.type == "float" and type(default) is int:
        default = float(default)
    if param.default is not None and param.default != default:
        raise ValueError(f"the default of {param.name} is {param.default!r} here and {real.default} in the source")
    return replace(param, required=False, default=default) if param.allows(default) else param


def _counterpart(param: Param, found: Method) -> Parameter:
    """The SDK's parameter that an overlay's one stands for."""
    name = param.sdk_param or param.name
    real = next((p for p in found.params if p.name == name and p.kind in _BINDABLE), None)
    if real is None and param.kwargs and any(p.kind == "var_keyword" for p in found.params):
        return _OPENED
    if real is None or param.kwargs:
        kept = f"no **kwargs for {name!r}" if param.kwargs else f"no parameter {name!r}"
        raise ValueError(f"the source has {kept}, only {found.text('')}")
    typed = from_annotation(real.annotation)
    if typed and param.type not in {typed, "any"} and not param.type.startswith("call:"):
        raise ValueError(f"{param.name} is {param.type} here and {real.annotation} in the source")
    return real


def _with_range(param: Param, found: Method, symbol: str) -> Param:
    """The range of the docstring where the overlay says so; where it gives its own too, as the documented one."""
    if not param.range_from:
        return param
    name = param.sdk_param or param.name
    told = told_of(found.doc, name)
    limits = range_in(told)
    if limits is None:
        raise ValueError(f"{symbol}: its docstring gives {name} no range, or several: {told[:200]!r}")
    if param.min is not None and param.max is not None:
        return replace(param, documented=limits)
    return replace(param, min=limits[0], max=limits[1])


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
