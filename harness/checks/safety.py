"""What a command must never hold: denied calls, values and topics, and anything that is not a plain call.

`inspect` walks a whole tree, iteratively, and is called only for commands that did not bind; the tiers of calls
that did bind are judged as they are bound (`harness.checks.api`).
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from harness.checks.findings import Finding, name_shown, shown
from harness.checks.syntax import node_span

_BUILTINS = frozenset(
    [
        "eval", "exec", "compile", "open", "__import__", "getattr", "setattr", "delattr", "hasattr", "globals",
        "locals", "vars", "dir", "input", "breakpoint", "type", "super", "exit", "quit", "memoryview",
        "classmethod", "staticmethod", "property", "object", "print", "id", "callable",
    ]
)  # fmt: skip
_MODULES = frozenset(
    [
        "os", "sys", "subprocess", "socket", "shutil", "pathlib", "ctypes", "importlib", "pickle", "marshal",
        "builtins", "requests", "urllib", "http", "threading", "multiprocessing", "asyncio", "signal", "inspect",
        "code", "pty", "platform", "tempfile", "glob", "rclpy", "time",
    ]
)  # fmt: skip
_CONSTRUCTS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Lambda: ("G407", "a lambda"),
    ast.ListComp: ("G407", "a comprehension"),
    ast.SetComp: ("G407", "a comprehension"),
    ast.DictComp: ("G407", "a comprehension"),
    ast.GeneratorExp: ("G407", "a generator"),
    ast.Await: ("G407", "an await"),
    ast.Yield: ("G407", "a yield"),
    ast.YieldFrom: ("G407", "a yield"),
    ast.NamedExpr: ("G407", "a walrus assignment"),
    ast.JoinedStr: ("G408", "an f-string"),
    ast.Starred: ("G409", "a star argument"),
    ast.BinOp: ("G410", "an operation"),
    ast.BoolOp: ("G410", "an and/or"),
    ast.Compare: ("G410", "a comparison"),
    ast.IfExp: ("G410", "a conditional"),
    ast.Subscript: ("G410", "a subscript"),
    ast.Slice: ("G410", "a slice"),
}
_HINTS = {
    "G407": "Each string is one plain call; do what it computes beforehand.",
    "G408": "Write the text out.",
    "G409": "Write the arguments out.",
    "G410": "Write the value out, as in seconds=1.5.",
}
# What must not be on the robot in whatever command. Not here: guarded calls, which are right where they are asked for,
# and how a value is written (operators, f-strings, hidden characters); `safe` counts those too.
DENIED = frozenset({"G401", "G403", "G404", "G405", "G406", "G414"})
# Format characters that words and emoji need: zero-width non-joiner and joiner.
_ALLOWED_FORMAT = frozenset("\u200c\u200d")
_BAD_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Cn", "Co"})


def construct(command: str, node: ast.AST) -> Finding | None:
    """The finding for a node that computes something, None for other nodes."""
    kind = type(node)
    if kind in _CONSTRUCTS:
        code, what = _CONSTRUCTS[kind]
        message = f"{what}: only plain calls with written-out values are allowed"
        return Finding(code, message, None, node_span(command, node), _HINTS[code])
    if isinstance(node, ast.UnaryOp) and not _is_signed_number(node):
        message = "an operation: only plain calls with written-out values are allowed"
        return Finding("G410", message, None, node_span(command, node), _HINTS["G410"])
    return None


def inspect(command: str, tree: ast.AST) -> Iterator[Finding]:
    """Everything unsafe in a tree, outermost first."""
    for node in ast.walk(tree):
        span = node_span(command, node)
        if found := construct(command, node):
            yield found
        elif isinstance(node, ast.keyword) and node.arg is None:
            yield Finding("G409", "a double-star argument", None, span, _HINTS["G409"])
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield Finding("G404", "an import", None, span, "The calls need none.")
        elif isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            hint = "Names with a leading underscore are no part of the API."
            start = max(span[1] - len(node.attr), span[0])
            yield Finding("G406", f"the private name {name_shown(node.attr)}", None, (start, span[1]), hint)
        elif isinstance(node, ast.Name):
            yield from _name(node.id, span)


def denied(command: str, tree: ast.AST, reasons: Mapping[str, str]) -> Iterator[Finding]:
    """Calls of the deny-list, wherever they hide in a command that did not bind: in an argument, a comprehension.

    Args:
        command: The text that was parsed.
        tree: Of it.
        reasons: Path of a denied call (`sport_client.FrontFlip`) -> why it is denied.
    """
    for node in ast.walk(tree):
        names: list[str] = []
        part: ast.AST = node
        while isinstance(part, ast.Attribute):
            names.append(part.attr)
            part = part.value
        path = ".".join(reversed(names))
        if path in reasons and isinstance(part, ast.Name) and part.id == "self":
            yield Finding("G401", f"self.{path} is denied: {reasons[path]}", None, node_span(command, node))


def low_level(command: str, tree: ast.AST, deny: Iterable[tuple[re.Pattern[str], str]]) -> Iterator[Finding]:
    """Strings that name a motor topic and the like; `deny` holds patterns with their reasons."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for pattern, reason in deny:
                if pattern.search(node.value):
                    yield Finding("G414", f"{shown(node.value)}: {reason}", None, node_span(command, node))


def outermost(findings: Iterable[Finding]) -> list[Finding]:
    """Without those that lie inside an earlier one of the same code: one finding for one thing."""
    kept: list[Finding] = []
    for finding in findings:
        start, end = finding.span
        if not any(k.code == finding.code and k.span[0] <= start and end <= k.span[1] for k in kept):
            kept.append(finding)
    return kept


def is_python_name(name: str) -> bool:
    """Whether a bare name is one of Python's builtins or modules rather than a misspelt call of the robot."""
    return name in _BUILTINS or name in _MODULES


def hidden_character(value: str) -> tuple[int, str] | None:
    """Index and description of the first character in a string that does not show or reorders text.

    Control characters (ANSI escapes begin with one), bidirectional controls, surrogates, private and unassigned
    ones; not the spaces that other scripts use, nor the joiners of words and emoji.
    """
    if value.isprintable():
        return None
    for index, character in enumerate(value):
        category = unicodedata.category(character)
        if category in _BAD_CATEGORIES and character not in _ALLOWED_FORMAT:
            name = unicodedata.name(character, f"U+{ord(character):04X}")
            return index, f"{character!a} ({name})"
    return None


def _name(name: str, span: tuple[int, int]) -> Iterator[Finding]:
    if name in _BUILTINS:
        yield Finding("G405", f"the Python builtin {name_shown(name)}", None, span, "Only calls on self are allowed.")
    elif name in _MODULES:
        yield Finding("G405", f"the module {name_shown(name)}", None, span, "Only calls on self are allowed.")
    elif name.startswith("_"):
        yield Finding("G406", f"the private name {name_shown(name)}", None, span, "Only calls on self are allowed.")


def _is_signed_number(node: ast.UnaryOp) -> bool:
    return (
        isinstance(node.op, ast.USub | ast.UAdd)
        and isinstance(node.operand, ast.Constant)
        and type(node.operand.value) in (int, float)
    )
