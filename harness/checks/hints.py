"""Why a name is not in the allow-list, and which one was probably meant. Runs only for failing commands."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable

from harness.checks.finding import Finding, Span, name_shown
from harness.checks.safety import dotted, is_python_name
from harness.checks.syntax import node_span
from harness.sdk.profile import CallSpec, Profile


def unknown_call(command: str, func: ast.expr, profile: Profile) -> Finding:
    """The finding for a call whose path is not in the profile."""
    span = start, end = node_span(command, func)
    parts = dotted(func)
    if parts is None:
        return Finding("A322", "a call on the result of something else", None, span, "Calls start at self.")
    root, *path = parts
    allowed = [call.path for call in profile.calls if call.tier != "deny"]  # no denied call is ever suggested
    if root != "self":
        return _not_on_self(root, path, span, allowed)
    if not path:
        return Finding("A302", "self is called itself", None, span, "Call one of its methods.")
    owner, name = ".".join(path[:-1]), path[-1]
    clients = {"", *(_owner(call.path) for call in profile.calls), *(known.client for known in profile.known)}
    if owner not in clients:
        if len(path) > 2 or owner in profile.by_path or owner.endswith("()"):
            return Finding("A322", f"the chain self.{'.'.join(path)[:60]} goes too deep", None, span)
        close = _named(name, allowed) or nearest(owner, {_owner(path) for path in allowed} - {""})
        client_span = start, start + len("self.") + len(owner)
        return Finding("A303", f"the robot node has no client {name_shown(owner)}", None, client_span, _meant(close))
    span = max(end - len(name), start), end
    if not owner and name in clients:
        return Finding("A304", f"self.{name} is a client, not a call", None, span, "Call one of its methods.")
    what = f"self.{owner}.{name[:60]}" if owner else f"self.{name[:60]}"
    for known in profile.known:  # a method that exists somewhere: not invented, and still not allowed
        if known.client == owner and known.name == name:
            if known.kind == "other_version":
                message = f"{what} is not in this version: {known.relation}"
                return Finding("A306", message, None, span, known.signature)
            message = f"{what} exists ({known.relation}), but the robot node does not expose it"
            return Finding("A305", message, None, span)
    own = {_last(path): path for path in allowed if _owner(path) == owner}
    close = _named(name, own.values()) or _named(name, allowed) or own.get(nearest(name, own) or "")
    if not close and not owner:
        close = _named(nearest(name, map(_last, allowed)) or "", allowed)
    message = f"there is no {what}" if owner else f"the robot node has no {what}"
    return Finding("A304", message, None, span, _meant(close))


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The most similar name: equal but for case and underscores first, then by difflib's ratio."""
    folded = {_folded(n): n for n in names}
    if _folded(name) in folded:
        return folded[_folded(name)]
    close = difflib.get_close_matches(_folded(name)[:80], folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def describe(spec: CallSpec) -> str:
    """The call with its parameters' names, for hints about arity."""
    return f"self.{spec.path}({', '.join(p.name for p in spec.params or ())})"


def _not_on_self(root: str, path: list[str], span: Span, allowed: list[str]) -> Finding:
    whole = ".".join([root, *path])
    if is_python_name(root):
        hint = "The list holds calls on self, no other Python."
    elif whole in allowed:
        hint = f"Write self.{whole}(...)."
    else:
        hint = _meant(nearest(whole, allowed) or _named((path or [root])[-1], allowed))
    return Finding("A301", f"{name_shown(whole)} is no call on self", None, span, hint)


def _named(name: str, paths: Iterable[str]) -> str | None:
    """The first path with this last name, case and underscores aside."""
    return next((path for path in paths if name and _folded(_last(path)) == _folded(name)), None)


def _meant(path: str | None) -> str:
    return f"Did you mean self.{path}?" if path else ""


def _owner(path: str) -> str:
    return path.rpartition(".")[0]


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _folded(name: str) -> str:
    return re.sub(r"[_()]", "", name).casefold()
