"""Signatures of an SDK as records, and as the file format `gonogo-signatures/1`.

Facts about source that no registry carries are committed in that form, each file with the sha256 of the text that
they were read from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.errors import InputError
from harness.files import STRICT, validated
from harness.sdk.records import read_json

SCHEMA = "gonogo-signatures/1"
MODULE = "<module>"  # the "class" that holds a file's plain functions


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a method, `self` left out; `default` is source text, None where it is required."""

    __pydantic_config__ = STRICT
    name: str
    kind: str
    annotation: str | None
    default: str | None

    def text(self) -> str:
        """The parameter as one would write it."""
        star = {"var_positional": "*", "var_keyword": "**"}.get(self.kind, "")
        annotation = f": {self.annotation}" if self.annotation else ""
        return f"{star}{self.name}{annotation}" + (f" = {self.default}" if self.default is not None else "")


@dataclass(frozen=True, slots=True)
class Method:
    """One method (or plain function) with the line its `def` stands on."""

    __pydantic_config__ = STRICT
    name: str
    line: int
    params: tuple[Parameter, ...]

    def text(self) -> str:
        """The signature as one would write it, for people: `turn(right: float, up: float)`."""
        return f"{self.name}({', '.join(p.text() for p in self.params)})"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One source file: its path inside the distribution, the sha256 of its bytes, class name -> methods."""

    __pydantic_config__ = STRICT
    path: str
    sha256: str
    bases: Mapping[str, tuple[str, ...]]
    classes: Mapping[str, Mapping[str, Method]]


@dataclass(frozen=True, slots=True)
class Signatures:
    """All files read from one SDK distribution."""

    __pydantic_config__ = STRICT
    name: str
    version: str
    origin: str
    license: str
    files: tuple[SourceFile, ...]

    def find(self, class_name: str, method: str) -> tuple[SourceFile, Method] | None:
        """The file and method, base classes followed where they are among the files read; None if absent."""
        waiting, seen = [class_name], set()
        while waiting:
            name = waiting.pop(0)
            file = next((f for f in self.files if name in f.classes), None)
            if file is None or name in seen:
                continue
            seen.add(name)
            if method in file.classes[name]:
                return file, file.classes[name][method]
            waiting = [*file.bases.get(name, ()), *waiting]
        return None

    def methods(self, class_name: str) -> dict[str, Method]:
        """The class's own public methods, in source order."""
        classes = next((f.classes for f in self.files if class_name in f.classes), {class_name: {}})
        return {name: method for name, method in classes[class_name].items() if not name.startswith("_")}


def dump_signatures(signatures: Signatures) -> str:
    """The committed form: JSON, the same bytes for the same facts; a method's name is its key."""
    data = {"schema": SCHEMA, **asdict(signatures)}
    for methods in (methods for file in data["files"] for methods in file["classes"].values()):
        for method in methods.values():
            del method["name"]
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def load_signatures(path: Path) -> Signatures:
    """Read a committed signature file.

    Raises:
        InputError: the file is missing or is not of this format.
    """
    data = read_json(path, "a signature file", SCHEMA)
    try:
        for methods in (methods for file in data["files"] for methods in file["classes"].values()):
            for name, method in methods.items():
                method["name"] = name
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"is not a signature file: {error!r}", path=path) from error
    return validated(Signatures, data, path, "a signature file")
