"""Is each string one Python expression? A bounded look at its tokens, then Python's own parser; nothing is run.

The parser cannot be given everything: null bytes and lone surrogates raise, deep nesting raises RecursionError or
MemoryError, odd escapes and `1is` warn, and full-width letters fold to ASCII names. The look at the tokens finds
whatever of that a command holds, with its place, and the parser is then left out.
"""

from __future__ import annotations

import ast
import re
import unicodedata

from harness.checks.finding import Finding, Span, look_alike, shown

MAX_COMMAND = 1000  # characters; the longest useful call, ten rooms or 200 characters of speech, has 500
MAX_DEPTH = 20  # brackets; a real call has 2

# One string literal, and the escapes that every Python reads without a warning.
STRING = r"""[rRbBuUfFtT]{0,2}(?:'{3}(?:[^'\\]++|\\(?s:.)|'(?!''))*+'{3}|\"{3}(?:[^"\\]++|\\(?s:.)|"(?!""))*+\"{3}
    |(?!'{3}|\"{3})(?:'(?:[^'\\\r\n]++|\\(?:\r\n|(?s:.)))*+'|"(?:[^"\\\r\n]++|\\(?:\r\n|(?s:.)))*+"))"""
ESCAPE = re.compile(
    r"""\\(?:\r\n|[\r\n\\'"abfnrtv]|[0-3][0-7]{2}|[0-7]{1,2}(?![0-7])
    |x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U(?:000[0-9a-fA-F]|0010)[0-9a-fA-F]{4}|N\{[A-Za-z0-9 -]+\})""",
    re.VERBOSE,
)

