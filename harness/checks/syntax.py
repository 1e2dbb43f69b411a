"""Is each string one Python expression? Parses with `ast`, after `harness.checks.scan` let the string through.

Not evaluated, not compiled further than the tree. Findings say where in the string the error stands.
"""

from __future__ import annotations

import ast

from harness.checks.findings import Finding, shown

_ONLY_TREE = ast.PyCF_ONLY_AST
_STATEMENTS = {
    ast.Assign: "an assignment", ast.AugAssign: "an assignment", ast.AnnAssign: "an annotation",
    ast.Import: "an import", ast.ImportFrom: "an import", ast.FunctionDef: "a function definition",
    ast.AsyncFunctionDef: "a function definition", ast.ClassDef: "a class definition", ast.Return: "a return",
    ast.Delete: "a del", ast.For: "a loop", ast.AsyncFor: "a loop", ast.While: "a loop", ast.If: "an if",
    ast.With: "a with", ast.AsyncWith: "a with", ast.Raise: "a raise", ast.Try: "a try", ast.Assert: "an assert",
    ast.Global: "a global", ast.Nonlocal: "a nonlocal", ast.Pass: "a pass", ast.Break: "a break",
    ast.Continue: "a continue", ast.Match: "a match",
}  # fmt: skip


def parse(command: str) -> ast.Expression:
    """The expression tree of one command that `scan` has let through.

    Raises:
        SyntaxError, RecursionError, MemoryError, ValueError: as Python's parser does; see `syntax_findings`.
    """
    tree: ast.Expression = compile(command, "<command>", "eval", _ONLY_TREE, dont_inherit=True)
    return tree


def syntax_findings(command: str, error: Exception) -> tuple[list[Finding], ast.Module | None]:
    """Why `parse` failed, and the statements where the command is some.

    Returns:
        The findings, and the tree of the statements (for the safety check) or None.
    """
    if not isinstance(error, SyntaxError):
        return [_finding("S208", "too deeply nested to be read", 0, len(command))], None
    if statements := _statements(command):
        return _statement_findings(command, statements), statements
    start, end = _place(command, error)
    message = error.msg or "invalid syntax"
    if "was never closed" in message:
        bracket = command[start : start + 1]
        hint = f"Close it: {_closed(command)}" if (_closed(command)) else ""
        return [_finding("S203", f"the bracket {bracket!r} is not closed", start, start + 1, hint)], None
    near = f" at {shown(command[start:end], 30)}" if command[start:end].strip() else ""
    return [_finding("S202", f"not a Python expression{near}: {message.partition(' (<')[0]}", start, end)], None


def char_offset(command: str, column: int) -> int:
    """The character that a UTF-8 column of the tree stands at."""
    return column if command.isascii() else len(command.encode()[:column].decode(errors="replace"))


def node_span(command: str, node: ast.AST) -> tuple[int, int]:
    """The characters of a node; commands have one line, so columns suffice."""
    start = char_offset(command, getattr(node, "col_offset", 0))
    end = getattr(node, "end_col_offset", None)
    return start, len(command) if end is None else char_offset(command, end)


def _statements(command: str) -> ast.Module | None:
    try:
        tree = compile(command, "<command>", "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    except (SyntaxError, RecursionError, MemoryError, ValueError):
        return None
    assert isinstance(tree, ast.Module), "mode exec"
    return tree if tree.body else None


def _statement_findings(command: str, tree: ast.Module) -> list[Finding]:
    if len(tree.body) > 1:
        start, _ = node_span(command, tree.body[1])
        message = f"{len(tree.body)} statements in one string"
        return [_finding("S206", message, start, len(command), "Give each call its own string in the list.")]
    statement = tree.body[0]
    start, end = node_span(command, statement)
    if isinstance(statement, ast.Expr):  # such as `self.wait(seconds=1.0);`
        return [_finding("S206", f"{shown(command[end:])} after the call", end, len(command), "Leave it out.")]
    what = _STATEMENTS.get(type(statement), "a statement")
    return [_finding("S205", f"{what}, where one call is expected", start, end)]


def _place(command: str, error: SyntaxError) -> tuple[int, int]:
    """Python's 1-based offsets as a span within the command, never empty where there is a character."""
    start = min(max((error.offset or 1) - 1, 0), len(command))
    end = (error.end_offset or 0) - 1
    if end <= start:
        end = start + 1
    if start >= len(command):
        start = max(len(command) - 1, 0)
    return start, min(max(end, start + 1), len(command))


def _closed(command: str) -> str:
    """The command with the brackets closed, where that alone makes it an expression."""
    for closing in (")", "))", "])"):
        try:
            parse(command + closing)
        except (SyntaxError, RecursionError, MemoryError, ValueError):
            continue
        return shown(command + closing)
    return ""


def _finding(code: str, message: str, start: int, end: int, hint: str = "") -> Finding:
    return Finding(code, message, None, (start, end), hint)
