"""Binds one command to the allow-list as Python would bind the call, in one pass over its tree.

Tables are made once for a profile, so that a right command costs little more than parsing it; reasons, nearest
names and spans are worked out only for those that fail.
"""

from __future__ import annotations

import ast
from operator import itemgetter

from harness.checks.finding import Call, Finding, Value, name_shown, shown
from harness.checks.hints import describe, unknown_call
from harness.checks.safety import construct
from harness.checks.syntax import node_span
from harness.checks.values import Notes, Slot, read_value, what_is
from harness.sdk.profile import CallSpec, Profile


class _Target:
    """One call of the profile, ready to bind."""

    __slots__ = ("by_name", "path", "plain", "positional", "slots", "spec")

    def __init__(self, spec: CallSpec) -> None:
        self.spec = spec
        self.path = spec.path
        self.slots = tuple(Slot(param) for param in spec.params or ())
        self.positional = sum(slot.param.passing != "name" for slot in self.slots)  # those stand first
        named = (slot for slot in self.slots if slot.param.passing != "position")
        self.by_name: dict[str | None, Slot] = {slot.name: slot for slot in named}
        self.plain = spec.tier == "allow" and not spec.nested_only


class Binder:
    """The allow-list of one profile as a look-up table."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.targets = {spec.path: _Target(spec) for spec in profile.calls}

    def bind(self, body: ast.expr, notes: Notes) -> Call | None:
        """Bind one parsed command; None, with findings in `notes`, where it does not."""
        if type(body) is ast.Call:
            return self._call(body, notes, "")
        notes.found.append(_not_a_call(notes.command, body))
        return None

    def _call(self, node: ast.Call, notes: Notes, builder: str) -> Call | None:
        """Bind a call, or the builder named by `builder` nested in one."""
        target = self.targets.get(_path(node.func))
        if target is None:
            notes.found.append(unknown_call(notes.command, node.func, self.profile))
            return None
        if (builder or not target.plain) and not self._may_stand_here(target, node, notes, builder):
            return None
        before = len(notes.found)
        values = self._arguments(target, node, notes)
        if len(values) < len(target.slots):
            _fill(target, values, node, notes, before)
        return Call(target.path, values) if len(notes.found) == before else None

    def _may_stand_here(self, target: _Target, node: ast.Call, notes: Notes, builder: str) -> bool:
        """Builders only inside the call that takes them; denied and guarded calls are named."""
        spec = target.spec
        if builder:
            if target.path == builder:
                return True
            message = f"self.{target.path} stands where self.{builder}(...) is expected"
            notes.add("A319", message, node.func, f"Write self.{builder}(...).")
        elif spec.nested_only:
            wanted = f"call:{spec.path}"
            users = [c.path for c in self.profile.calls for p in c.params or () if p.type == wanted]
            message = f"self.{spec.path} only builds an argument and does nothing alone"
            notes.add("A307", message, node.func, f"Write self.{users[0]}(self.{spec.path}(...))." if users else "")
        elif spec.tier == "deny":
            notes.warn("G401", f"self.{spec.path} is denied: {spec.reason}", node.func)
            return spec.params is not None
        else:
            notes.warn("G402", f"self.{spec.path} is guarded: {spec.reason}", node.func)
            return True
        return False

    def _arguments(self, target: _Target, node: ast.Call, notes: Notes) -> dict[str, Value]:
        """Values by name as Python binds them; a misfit leaves a finding and a stand-in value."""
        values: dict[str, Value] = {}
        takes = target.positional
        for index, argument in enumerate(node.args):
            if type(argument) is ast.Starred:
                notes.found.append(_not_a_call(notes.command, argument))
            elif index < takes:
                slot = target.slots[index]
                values[slot.name] = self._argument(slot, argument, notes)
            else:
                unnamed = " without a name" if takes < len(target.slots) else ""
                takes_shown = f"takes {takes} argument{'s'[: takes != 1]}{unnamed}"
                message = f"self.{target.path} {takes_shown}, {len(node.args)} are given"
                span = node_span(notes.command, node.args[takes])[0], node_span(notes.command, node.args[-1])[1]
                notes.found.append(Finding("A309", message, None, span, f"Write {describe(target.spec)}."))
                break
        for keyword in node.keywords:
            known = target.by_name.get(keyword.arg)
            if keyword.arg is None:
                notes.add("G409", "a double-star argument", keyword, "Write the arguments out.")
            elif known is None:
                start = node_span(notes.command, keyword)[0]
                message = f"self.{target.path} has no argument {name_shown(keyword.arg)}"
                span, hint = (start, start + len(keyword.arg)), f"Write {describe(target.spec)}."
                notes.found.append(Finding("A310", message, None, span, hint))
            elif known.name in values:
                notes.add("A311", f"{known.name} is given twice", keyword, f"Write {describe(target.spec)}.")
            else:
                values[known.name] = self._argument(known, keyword.value, notes)
        return values

    def _argument(self, slot: Slot, node: ast.expr, notes: Notes) -> Value:
        value: Value | None
        if type(node) is ast.Constant:
            plain = node.value
            if slot.fits(plain) and not slot.deny:
                return plain  # type: ignore[return-value]  # `fits` has checked its type
        if slot.builder and type(node) is ast.Call:
            value = self._call(node, notes, slot.builder)
        else:
            value = read_value(slot, node, notes)
        # Where nothing fitted a finding says so; the name still counts as given.
        return "" if value is None else value


def canonical_call(call: Call) -> tuple[object, ...]:
    """A hashable form in which keyword and positional, defaults given and left out, 1 and 1.0 are equal."""
    parts: list[object] = [call.path]
    for name, value in sorted(call.args.items(), key=itemgetter(0)):
        parts.append((name, canonical_call(value) if isinstance(value, Call) else (isinstance(value, bool), value)))
    return tuple(parts)


def _path(func: ast.expr) -> str:
    """What is called, below self: `NAME`, `CLIENT.NAME` or `GETTER().NAME`, or nothing; as `dotted`, but quicker."""
    if not isinstance(func, ast.Attribute):
        return ""
    owner, path = func.value, func.attr
    if isinstance(owner, ast.Attribute):
        path, owner = f"{owner.attr}.{path}", owner.value
    elif isinstance(owner, ast.Call) and isinstance(owner.func, ast.Attribute) and not (owner.args or owner.keywords):
        path, owner = f"{owner.func.attr}().{path}", owner.func.value
    return path if isinstance(owner, ast.Name) and owner.id == "self" else ""


def _fill(target: _Target, values: dict[str, Value], node: ast.Call, notes: Notes, before: int) -> None:
    """Put in defaults, and name what is missing."""
    # After a misnamed or starred argument nobody knows which one is missing.
    guess = any(f.code in {"A310", "G409"} for f in notes.found[before:])
    for slot in target.slots:
        if slot.name in values:
            continue
        if slot.param.default is not None:
            values[slot.name] = slot.param.default
        elif slot.param.required:
            if not guess:
                hint = f"Write {describe(target.spec)}."
                notes.add("A308", f"self.{target.path} lacks {slot.name}", node, hint)
        else:
            for name, when in slot.param.required_if.items():
                if values.get(name) in when:
                    notes.add("A318", f"{name}={shown(values[name])} needs {slot.name}", node)


def _not_a_call(command: str, node: ast.expr) -> Finding:
    if computed := construct(command, node):
        return computed
    hint = "Add the brackets: name(...)." if isinstance(node, ast.Attribute) else "Each string is one call on self."
    return Finding("A302", f"{what_is(node)}, where a call is expected", None, node_span(command, node), hint)
