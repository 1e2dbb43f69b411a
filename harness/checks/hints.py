"""Why a name is not in the allow-list, and which one was probably meant. Runs only for failing commands."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable

from harness.checks.finding import Finding, Span, name_shown
from harness.checks.safety import is_python_name
from harness.checks.syntax import node_span
from harness.sdk.profile import CallSpec, KnownMethod, Profile


def unknown_call(command: str, func: ast.expr, profile: Profile) -> Finding:
    """The finding for a call whose path is not in the profile."""
    span = node_span(command, func)
    parts = dotted(func)
    if parts is None:
        return Finding("A322", "a call on the result of something else", None, span, "Calls start at self.")
    root, *path = parts
    if root != "self":
        return _not_on_self(root, path, span, profile)
    if not path:
        return Finding("A302", "self is called itself", None, span, "Call one of its methods.")
    return _on_self(path, span, profile)


def _on_self(path: list[str], span: Span, profile: Profile) -> Finding:
    """A path below self: an unknown method, client or chain."""
    name_span = (max(span[1] - len(path[-1]), span[0]), span[1])
    if len(path) == 1:
        return _on_node(path[0], name_span, profile)
    if len(path) == 2 and path[0] in _clients(profile):
        return _on_client(path[0], path[1], name_span, profile)
    if path[0] in profile.by_path or path[0].endswith("()") or len(path) > 2:
        return Finding("A322", f"the chain self.{'.'.join(path)[:60]} goes too deep", None, span)
    return _no_client(path[0], path[1], span, profile)


def dotted(node: ast.expr) -> list[str] | None:
    """The names of `self.a.b` or `self.get_logger().info`, root first; None for anything else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
        if isinstance(node, ast.Call) and not node.args and not node.keywords:
            node = node.func
            if isinstance(node, ast.Attribute):
                names.append(node.attr + "()")
                node = node.value
    if not isinstance(node, ast.Name):
        return None
    return [node.id, *reversed(names)]


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The most similar name: equal but for case and underscores first, then by difflib's ratio."""
    folded = {_folded(n): n for n in names}
    if _folded(name) in folded:
        return folded[_folded(name)]
    close = difflib.get_close_matches(_folded(name)[:80], folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def allowed_paths(profile: Profile) -> list[str]:
    """The paths a hint may name: no denied call is ever suggested."""
    return [call.path for call in profile.calls if call.tier != "deny"]


def _folded(name: str) -> str:
    return re.sub(r"[_()]", "", name).casefold()


def _clients(profile: Profile) -> set[str]:
    owners = {call.path.rpartition(".")[0] for call in profile.calls} | {known.client for known in profile.known}
    return owners - {""}


def _not_on_self(root: str, path: list[str], span: Span, profile: Profile) -> Finding:
    whole = ".".join([root, *path])
    hint = ""
    if is_python_name(root):
        hint = "The list holds calls on self, no other Python."
    elif whole in allowed_paths(profile):
        hint = f"Write self.{whole}(...)."
    elif (close := nearest(whole, allowed_paths(profile))) or (close := _owner_of((path or [root])[-1], profile)):
        hint = f"Did you mean self.{close}?"
    return Finding("A301", f"{name_shown(whole)} is no call on self", None, span, hint)


def _on_node(name: str, span: Span, profile: Profile) -> Finding:
    if name in _clients(profile):
        return Finding("A304", f"self.{name} is a client, not a call", None, span, "Call one of its methods.")
    if known := _known("", name, profile):
        return _real(f"self.{name}", known, span)
    hint = _owner_hint(name, profile) or _near_hint(name, [p for p in allowed_paths(profile) if "." not in p], profile)
    return Finding("A304", f"the robot node has no self.{name[:60]}", None, span, hint)


def _on_client(client: str, name: str, span: Span, profile: Profile) -> Finding:
    what = f"self.{client}.{name[:60]}"
    if known := _known(client, name, profile):
        return _real(what, known, span)
    own = [p for p in allowed_paths(profile) if p.rpartition(".")[0] == client]
    methods = {p.rpartition(".")[2]: p for p in own}
    if exact := next((m for m in methods if _folded(m) == _folded(name)), None):
        hint = f"Did you mean self.{client}.{exact}?"
    else:
        hint = _owner_hint(name, profile)
        if not hint and (close := nearest(name, methods)):
            hint = f"Did you mean self.{methods[close]}?"
    return Finding("A304", f"there is no {what}", None, span, hint)


def _no_client(client: str, name: str, span: Span, profile: Profile) -> Finding:
    end = span[0] + len("self.") + len(client)
    owner = _owner_of(name, profile)
    if owner:
        hint = f"Did you mean self.{owner}?"
    elif close := nearest(client, {p.rpartition(".")[0] for p in allowed_paths(profile)} - {""}):
        hint = f"Did you mean self.{close}?"
    else:
        hint = ""
    return Finding("A303", f"the robot node has no client {name_shown(client)}", None, (span[0], end), hint)


def _real(what: str, known: KnownMethod, span: Span) -> Finding:
    """A method that exists somewhere: not invented, and still not allowed."""
    if known.kind == "other_version":
        return Finding("A306", f"{what} is not in this version: {known.relation}", None, span, known.signature)
    message = f"{what} exists ({known.relation}), but the robot node does not expose it"
    return Finding("A305", message, None, span)


def _known(client: str, name: str, profile: Profile) -> KnownMethod | None:
    return next((k for k in profile.known if k.client == client and k.name == name), None)


def _owner_of(name: str, profile: Profile) -> str | None:
    """The allowed call with this last name, wherever it stands."""
    for path in allowed_paths(profile):
        if _folded(path.rpartition(".")[2]) == _folded(name):
            return path
    return None


def _owner_hint(name: str, profile: Profile) -> str:
    owner = _owner_of(name, profile)
    return f"Did you mean self.{owner}?" if owner else ""


def _near_hint(name: str, names: list[str], profile: Profile) -> str:
    close = nearest(name, names) or nearest(name, [p.rpartition(".")[2] for p in allowed_paths(profile)])
    if not close:
        return ""
    return f"Did you mean self.{_owner_of(close, profile) or close}?"


def describe(spec: CallSpec) -> str:
    """The call with its parameters' names, for hints about arity."""
    return f"self.{spec.path}({', '.join(p.name for p in spec.params or ())})"
