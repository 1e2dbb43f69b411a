"""What is noted while one command is read: its text, the API findings and the safety findings."""

from __future__ import annotations

import ast

from harness.checks.findings import Finding
from harness.checks.syntax import node_span


class Notes:
    """Collects the findings of one command; `found` bars binding, `unsafe` does not."""

    __slots__ = ("command", "found", "unsafe")

    def __init__(self, command: str) -> None:
        self.command = command
        self.found: list[Finding] = []
        self.unsafe: list[Finding] = []

    def add(self, code: str, message: str, node: ast.AST, hint: str = "") -> None:
        """Note why the command does not bind, at a node."""
        self.found.append(Finding(code, message, None, node_span(self.command, node), hint))

    def warn(self, code: str, message: str, node: ast.AST, hint: str = "") -> None:
        """Note what is unsafe in a call that may well bind."""
        self.unsafe.append(Finding(code, message, None, node_span(self.command, node), hint))
