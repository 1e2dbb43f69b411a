"""Signatures of an SDK, read from its source text with libcst; nothing is imported or run.

The result is also a file format (`gonogo-signatures/1`): facts about source that no registry carries are
committed in that form, each file with the sha256 of the text they were read from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import InputError

if TYPE_CHECKING:
    import libcst

SCHEMA = "gonogo-signatures/1"
MODULE = "<module>"  # the "class" that holds a file's plain functions


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a method, `self` left out; `default` is source text, None where it is required."""

    name: str
    kind: str
    annotation: str | None
    default: str | None


@dataclass(frozen=True, slots=True)
class Method:
    """One method (or plain function) with the line its `def` stands on."""

    name: str
    line: int
    params: tuple[Parameter, ...]

    def text(self) -> str:
        """The signature as one would write it, for people: `turn(right: float, up: float)`."""
        return f"{self.name}({', '.join(map(_parameter_text, self.params))})"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One source file: its path inside the distribution, the sha256 of its bytes, class name -> methods."""

    path: str
    sha256: str
    classes: Mapping[str, Mapping[str, Method]]
    bases: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Signatures:
    """All files read from one SDK distribution."""

    name: str
    version: str
    origin: str
    license: str
    files: tuple[SourceFile, ...]

    def find(self, class_name: str, method: str) -> tuple[SourceFile, Method] | None:
        """The file and method, base classes followed where they are among the files read; None if absent."""
        for file in self.files:
            if class_name not in file.classes:
                continue
            if method in file.classes[class_name]:
                return file, file.classes[class_name][method]
            for base in file.bases.get(class_name, ()):
                if found := self.find(base, method):
                    return found
        return None

    def methods(self, class_name: str) -> dict[str, Method]:
        """The class's own public methods, in source order."""
        for file in self.files:
            if class_name in file.classes:
                return {n: m for n, m in file.classes[class_name].items() if not n.startswith("_")}
        return {}


def read_signatures(path: str, text: str, sha256: str) -> SourceFile:
    """Classes, methods and plain functions of one source file.

    Raises:
        InputError: libcst cannot parse the text.
    """
    import libcst
    from libcst.metadata import MetadataWrapper, PositionProvider

    try:
        wrapper = MetadataWrapper(libcst.parse_module(text))
    except libcst.ParserSyntaxError as error:
        raise InputError(f"not Python source: {error.message}", path=path, line=error.raw_line) from error
    positions = wrapper.resolve(PositionProvider)
    classes: dict[str, dict[str, Method]] = {}
    bases: dict[str, tuple[str, ...]] = {}

    def functions(body: libcst.BaseSuite | libcst.Module, *, skip_first: bool) -> dict[str, Method]:
        found: dict[str, Method] = {}
        for node in body.body:
            if isinstance(node, libcst.FunctionDef):
                line = positions[node.name].start.line
                # Of several definitions the last one wins, as in Python; overloads come before it.
                found[node.name.value] = Method(node.name.value, line, _parameters(node, skip_first=skip_first))
        return found

    module = wrapper.module
    for node in module.body:
        if isinstance(node, libcst.ClassDef):
            name = node.name.value
            classes[name] = functions(node.body, skip_first=True)
            bases[name] = tuple(_code(argument.value) for argument in node.bases)
    if plain := functions(module, skip_first=False):
        classes[MODULE] = plain
    return SourceFile(path, sha256, classes, bases)


def dump_signatures(signatures: Signatures) -> str:
    """The committed form: JSON, one method a line, the same bytes for the same facts."""
    data = {
        "schema": SCHEMA,
        "name": signatures.name,
        "version": signatures.version,
        "origin": signatures.origin,
        "license": signatures.license,
        "files": [
            {
                "path": file.path,
                "sha256": file.sha256,
                "bases": {name: list(bases) for name, bases in file.bases.items()},
                "classes": {
                    name: {
                        method.name: {"line": method.line, "params": [asdict(p) for p in method.params]}
                        for method in methods.values()
                    }
                    for name, methods in file.classes.items()
                },
            }
            for file in signatures.files
        ],
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def load_signatures(path: Path) -> Signatures:
    """Read a committed signature file.

    Raises:
        InputError: the file is missing or is not of this format.
    """
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise InputError(f"schema is {data['schema']!r}, expected {SCHEMA!r}", path=path)
        files = tuple(_file(entry) for entry in data["files"])
        return Signatures(data["name"], data["version"], data["origin"], data["license"], files)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"is not a signature file: {error!r}", path=path) from error


def _file(entry: Mapping[str, Any]) -> SourceFile:
    classes = {
        class_name: {
            name: Method(name, method["line"], tuple(Parameter(**p) for p in method["params"]))
            for name, method in methods.items()
        }
        for class_name, methods in entry["classes"].items()
    }
    bases = {name: tuple(names) for name, names in entry["bases"].items()}
    return SourceFile(entry["path"], entry["sha256"], classes, bases)


def _parameters(node: libcst.FunctionDef, *, skip_first: bool) -> tuple[Parameter, ...]:
    """All parameters in order; the bound first one (`self`, `cls`) is dropped for methods that have it."""
    import libcst

    params = node.params
    static = any(_code(d.decorator) == "staticmethod" for d in node.decorators)
    positional = [*params.posonly_params, *params.params]
    skipped = positional[: 1 if skip_first and not static else 0]
    found: list[Parameter] = []
    for kind, group in (
        ("positional_only", params.posonly_params),
        ("positional_or_keyword", params.params),
        ("keyword_only", params.kwonly_params),
    ):
        found += [_parameter(p, kind) for p in group if p not in skipped]
    if isinstance(params.star_arg, libcst.Param):
        found.append(_parameter(params.star_arg, "var_positional"))
    if params.star_kwarg is not None:
        found.append(_parameter(params.star_kwarg, "var_keyword"))
    return tuple(found)


def _parameter(param: libcst.Param, kind: str) -> Parameter:
    annotation = _code(param.annotation.annotation) if param.annotation else None
    return Parameter(param.name.value, kind, annotation, _code(param.default) if param.default else None)


def _parameter_text(param: Parameter) -> str:
    star = {"var_positional": "*", "var_keyword": "**"}.get(param.kind, "")
    annotation = f": {param.annotation}" if param.annotation else ""
    default = f" = {param.default}" if param.default is not None else ""
    return f"{star}{param.name}{annotation}{default}"


def _code(node: libcst.CSTNode) -> str:
    import libcst

    # An annotation may run over several lines; one signature stands on one.
    return " ".join(libcst.Module(body=[]).code_for_node(node).split())
