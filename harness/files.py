r"""Reading and writing files: the one definition of a line, TOML, records checked by pydantic, locks, whole writes.

A line ends at "\n"; a "\r" before it belongs to the end. A line of nothing but spaces, tabs and "\r" is blank: it is
counted and passed over. A byte order mark before the first line is ignored. Nothing else ends a line or makes it
blank: U+2028, U+0085 or U+001F stand inside commands, and `str.splitlines` and `str.strip` would take them.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

from harness.errors import InputError

if TYPE_CHECKING:
    from filelock import FileLock
    from pydantic import TypeAdapter, ValidationError

BLANK = " \t\r\n"
LONGEST_LINE = 2**26  # bytes: no record of anyone's is longer, and a line is held in memory
STRICT: Any = {"extra": "forbid", "strict": True, "allow_inf_nan": False}  # pydantic's configuration of a record
BOM = b"\xef\xbb\xbf"
_HEADER = re.compile(r"\s*\[(\[)?\s*([^\]]+)\]")
_KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w.-])+)\s*=""")
_Record = TypeVar("_Record")


def lines_of(file: IO[bytes], path: str | Path) -> Iterator[bytes]:
    """The lines of a binary file with their ends, none of which is held in memory when it is too long."""
    for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), b""), start=1):
        if len(line) > LONGEST_LINE:
            raise InputError(f"a line of more than {LONGEST_LINE >> 20} MB", path=path, line=number)
        yield line


def numbered(lines: Iterable[bytes], *, start: bool = True) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, without their ends, each with its 1-based number.

    Args:
        lines: A binary file, or what it would give: bytes up to and with each newline.
        start: Whether they begin where the file does, so that a byte order mark may stand there.
    """
    for number, raw in enumerate(lines, start=1):
        line = raw[:-2] if raw.endswith(b"\r\n") else raw.removesuffix(b"\n")
        if start and number == 1:
            line = line.removeprefix(BOM)
        if line.strip(BLANK.encode()):
            yield number, line


def read_lines(path: Path, what: str, *, hint: str = "check the path") -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not blank, as `numbered`, in flat memory; arguments as of `read_jsonl`."""
    try:
        with path.open("rb") as file:
            yield from numbered(lines_of(file, path))
    except OSError as error:
        raise InputError(f"cannot read {what}: {error.strerror}", path=path, hint=hint) from None


