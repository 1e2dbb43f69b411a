"""A look at a command before Python's parser sees it: bounded, aware of quotes, and never recursive.

Python's parser cannot be given everything: null bytes and lone surrogates raise, deep nesting raises
RecursionError or MemoryError, odd escapes and `1is` warn, and full-width letters fold to ASCII names. Whatever
of that a command holds is found here, with its place, and the parser is then left out.
"""

from __future__ import annotations

import re
import sys
import unicodedata

from harness.checks.findings import Finding, shown

MAX_COMMAND = 1000  # characters; the longest useful call, ten rooms or 200 characters of speech, has 500
MAX_DEPTH = 20  # brackets; a real call has 2

# A command without any of these needs no scan: not printable ASCII, a backslash, a comment, a digit before a
# letter, neighbouring quotes, a bracket where a call or a value begins. Simple searches one after another are
# quicker than one pattern with branches.
_ODD = tuple(re.compile(p).search for p in (r"""[^ -"$-\[\]-~]""", r"[0-9][A-Za-z_]", r"""['"][ ]*[rRbBuU]{0,2}['"]"""))
_GROUPING = ("((", ",(", "=(", " (")

_TOKEN = re.compile(
    r"""(?P<string>[rRbBuUfFtT]{0,2}(?:'{3}|"{3}|'|"))
    |(?P<number>(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+
        |(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]+)?)[jJ]?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<foreign>[^\x00-\x7f]+)
    |(?P<open>[(\[{])|(?P<close>[)\]}])
    |(?P<space>[ ]+)|(?P<comment>\#)|(?P<backslash>\\)
    |(?P<break>[\r\n]+)|(?P<control>[\x00-\x1f\x7f])
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_BODY = {
    quote: re.compile(rf"(?:[^\\{quote[0]}{'' if len(quote) == 3 else chr(10)}]|\\.{extra})*+{quote}", re.DOTALL)
    for quote, extra in (("'", ""), ('"', ""), ("'''", "|'(?!'')"), ('"""', '|"(?!"")'))
}
ESCAPE = re.compile(
    r"""\\(?:[\n\\'"abfnrtv]|[0-3][0-7]{2}|[0-7]{1,2}(?![0-7])
    |x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[A-Za-z0-9 -]+\})""",
    re.VERBOSE,
)
_BEFORE_CALL = frozenset({"name", "close", "string"})  # what a call's own bracket stands behind


def needs_scan(text: str) -> bool:
    """Whether `scan` could find anything in a command, or in any of several joined by commas.

    False for nearly every real command. Joined ones are held to the limits of a single one, so that False for all
    is False for each.
    """
    if len(text) > MAX_COMMAND or text.startswith("("):
        return True
    for search in _ODD:
        if search(text) is not None:
            return True
    for grouping in _GROUPING:
        if grouping in text:
            return True
    return text.count("(") + text.count("[") + text.count("{") > MAX_DEPTH


def scan(command: str) -> list[Finding]:
    """Findings that bar the command from Python's parser; empty where it may see it."""
    if not command.strip():
        return [_finding("S201", "the command is empty", 0, len(command))]
    if len(command) > MAX_COMMAND:
        message = f"the command has {len(command)} characters, at most {MAX_COMMAND} are read"
        return [_finding("S207", message, MAX_COMMAND, len(command))]
    return _Scan(command).run()


def decode_escapes(body: str) -> str | None:
    """The value of a string literal's body; None where an escape is not one of Python's."""
    if "\\" not in body:
        return body
    parts: list[str] = []
    at = 0
    for match in re.finditer(r"\\", body):
        if match.start() < at:
            continue
        escape = ESCAPE.match(body, match.start())
        value = _escape_value(escape.group()) if escape else None
        if escape is None or value is None:
            return None
        parts += [body[at : match.start()], value]
        at = escape.end()
    return "".join([*parts, body[at:]])


