"""Hypothesis strategies: calls drawn from a profile, written in many ways, and single mutations of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from harness.sdk.profile import CallSpec, Param, Profile

_WORD = st.from_regex(r"[a-z0-9]+(_[a-z0-9]+){0,2}", fullmatch=True).filter(lambda w: len(w) <= 40)
# Letters of several scripts, punctuation and quotes; nothing hidden, and no escapes but those repr writes.
_TEXT = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=40)


@dataclass(frozen=True)
class Written:
    """A call with the values chosen for its arguments, by name; nested builder calls are `Written` too."""

    spec: CallSpec
    values: dict[str, Any]

    def text(self, *, positional: int = 0) -> str:
        """The command, its first `positional` arguments without names."""
        parts = []
        for index, param in enumerate(self.spec.params or ()):
            if param.name not in self.values:
                positional = min(positional, index)
                continue
            value = self.values[param.name]
            written = value.text() if isinstance(value, Written) else repr(value)
            parts.append(written if index < positional else f"{param.name}={written}")
        return f"self.{self.spec.path}({', '.join(parts)})"

    def without(self, name: str) -> Written:
        """The call without one argument."""
        return replace(self, values={k: v for k, v in self.values.items() if k != name})

    def arguments(self) -> list[tuple[tuple[str, ...], Param]]:
        """Every argument given, those of nested builders too: the names that lead to it, and its parameter."""
        found: list[tuple[tuple[str, ...], Param]] = []
        for param in self.spec.params or ():
            if param.name in self.values:
                found.append(((param.name,), param))
                inner = self.values[param.name]
                if isinstance(inner, Written):
                    found += [((param.name, *names), p) for names, p in inner.arguments()]
        return found

    def value(self, names: tuple[str, ...]) -> Any:
        """The value that the names lead to."""
        inner = self.values[names[0]]
        return inner.value(names[1:]) if len(names) > 1 else inner

    def with_value(self, names: tuple[str, ...], value: object) -> Written:
        """The call with one argument changed, or given."""
        if len(names) > 1:
            value = self.values[names[0]].with_value(names[1:], value)
        return replace(self, values={**self.values, names[0]: value})


def calls(profile: Profile) -> st.SearchStrategy[Written]:
    """Any allowed call with any allowed values."""
    specs = [c for c in profile.calls if c.tier == "allow" and not c.nested_only]
    return st.sampled_from(specs).flatmap(lambda spec: written(spec, profile))


def written(spec: CallSpec, profile: Profile) -> st.SearchStrategy[Written]:
    """One call with any allowed values; optional arguments now and then left out."""
    required = {p.name: value_of(p, profile) for p in spec.params or () if p.required}
    optional = {p.name: value_of(p, profile) for p in spec.params or () if not p.required}
    drawn = st.fixed_dictionaries(required, optional=optional)
    return drawn.map(lambda values: Written(spec, values)).filter(_complete)


def value_of(param: Param, profile: Profile) -> st.SearchStrategy[Any]:
    """Any allowed value of one parameter."""
    if param.type.startswith("call:"):
        return written(profile.by_path[param.type.removeprefix("call:")], profile)
    if param.enum:
        return st.sampled_from([v for v in param.enum if v not in param.deny])
    if param.type == "bool":
        return st.sampled_from([v for v in (True, False) if v not in param.deny])
    if param.min is not None and param.max is not None:
        whole = st.integers(math.ceil(param.min), math.floor(param.max))
        return st.floats(param.min, param.max) | whole if param.type == "float" else whole
    if param.type == "list[str]":
        return st.lists(_WORD, min_size=param.min_items, max_size=param.max_items)
    text = _WORD if param.pattern else _TEXT.filter(lambda t: len(t.strip()) >= param.min_len)
    return text.filter(lambda t: len(t) <= (param.max_len or 1000))


def _complete(call: Written) -> bool:
    """Whether arguments that need each other are both there."""
    for param in call.spec.params or ():
        if param.name not in call.values:
            for other, when in param.required_if.items():
                if call.values.get(other) in when:
                    return False
    return all(_complete(v) for v in call.values.values() if isinstance(v, Written))
