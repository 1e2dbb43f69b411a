"""Binds one command to the allow-list as Python would bind the call, in one pass over its tree.

Tables are made once for a profile, so that a right command costs little more than parsing it; reasons, nearest
names and spans are worked out only for those that fail.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from harness.checks.findings import Call, Finding, Value, name_shown, shown
from harness.checks.hints import describe, unknown_call
from harness.checks.safety import construct, inspect
from harness.checks.syntax import node_span
from harness.checks.values import Slot, read_value, what_is
from harness.sdk.profile import CallSpec, Profile


class _Target:
    """One call of the profile, ready to bind."""

    __slots__ = ("by_name", "path", "plain", "slots", "spec")

    def __init__(self, spec: CallSpec) -> None:
        self.spec = spec
        self.path = spec.path
        self.slots = tuple(Slot(param) for param in spec.params or ())
        self.by_name = {slot.name: slot for slot in self.slots}
        self.plain = spec.tier == "allow" and not spec.nested_only


class Binder:
    """The allow-list of one profile as look-up tables."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.node: dict[str, _Target] = {}  # self.NAME
        self.clients: dict[str, dict[str, _Target]] = {}  # self.CLIENT.NAME
        self.chained: dict[str, dict[str, _Target]] = {}  # self.GETTER().NAME
        for spec in profile.calls:
            owner, _, name = spec.path.rpartition(".")
            if owner.endswith("()"):
                self.chained.setdefault(owner[:-2], {})[name] = _Target(spec)
            elif owner:
                self.clients.setdefault(owner, {})[name] = _Target(spec)
            else:
                self.node[name] = _Target(spec)
        self.deny_text = [(re.compile(t.pattern, re.IGNORECASE), t.reason) for t in profile.deny_text]

    def bind(self, command: str, body: ast.expr) -> tuple[Call | None, list[Finding], list[Finding]]:
        """Bind one parsed command.

        Returns:
            The call (None where it does not bind), the API findings and the safety findings.
        """
        found: list[Finding] = []
        unsafe: list[Finding] = []
        if type(body) is ast.Call:
            call = self._call(body, command, found, unsafe, "")
            if call is not None:
                return call, found, unsafe
        else:
            found.append(_not_a_call(command, body))
        return None, *self._settle(command, body, found, unsafe)

    # ------------------------------------------------------------ one call

    def _call(
        self, node: ast.Call, command: str, found: list[Finding], unsafe: list[Finding], builder: str
    ) -> Call | None:
        """Bind a call, or a builder nested in one where `builder` names it; None once something was found."""
        target = self._target(node.func)
        if target is None:
            found.append(unknown_call(command, node.func, self.profile))
            return None
        if not target.plain or builder:
            if not self._may_stand_here(target, node, command, found, unsafe, builder):
                return None
        before = len(found)
        values = self._arguments(target, node, command, found, unsafe)
        # After a misnamed or starred argument nobody knows which one is missing.
        if len(values) < len(target.slots) and not any(f.code in {"A310", "G409"} for f in found[before:]):
            self._fill(target, values, node, command, found)
        return Call(target.path, values) if len(found) == before else None

    def _target(self, func: ast.expr) -> _Target | None:
        if type(func) is not ast.Attribute:
            return None
        owner = func.value
        if type(owner) is ast.Name:
            return self.node.get(func.attr) if owner.id == "self" else None
        if type(owner) is ast.Attribute:
            if type(owner.value) is ast.Name and owner.value.id == "self":
                methods = self.clients.get(owner.attr)
                return methods.get(func.attr) if methods is not None else None
            return None
        if type(owner) is ast.Call and not owner.args and not owner.keywords:
            getter = owner.func
            if type(getter) is ast.Attribute and type(getter.value) is ast.Name and getter.value.id == "self":
                return self.chained.get(getter.attr, {}).get(func.attr)
        return None

    def _may_stand_here(
        self,
        target: _Target,
        node: ast.Call,
        command: str,
        found: list[Finding],
        unsafe: list[Finding],
        builder: str,
    ) -> bool:
        """Builders only inside the call that takes them; denied and guarded calls are named."""
        spec, span = target.spec, node_span(command, node.func)
        if builder:
            if target.path == builder:
                return True
            message = f"self.{target.path} stands where self.{builder}(...) is expected"
            found.append(Finding("A319", message, None, span, f"Write self.{builder}(...)."))
            return False
        if spec.nested_only:
            user = next(
                (c.path for c in self.profile.calls for p in c.params or () if p.type == f"call:{spec.path}"), ""
            )
            message = f"self.{spec.path} only builds an argument and does nothing alone"
            found.append(Finding("A307", message, None, span, f"Write self.{user}(self.{spec.path}(...))."))
            return False
        if spec.tier == "deny":
            unsafe.append(Finding("G401", f"self.{spec.path} is denied: {spec.reason}", None, span))
            return spec.params is not None
        message = f"self.{spec.path} is guarded: {spec.reason}"
        unsafe.append(Finding("G402", message, None, span))
        return True

    def _arguments(
        self, target: _Target, node: ast.Call, command: str, found: list[Finding], unsafe: list[Finding]
    ) -> dict[str, Value]:
        """Values by name as Python binds them; a misfit leaves a finding and a stand-in value."""
        values: dict[str, Value] = {}
        if node.args:
            for index, argument in enumerate(node.args):
                if type(argument) is ast.Starred:
                    found.append(construct(command, argument) or _not_a_call(command, argument))
                elif index < len(target.slots):
                    self._argument(target.slots[index], argument, values, command, found, unsafe)
                else:
                    found.append(_too_many(target, node, command))
                    break
        for keyword in node.keywords:
            name = keyword.arg
            slot = target.by_name.get(name) if name is not None else None
            if slot is None:
                found.append(_unknown_keyword(target, keyword, command))
            elif name in values:
                span = node_span(command, keyword)
                found.append(Finding("A311", f"{slot.name} is given twice", None, span, describe(target.spec)))
            else:
                self._argument(slot, keyword.value, values, command, found, unsafe)
        return values

    def _argument(
        self,
        slot: Slot,
        node: ast.expr,
        values: dict[str, Value],
        command: str,
        found: list[Finding],
        unsafe: list[Finding],
    ) -> None:
        value: Value | None
        if slot.builder and type(node) is ast.Call:
            value = self._call(node, command, found, unsafe, slot.builder)
        else:
            value = read_value(slot, node, command, found, unsafe)
        # Where nothing fitted a finding says so; the name still counts as given.
        values[slot.name] = "" if value is None else value

    def _fill(
        self, target: _Target, values: dict[str, Value], node: ast.Call, command: str, found: list[Finding]
    ) -> None:
        """Defaults, and what is missing."""
        for slot in target.slots:
            if slot.name in values:
                continue
            param = slot.param
            if param.default is not None:
                values[slot.name] = param.default
            elif param.required:
                span = node_span(command, node)
                message = f"self.{target.path} lacks {slot.name}"
                found.append(Finding("A308", message, None, span, f"Write {describe(target.spec)}."))
            else:
                for name, when in param.required_if.items():
                    if values.get(name) in when:
                        message = f"{name}={shown(values[name])} needs {slot.name}"
                        found.append(Finding("A318", message, None, node_span(command, node)))

    # ------------------------------------------------------------ commands that did not bind

    def _settle(
        self, command: str, body: ast.expr, found: list[Finding], unsafe: list[Finding]
    ) -> tuple[list[Finding], list[Finding]]:
        """Look the failing command over for what is unsafe; keep one finding for one place."""
        api = [f for f in found if f.code[0] == "A"]
        unsafe = [*unsafe, *(f for f in found if f.code[0] != "A")]
        unsafe += list(inspect(command, body))
        unsafe += list(self._low_level(command, body))
        kept: list[Finding] = []
        for finding in unsafe:
            if not any(k.code == finding.code and _within(finding, k) for k in kept):
                kept.append(finding)
        return api, kept

    def _low_level(self, command: str, body: ast.expr) -> list[Finding]:
        """Strings that name a motor topic and the like."""
        found = []
        for node in ast.walk(body):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for pattern, reason in self.deny_text:
                    if pattern.search(node.value):
                        found.append(
                            Finding("G414", f"{shown(node.value)}: {reason}", None, node_span(command, node))
                        )
        return found


