"""Reads SDK source as text: signatures of a wheel, an sdist, a folder or a committed signature file.

Nothing is unpacked to disk, installed, imported or run: members are read as bytes, hashed, and parsed with libcst.
Facts about source that no registry carries are committed as JSON (`gonogo-signatures/1`), each file with the sha256
of the text that they were read from.
"""

from __future__ import annotations

import ast
import hashlib
import io
import lzma
import subprocess
import sys
import tarfile
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from harness.errors import InputError
from harness.files import STRICT, read_json, validated

if TYPE_CHECKING:
    import libcst

MODULE = "<module>"  # the "class" that holds a file's plain functions
MAX_ARCHIVE = 2**29  # bytes, unpacked
MAX_TOKENS = 100_000  # of one file: the largest of the SDKs has about a fifth, and libcst takes 40 microseconds for each
_DAMAGED = (OSError, EOFError, LookupError, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError)
_DAMAGED += (zipfile.BadZipFile, tarfile.TarError)
MAX_DEPTH = 100  # nodes of a syntax tree above one another; libcst ends the process at some thousand
MAX_MEMBER = 1 << 20  # bytes; the largest SDK file read is 100 KB, so more is not SDK source


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
    line: int
    params: tuple[Parameter, ...]

    def text(self, name: str) -> str:
        """The signature as one would write it, for people: `turn(right: float, up: float)`."""
        return f"{name}({', '.join(p.text() for p in self.params)})"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One source file: its path inside the distribution, the sha256 of its bytes, class name -> methods by name."""

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
            waiting = [*file.bases.get(name, ()), *waiting]
        return None

    def methods(self, class_name: str) -> dict[str, Method]:
        """The class's own public methods, in source order."""
        classes = next((f.classes for f in self.files if class_name in f.classes), {class_name: {}})
        return {name: method for name, method in classes[class_name].items() if not name.startswith("_")}


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """Where the overlay says a source comes from; `files` are the ones read, paths as imported.

    `kind` is `wheel` (from a registry, pinned by version and sha256) or `signatures` (a committed file,
    `file` relative to the overlay).
    """

    __pydantic_config__ = STRICT
    kind: Literal["wheel", "signatures"]
    name: str
    version: str
    origin: str
    license: str
    files: tuple[str, ...] = ()
    file: str = ""
    sha256: str = ""
    platform: str = ""
    python: str = ""


def open_source(spec: SourceSpec, path: Path, *, pinned: bool) -> Signatures:
    """Read the signatures of one source: a `.whl`, an sdist (`.tar.gz`, `.zip`), a folder or a `.json` of them.

    Where it is `pinned`, a file whose sha256 is not the spec's is refused, so that a rebuild means the same bytes.

    Raises:
        InputError: the path, a file in it or its hash is not what the overlay says.
    """
    if path.suffix == ".json":
        return validated(Signatures, read_json(path), path, "a signature file")
    if pinned and path.is_file() and (found := file_sha256(path)) != spec.sha256:
        raise InputError(
            f"sha256 is {found}, the overlay pins {spec.sha256}",
            path=path,
            hint="Fetch the pinned file, or change the pin in the overlay after reading what changed.",
        )
    members = {}
    try:
        with _members(path) as (names, open_member):
            for wanted in spec.files:
                # Exact, or below an sdist's, wheel's or checkout's prefix.
                below = sorted((n for n in names if n == wanted or n.endswith("/" + wanted)), key=len)
                stream = open_member(below[0]) if below else None
                if stream is None:
                    raise InputError(f"has no file {wanted!r}", path=path, hint="The overlay's `files` names it.")
                with stream:
                    members[wanted] = stream.read(MAX_MEMBER + 1)
    except _DAMAGED as error:
        raise InputError(f"cannot be unpacked: {str(error)[:200]}", path=path, hint="Fetch it again.") from error
    files = [read_signatures(wanted, data) for wanted, data in members.items()]
    return Signatures(spec.name, spec.version, spec.origin, spec.license, tuple(files))


