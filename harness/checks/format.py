"""Takes the command list out of an answer without guessing.

Strict is an answer that `ast.literal_eval` reads as a list of strings: a trailing comma is no fault, a no-break
space is. A code fence, prose around, an assignment, a JSON object are named and looked through; whatever would need
a guess (several lists, a cut-off list, items that are no plain strings) is named, and no commands are taken.
"""

from __future__ import annotations

import ast
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from harness.checks.finding import Finding, Span, look_alike, shown
from harness.checks.literal_list import MAX_DEPTH, PASSED_OVER, UNREADABLE, ListScan, scan_list

MAX_ANSWER = 65_536  # characters; a long right answer has 2,000
MAX_ITEMS = 200

_SPACE = " \t\n\r\f"  # around the list; what Python's tokenizer takes
_LEAD = re.compile(rf"(?:{PASSED_OVER}|\()*+")
_TAIL = re.compile(rf"(?:{PASSED_OVER}|\))*+")
_FENCE_OPEN = re.compile(r"(?:```|~~~)[ \t]*[\w+-]*[ \t]*\n?\s*\Z")
_FENCE_CLOSE = re.compile(r"\A\s*(?:```|~~~)")
_ASSIGNMENT = re.compile(r"(?<![\w.])[A-Za-z_]\w{0,60}[ \t]*(?::[ \t]*[\w\[\], .]{1,40})?=[ \t]*\Z")
_JSON_KEY = re.compile(r"""\{\s*["'][^"'\n]{0,60}["']\s*:\s*\Z""")
_ARGUMENT = re.compile(r"(?:[\w)]|[(,]\s*(?:\w+\s*=\s*)?)\Z")
_LIST_START = re.compile(r"""\[\s*(?:[rRuUbBfF]{0,2}["']|\]|\[)""")
_ALMOST_LIST = re.compile("[\\[\uff3b\u3010\u3014]\\s*[\"'\u2018-\u201f\xab\xbb\uff02\uff07]")
_PLAIN_ITEM = re.compile(r"""'([^'\\\r\n\0]*+)'|"([^"\\\r\n\0]*+)\"""")
_PLAIN_LIST = re.compile(
    rf"[{_SPACE}]*+\[(?:[{_SPACE}]*+(?:{_PLAIN_ITEM.pattern})[{_SPACE}]*+(?:,|(?=\])))++[{_SPACE}]*+\][{_SPACE}]*+"
)
_NO_HINTS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Extracted:
    """The commands (None where they cannot be told), and what was wrong.

    `literals` are the spans of each item's string literals, several where Python joins them; empty where the quick
    reader sufficed, which knows of one literal an item.
    """

    commands: tuple[str, ...] | None
    findings: tuple[Finding, ...]
    literals: tuple[tuple[Span, ...], ...] = ()


def extract(text: str, hints: Mapping[str, str] = _NO_HINTS) -> Extracted:
    """Read the command list of one answer, whatever the answer holds; never raises, bounded by `MAX_ANSWER`.

    Args:
        text: The answer.
        hints: By code, what this profile would have instead of no list (F110) or an empty one (F117).
    """
    # Without backslashes a JSON list of strings is the same list in Python, and json reads it fastest; in single
    # quotes a pattern does. Most answers are one or the other.
    bare = text.lstrip(_SPACE).startswith("[") and len(text) <= MAX_ANSWER
    if bare and "\\" not in text and (text.isascii() or not UNREADABLE.search(text)):
        try:
            items = json.loads(text)
        except (ValueError, RecursionError):
            plain = _PLAIN_LIST.fullmatch(text)
            items = [single or double for single, double in _PLAIN_ITEM.findall(text)] if plain else None
        if type(items) is list and 0 < len(items) <= MAX_ITEMS and set(map(type, items)) == {str}:
            return Extracted(tuple(items), ())
    return locate(text, hints)


def locate(text: str, hints: Mapping[str, str] = _NO_HINTS) -> Extracted:
    """As `extract`, with the place of every item; slower."""
    if len(text) > MAX_ANSWER:
        message = f"the answer has {len(text)} characters, at most {MAX_ANSWER} are read"
        return _failed("F118", message, (MAX_ANSWER, len(text)))
    if not text.strip():
        return _failed("F111", "the answer is empty", (0, len(text)))
    lead = _LEAD.match(text).end()  # type: ignore[union-attr]  # the pattern matches anything
    if text.startswith("[", lead) and _is_bare(text, found := scan_list(text, lead)):
        return _judge(text, found, [], hints)
    lists = _find_lists(text, lead)
    if not lists:
        almost = _ALMOST_LIST.search(text)
        hint = (look_alike(almost.group()) if almost else "") or hints.get("F110", "")
        return _failed("F110", "there is no list of commands in the answer", _trimmed(text), hint)
    if len(lists) > 1:
        message = f"{len(lists)} lists: which one is meant is not guessed"
        return _failed("F112", message, (lists[1].start, lists[1].end), "Give one list.")
    return _judge(text, lists[0], _around(text, lists[0]), hints)


