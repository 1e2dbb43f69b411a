r"""Files of lines, mostly JSON: the one definition of a line, so that every reader sees the same ones.

A line ends at "\n"; a "\r" before it belongs to the end. A line of nothing but spaces, tabs and "\r" is blank: it is
counted and passed over. A byte order mark before the first line is ignored. Nothing else ends a line or makes it
blank: U+2028, U+0085 or U+001F stand inside commands, and `str.splitlines` and `str.strip` would take them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.errors import InputError

BLANK = " \t\r\n"
_BOM = b"\xef\xbb\xbf"


def numbered(lines: Iterable[bytes], *, start: bool = True) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, without their ends, each with its 1-based number.

    Args:
        lines: A binary file, or what it would give: bytes up to and with each newline.
        start: Whether they begin where the file does, so that a byte order mark may stand there.
    """
    for number, raw in enumerate(lines, start=1):
        line = raw[:-2] if raw.endswith(b"\r\n") else raw.removesuffix(b"\n")
        if start and number == 1:
            line = line.removeprefix(_BOM)
        if line.strip(BLANK.encode()):
            yield number, line


def read_lines(path: Path, what: str, *, hint: str = "check the path") -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not blank, as `numbered`, in flat memory.

    Args:
        path: The file.
        what: Its name in an error: "cannot read {what}".
        hint: What to do where it cannot be read.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            yield from numbered(file)
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
