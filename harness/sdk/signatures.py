"""Signatures of SDK source: the records of them, and reading them from one file as text, with libcst.

libcst has no bound of its own, and deep nesting ends the process: each file is held to one before libcst sees it.
"""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.errors import InputError
from harness.files import STRICT

if TYPE_CHECKING:
    import libcst

MODULE = "<module>"  # the "class" that holds a file's plain functions
MAX_TOKENS = 100_000  # of one file; the largest SDK file read has half, and libcst takes 40 microseconds for each
MAX_MEMBER = 1 << 20  # bytes; the largest SDK file read is 226 KB, so more is not SDK source
MAX_DEPTH = 100  # nodes of a syntax tree above one another; libcst ends the process at some thousand


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a method, `self` left out; `default` is source text, None where it is required."""

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
    """One method (or plain function, or property) with the line its `def` stands on and its docstring."""

    line: int
    params: tuple[Parameter, ...]
    doc: str = ""
    is_property: bool = False

    def text(self, name: str) -> str:
        """The signature as one would write it, for people: `turn(right: float, up: float)`; a property's name."""
        return name if self.is_property else f"{name}({', '.join(p.text() for p in self.params)})"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One source file: its path inside the distribution, the sha256 of its bytes, class name -> methods by name."""

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
    schema: Literal["gonogo-signatures/1"] = "gonogo-signatures/1"

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
            waiting = [*(base.rpartition(".")[2] for base in file.bases.get(name, ())), *waiting]
        return None

    def methods(self, class_name: str) -> dict[str, Method]:
        """The class's own public methods, in source order."""
        classes = next((f.classes for f in self.files if class_name in f.classes), {class_name: {}})
        return {name: method for name, method in classes[class_name].items() if not name.startswith("_")}


def read_signatures(path: str, data: bytes) -> SourceFile:
    """Classes, methods and plain functions of one source file.

    Raises:
        InputError: it is too long, no UTF-8, no Python, or nested too deep.
    """
    import libcst
    from libcst.metadata import MetadataWrapper, PositionProvider

    text = _bounded(path, data)
    try:
        wrapper = MetadataWrapper(libcst.parse_module(text), unsafe_skip_copy=True)
        positions = wrapper.resolve(PositionProvider)
    except (libcst.ParserSyntaxError, RecursionError) as error:
        raise InputError(f"not Python source: {error}", path=path) from error

    def functions(body: libcst.BaseSuite | libcst.Module, *, bound: bool) -> dict[str, Method]:
        found = [node for node in body.body if isinstance(node, libcst.FunctionDef)]
        # Of several definitions the last one wins, as in Python; overloads come before it.
        return {n.name.value: _method(n, positions[n.name].start.line, code, bound=bound) for n in found}

    def code(node: libcst.CSTNode) -> str:
        # An annotation may run over several lines; one signature stands on one.
        return " ".join(wrapper.module.code_for_node(node).split())

    nodes = [node for node in wrapper.module.body if isinstance(node, libcst.ClassDef)]
    classes = {node.name.value: functions(node.body, bound=True) for node in nodes}
    if plain := functions(wrapper.module, bound=False):
        classes[MODULE] = plain
    bases = {node.name.value: tuple(code(argument.value) for argument in node.bases) for node in nodes}
    return SourceFile(path, hashlib.sha256(data).hexdigest(), bases, classes)


def _bounded(path: str, data: bytes) -> str:
    """The text, if it is safe to give to libcst, which has no bound of its own; Python's own parser has."""
    if len(data) > MAX_MEMBER:
        raise InputError(f"is longer than {MAX_MEMBER >> 20} MiB, which is no SDK source", path=path)
    try:
        text = data.decode("utf-8")
        line = _long_chain(text)  # first: a long dotted name takes Python's parser half a minute
        if line is not None:
            raise InputError("nested too deep, or too long, to be SDK source", path=path, line=line)
        with warnings.catch_warnings(action="ignore"):  # odd escapes
            level: list[ast.AST] = [ast.parse(text)]
    except UnicodeDecodeError as error:
        raise InputError("is not UTF-8 text", path=path) from error
    except SyntaxError as error:
        raise InputError(f"not Python source: {error.msg}", path=path, line=error.lineno) from error
    except (ValueError, RecursionError, MemoryError, tokenize.TokenError) as error:
        raise InputError("not Python source, or nested too deep", path=path) from error
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    if level:
        line = next((node.lineno for node in level if isinstance(node, ast.expr | ast.stmt)), None)
        raise InputError("nested too deep to be SDK source", path=path, line=line)
    return text


def _long_chain(text: str) -> int | None:
    """The line of a chain that Python's tree holds flat and libcst's nested: `a and b and`, `"a" "b"`, `import a.b`."""
    chains = [0]  # tokens since the last comma, for each bracket that is open
    for number, token in enumerate(tokenize.generate_tokens(io.StringIO(text).readline)):
        if number > MAX_TOKENS:
            return token.start[0]
        is_operator = token.type == tokenize.OP
        if is_operator and token.string in ")]}":
            chains = chains[:-1] or [0]  # a bracket too many is for Python's parser to tell
        elif token.type == tokenize.NEWLINE or (is_operator and token.string == ","):
            chains[-1] = 0
        elif token.type not in {tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT}:
            chains[-1] += 1
            if chains[-1] > 2 * MAX_DEPTH or len(chains) > MAX_DEPTH:
                return token.start[0]
            if is_operator and token.string in "([{":
                chains.append(0)
    return None


def _method(node: libcst.FunctionDef, line: int, code: Callable[[libcst.CSTNode], str], *, bound: bool) -> Method:
    """One definition, without the bound first parameter (`self`, `cls`) where it has one.

    A property's setter is that property too, and takes nothing when it is read.
    """
    import libcst

    of, decorators = node.params, {code(d.decorator).rpartition(".")[2] for d in node.decorators}
    is_property = not decorators.isdisjoint({"property", "cached_property", "setter", "getter", "deleter"})
    groups = [("positional_only", p) for p in of.posonly_params]
    groups += [("positional_or_keyword", p) for p in of.params]
    groups = groups[bound and "staticmethod" not in decorators :]
    groups += [("keyword_only", p) for p in of.kwonly_params]
    further = (("var_positional", of.star_arg), ("var_keyword", of.star_kwarg))
    groups += [(kind, p) for kind, p in further if isinstance(p, libcst.Param)]  # a bare star is none
    params = []
    for kind, p in groups:
        annotation = code(p.annotation.annotation) if p.annotation else None
        params.append(Parameter(p.name.value, kind, annotation, code(p.default) if p.default else None))
    return Method(line, () if is_property else tuple(params), node.get_docstring() or "", is_property)