def canonical_call(call: Call) -> tuple[object, ...]:
    """A hashable form in which keyword and positional, defaults given and left out, 1 and 1.0 are equal."""
    return (call.path, *((name, _canonical_value(call.args[name])) for name in sorted(call.args)))


def _canonical_value(value: Value) -> object:
    if isinstance(value, Call):
        return canonical_call(value)
    return ("bool", value) if isinstance(value, bool) else value


def _within(inner: Finding, outer: Finding) -> bool:
    return outer.span[0] <= inner.span[0] and inner.span[1] <= outer.span[1]


def _not_a_call(command: str, node: ast.expr) -> Finding:
    if computed := construct(command, node):
        return computed
    hint = (
        "Add the brackets: name(...)." if isinstance(node, ast.Attribute) else "Each string is one call on self."
    )
    return Finding("A302", f"{what_is(node)}, where a call is expected", None, node_span(command, node), hint)


def _too_many(target: _Target, node: ast.Call, command: str) -> Finding:
    takes = len(target.slots)
    message = f"self.{target.path} takes {takes} argument{'s'[: takes != 1]}, {len(node.args)} are given"
    start = node_span(command, node.args[takes])[0]
    return Finding(
        "A309", message, None, (start, node_span(command, node.args[-1])[1]), f"Write {describe(target.spec)}."
    )


def _unknown_keyword(target: _Target, keyword: ast.keyword, command: str) -> Finding:
    span = node_span(command, keyword)
    if keyword.arg is None:
        return Finding("G409", "a double-star argument", None, span, "Write the arguments out.")
    names: Mapping[str, Slot] = target.by_name
    span = (span[0], span[0] + len(keyword.arg))
    hint = f"Write {describe(target.spec)}." if names else f"self.{target.path}() takes no arguments."
    return Finding("A310", f"self.{target.path} has no argument {name_shown(keyword.arg)}", None, span, hint)
