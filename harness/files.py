r"""Reading and writing files: the one definition of a line, TOML, records checked by pydantic, locks, whole writes.

A line ends at "\n"; a "\r" before it belongs to the end. A line of nothing but spaces, tabs and "\r" is blank: it is
counted and passed over. A byte order mark before the first line is ignored. Nothing else ends a line or makes it
blank: U+2028, U+0085 or U+001F stand inside commands, and `str.splitlines` and `str.strip` would take them.
"""

from __future__ import annotations

import errno
import json
import os
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from io import BufferedReader
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, TypeVar

from harness.errors import InputError
from harness.parsed import first_error, out_of_bounds, place_in_words, toml_line

if TYPE_CHECKING:
    from filelock import FileLock
    from pydantic import TypeAdapter

BLANK = " \t\r\n"
LONGEST_LINE = LARGEST_WHOLE = 2**26  # bytes: no record of anyone's is longer, and a line or whole file is in memory
STRICT: Any = {"extra": "forbid", "strict": True, "allow_inf_nan": False}  # of a record and all within it
BOM = b"\xef\xbb\xbf"
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
    with os_errors(path, f"cannot read {what}", hint), open_file(path) as file:
        yield from numbered(lines_of(file, path))


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


@contextmanager
def os_errors(path: Path, what: str, hint: str) -> Iterator[None]:
    """An OSError of the context as an InputError: what cannot be done, the system's reason, and what to do about it."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{what}: {error.strerror or error}", path=path, hint=hint) from None


def open_file(path: Path) -> BufferedReader:
    """Open a regular file for reading; a pipe, which might never give a byte, is an error at once.

    Raises:
        OSError: it is none, or cannot be opened.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file")
    return path.open("rb")


def read_whole(path: Path, *, hint: str = "check the path") -> str:
    """The text of a file that is held in memory whole.

    Raises:
        InputError: it cannot be read, is larger than 64 MB, or is not UTF-8.
    """
    with os_errors(path, "cannot be read", hint), open_file(path) as file:
        content = file.read(LARGEST_WHOLE + 1)
    if len(content) > LARGEST_WHOLE:
        raise InputError(f"has more than {LARGEST_WHOLE >> 20} MB", path=path, hint=hint)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError("is not UTF-8 text", path=path, line=line, hint="save it as UTF-8") from None


def read_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file.

    Raises:
        InputError: as `read_whole`; not TOML (the parser's message holds line and column); or as `bounded`.
    """
    text = read_whole(path)
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not TOML, a number of too many digits, nested too deep
        raise InputError(f"not valid TOML: {str(error)[:200]}", path=path, hint="mend the line named above") from error
    bounded(data, path)
    return data


def read_json(path: Path, *, hint: str = "check the path") -> Any:
    """Parse a JSON file.

    Raises:
        InputError: as `read_whole`; not JSON, with the line; or as `bounded`.
    """
    text = read_whole(path, hint=hint)
    try:
        data = json.loads(text)
        if "\\u" in text:
            json.dumps(data, ensure_ascii=False).encode()  # half of a surrogate pair can be neither written nor hashed
    except json.JSONDecodeError as error:
        raise InputError(f"is not JSON: {error.msg}", path=path, line=error.lineno, hint=hint) from error
    except (ValueError, RecursionError) as error:  # a number of too many digits, nested too deep
        raise InputError(f"is not JSON: {str(error)[:200]}", path=path, hint=hint) from error
    bounded(data, path)
    return data


def bounded(data: Any, path: Path | None, line: int | None = None) -> None:
    """Refuse parsed TOML or JSON that is `out_of_bounds`.

    Args:
        data: What was parsed.
        path: Where it stands, for errors.
        line: Likewise; looked up in a TOML file by itself.

    Raises:
        InputError: it is out of bounds, with file, line and key.
    """
    if found := out_of_bounds(data):
        place, fault = found
        where = place_in_words(place[:8], data)
        line = _line_of(place, path) if line is None else line
        raise InputError(f"{where}: {fault}" if where else fault, path=path, line=line)


def _line_of(place: Sequence[int | str], path: Path | None) -> int | None:
    """Line of a value in a file, where that is TOML."""
    if path is not None and path.suffix == ".toml":
        with suppress(InputError):
            return toml_line(read_whole(path), place)
    return None


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
    bounded(data, path, line)
    try:
        # By way of JSON: only there a strict validation takes a list for a tuple and an object for a record.
        record: _Record = adapter(hashable).validate_json(json.dumps(data, default=str))
    except ValidationError as error:
        where, reason, hint = first_error(error, data, kind)
        line = _line_of(where, path) if line is None else line
        raise InputError(f"is not {what}: {reason}", path=path, line=line, hint=hint) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not {what}: {error}", path=path, line=line) from error
    return record


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """What pydantic makes of a record, made once."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


@contextmanager
def whole_file(path: Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """A file to write, which appears under its name when the context ends well: never a part of it; folders are made.

    Args:
        path: The file; of a link, what it leads to.
        durable: Wait until it is on the disk, so that the same holds after a power cut.

    Raises:
        OSError: as the file system says, or there is something under this name that is no file.
    """
    path = Path(os.path.realpath(path))  # `resolve` has an error of its own for links in a circle
    path.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(path) and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file")
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with fresh.open("wb") as file:
            yield file
        if durable:
            sync(fresh)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    if durable:
        sync(path.parent)


def write_whole(path: Path, content: bytes | str, *, durable: bool = False) -> None:
    """Write a file as `whole_file`; text as UTF-8, a lone surrogate in it spelled out."""
    with whole_file(path, durable=durable) as file:
        file.write(content.encode(errors="backslashreplace") if isinstance(content, str) else content)


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