# A command without any of these needs no scan: not printable ASCII, a backslash, a comment, a number before a
# letter, neighbouring quotes, a bracket where a call or a value begins. Simple searches one after another are
# quicker than one pattern with branches.
_ODD = tuple(
    re.compile(p).search for p in (r"""[^ -"$-\[\]-~]""", r"[0-9]\.?[A-Za-z_]", r"""['"][ ]*[rRbBuU]{0,2}['"]""")
)
_GROUPING = ("((", ",(", "=(", " (")
_TOKEN = re.compile(
    rf"""(?P<G408>[rRbBuU]?[fFtT][rRbBuU]?['"])|(?P<string>{STRING})|(?P<S204>[rRbBuU]{{0,2}}['"])
    |(?P<number>(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+
        |(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]+)?)[jJ]?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<space>[ ]+)|(?P<open>[(\[{{])|(?P<close>[)\]}}])
    |(?P<G411>[^\x00-\x7f]+)|(?P<S211>\#)|(?P<S202>\\)|(?P<S212>[\r\n]+)|(?P<S210>[\x00-\x1f\x7f])|(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_OPENING = re.compile(r"""([A-Za-z]*)('{3}|\"{3}|'|")""")
_NO_TEXT = re.compile("[\x00\ud800-\udfff\r\n]")
_BARS = {  # by what the tokens of a command may be: message and hint
    "G408": ("an f-string: its value is not known before it runs", "Write the text out."),
    "S202": ("a backslash outside a string", ""),
    "S204": ("a string that is not closed", ""),
    "S210": ("the control character {!r} outside a string", ""),
    "S211": ("a comment", "Leave the comment out: the string is one call and nothing else."),
    "S212": ("a line break: one command stands on one line", ""),
}
_TO_THE_END = frozenset({"S204", "S208", "S211", "G408"})  # behind these nothing can be told apart
_UNPARSED = (SyntaxError, RecursionError, MemoryError, ValueError)  # what Python's parser raises


def parse(command: str, *, odd: bool = True) -> tuple[ast.Expression | ast.Module | None, list[Finding]]:
    """The tree of any text as a command: the expression; or the statements, or None, and findings that say why.

    `odd` is False where `needs_scan` has said so.
    """
    odd = odd and needs_scan(command)
    found = _scan(command) if odd else []
    try:
        if not found or not _barred(found):
            tree = compile(command, "<command>", "eval", ast.PyCF_ONLY_AST, dont_inherit=True)
            assert isinstance(tree, ast.Expression), "by its mode"
            return tree, found + _grouped(command, tree) if odd else found
    except _UNPARSED as error:
        found = found or _scan(command)  # such as an open quote, which the quick look passes
        if not _barred(found):
            return _no_expression(command, error, found)
    return None, found


def needs_scan(text: str) -> bool:
    """Whether the look at the tokens could find anything in a command, or in any of several joined by commas.

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


def inside(text: str, literal: Span) -> tuple[str, int, int]:
    """Prefix of a string literal, and where what stands between its quotes begins and ends."""
    opening = _OPENING.match(text, literal[0])
    assert opening is not None, "the span of a string literal"
    return opening[1].lower(), opening.end(), literal[1] - len(opening[2])


def bad_escape(body: str, prefix: str) -> int:
    """Where the text of a string literal has an escape that Python refuses or warns of; -1 where it has none."""
    at = -1 if "r" in prefix else body.find("\\")
    while at >= 0:
        escape = ESCAPE.match(body, at)
        if escape is None and body[at + 1 : at + 2].isascii():  # before any other character Python keeps the backslash
            return at
        if escape and escape.group()[1] in "NuU" and "b" in prefix:
            return at
        if escape and escape.group()[1] == "N":
            try:
                named = len(unicodedata.lookup(escape.group()[3:-1]))
            except KeyError:
                named = 0
            if named != 1:
                return at
        at = body.find("\\", escape.end() if escape else at + 1)
    return -1


def node_span(command: str, node: ast.AST) -> Span:
    """The characters of a node; commands have one line, so columns suffice. The tree counts bytes of UTF-8."""
    start, end = getattr(node, "col_offset", 0), getattr(node, "end_col_offset", None)
    if command.isascii():
        return start, len(command) if end is None else end
    encoded = command.encode()
    return len(encoded[:start].decode(errors="replace")), len(encoded[:end].decode(errors="replace"))


def _barred(found: list[Finding]) -> bool:
    """Whether findings of the tokens keep Python's parser from a command."""
    return any(finding.code not in {"A324", "G411"} for finding in found)


def _scan(command: str) -> list[Finding]:
    """Findings in the tokens of a command."""
    if not command.strip():
        return [_finding("S201", "the command is empty", 0, len(command))]
    if len(command) > MAX_COMMAND:
        message = f"the command has {len(command)} characters, at most {MAX_COMMAND} are read"
        return [_finding("S207", message, MAX_COMMAND, len(command))]
    found: list[Finding] = []
    previous, depth = "", 0
    for token in _TOKEN.finditer(command):
        kind, text, (start, end) = token.lastgroup or "", token.group(), token.span()
        if kind == "space":
            continue
        depth = max(depth + (kind == "open") - (kind == "close"), 0)
        if kind == "string":
            found += _string(command, (start, end))
            if previous == kind:
                message = "two strings side by side, which Python joins silently"
                found.append(_finding("A324", message, start, end, "Write it as one string."))
        elif kind == "G411":
            folded = unicodedata.normalize("NFKC", text)
            hint = f"Python reads it as {folded!r}." if folded.isascii() and folded.isidentifier() else look_alike(text)
            found.append(
                _finding(kind, f"{text[:20]!a} outside a string: only ASCII may stand there", start, end, hint)
            )
        elif kind in _BARS:
            message, hint = _BARS[kind]
            end = len(command) if kind in _TO_THE_END else end
            found.append(_finding(kind, message.format(text), start, end, hint))
        elif kind == "number" and ((after := command[end : end + 1]).isalnum() or after == "_"):
            found.append(_finding("S202", f"{shown(text + after)} is neither a number nor a name", start, end + 1))
        elif depth > MAX_DEPTH:
            found.append(_finding("S208", f"brackets nest more than {MAX_DEPTH} deep", start, len(command)))
        if found and found[-1].code in _TO_THE_END:
            break
        previous = kind
    return found


def _string(command: str, literal: Span) -> list[Finding]:
    """What is wrong in a string literal."""
    prefix, inner, end = inside(command, literal)
    if odd := _NO_TEXT.search(command, inner, end):
        code, message = "G413", f"the lone surrogate {odd.group()!r}, which is no character"
        if odd.group() == "\x00":
            code, message = "S210", "a null byte"
        elif odd.group() in "\r\n":
            code, message = "S212", _BARS["S212"][0]
        return [_finding(code, message, *odd.span())]
    if (at := bad_escape(command[inner:end], prefix)) >= 0:
        at += inner
        message = f"{shown(command[at : min(at + 2, end)])} is no escape that Python knows"
        return [_finding("S209", message, at, at + 2, "A backslash itself is written twice.")]
    return []


def _grouped(command: str, tree: ast.AST) -> list[Finding]:
    """Round brackets around what is called, which the tree itself does not show."""
    found = []
    for node in ast.walk(tree):
        inner = node.func if isinstance(node, ast.Call) else node.value if isinstance(node, ast.Attribute) else None
        if inner is not None and inner.col_offset > node.col_offset:  # type: ignore[attr-defined]  # an expression
            start, end = node_span(command, node)[0], node_span(command, inner)[1]
            end = command.rindex(")", end, re.compile(r"[ )]*").match(command, end).end()) + 1  # type: ignore[union-attr]
            found.append(_finding("G412", "brackets around what is called", start, end, "Write the call without them."))
    return found


def _no_expression(command: str, error: Exception, found: list[Finding]) -> tuple[ast.Module | None, list[Finding]]:
    """Why Python's parser refuses a command, and the statements (for the safety check) where it is some."""
    length = len(command)
    if isinstance(error, UnicodeEncodeError):
        return None, [*found, _finding("S202", "not a Python expression: a lone surrogate", error.start, error.end)]
    if not isinstance(error, SyntaxError):
        return None, [*found, _finding("S208", "too deeply nested to be read", 0, length)]
    try:
        module = ast.parse(command)
    except _UNPARSED:
        module = None
    if module is not None and module.body:
        start, end = node_span(command, module.body[0])
        why = _finding("S205", "a statement, where one call is expected", start, end)
        if len(module.body) > 1:
            start = node_span(command, module.body[1])[0]
            hint = "Give each call its own string in the list."
            why = _finding("S206", f"{len(module.body)} statements in one string", start, length, hint)
        elif isinstance(module.body[0], ast.Expr):  # a call with a semicolon behind it
            why = _finding("S206", f"{shown(command[end:])} after the call", end, length, "Leave it out.")
        return module, [*found, why, *_grouped(command, module)]
    # Python's offsets are 1-based; the span is kept within the command, and never empty where there is a character.
    start = max(min((error.offset or 1) - 1, length - 1), 0)
    end = min(max((error.end_offset or 0) - 1, start + 1), length)
    message = error.msg or "invalid syntax"
    if "was never closed" in message:
        message = f"the bracket {command[start]!r} is not closed"
        return None, [*found, _finding("S203", message, start, start + 1, "Close it.")]
    near = f" at {shown(command[start:end], 30)}" if command[start:end].strip() else ""
    message = f"not a Python expression{near}: {message.partition(' (<')[0]}"
    return None, [*found, _finding("S202", message, start, end)]


def _finding(code: str, message: str, start: int, end: int, hint: str = "") -> Finding:
    return Finding(code, message, None, (start, end), hint)