def json_object(line: bytes, *, errors: str = "strict") -> dict[str, Any]:
    """A line as a JSON object.

    Args:
        line: From `numbered`.
        errors: What becomes of bytes that are no UTF-8; with "surrogateescape" they stay in as lone surrogates.

    Raises:
        ValueError: it is none; the message says why.
    """
    try:
        record = json.loads(line.decode("utf-8", errors))
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 text at byte {error.start + 1}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise ValueError("not JSON: nested too deep") from None
    except ValueError as error:  # a number of more digits than Python reads
        raise ValueError(f"not JSON: {str(error)[:120]}") from None
    if not isinstance(record, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  one kind of error for one kind of fault
    return record


def read_jsonl(
    path: Path, what: str, *, line_hint: str, path_hint: str = "check the path"
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The JSON objects of a file, one a line, each with the number of its line.

    Args:
        path: The file.
        what: Its name in an error: "cannot read {what}".
        line_hint: What to do about a line that is no JSON object.
        path_hint: What to do where the file cannot be read.

    Raises:
        InputError: the file cannot be read, or a line is no JSON object in UTF-8.
    """
    for number, line in read_lines(path, what, hint=path_hint):
        try:
            record = json_object(line)
        except ValueError as error:
            raise InputError(str(error), path=path, line=number, hint=line_hint) from None
        yield number, record


def read_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file.

    Raises:
        InputError: unreadable, or not TOML (the parser's message holds line and column).
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path, hint="check the path") from error
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, a number of too many digits, nested too deep
        raise InputError(f"not valid TOML: {str(error)[:200]}", path=path, hint="mend the line named above") from error


def read_json(path: Path, *, hint: str = "check the path") -> Any:
    """Parse a JSON file.

    Raises:
        InputError: unreadable, or not JSON, with the line.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path, hint=hint) from error
    except json.JSONDecodeError as error:
        raise InputError(f"is not JSON: {error.msg}", path=path, line=error.lineno) from error
    except (ValueError, RecursionError) as error:  # not UTF-8, a number of too many digits, nested too deep
        raise InputError(f"is not JSON: {str(error)[:200]}", path=path) from error


def json_schema(kind: type, *, partial: bool = False) -> str:
    """The JSON Schema of a record as a file, by which an editor completes and checks what a user writes.

    Args:
        kind: The record.
        partial: Whether a file may leave out any key, because defaults stand in another one.
    """
    from pydantic import TypeAdapter

    def asked(node: Any) -> Any:
        if isinstance(node, dict):
            return {name: asked(value) for name, value in node.items() if not (partial and name == "required")}
        return [asked(value) for value in node] if isinstance(node, list) else node

    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **asked(TypeAdapter(kind).json_schema())}
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def validated(kind: type[_Record], data: Any, path: Path | None, what: str, *, line: int | None = None) -> _Record:
    """A record from JSON or TOML tables, lists made tuples.

    Args:
        kind: A dataclass whose `__pydantic_config__` is `STRICT`, or a pydantic model.
        data: What the file holds.
        path: The file, for errors.
        what: Its name in an error: "is not {what}".
        line: Where the record stands; looked up in a TOML file by itself.

    Raises:
        InputError: a key is unknown or missing, or a value does not fit; the first one is named, with its line.
    """
    from pydantic import ValidationError  # 0.1 s

    hashable: Any = kind  # to mypy no type variable is
    try:
        # By way of JSON: only there a strict validation takes a list for a tuple and an object for a record.
        record: _Record = _adapter(hashable).validate_json(json.dumps(data, default=str))
    except ValidationError as error:
        where, reason, hint = _first(error, data, kind)
        if line is None and path is not None and path.suffix == ".toml":
            with suppress(OSError, UnicodeDecodeError):
                line = toml_line(path.read_text(encoding="utf-8"), where)
        raise InputError(f"is not {what}: {reason}", path=path, line=line, hint=hint) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not {what}: {error}", path=path, line=line) from error
    return record


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _first(error: ValidationError, data: Any, kind: Any) -> tuple[tuple[int | str, ...], str, str]:
    """The first thing that is wrong: where, in words (`call[dog.Move].param[vx]: unknown key 'mn'`), and a hint."""
    first = error.errors(include_url=False)[0]
    unknown = first["type"] in ("unexpected_keyword_argument", "extra_forbidden")
    where = ""
    for key in first["loc"][:-1] if unknown else first["loc"]:
        holds = isinstance(data, Mapping | list | None)
        if not holds:  # what follows names a kind of value, no key
            break
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            data = None
        named = data if isinstance(key, int) and isinstance(data, Mapping) else {}
        where += f"[{named.get('path') or named.get('name') or key}]" if isinstance(key, int) else f".{key}"
    reason = f"unknown key {first['loc'][-1]!r}" if unknown else first["msg"].removeprefix("Value error, ")
    hint = ""
    if unknown and len(first["loc"]) == 1:
        names = [one.name for one in fields(kind)] if is_dataclass(kind) else getattr(kind, "model_fields", ())
        hint = f"known keys: {', '.join(names)}"
    return first["loc"], f"{where.lstrip('.')}: {reason}" if where else reason, hint


def toml_line(text: str, location: Sequence[int | str]) -> int | None:
    """1-based line of a value in TOML text, or of the nearest table around it; None where neither is found.

    The standard library's parser keeps no positions, so this looks for headers and keys in the form people write.

    Args:
        text: The file.
        location: Keys from the top; a number counts the tables of an array from 0.
    """
    wanted = tuple(location)
    table: tuple[int | str, ...] = ()
    tables: dict[tuple[str, ...], int] = {}  # arrays of tables, and the index of the present one
    best: tuple[int, int | None] = (0, None)
    for number, line in enumerate(text.split("\n"), start=1):
        place: tuple[int | str, ...]
        if head := _HEADER.match(line):
            names = _names(head[2])
            if head[1]:
                others = {name: index for name, index in tables.items() if name[: len(names)] != names}
                tables = others | {names: tables.get(names, -1) + 1}
            table = ()
            for depth, name in enumerate(names, start=1):
                index = tables.get(names[:depth])
                table = (*table, name) if index is None else (*table, name, index)
            place = table
        elif key := _KEY.match(line):
            place = (*table, *_names(key[1]))
        else:
            continue
        if len(place) > best[0] and wanted[: len(place)] == place:
            best = (len(place), number)
    return best[1]


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip(" \t\"'") for part in dotted.split("."))


def write_whole(path: Path, content: bytes | str, *, durable: bool = False) -> None:
    """Write a file so that a reader finds the old one or the new one, never a part; folders are made.

    Args:
        path: The file.
        content: Its bytes, or text for UTF-8.
        durable: Wait until it is on the disk, so that the same holds after a power cut.

    Raises:
        OSError: as the file system says.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(content.encode() if isinstance(content, str) else content)
    if durable:
        sync(fresh)
    fresh.replace(path)
    if durable:
        sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk. Not every file system can; that is no error."""
    with suppress(OSError):
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def lock(path: Path) -> FileLock:
    """A lock for a file: `with` waits for it; `acquire(timeout=0)` raises `filelock.Timeout` where it is taken.

    It is a file beside the locked one and is left there; the system frees it when its holder ends.
    """
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path.with_name(path.name + ".lock"))