def fetch_wheel(spec: SourceSpec, folder: Path) -> Path:
    """Download the pinned wheel alone (no dependencies, nothing installed or built) and return its path.

    Raises:
        InputError: pip found no such wheel or could not reach the registry.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    if spec.platform:
        command += ["--platform", spec.platform, "--python-version", spec.python]
    command += ["--dest", str(folder), f"{spec.name}=={spec.version}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    named = spec.name.replace("-", "_").lower()
    wheels = [path for path in folder.glob("*.whl") if path.name.partition("-")[0].lower() == named]
    if done.returncode or len(wheels) != 1:
        raise InputError(
            f"pip could not download {spec.name}=={spec.version}: {done.stderr.strip()[-400:]}",
            hint="Check the network, or give the file: --source ID=PATH",
        )
    return wheels[0]


def file_sha256(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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
        return {n.name.value: Method(positions[n.name].start.line, _parameters(n, bound=bound)) for n in found}

    nodes = [node for node in wrapper.module.body if isinstance(node, libcst.ClassDef)]
    classes = {node.name.value: functions(node.body, bound=True) for node in nodes}
    if plain := functions(wrapper.module, bound=False):
        classes[MODULE] = plain
    bases = {node.name.value: tuple(_code(argument.value) for argument in node.bases) for node in nodes}
    return SourceFile(path, hashlib.sha256(data).hexdigest(), bases, classes)


def _bounded(path: str, data: bytes) -> str:
    """The text, if it is safe to give to libcst, which has no bound of its own; Python's own parser has."""
    if len(data) > MAX_MEMBER:
        raise InputError(f"is longer than {MAX_MEMBER >> 20} MiB, which is no SDK source", path=path)
    try:
        text = data.decode("utf-8")
        line = _long_chain(text)  # first: a long dotted name takes Python's parser half a minute
        if line is not None:
            raise InputError("nested too deep to be SDK source", path=path, line=line)
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
            raise InputError(f"has more than {MAX_TOKENS:,} tokens, which is no SDK source", line=token.start[0])
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


@contextmanager
def _members(path: Path) -> Iterator[tuple[Sequence[str], Callable[[str], IO[bytes] | None]]]:
    """The names in a container, and a function from one of them to its bytes; None for what is no file."""
    if path.is_dir():
        names = [p.relative_to(path).as_posix() for p in path.rglob("*.py") if p.is_file() and not p.is_symlink()]
        yield names, lambda name: (path / name).open("rb")
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield archive.namelist(), archive.open
    elif path.is_file() and tarfile.is_tarfile(path):
        with tarfile.open(path) as archive_tar:
            names, size = [], 0
            for member in archive_tar:
                size += member.size
                if size > MAX_ARCHIVE:
                    raise InputError(f"unpacks to more than {MAX_ARCHIVE >> 20} MiB, which is no SDK", path=path)
                if member.isreg():  # no links: they lead elsewhere, or in circles
                    names.append(member.name)
            yield names, archive_tar.extractfile
    else:
        raise InputError("is no wheel, sdist, folder or signature file", path=path)


def _parameters(node: libcst.FunctionDef, *, bound: bool) -> tuple[Parameter, ...]:
    """All parameters in order; the bound first one (`self`, `cls`) is dropped for methods that have it."""
    import libcst

    params = node.params
    static = any(_code(d.decorator) == "staticmethod" for d in node.decorators)
    groups = [("positional_only", p) for p in params.posonly_params]
    groups += [("positional_or_keyword", p) for p in params.params]
    groups = groups[1 if bound and not static else 0 :]
    groups += [("keyword_only", p) for p in params.kwonly_params]
    if isinstance(params.star_arg, libcst.Param):
        groups.append(("var_positional", params.star_arg))
    if params.star_kwarg is not None:
        groups.append(("var_keyword", params.star_kwarg))
    found = []
    for kind, p in groups:
        annotation = _code(p.annotation.annotation) if p.annotation else None
        found.append(Parameter(p.name.value, kind, annotation, _code(p.default) if p.default else None))
    return tuple(found)


def _code(node: libcst.CSTNode) -> str:
    import libcst

    # An annotation may run over several lines; one signature stands on one.
    return " ".join(libcst.Module(body=[]).code_for_node(node).split())
