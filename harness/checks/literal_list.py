"""Reads the Python list of strings that begins at a `[`: one bounded pass over its tokens, then `ast.literal_eval`.

Python is shown nothing but strings, brackets and commas, at most `MAX_DEPTH` deep, so that no text can stall or
crash its parser. The tokens say what is wrong, and where, in a list that it does not read.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field

from harness.checks.finding import Finding, Span, look_alike, shown
from harness.checks.syntax import ESCAPE, STRING, bad_escape

MAX_DEPTH = 20  # brackets
PASSED_OVER = r"[ \t\n\r\f]++|\\(?:\r\n|[\r\n])|\#[^\r\n]*"  # by Python's tokenizer; str.isspace is true of more
UNREADABLE = re.compile("[\x00\ud800-\udfff]")  # Python's reader raises for these, even inside a string
_MAX_PROBLEMS = 5  # named one by one
_MAX_REFUSED = 200  # behind as many the rest of the list is not looked at
_TOKEN = re.compile(
    rf"""(?P<space>(?:{PASSED_OVER})++)|(?P<string>{STRING})|(?P<quote>[rRbBuUfFtT]{{0,2}}['"])|(?P<comma>,)
    |(?P<open>[\[({{])|(?P<close>[\])}}])|(?P<unusual>[^\S \t\n\r\f]+)|(?P<other>\w+|.)""",
    re.VERBOSE | re.DOTALL,
)
_OPENING = re.compile(r"""([A-Za-z]*)('''|\"{3}|'|")""")


@dataclass(slots=True)
class ListScan:
    """One list found in a text.

    Attributes:
        start: Where its `[` stands.
        end: Behind its `]`, or the end of the text where the list could not be followed.
        items: The spans of each item's string literals: several where Python joins them.
        values: The strings, or None; `by_json` where Python does not read them and JSON does.
        problems: Why there are no values.
        unusual: Space that Python does not take as such.
    """

    start: int
    end: int
    items: list[tuple[Span, ...]] = field(default_factory=list)
    values: tuple[str, ...] | None = None
    by_json: bool = False
    problems: list[Finding] = field(default_factory=list)
    unusual: list[Span] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)
    refused: int = 0
    plain: bool = True  # nothing but plain strings, brackets and commas

    def note(self, code: str, message: str, start: int, end: int, hint: str = "") -> None:
        """Note what stands between the text and a list of strings."""
        self.codes.add(code)
        self.refused += 1
        if len(self.problems) < _MAX_PROBLEMS or code in {"F113", "F120"}:
            self.problems.append(Finding(code, message, None, (start, end), hint))


@dataclass(slots=True)
class _Item:
    begin: int = -1
    literals: list[Span] = field(default_factory=list)
    computed: bool = False  # more than string literals


def scan_list(text: str, start: int) -> ListScan:
    """Read the list whose `[` stands at `start`, up to its `]`, the first thing no list holds, or the end."""
    found, item, depth = ListScan(start, len(text)), _Item(), 0
    at = start
    for token in _TOKEN.finditer(text, start):
        kind, word, at = token.lastgroup, token.group(), token.start()
        if kind == "space":
            continue
        if kind == "unusual":
            found.unusual.append(token.span())
            continue
        depth += (kind == "open") - (kind == "close")
        ends = (depth == 1 and word == ",") or (depth == 0 and word == "]")
        stray = depth == 0 or depth > MAX_DEPTH or (item.literals and not item.computed and kind != "string")
        if kind == "quote" or (stray and not ends):
            return _stopped(text, found, item, at)
        if ends:
            if item.begin >= 0 or word == ",":
                _finish(text, found, item, at)
            if found.refused > _MAX_REFUSED:
                found.note("F120", f"more than {_MAX_REFUSED} things are wrong", at, len(text))
                return found
            if depth == 0:
                found.end = token.end()
                return _read(text, found)
            item = _Item()
        elif at > start:
            item.begin = at if item.begin < 0 else item.begin
            if kind == "string":
                item.literals.append(token.span())
            else:
                item.computed = True
                found.plain &= kind != "other"
    return _stopped(text, found, item, len(text))


def offsets(text: str, literals: tuple[Span, ...]) -> list[int]:
    """Where in the answer each character of an item is written, and last where the item ends; in one pass."""
    places: list[int] = []
    at = 0
    for literal in literals:
        prefix, at, stop = _body(text, literal)
        while at < stop:
            escape = None if "r" in prefix else ESCAPE.match(text, at)
            written = escape.group() if escape else "\r\n" if text.startswith("\r\n", at) else text[at]
            if escape is None or written[1] not in "\r\n":  # a backslash before a line break stands for nothing
                places.append(at)
            at += len(written)
    return [*places, at]


def _body(text: str, literal: Span) -> tuple[str, int, int]:
    """Prefix of a string literal, and where its text begins and ends."""
    opening = _OPENING.match(text, literal[0])
    assert opening is not None, "the span of a string literal"
    return opening[1].lower(), opening.end(), literal[1] - len(opening[2])


def _finish(text: str, found: ListScan, item: _Item, end: int) -> None:
    """Note one item, and what is wrong with it."""
    begin = item.begin if item.begin >= 0 else end
    odd = ""
    for prefix, start, stop in [_body(text, literal) for literal in item.literals]:
        if prefix not in {"", "r", "u"}:
            found.plain, odd = False, prefix
        elif (at := bad_escape(text[start:stop], prefix)) >= 0:
            found.note("F121", "an item has an escape that Python does not know", start + at, start + at + 2)
        elif unreadable := UNREADABLE.search(text, start, stop):
            message = f"{unreadable.group()!a} in a string, which Python does not read"
            found.note("F107", message, *unreadable.span())
    if item.literals and not odd:
        found.items.append(tuple(item.literals))
    if item.computed or not item.literals:
        if text[begin] == "[":
            found.note("F115", "a list inside the list", begin, end)
        else:
            source = text[begin:end].strip()
            hint = look_alike(source[:1]) or "Each command is a string: put it in quotes."
            found.note("F114", f"the item {shown(source)} is no string", begin, end, hint)
    elif odd:
        found.note("F114", f"an item with the prefix {shown(odd)} is no plain string", begin, item.literals[-1][1])
    elif len(item.literals) > 1:
        hint = "Put a comma between them, or write one string."
        found.note("F116", "strings side by side without a comma", begin, item.literals[-1][1], hint)


def _stopped(text: str, found: ListScan, item: _Item, at: int) -> ListScan:
    """A list that cannot be followed further than `at`: cut off, or something in it that no list can hold."""
    if item.begin >= 0:
        _finish(text, found, item, len(text) if item.computed else at)
    rest = text[at:]
    line = rest.partition("\n")[0]
    unclosed = re.match(r"[rRbBuUfFtT]{0,2}['\"]", rest) is not None
    if unclosed and not item.computed and len(line) < len(rest) and "]" in rest:
        found.note("F120", "a string is not closed on its line", at, at + len(line))
    elif not unclosed and "]" in rest:
        message = f"{shown(rest[:20], 20)} where a comma or ] is expected"
        found.note("F120", message, at, at + 1, look_alike(rest[:1]))
    else:
        message = f"the list is cut off after {len(found.items)} complete items: the answer ends before its ]"
        found.note("F113", message, found.start, len(text), "The answer was probably truncated at the token limit.")
    return found


def _read(text: str, found: ListScan) -> ListScan:
    """The values of a closed list, as Python reads it; where only spelling bars that, as JSON does."""
    parts, at = [], found.start
    for start, end in found.unusual:
        parts += [text[at:start], " " * (end - start)]
        at = end
    source = "".join([*parts, text[at : found.end]])
    value: object = None
    found.by_json = found.plain and bool(found.codes) and found.codes <= {"F107", "F121"}
    try:
        if found.by_json:
            value = json.loads(source, strict=False)
        elif found.plain and not found.codes & {"F107", "F121"}:
            value = ast.literal_eval(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        value = None
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        found.values = tuple(value)
    elif found.codes <= {"F107", "F116"}:
        found.note("F120", "Python does not read this as a list of strings", found.start, found.end)
    return found