class _Scan:
    """One pass over the tokens of a command."""

    def __init__(self, command: str) -> None:
        self.command = command
        self.found: list[Finding] = []
        self.previous = ""  # kind of the last token that is not a space
        self.groups: list[int] = []  # starts of the open brackets, ~start for those that only group
        self.closed_group: tuple[int, int] | None = None  # the grouping bracket that the last token closed

    def run(self) -> list[Finding]:
        at = 0
        while at < len(self.command):
            match = _TOKEN.match(self.command, at)
            assert match is not None, "the last alternative matches any character"
            kind = match.lastgroup or ""
            end = match.end()
            if kind == "string":
                end = self._string(match.group(), at)
            elif kind != "space":
                self._token(kind, match.group(), at, end)
            if end < 0 or self._stopped():
                break
            if kind != "space":
                self.previous = kind
            at = end
        return self.found

    def _stopped(self) -> bool:
        """After these the rest of the line cannot be told apart."""
        return bool(self.found) and self.found[-1].code in {"S204", "S208", "S211", "G408"}

    def _token(self, kind: str, text: str, start: int, end: int) -> None:
        closed, self.closed_group = self.closed_group, None
        if closed and text in {".", "("}:
            message = "brackets around what is called"
            self._add("G412", message, *closed, hint="Write the call plainly: self.wait(seconds=1.0)")
        if kind == "open":
            self._open(text, start)
        elif kind == "close" and self.groups:
            opened = self.groups.pop()
            self.closed_group = (~opened, end) if opened < 0 else None
        elif kind == "foreign":
            folded = unicodedata.normalize("NFKC", text)
            hint = f"Python reads it as {folded!r}." if folded.isascii() and folded.isprintable() else ""
            self._add("G411", f"{text[:20]!a} outside a string: only ASCII may stand there", start, end, hint)
        elif kind in {"number", "break", "control", "comment", "backslash"}:
            self._odd(kind, text, start, end)

    def _open(self, text: str, start: int) -> None:
        is_call = text != "(" or self.previous in _BEFORE_CALL
        self.groups.append(start if is_call else ~start)
        if len(self.groups) > MAX_DEPTH:
            self._add("S208", f"brackets nest more than {MAX_DEPTH} deep", start, len(self.command))

    def _odd(self, kind: str, text: str, start: int, end: int) -> None:
        if kind == "number":
            after = self.command[end : end + 1]
            if after.isalnum() or after == "_":
                self._add("S202", f"{shown(text + after)} is neither a number nor a name", start, end + 1)
        elif kind == "break":
            self._add("S212", "a line break: one command stands on one line", start, end)
        elif kind == "control":
            self._add("S210", f"the control character {text!r} outside a string", start, end)
        elif kind == "comment":
            hint = "Leave the comment out: the string is one call and nothing else."
            self._add("S211", "a comment", start, len(self.command), hint)
        else:
            self._add("S202", "a backslash outside a string", start, end)

    def _string(self, opening: str, start: int) -> int:
        """Check one string literal; returns its end, or -1 where it has none."""
        self.closed_group = None
        quote = opening.lstrip("rRbBuUfFtT")
        prefix = opening[: -len(quote)].lower()
        if "f" in prefix or "t" in prefix:
            message = "an f-string: its value is not known before it runs"
            self._add("G408", message, start, len(self.command), "Write the text out.")
            return -1
        body = _BODY[quote].match(self.command, start + len(opening))
        if body is None:
            self._add("S204", "a string that is not closed", start, len(self.command))
            return -1
        text = body.group()[: -len(quote)]
        inner = start + len(opening)
        self._string_body(text, inner, raw="r" in prefix)
        if self.previous == "string":
            hint = "Write it as one string."
            self._add("A324", "two strings side by side, which Python joins silently", start, body.end(), hint)
        return body.end()

    def _string_body(self, text: str, at: int, *, raw: bool) -> None:
        for index, character in enumerate(text):
            if character == "\x00":
                self._add("S210", "a null byte", at + index, at + index + 1)
                return
            if "\ud800" <= character <= "\udfff":
                message = f"the lone surrogate {character!r}, which is no character"
                self._add("G413", message, at + index, at + index + 1)
                return
            if character in "\r\n":
                self._add("S212", "a line break: one command stands on one line", at + index, at + index + 1)
                return
        if raw or "\\" not in text:
            return
        index = text.find("\\")
        while index >= 0:
            escape = ESCAPE.match(text, index)
            if escape is None or _escape_value(escape.group()) is None:
                hint = "A backslash itself is written twice."
                message = f"{shown(text[index : index + 2])} is no escape that Python knows"
                self._add("S209", message, at + index, at + index + 2, hint)
                return
            index = text.find("\\", escape.end())

    def _add(self, code: str, message: str, start: int, end: int, hint: str = "") -> None:
        self.found.append(_finding(code, message, start, min(end, len(self.command)), hint))


def _escape_value(escape: str) -> str | None:
    """What one escape stands for; None for a character name or code that does not exist."""
    simple = {
        "\n": "", "\\": "\\", "'": "'", '"': '"', "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t",
        "v": "\v",
    }  # fmt: skip
    kind = escape[1]
    if kind in simple:
        return simple[kind]
    if kind == "N":
        try:
            return unicodedata.lookup(escape[3:-1])
        except KeyError:
            return None
    base, digits = (16, escape[2:]) if kind in "xuU" else (8, escape[1:])
    code = int(digits, base)
    return chr(code) if code <= sys.maxunicode else None


def _finding(code: str, message: str, start: int, end: int, hint: str = "") -> Finding:
    return Finding(code, message, None, (start, end), hint)
