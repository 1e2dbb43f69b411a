"""Takes the command list out of an answer without guessing.

Strict is an answer that `ast.literal_eval` reads as a list of strings: a trailing comma is no fault, a no-break
space is. A code fence, prose around, an assignment, a JSON object are named and looked through; whatever would need
a guess (several lists, a cut-off list, items that are no plain strings) is named, and no commands are taken.

Python's reader is shown nothing but strings, brackets and commas, at most `MAX_DEPTH` deep, so that no text can stall
or crash it. A pass over the tokens sees to that, and says what is wrong, and where, in a list that it does not read.
"""

from __future__ import annotations

import ast
import json
import re
import unicodedata
from dataclasses import dataclass, field

from harness.checks.finding import Finding, Span, look_alike, one_list, shown
from harness.checks.syntax import MAX_DEPTH, STRING, bad_escape, inside

MAX_ANSWER = 65_536  # characters; a long right answer has 2,000
MAX_ITEMS = 200

_MAX_PROBLEMS = 5  # of one list, named one by one
_MAX_REFUSED = 200  # behind as many the rest of the list is not looked at
_SPACE = " \t\n\r\f"  # what Python's tokenizer takes for space; str.isspace is true of more
_PASSED_OVER = rf"[{_SPACE}]++|\\(?:\r\n|[\r\n])|\#[^\r\n]*"  # space, line joins, comments
_LEAD = re.compile(rf"(?:{_PASSED_OVER}|\()*+")
_TAIL = re.compile(rf"(?:{_PASSED_OVER}|\))*+")
_FENCE_OPEN = re.compile(r"(?:```|~~~)[ \t]*[\w+-]*[ \t]*\n?\s*\Z")
_ASSIGNMENT = re.compile(r"(?<![\w.])[A-Za-z_]\w{0,60}[ \t]*(?::[ \t]*[\w\[\], .]{1,40})?=[ \t]*\Z")
_JSON_KEY = re.compile(r"""\{\s*["'][^"'\n]{0,60}["']\s*:\s*\Z""")
_ARGUMENT = re.compile(r"(?:[\w)]|[(,]\s*(?:\w+\s*=\s*)?)\Z")  # before a subscript or an argument of a call
_LIST_START = re.compile(r"""\[\s*(?:[rRuUbBfF]{0,2}["']|\]|\[)""")
_ALMOST_LIST = re.compile("[\\[\uff3b\u3010\u3014]\\s*[\"'\u2018-\u201f\xab\xbb\uff02\uff07]")
_PLAIN_ITEM = re.compile(r"""'([^'\\\r\n\0]*+)'|"([^"\\\r\n\0]*+)\"""")
_PLAIN_LIST = re.compile(
    rf"[{_SPACE}]*+\[(?:[{_SPACE}]*+(?:{_PLAIN_ITEM.pattern})[{_SPACE}]*+(?:,|(?=\])))++[{_SPACE}]*+\][{_SPACE}]*+"
)
_TOKEN = re.compile(
    rf"""(?P<space>(?:{_PASSED_OVER})++)|(?P<string>{STRING})|(?P<quote>[rRbBuUfFtT]{{0,2}}['"])|(?P<comma>,)
    |(?P<open>[\[({{])|(?P<close>[\])}}])|(?P<unusual>[^\S \t\n\r\f]+)|(?P<other>\w+|.)""",
    re.VERBOSE | re.DOTALL,
)
_UNREADABLE = re.compile("[\x00\ud800-\udfff]")  # Python's reader raises for these, even inside a string
_UNREAD = (SyntaxError, ValueError, RecursionError, MemoryError)  # what it raises


@dataclass(frozen=True, slots=True)
class Extracted:
    """The commands (None where they cannot be told), and what was wrong."""

    commands: tuple[str, ...] | None
    findings: tuple[Finding, ...]
    literals: tuple[tuple[Span, ...], ...] = ()  # of each item, several where Python joins them; mostly left out


@dataclass(slots=True)
class _List:
    """One list in a text, from its `[` to behind its `]`, or to the end of the text where it cannot be followed."""

    start: int
    end: int
    literals: list[tuple[Span, ...]] = field(default_factory=list)  # of each item that is made of strings
    values: tuple[str, ...] | None = None
    by_json: bool = False  # Python does not read the strings, and JSON does
    problems: list[Finding] = field(default_factory=list)  # why there are no values
    unusual: list[Span] = field(default_factory=list)  # space that Python does not take for it
    plain: bool = True  # nothing but plain strings, brackets and commas

    def note(self, code: str, message: str, start: int, end: int, hint: str = "") -> None:
        self.problems.append(Finding(code, message, None, (start, end), hint))


