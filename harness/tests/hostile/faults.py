"""Structured faults: one value of a JSON or TOML text replaced by what nobody writes, or the whole text damaged."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

from harness.promotion import START, entry_hash

Draw = Callable[[random.Random, bytes], bytes]

_NUMBERS = ["1e300", "-1e300", "1e999", "-1", "0", "0.5", "5", "1" + "0" * 20, "1" + "0" * 400, "9" * 5000]
_TEXTS = ['""', '"\\u0000"', '"\\u001b[31m\\n::error::x"', '"../../x"', '"/etc"', f'"{"x" * 100_000}"']
_SHARED = [*_NUMBERS, *_TEXTS, "true", "[]", "{}", "[1]", "[[]]", "[" * 100_000 + "]" * 100_000]
IN_JSON = [*_SHARED, "NaN", "Infinity", "null", '"\\ud800"', '{"a":' * 5000 + "1" + "}" * 5000]
IN_TOML = [*_SHARED, "nan", "inf", "-inf", "1979-05-27", "1979-05-27T07:32:00Z", '"("', '["\\u0000"]', "[" * 100_000]
_KEYS = ["\0", "x\ud800", "\x1b[31m", "../x", ""]
_MARK = "@@fault@@"


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inside:
        yield (*place, key)
        yield from _places(below, (*place, key))


def in_json(rng: random.Random, content: bytes) -> bytes:
    """JSON with one value replaced or left out, or one key renamed."""
    value = json.loads(content)
    place = rng.choice(list(_places(value)))
    around = value
    for key in place[:-1]:
        around = around[key]
    kind, last = rng.random(), place[-1]
    if kind < 0.1:
        del around[last]
    elif kind < 0.2 and isinstance(around, dict):
        around[rng.choice(_KEYS)] = around.pop(last)
    else:
        around[last] = _MARK
    return json.dumps(value).replace(f'"{_MARK}"', rng.choice(IN_JSON)).encode()


def in_lines(rng: random.Random, content: bytes) -> bytes:
    """JSON lines, one of them with a fault."""
    lines = content.splitlines()
    index = rng.randrange(len(lines))
    lines[index] = in_json(rng, lines[index])
    return b"\n".join(lines)


def in_chain(rng: random.Random, content: bytes) -> bytes:
    """A promotion record, one line of it with a fault, and every hash made anew where one can be made."""
    lines, last = [], START
    damaged = in_lines(rng, content)
    try:
        for line in damaged.splitlines():
            record = json.loads(line) | {"previous": last}
            record["hash"] = last = entry_hash(record)
            lines.append(json.dumps(record, separators=(",", ":")).encode() + b"\n")
    except (ValueError, TypeError, KeyError, RecursionError):
        return damaged
    return b"".join(lines)


def in_toml(rng: random.Random, content: bytes) -> bytes:
    """TOML with one value or table replaced, or one line left out."""
    lines = content.decode().split("\n")
    keys = [index for index, line in enumerate(lines) if re.match(r'\s*[\w".-]+\s*=', line)]
    heads = [index for index, line in enumerate(lines) if line.startswith("[")]
    kind = rng.random()
    if kind < 0.75 and keys:
        index = rng.choice(keys)
        lines[index] = f"{lines[index].partition('=')[0]}= {rng.choice(IN_TOML)}"
    elif kind < 0.9 and heads:
        index = rng.choice(heads)
        lines[index] = f"{lines[index].strip('[] ').partition('.')[0].partition(']')[0]} = {rng.choice(IN_TOML)}"
    else:
        del lines[rng.randrange(len(lines))]
    return "\n".join(lines).encode()


def in_bytes(rng: random.Random, content: bytes) -> bytes:
    """Some bytes changed, and perhaps the end cut off."""
    damaged = bytearray(content or b" ")
    for _ in range(rng.randint(1, 5)):
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    return bytes(damaged[: rng.choice([len(damaged), rng.randrange(len(damaged) + 1)])])


def whole(rng: random.Random, content: bytes) -> bytes:
    """A text damaged as a whole, or something else in its place."""
    choices = [content.decode("latin-1").encode("utf-16"), in_bytes(rng, content), b"", b"\0" * 100]
    choices += [b"\xff\xfe" + content, b"[" * 100_000, b'{"a":' * 100_000, b"a = " + b"9" * 5000, b"9" * 5000]
    return rng.choice([*choices, b"x" * 3_000_000])


def mostly(draw: Draw) -> Draw:
    """These faults, and every sixth time one of the whole text."""
    return lambda rng, content: whole(rng, content) if rng.random() < 1 / 6 else draw(rng, content)
