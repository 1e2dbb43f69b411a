"""Why a name is not in the allow-list, and which one was probably meant. Runs only for failing commands."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable

from harness.checks.finding import Finding, name_shown
from harness.checks.safety import PYTHON_NAMES, dotted
from harness.checks.syntax import node_span
from harness.sdk.profile import CallSpec, Profile


def unknown_call(command: str, func: ast.expr, profile: Profile) -> Finding:
    """The finding for a call whose path is not in the profile."""
    span = start, end = node_span(command, func)
    root, *path = dotted(func) or [""]
    allowed = [call.path for call in profile.calls if call.tier != "deny"]  # no denied call is ever suggested
    if not root:
        return Finding("A322", "a call on the result of something else", None, span, "Calls start at self.")
    if root != "self":
        whole = ".".join([root, *path])
        hint = f"Write self.{whole}(...)." if whole in allowed else _meant((path or [root])[-1], allowed)
        if root in PYTHON_NAMES:
            hint = "The list holds calls on self, no other Python."
        return Finding("A301", f"{name_shown(whole)} is no call on self", None, span, hint)
    if not path:
        return Finding("A302", "self is called itself", None, span, "Call one of its methods.")
    owner, name = ".".join(path[:-1]), path[-1]
    clients = {
        "",
        *(call.path.rpartition(".")[0] for call in profile.calls),
        *(known.client for known in profile.known),
    }
    if owner not in clients:
        if len(path) > 2 or owner in profile.by_path or owner.endswith("()"):
            return Finding("A322", f"the chain self.{'.'.join(path)[:60]} goes too deep", None, span)
        span = start, start + len("self.") + len(owner)
        message = f"the robot node has no client {name_shown(owner)}"
        return Finding("A303", message, None, span, _meant(name, allowed))
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
    message = f"there is no {what}" if owner else f"the robot node has no {what}"
    first = sorted(allowed, key=lambda call: call.rpartition(".")[0] != owner)
    return Finding("A304", message, None, span, _meant(name, first))


def describe(spec: CallSpec) -> str:
    """The call with its parameters' names, for hints about arity."""
    return f"self.{spec.path}({spec.listed(p.name for p in spec.params or ())})"


def _meant(name: str, paths: Iterable[str]) -> str:
    """A hint: the first path whose last name is this one, case and underscores aside, else the most similar."""
    names: dict[str, str] = {}
    for path in paths:
        names.setdefault(_folded(path.rpartition(".")[2]), path)
    close = difflib.get_close_matches(_folded(name)[:80], names, n=1, cutoff=0.6)
    return f"Did you mean self.{names[close[0]]}?" if close else ""


def _folded(name: str) -> str:
    return re.sub(r"[_()]", "", name).casefold()
