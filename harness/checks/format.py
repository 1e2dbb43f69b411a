"""Takes the command list out of an answer without guessing.

Strict is an answer that is only the list. A code fence, prose around, an assignment, a JSON object, a trailing
comma are named and looked through; whatever would need a guess (several lists, a cut-off list, items that are no
plain strings) is named, and no commands are taken.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from harness.checks.findings import Finding, Span, shown
from harness.checks.literal_list import ListScan, scan_list
from harness.checks.scan import ESCAPE

MAX_ANSWER = 65_536  # characters; a long right answer has 2,000
MAX_ITEMS = 200

_FENCE_OPEN = re.compile(r"(?:```|~~~)[ \t]*[\w+-]*[ \t]*\n?\s*\Z")
_FENCE_CLOSE = re.compile(r"\A\s*(?:```|~~~)")
_ASSIGNMENT = re.compile(r"(?<![\w.])[A-Za-z_]\w{0,60}[ \t]*(?::[ \t]*[\w\[\], .]{1,40})?=[ \t]*\Z")
_JSON_KEY = re.compile(r"""\{\s*["'][^"'\n]{0,60}["']\s*:\s*\Z""")
_ARGUMENT = re.compile(r"(?:[\w)]|[(,]\s*(?:\w+\s*=\s*)?)\Z")
_LIST_START = re.compile(r"""\[\s*(?:[rRuUbBfF]{0,2}["']|\]|\[)""")


@dataclass(frozen=True, slots=True)
class Extracted:
    """The commands (None where they cannot be told), what was wrong, and where each item's string begins."""

    commands: tuple[str, ...] | None
    findings: tuple[Finding, ...]
    item_starts: tuple[int, ...] = ()


def extract(text: str) -> Extracted:
    """Read the command list of one answer, whatever the answer holds; never raises, bounded by `MAX_ANSWER`."""
    if len(text) <= MAX_ANSWER and "\\" not in text:
        # Without backslashes a JSON list of strings is the same list in Python, and json reads it fastest.
        try:
            items = json.loads(text)
        except (ValueError, RecursionError):
            return locate(text)
        if type(items) is list and 0 < len(items) <= MAX_ITEMS and set(map(type, items)) == {str}:
            return Extracted(tuple(items), ())
    return locate(text)


def locate(text: str) -> Extracted:
    """As `extract`, with the place of every item; slower."""
    if len(text) > MAX_ANSWER:
        message = f"the answer has {len(text)} characters, at most {MAX_ANSWER} are read"
        return _failed(Finding("F118", message, None, (MAX_ANSWER, len(text))))
    if not text.strip():
        return _failed(Finding("F111", "the answer is empty", None, (0, len(text))))
    lists = _find_lists(text)
    if not lists:
        hint = """Answer with only a list of strings: ["self.wait(seconds=1.0)"]"""
        return _failed(Finding("F110", "there is no list of commands in the answer", None, _trimmed(text), hint))
    if len(lists) > 1:
        second = lists[1]
        message = f"{len(lists)} lists: which one is meant is not guessed"
        return _failed(Finding("F112", message, None, (second.start, second.end), "Give one list."))
    return _judge(text, lists[0])


def source_offset(text: str, item_start: int, offset: int) -> int:
    """Where in the answer a character of an item stands; escapes before it count as they are written."""
    raw = re.search(r"(?<![A-Za-z])[rR]['\"]+\Z", text[max(0, item_start - 5) : item_start]) is not None
    at = item_start
    while offset > 0 and at < len(text):
        escape = None if raw else ESCAPE.match(text, at)
        # A backslash before a line break stands for no character at all.
        offset -= 0 if escape is not None and escape.group() == "\\\n" else 1
        at = at + 1 if escape is None else escape.end()
    return at


def _judge(text: str, found: ListScan) -> Extracted:
    around = _around(text, found)
    if found.problems:
        as_json = _as_json(text[found.start : found.end])
        if as_json is None or not found.only_escapes:
            return Extracted(None, (*around, *found.problems))
        message = "the strings have JSON escapes that Python does not know"
        around.append(Finding("F105", message, None, (found.start, found.end)))
        return Extracted(as_json, tuple(around), found.item_starts)
    if not found.items:
        hint = "To refuse or to ask, the list holds self.decline(...) or self.ask_operator(...)."
        around.append(Finding("F117", "the list is empty", None, (found.start, found.end), hint))
        return Extracted((), tuple(around))
    if len(found.items) > MAX_ITEMS:
        message = f"the list has {len(found.items)} items, at most {MAX_ITEMS} are read"
        return Extracted(None, (*around, Finding("F119", message, None, (found.start, found.end))))
    if found.trailing_comma is not None:
        at = found.trailing_comma
        around.append(Finding("F104", "a comma behind the last item", None, (at, at + 1)))
    if found.comment is not None:
        around.append(Finding("F106", "a comment inside the list", None, found.comment))
    return Extracted(found.items, tuple(around), found.item_starts)


def _find_lists(text: str) -> list[ListScan]:
    """Every list of strings in the text; where there is none, a list of anything that the answer begins with."""
    lists: list[ListScan] = []
    at = text.find("[")
    while at >= 0:
        end = at + 1
        if _LIST_START.match(text, at) and not _is_argument(text, at):
            scanned = scan_list(text, at)
            if scanned.items or scanned.problems or not lists:
                lists.append(scanned)
            end = max(scanned.end, end)
        at = text.find("[", end)
    lists = [found for found in lists if found.items or found.problems] or lists[:1]
    if not lists:
        at = text.find("[")
        if at >= 0 and not _is_argument(text, at) and _only_wrapping(text[:at]):
            lists.append(scan_list(text, at))
    return lists


def _is_argument(text: str, at: int) -> bool:
    """Whether the bracket is a subscript or an argument inside a call that stands outside any list."""
    return _ARGUMENT.search(text, max(0, at - 80), at) is not None


def _only_wrapping(before: str) -> bool:
    rest, _ = _peel_before(before)
    return not rest.strip()


def _around(text: str, found: ListScan) -> list[Finding]:
    """Findings for whatever stands before and behind the list."""
    before, after = text[: found.start], text[found.end :]
    rest, seen = _peel_before(before)
    findings = [Finding(code, message, None, span) for code, message, span in seen]
    codes = {code for code, _, _ in seen}
    if "F105" in codes:
        after = re.sub(r"\A\s*\}", "", after)
    if "F101" in codes:
        after = _FENCE_CLOSE.sub("", after, count=1)
    if rest.strip():
        findings.append(Finding("F102", f"text before the list: {shown(rest.strip())}", None, _trimmed(rest)))
    if after.strip():
        start, end = _trimmed(after)
        shift = len(text) - len(after)
        message = f"text behind the list: {shown(after.strip())}"
        findings.append(Finding("F102", message, None, (shift + start, shift + end)))
    return findings


def _peel_before(before: str) -> tuple[str, list[tuple[str, str, Span]]]:
    """The text before the list without its assignment, JSON key and code fence, and those by code."""
    seen: list[tuple[str, str, Span]] = []
    for code, pattern, message in (
        ("F103", _ASSIGNMENT, "the list is assigned to a name"),
        ("F105", _JSON_KEY, "the list is wrapped in a JSON object"),
        ("F101", _FENCE_OPEN, "the list stands in a code fence"),
    ):
        # The last 200 characters hold any of these; searching more would cost time on long prose.
        if match := pattern.search(before, max(0, len(before) - 200)):
            start, end = _trimmed(match.group())
            seen.append((code, message, (match.start() + start, match.start() + end)))
            before = before[: match.start()]
    return before, seen


def _as_json(text: str) -> tuple[str, ...] | None:
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(items, list) or not items or not all(isinstance(item, str) for item in items):
        return None
    return tuple(items) if len(items) <= MAX_ITEMS else None


def _trimmed(text: str) -> Span:
    """The span of a text without the space around it."""
    start = len(text) - len(text.lstrip())
    return start, max(len(text.rstrip()), start)


def _failed(finding: Finding) -> Extracted:
    return Extracted(None, (finding,))
