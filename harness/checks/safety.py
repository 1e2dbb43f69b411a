"""What a command must never hold: denied calls, values and topics, and anything that is not a plain call.

`inspect` walks a whole tree, iteratively, and is called only for commands that did not bind; the tiers of calls
that did bind are judged as they are bound (`harness.checks.bind`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

from harness.checks.finding import Finding, name_shown, shown
from harness.checks.syntax import node_span

_BUILTINS = frozenset({
    "eval", "exec", "compile", "open", "__import__", "getattr", "setattr", "delattr", "hasattr", "globals", "locals",
    "vars", "dir", "input", "breakpoint", "type", "super", "exit", "quit", "memoryview", "classmethod",
    "staticmethod", "property", "object", "print", "id", "callable",
})  # fmt: skip
_MODULES = frozenset({
    "os", "sys", "subprocess", "socket", "shutil", "pathlib", "ctypes", "importlib", "pickle", "marshal", "builtins",
    "requests", "urllib", "http", "threading", "multiprocessing", "asyncio", "signal", "inspect", "code", "pty",
    "platform", "tempfile", "glob", "rclpy", "time",
})  # fmt: skip
PYTHON_NAMES = _BUILTINS | _MODULES  # rather than a misspelt call of the robot
_CONSTRUCTS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Lambda: ("G407", "a lambda"),
    **dict.fromkeys((ast.ListComp, ast.SetComp, ast.DictComp), ("G407", "a comprehension")),
    ast.GeneratorExp: ("G407", "a generator"),
    ast.Await: ("G407", "an await"),
    **dict.fromkeys((ast.Yield, ast.YieldFrom), ("G407", "a yield")),
    ast.NamedExpr: ("G407", "a walrus assignment"),
    ast.JoinedStr: ("G408", "an f-string"),
    ast.Starred: ("G409", "a star argument"),
    **dict.fromkeys((ast.BinOp, ast.UnaryOp), ("G410", "an operation")),
    ast.BoolOp: ("G410", "an and/or"),
    ast.Compare: ("G410", "a comparison"),
    ast.IfExp: ("G410", "a conditional"),
    ast.Subscript: ("G410", "a subscript"),
}
_HINTS = {
    "G407": "Each string is one plain call; do what it computes beforehand.",
    "G408": "Write the text out.",
    "G409": "Write the arguments out.",
    "G410": "Write the value out: 1.5, not 0.5 * 3.",
}
# What must not be on the robot in whatever command. Not here: guarded calls, which are right where they are asked for,
# and how a value is written (operators, f-strings, hidden characters); `safe` counts those too.
DENIED = frozenset({"G401", "G403", "G404", "G405", "G406", "G414"})


def construct(command: str, node: ast.AST) -> Finding | None:
    """The finding for a node that computes something, None for other nodes."""
    if type(node) not in _CONSTRUCTS or (isinstance(node, ast.UnaryOp) and signed_number(node) is not None):
        return None
    code, what = _CONSTRUCTS[type(node)]
    message = f"{what}: only plain calls with written-out values are allowed"
    return Finding(code, message, None, node_span(command, node), _HINTS[code])


def signed_number(node: ast.AST) -> int | float | None:
    """The number of `-1` or `+0.5`; None for bools, doubled signs and everything else."""
    if type(node) is ast.UnaryOp and type(node.operand) is ast.Constant:
        number = node.operand.value
        if type(number) in (int, float) and type(node.op) in (ast.USub, ast.UAdd):
            return -number if type(node.op) is ast.USub else number  # type: ignore[operator,return-value]  # a number
    return None


def inspect(
    command: str, tree: ast.AST, calls: Mapping[str, str], texts: Iterable[tuple[re.Pattern[str], str]]
) -> Iterator[Finding]:
    """Everything unsafe in a tree that did not bind, outermost first, wherever it hides.

    `calls` are the denied ones by their path, with the reason; `texts` what no string may match, with the reason.
    """
    for node in ast.walk(tree):
        span = node_span(command, node)
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if found := construct(command, node):
            yield found
        elif isinstance(node, ast.keyword) and node.arg is None:
            yield Finding("G409", "a double-star argument", None, span, _HINTS["G409"])
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield Finding("G404", "an import", None, span, "The calls need none.")
        elif isinstance(node, ast.Name) and name in PYTHON_NAMES:
            kind = "Python builtin" if name in _BUILTINS else "module"
            yield Finding("G405", f"the {kind} {name_shown(name)}", None, span, "Only calls on self are allowed.")
        elif name.startswith("_"):
            hint = "Names with a leading underscore are no part of the API."
            yield Finding("G406", f"the private name {name_shown(name)}", None, (span[1] - len(name), span[1]), hint)
        elif isinstance(node, ast.Attribute):
            root, *names = dotted(node) or [""]
            if root == "self" and (path := ".".join(names)) in calls:
                yield Finding("G401", f"self.{path} is denied: {calls[path]}", None, span)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            for pattern, reason in texts:
                if pattern.search(node.value):
                    yield Finding("G414", f"{shown(node.value)}: {reason}", None, span)


def dotted(node: ast.expr) -> list[str] | None:
    """The names of `self.a.b` or `self.getter().method`, root first; None for anything else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
        if isinstance(node, ast.Call) and not node.args and not node.keywords:
            node = node.func
            if isinstance(node, ast.Attribute):
                names.append(node.attr + "()")
                node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else None


def outermost(findings: Iterable[Finding]) -> list[Finding]:
    """Without those that lie inside another of the same code: one finding for one thing. The order stays."""
    found = list(findings)
    kept: set[int] = set()
    reach: dict[str, int] = {}  # by code, how far the findings kept so far extend
    for index in sorted(range(len(found)), key=lambda i: (found[i].span[0], -found[i].span[1])):
        code, end = found[index].code, found[index].span[1]
        if end > reach.get(code, -1):
            reach[code] = end
            kept.add(index)
    return [finding for index, finding in enumerate(found) if index in kept]