def extract(text: str, *, places: bool = False) -> Extracted:
    """Read the command list of an answer, whatever it holds; with `places`, which takes longer, also its `literals`."""
    if len(text) > MAX_ANSWER:
        message = f"the answer has {len(text)} characters, at most {MAX_ANSWER} are read"
        return Extracted(None, (Finding("F118", message, None, (MAX_ANSWER, len(text))),))
    if not places and "\\" not in text and (text.isascii() or not _UNREADABLE.search(text)):
        try:  # a JSON list without backslashes is the same in Python; most answers are one, or the same in '
            items = json.loads(text)
        except (ValueError, RecursionError):
            plain = _PLAIN_LIST.fullmatch(text)
            items = [single or double for single, double in _PLAIN_ITEM.findall(text)] if plain else None
        if type(items) is list and 0 < len(items) <= MAX_ITEMS and set(map(type, items)) == {str}:
            return Extracted(tuple(items), ())
    if not text.strip():
        return Extracted(None, (Finding("F111", "the answer is empty", None, (0, len(text))),))
    lead = _LEAD.match(text).end()  # type: ignore[union-attr]  # the pattern matches anything
    if text.startswith("[", lead) and _is_bare(text, found := _read_list(text, lead)):
        return _judge(text, found, [])
    lists = _find_lists(text, lead)
    if not lists:
        almost = _ALMOST_LIST.search(text)
        hint = look_alike(almost.group()) if almost else ""
        message = "there is no list of commands in the answer"
        return Extracted(None, (Finding("F110", message, None, _trimmed(text), hint),))
    if len(lists) > 1:
        message, span = f"{len(lists)} lists: which one is meant is not guessed", (lists[1].start, lists[1].end)
        return Extracted(None, (Finding("F112", message, None, span, one_list(text)),))
    return _judge(text, lists[0], _around(text, lists[0]))


def _judge(text: str, found: _List, findings: list[Finding]) -> Extracted:
    """What the list is worth, given what was found around it."""
    span = found.start, found.end
    if found.values is None:
        named = found.problems[:_MAX_PROBLEMS]
        named += [problem for problem in found.problems[_MAX_PROBLEMS:] if problem.code in {"F113", "F120"}]
        return Extracted(None, (*findings, *named))
    if len(found.values) > MAX_ITEMS:
        message = f"the list has {len(found.values)} items, at most {MAX_ITEMS} are read"
        return Extracted(None, (*findings, Finding("F119", message, None, span)))
    if found.unusual:
        findings.append(_unusual(text, found.unusual[0], "between the items"))
    if found.by_json:
        findings += [problem for problem in found.problems[:_MAX_PROBLEMS] if problem.code == "F107"]
        if any(problem.code == "F121" for problem in found.problems):
            message = "the strings have JSON escapes that Python does not know"
            findings.append(Finding("F105", message, None, span))
    if not found.values:
        findings.append(Finding("F117", "the list is empty", None, span))
    return Extracted(found.values, tuple(findings), tuple(found.literals))


def _read_list(text: str, start: int) -> _List:
    """Read the list whose `[` stands at `start`, up to its `]`, the first thing no list holds, or the end."""
    found, depth, source = _List(start, len(text)), 0, list[str]()
    begin, literals, computed = -1, list[Span](), False  # of the present item; computed: more than string literals
    for token in _TOKEN.finditer(text, start):
        kind, word, at = token.lastgroup, token.group(), token.start()
        source.append(" " if kind == "unusual" else word)
        if kind == "unusual":
            found.unusual.append(token.span())
        if kind in {"space", "unusual"}:
            continue
        depth += (kind == "open") - (kind == "close")
        ends = (depth == 1 and word == ",") or (depth == 0 and word == "]")
        stray = depth == 0 or depth > MAX_DEPTH or (literals and not computed and kind != "string")
        if kind == "quote" or (stray and not ends):
            break
        if ends:
            if begin >= 0 or word == ",":
                _item(text, found, literals, (begin if begin >= 0 else at, at), computed=computed)
            if len(found.problems) > _MAX_REFUSED:
                found.note("F120", f"more than {_MAX_REFUSED} things are wrong", at, len(text))
                return found
            if depth == 0:
                found.end = token.end()
                return _evaluated("".join(source), found)
            begin, literals, computed = -1, [], False
        elif at > start:
            begin = at if begin < 0 else begin
            if kind == "string":
                literals.append(token.span())
            else:
                computed = True
                found.plain &= kind != "other"
    else:
        at = len(text)
    if begin >= 0:
        _item(text, found, literals, (begin, len(text) if computed else at), computed=computed)
    rest = text[at:]
    if kind == "quote" and not computed and "\n" in rest and "]" in rest:
        found.note("F120", "a string is not closed on its line", at, text.index("\n", at))
    elif kind != "quote" and "]" in rest:
        message = f"{shown(rest[:20], 20)} where a comma or ] is expected"
        found.note("F120", message, at, at + 1, look_alike(rest[:1]))
    else:
        message = f"the list is cut off after {len(found.literals)} complete items: the answer ends before its ]"
        found.note("F113", message, start, len(text), "The answer was probably truncated at the token limit.")
    return found


