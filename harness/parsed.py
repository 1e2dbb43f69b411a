"""What a parsed TOML or JSON file holds: what nobody writes on purpose, a record's first error, lines, the schema."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError

DEEPEST, LARGEST_NUMBER = 64, 2**64  # levels, and what a number stays below
_HEADER = re.compile(r"\s*\[(\[)?\s*([^\]]+)\]")
_KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w.-])+)\s*=""")


def out_of_bounds(data: Any) -> tuple[tuple[int | str, ...], str] | None:
    """The first value that no code should have to bear, with its place and what is wrong: one place for all files.

    That is what is nested deeper than `DEEPEST`, a number beyond 64 bits or none at all (nan), or a NUL character.
    """
    waiting: list[tuple[tuple[int | str, ...], Any]] = [((), data)]
    while waiting:
        place, value = waiting.pop()
        if len(place) > DEEPEST:
            return place, f"nested more than {DEEPEST} levels deep"
        if isinstance(value, dict):
            if any("\0" in str(key) for key in value):
                return place, "a NUL character in a key"
            waiting.extend(((*place, key), below) for key, below in value.items())
        elif isinstance(value, list):
            waiting.extend(((*place, index), below) for index, below in enumerate(value))
        elif isinstance(value, str) and "\0" in value:
            return place, "a NUL character"
        elif isinstance(value, int | float) and not -LARGEST_NUMBER < value < LARGEST_NUMBER:
            finite = isinstance(value, int) or math.isfinite(value)
            return place, "a number out of range" if finite else "Input should be a finite number"
    return None


def place_in_words(place: Sequence[int | str], data: Any) -> str:
    """Where a value stands: `call[dog.Move].param[vx]`; an entry of a list by its own path or name, if it has one."""
    where = ""
    for key in place:
        if isinstance(data, str | int | float):  # what follows names a kind of value, no key
            break
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            data = None
        named = data if isinstance(key, int) and isinstance(data, Mapping) else {}
        where += f"[{named.get('path') or named.get('name') or key}]" if isinstance(key, int) else f".{key}"
    return where.lstrip(".")


def first_error(error: ValidationError, data: Any, kind: Any) -> tuple[tuple[int | str, ...], str, str]:
    """The first thing that is wrong: where, in words (`call[dog.Move].param[vx]: unknown key 'mn'`), and a hint."""
    first = error.errors(include_url=False)[0]
    unknown = first["type"] in ("unexpected_keyword_argument", "extra_forbidden")
    where = place_in_words(first["loc"][:-1] if unknown else first["loc"], data)
    reason = f"unknown key {first['loc'][-1]!r}" if unknown else first["msg"].removeprefix("Value error, ")
    hint = ""
    if unknown and len(first["loc"]) == 1:
        names = [one.name for one in fields(kind)] if is_dataclass(kind) else getattr(kind, "model_fields", ())
        hint = f"known keys: {', '.join(names)}"
    return first["loc"], f"{where}: {reason}" if where else reason, hint


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