def _judge(text: str, found: ListScan, findings: list[Finding], hints: Mapping[str, str]) -> Extracted:
    """What the list is worth, given what was found around it."""
    span = found.start, found.end
    if found.values is None:
        return Extracted(None, (*findings, *found.problems))
    if len(found.values) > MAX_ITEMS:
        message = f"the list has {len(found.values)} items, at most {MAX_ITEMS} are read"
        return Extracted(None, (*findings, Finding("F119", message, None, span)))
    if found.unusual:
        findings.append(_unusual(text, found.unusual[0], f"between the items, in {len(found.unusual)} places"))
    if found.by_json:
        findings += [problem for problem in found.problems if problem.code == "F107"]
        if "F121" in found.codes:
            message = "the strings have JSON escapes that Python does not know"
            findings.append(Finding("F105", message, None, span))
    if not found.values:
        findings.append(Finding("F117", "the list is empty", None, span, hints.get("F117", "")))
    return Extracted(found.values, tuple(findings), tuple(found.items))


def _find_lists(text: str, lead: int) -> list[ListScan]:
    """Every list of strings in the text; where there is none, a list of anything that the answer begins with."""
    lists: list[ListScan] = []
    at = text.find("[")
    while at >= 0:
        end = at + 1
        if _LIST_START.match(text, at) and (at == lead or not _is_argument(text, at)):
            scanned = scan_list(text, at)
            if scanned.items or scanned.problems or not lists:
                lists.append(scanned)
            end = max(scanned.end, end)
        at = text.find("[", end)
    lists = [found for found in lists if found.items or found.problems] or lists[:1]
    if not lists:
        at = text.find("[")
        if at >= 0 and not _is_argument(text, at) and not _peel_before(text[:at])[0].strip():
            lists.append(scan_list(text, at))
    return lists


def _is_argument(text: str, at: int) -> bool:
    """Whether the bracket is a subscript or an argument inside a call that stands outside any list."""
    return _ARGUMENT.search(text, max(0, at - 80), at) is not None


def _is_bare(text: str, found: ListScan) -> bool:
    """Whether nothing stands around the list but what Python passes over: space, comments, round brackets."""
    before, after = text[: found.start].strip(_SPACE), text[found.end :].strip(_SPACE)
    if found.values is None or before.count("(") > MAX_DEPTH or not _TAIL.fullmatch(after):
        return False
    if not before and not after:
        return True
    try:
        return bool(ast.literal_eval(text.strip(_SPACE)) == list(found.values))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _around(text: str, found: ListScan) -> list[Finding]:
    """Findings for whatever stands before and behind the list."""
    rest, findings = _peel_before(text[: found.start])
    codes = {finding.code for finding in findings}
    after = text[found.end :]
    if "F105" in codes:
        after = re.sub(r"\A\s*\}", "", after)
    if "F101" in codes:
        after = _FENCE_CLOSE.sub("", after, count=1)
    for where, part, shift in (("before", rest, 0), ("behind", after, len(text) - len(after))):
        if part.strip():
            start, end = _trimmed(part)
            message = f"text {where} the list: {shown(part.strip())}"
            findings.append(Finding("F102", message, None, (shift + start, shift + end)))
        elif odd := part.strip(_SPACE):
            start = shift + part.index(odd[0])
            findings.append(_unusual(text, (start, start + 1), f"{where} the list"))
    return findings


def _peel_before(before: str) -> tuple[str, list[Finding]]:
    """The text before the list without its assignment, JSON key and code fence, and the findings for those."""
    findings: list[Finding] = []
    for code, pattern, message in (
        ("F103", _ASSIGNMENT, "the list is assigned to a name"),
        ("F105", _JSON_KEY, "the list is wrapped in a JSON object"),
        ("F101", _FENCE_OPEN, "the list stands in a code fence"),
    ):
        # The last 200 characters hold any of these; searching more would cost time on long prose.
        if match := pattern.search(before, max(0, len(before) - 200)):
            start, end = _trimmed(match.group())
            findings.append(Finding(code, message, None, (match.start() + start, match.start() + end)))
            before = before[: match.start()]
    return before, findings


def _unusual(text: str, span: Span, where: str) -> Finding:
    character = text[span[0]]
    name = unicodedata.name(character, "a control character")
    message = f"{character!a} ({name}), which Python does not take for space, {where}"
    return Finding("F107", message, None, span, "Write ordinary spaces.")


def _trimmed(text: str) -> Span:
    """The span of a text without the space around it."""
    start = len(text) - len(text.lstrip())
    return start, max(len(text.rstrip()), start)


def _failed(code: str, message: str, span: Span, hint: str = "") -> Extracted:
    return Extracted(None, (Finding(code, message, None, span, hint),))