def _item(text: str, found: _List, literals: list[Span], span: Span, *, computed: bool) -> None:
    """Keep one item, and note what is wrong with it."""
    odd = ""
    for literal in literals:
        prefix, start, stop = inside(text, literal)
        if prefix not in {"", "r", "u"}:
            found.plain, odd = False, prefix
        elif (at := bad_escape(text[start:stop], prefix)) >= 0:
            found.note("F121", "an item has an escape that Python does not know", start + at, start + at + 2)
        elif unreadable := _UNREADABLE.search(text, start, stop):
            message = f"{unreadable.group()!a} in a string, which Python does not read"
            found.note("F107", message, *unreadable.span())
    if literals and not odd:
        found.literals.append(tuple(literals))
    if not computed and literals:
        span = span[0], literals[-1][1]
    if (computed or not literals) and text[span[0]] == "[":
        found.note("F115", "a list inside the list", *span)
    elif computed or not literals:
        source = text[slice(*span)].strip()
        hint = look_alike(source[:1]) or "Each command is a string: put it in quotes."
        found.note("F114", f"the item {shown(source)} is no string", *span, hint)
    elif odd:
        found.note("F114", f"an item with the prefix {shown(odd)} is no plain string", *span)
    elif len(literals) > 1:
        hint = "Put a comma between them, or write one string."
        found.note("F116", "strings side by side without a comma", *span, hint)


def _evaluated(source: str, found: _List) -> _List:
    """A closed list with its values, as Python reads it; where only spelling bars that, as JSON does."""
    codes = {problem.code for problem in found.problems}
    value: object = None
    found.by_json = found.plain and bool(codes) and codes <= {"F107", "F121"}
    try:
        if found.by_json:
            value = json.loads(source, strict=False)
        elif found.plain and not codes & {"F107", "F121"}:
            value = ast.literal_eval(source)
    except _UNREAD:
        value = None
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        found.values = tuple(value)
    elif codes <= {"F107", "F116"}:
        found.note("F120", "Python does not read this as a list of strings", found.start, found.end)
    return found


def _find_lists(text: str, lead: int) -> list[_List]:
    """Every list of strings in the text; where there is none, a list of anything that the answer begins with."""
    lists: list[_List] = []
    at = text.find("[")
    while at >= 0:
        end = at + 1
        if _LIST_START.match(text, at) and (at == lead or not _ARGUMENT.search(text, max(0, at - 80), at)):
            found = _read_list(text, at)
            if found.literals or found.problems or not lists:
                lists.append(found)
            end = max(found.end, end)
        at = text.find("[", end)
    lists = [found for found in lists if found.literals or found.problems] or lists[:1]
    if not lists:
        at = text.find("[")
        if at >= 0 and not _ARGUMENT.search(text, max(0, at - 80), at) and not _peel_before(text[:at])[0].strip():
            lists.append(_read_list(text, at))
    return lists


def _is_bare(text: str, found: _List) -> bool:
    """Whether nothing stands around the list but what Python passes over: space, comments, round brackets."""
    before, after = text[: found.start].strip(_SPACE), text[found.end :].strip(_SPACE)
    if found.values is None or before.count("(") > MAX_DEPTH or not _TAIL.fullmatch(after):
        return False
    try:
        return not (before or after) or bool(ast.literal_eval(text.strip(_SPACE)) == list(found.values))
    except _UNREAD:
        return False


def _around(text: str, found: _List) -> list[Finding]:
    """Findings for whatever stands before and behind the list."""
    rest, findings = _peel_before(text[: found.start])
    codes = {finding.code for finding in findings}
    after = text[found.end :]
    if "F105" in codes:
        after = re.sub(r"\A\s*\}", "", after)
    if "F101" in codes:
        after = re.sub(r"\A\s*(?:```|~~~)", "", after)
    for where, part, shift in (("before", rest, 0), ("behind", after, len(text) - len(after))):
        if part.strip():
            start, end = (shift + at for at in _trimmed(part))
            findings.append(Finding("F102", f"text {where} the list: {shown(part.strip())}", None, (start, end)))
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
    name = unicodedata.name(text[span[0]], "a control character")
    message = f"{text[span[0]]!a} ({name}), which Python does not take for space, {where}"
    return Finding("F107", message, None, span, "Write ordinary spaces.")


def _trimmed(text: str) -> Span:
    """The span of a text without the space around it."""
    start = len(text) - len(text.lstrip())
    return start, max(len(text.rstrip()), start)
