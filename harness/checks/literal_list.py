"""Reads one Python list of string literals out of a text, character by character, without the parser.

Model text is read here before anything is known about it, so nothing recurses and nothing is evaluated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.checks.findings import Finding, Span, shown
from harness.checks.scan import decode_escapes

MAX_PROBLEMS = 5  # items of the wrong kind that are named one by one
_MAX_REFUSED = 200  # after as many the rest of the text is not looked at

_SPACE = re.compile(r"(?:\s++|\\\r?\n)*+")
_COMMENT = re.compile(r"#[^\n]*")
_STRING = re.compile(r"""([A-Za-z]{0,2})('{3}|\"{3}|'|")""")
_CLOSING = {
    "'": re.compile(r"(?:[^'\\\n]|\\(?s:.))*+'"),
    '"': re.compile(r'(?:[^"\\\n]|\\(?s:.))*+"'),
    "'''": re.compile(r"(?s:[^'\\]|\\.|'(?!''))*+'''"),
    '"""': re.compile(r'(?s:[^"\\]|\\.|"(?!""))*+"""'),
}
_OTHER_STOP = re.compile(r"""[\[\](){},"']""")


@dataclass(frozen=True, slots=True)
class ListScan:
    """One list found in a text: items where all are plain strings, else problems.

    `only_escapes` says that the problems are escapes alone, which a JSON reading may settle.
    """

    start: int
    end: int
    items: tuple[str, ...]
    item_starts: tuple[int, ...]
    problems: tuple[Finding, ...]
    trailing_comma: int | None = None
    comment: Span | None = None
    only_escapes: bool = False


def scan_list(text: str, start: int) -> ListScan:
    """Read the list whose `[` stands at `start`, up to its `]`, the first thing no list holds, or the end."""
    return _Reader(text, start).read()


class _Reader:
    """One pass from the opening bracket."""

    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.start = start
        self.at = start + 1
        self.items: list[str] = []
        self.starts: list[int] = []
        self.problems: list[Finding] = []
        self.refused = 0
        self.comment: Span | None = None
        self.comma: int | None = None

    def read(self) -> ListScan:
        while self._skip_space() and self.text[self.at] != "]":
            if not self._item() or self.refused > _MAX_REFUSED:
                self.at = len(self.text)
                return self._result(closed=False)
            if not self._skip_space() or self.text[self.at] == "]":
                self.comma = None
                break
            if self.text[self.at] != ",":
                self._stray()
                return self._result(closed=False)
            self.comma = self.at
            self.at += 1
        if self.at >= len(self.text):
            self._cut_off()
            return self._result(closed=False)
        self.at += 1
        return self._result(closed=True)

    def _skip_space(self) -> bool:
        """Move over space and comments; False at the end of the text."""
        while True:
            match = _SPACE.match(self.text, self.at)
            self.at = match.end() if match else self.at
            comment = _COMMENT.match(self.text, self.at)
            if comment is None:
                return self.at < len(self.text)
            self.comment = self.comment or comment.span()
            self.at = comment.end()

    def _item(self) -> bool:
        """One item; False where the list cannot be followed further."""
        opening = _STRING.match(self.text, self.at)
        if opening is None:
            return self._other()
        begin = self.at
        prefix, quote = opening.group(1).lower(), opening.group(2)
        body = _CLOSING[quote].match(self.text, opening.end())
        if body is None:
            self._unclosed(begin, opening.end())
            return False
        self.at = body.end()
        if prefix not in {"", "r", "u"}:
            self._problem("F114", f"an item with the prefix {shown(prefix)} is no plain string", begin, self.at)
        else:
            self._string(text=body.group()[: -len(quote)], raw=prefix == "r", begin=begin, inner=opening.end())
        return self._no_second_string(begin)

    def _string(self, *, text: str, raw: bool, begin: int, inner: int) -> None:
        value = text if raw else decode_escapes(text)
        surrogate = value is not None and re.search("[\ud800-\udfff]", value) is not None and text.isascii()
        if value is None or surrogate:
            self._problem("F121", "an item has an escape that Python does not know", begin, self.at)
        else:
            self.items.append(value)
        self.starts.append(inner)

    def _no_second_string(self, begin: int) -> bool:
        """Strings side by side are joined by Python: a missing comma more often than an intention."""
        joined = False
        while self._skip_space() and (opening := _STRING.match(self.text, self.at)):
            body = _CLOSING[opening.group(2)].match(self.text, opening.end())
            if body is None:
                self._unclosed(self.at, opening.end())
                return False
            self.at = body.end()
            joined = True
        if joined:
            hint = "Put a comma between them, or write one string."
            self._problem("F116", "strings side by side without a comma", begin, self.at, hint)
        return True

    def _other(self) -> bool:
        """An item that is no string: named, and passed over up to its comma."""
        begin, depth = self.at, 0
        code, what = ("F115", "a list inside the list") if self.text[begin] == "[" else ("F114", "")
        while match := _OTHER_STOP.search(self.text, self.at):
            character = match.group()
            self.at = match.start()
            if character in "\"'":
                body = _CLOSING[character].match(self.text, self.at + 1)
                if body is None:
                    break
                self.at = body.end()
                continue
            if depth == 0 and character in ",]":
                item = self.text[begin : self.at].strip()
                hint = "" if code == "F115" else "Each command is a string: put it in quotes."
                self._problem(code, what or f"the item {shown(item)} is no string", begin, self.at, hint)
                return True
            depth += 1 if character in "[({" else -1 if character in "])}" else 0
            self.at += 1
        self._problem(code, what or f"the item {shown(self.text[begin:])} is no string", begin, len(self.text))
        self.at = len(self.text)
        self._cut_off()
        return False

    def _unclosed(self, begin: int, inner: int) -> None:
        """A string without its closing quote: the end of the answer, or a line break inside."""
        if self.text.find("\n", inner) < 0 or not re.search(r"\]", self.text[inner:]):
            self._cut_off()
            return
        end = self.text.find("\n", inner)
        self._problem("F120", "a string is not closed on its line", begin, end)
        self.at = len(self.text)

    def _stray(self) -> None:
        """Neither a comma nor the end of the list: cut off if no bracket follows."""
        if "]" not in self.text[self.at :]:
            self._cut_off()
            return
        end = min(len(self.text), self.at + 20)
        message = f"{shown(self.text[self.at : end], 20)} where a comma or ] is expected"
        self._problem("F120", message, self.at, self.at + 1)
        self.at = len(self.text)

    def _cut_off(self) -> None:
        message = f"the list is cut off after {len(self.items)} complete items: the answer ends before its ]"
        hint = "The answer was probably truncated at the token limit."
        self._problem("F113", message, self.start, len(self.text), hint)
        self.at = len(self.text)

    def _problem(self, code: str, message: str, start: int, end: int, hint: str = "") -> None:
        self.refused += 1
        if len(self.problems) < MAX_PROBLEMS or code == "F113":
            self.problems.append(Finding(code, message, None, (start, end), hint))

    def _result(self, *, closed: bool) -> ListScan:
        return ListScan(
            start=self.start,
            end=self.at,
            items=tuple(self.items),
            item_starts=tuple(self.starts),
            problems=tuple(self.problems),
            trailing_comma=self.comma if closed else None,
            comment=self.comment,
            only_escapes=closed and bool(self.problems) and all(p.code == "F121" for p in self.problems),
        )
