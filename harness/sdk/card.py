"""The API card: every allowed call of a profile, one a line, short enough for a prompt."""

from __future__ import annotations

from harness.sdk.param_types import item_type
from harness.sdk.profile import CallSpec, Param, Profile


def card(profile: Profile) -> str:
    """The allowed and guarded calls with types, ranges and units, as prompts/card.md carries them.

    Builders are shown inside the call that takes them. About 40 lines.
    """
    calls = [call for call in profile.calls if call.tier != "deny" and not call.nested_only]
    guarded = "; only if asked for explicitly"
    # A summary that only repeats the name is left out: `Sit()  # sit`.
    notes = ["" if c.summary == c.path.rsplit(".")[-1].lower() else f"  # {c.summary}" for c in calls]
    return "\n".join(
        f"{signature(c, profile)}{note}{guarded * (c.tier == 'guarded')}" for c, note in zip(calls, notes, strict=True)
    )


def signature(call: CallSpec, profile: Profile) -> str:
    """One call as the card writes it: `self.client.method(level: int in -1, 0, 1)`."""
    return f"self.{call.path}({call.listed(parameter(param, profile) for param in call.params or ())})"


def parameter(param: Param, profile: Profile) -> str:
    """One parameter with its type, its limits and its default."""
    if param.type.startswith("call:"):
        return signature(profile.by_path[param.type.removeprefix("call:")], profile)
    text = f"{param.name}: {param.type}"
    low, high = param.length
    if param.type.startswith("list") and low == high:
        text += f" of {low}"
    elif high is not None and item_type(param.type) != "str":  # how many names is left to the summary
        text += f" of {low}..{high}" * (low != high)
    enum = param.enum or ((True, False) if param.type == "bool" and param.deny else ())
    if enum:
        allowed = [value for value in enum if value not in param.deny]
        text += " in " + "|".join(repr(value) if isinstance(value, str) else str(value) for value in allowed)
    elif param.min is not None and param.max is not None:
        text += f" {param.min:g}..{param.max:g}"
    elif param.min is not None or param.max is not None:
        text += f" from {param.min:g}" if param.min is not None else f" to {param.max:g}"
    if param.pattern_name:
        text += f" {param.pattern_name}"
    if param.required_if:
        when = [f"{name}={'|'.join(map(str, values))}" for name, values in param.required_if.items()]
        return text + " if " + ", ".join(when)
    if param.default is not None:
        return text + f" = {param.default}"
    return text if param.required else f"{text} (optional)"
