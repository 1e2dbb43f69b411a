"""One argument against one parameter: type, finiteness, enumeration, range with unit, form and length of text.

As Python would take it, and stricter where Python is lax: a bool is no number, an int serves as a float but not
the other way round, and NaN, infinities and literals that overflow are none.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from typing import Any

from harness.checks.finding import Finding, Value, shown
from harness.checks.safety import construct, signed_number
from harness.checks.syntax import node_span
from harness.sdk.profile import Param
from harness.text import hidden_character

_EXPECTED = {
    "int": "an int",
    "float": "a number",
    "bool": "True or False",
    "str": "a string",
    "list[str]": "a list of strings",
}
_FULL_TURN = 7  # above 2 pi an angle in radians is more likely one in degrees


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

    def warn(self, code: str, message: str, node: ast.AST) -> None:
        """Note what is unsafe in a call that may well bind."""
        self.unsafe.append(Finding(code, message, None, node_span(self.command, node)))


class Slot:
    """A parameter made ready for checking: `fits(value)` decides, the rest is for explaining."""

    __slots__ = ("builder", "deny", "fits", "name", "param")

    def __init__(self, param: Param) -> None:
        self.param = param
        self.name = param.name
        self.deny = param.deny
        self.builder = param.type.removeprefix("call:") if param.type.startswith("call:") else ""
        self.fits = _fits(param)


def read_value(slot: Slot, node: ast.expr, notes: Notes) -> Value | None:
    """The value of one argument, builder calls aside; None, with a finding, where it does not fit."""
    if slot.param.type == "list[str]" and type(node) is ast.List:
        return _read_list(slot, node, notes)
    value: Any = node.value if type(node) is ast.Constant else signed_number(node)
    if slot.fits(value):
        if slot.deny and value in slot.deny:
            notes.warn("G403", f"{slot.name}={value!r} is denied: {slot.param.deny_reason}", node)
        return value  # type: ignore[no-any-return]  # `fits` has checked its type
    _explain(slot, node, value, notes)
    return None


def what_is(node: ast.expr) -> str:
    """A node in words, for messages."""
    if isinstance(node, ast.Constant):
        kinds = {int: "the int ", float: "the float ", str: "the string ", bytes: "the bytes ", complex: "the complex "}
        return kinds.get(type(node.value), "") + shown(node.value, 40)
    names = {
        ast.Name: "a bare name", ast.Attribute: "an attribute", ast.Call: "a call", ast.List: "a list",
        ast.Tuple: "a tuple", ast.Dict: "a dict", ast.Set: "a set", ast.UnaryOp: "a signed number",
    }  # fmt: skip
    return names.get(type(node), "something else")


def _fits(param: Param) -> Callable[[Any], bool]:
    """Whether a value fits a parameter, decided once for every argument; builder calls and lists are no plain value."""
    enum = frozenset(param.enum)
    if param.type == "bool":
        return lambda value: type(value) is bool
    if param.type == "any":
        return lambda value: type(value) in {str, int, float, bool}
    if param.type == "str":
        return _fits_text(param)
    if param.type not in {"int", "float"}:
        return lambda _value: False
    types = (int,) if param.type == "int" else (float, int)
    low = -math.inf if param.min is None else param.min
    high = math.inf if param.max is None else param.max
    if math.isfinite(high - low) and not enum:
        return lambda value: type(value) in types and low <= value <= high
    # `value - value` is 0 for a finite number, NaN for infinities; an int of any size stays an int.
    return lambda value: (
        type(value) in types and low <= value <= high and value - value == 0 and (not enum or value in enum)
    )


def _fits_text(param: Param) -> Callable[[Any], bool]:
    enum = frozenset(param.enum)
    form = re.compile(param.pattern).fullmatch if param.pattern else None
    least, most = param.min_len, math.inf if param.max_len is None else param.max_len

    def fits(value: object) -> bool:
        return (
            type(value) is str
            and ((value.isascii() and value.isprintable()) or hidden_character(value) is None)
            and (not enum or value in enum)
            and len(value) <= most
            and (least == 0 or len(value.strip()) >= least)
            and (form is None or form(value) is not None)
        )

    return fits


def _read_list(slot: Slot, node: ast.List, notes: Notes) -> tuple[str, ...] | None:
    low, high = slot.param.min_items, slot.param.max_items
    before = len(notes.found)
    if len(node.elts) < low or (high is not None and len(node.elts) > high):
        notes.add("A321", f"{slot.name} has {len(node.elts)} items", node, f"{low} to {high} items.")
    fits = _fits_text(slot.param)
    values: list[str] = []
    for element in node.elts:
        value = element.value if type(element) is ast.Constant else None
        if type(value) is str:
            values.append(value)
            if not fits(value):
                _explain_text(slot.param, element, value, notes)
        elif computed := construct(notes.command, element):
            notes.found.append(computed)
        else:
            notes.add("A312", f"{slot.name} holds {what_is(element)}, expected is a list of strings", element)
    return tuple(values) if len(notes.found) == before else None


def _explain(slot: Slot, node: ast.expr, value: Any, notes: Notes) -> None:
    """Why a value does not fit: always at least one finding."""
    kind = slot.param.type
    if kind == "str" and type(value) is str:
        _explain_text(slot.param, node, value, notes)
    elif (kind == "float" and type(value) in {int, float}) or (kind == "int" and type(value) is int):
        _explain_number(slot.param, node, value, notes)
    elif computed := construct(notes.command, node):
        notes.found.append(computed)
    elif slot.builder:
        message = f"{slot.name} is {what_is(node)}, expected is a call of self.{slot.builder}"
        notes.add("A312", message, node, f"Write self.{slot.builder}(...).")
    else:
        message = f"{slot.name} is {what_is(node)}, expected is {_EXPECTED.get(kind, 'a plain value')}"
        notes.add("A312", message, node)


def _explain_text(param: Param, node: ast.expr, value: str, notes: Notes) -> None:
    name = param.name
    if hidden := hidden_character(value):
        index, what = hidden
        start, end = node_span(notes.command, node)
        if end - start == len(value) + 2:  # no escapes, so the characters of value and source run together
            start, end = start + 1 + index, start + 2 + index
        message, hint = f"{name} holds the hidden character {what}", "Only characters that show are allowed."
        notes.found.append(Finding("G413", message, None, (start, end), hint))
    elif param.enum:
        notes.add("A315", f"{name} is {shown(value)}", node, f"One of {', '.join(map(repr, param.enum))}.")
    elif not value.strip() or (param.max_len is not None and len(value) > param.max_len):
        message = f"{name} has {len(value)} characters" if value.strip() else f"{name} is empty"
        notes.add("A317", message, node, f"{max(param.min_len, 1)} to {param.max_len} characters.")
    else:
        message = f"{name} is {shown(value)}, which is not {param.pattern_name or param.pattern}"
        # A letter that the form lacks is left to the writer: what it stands for in this robot's tables is a guess.
        suggestion = re.sub(r"[^a-z0-9]+", "_", value.casefold()).strip("_") if value.isascii() else ""
        hint = f"Write {suggestion!r}." if suggestion and re.fullmatch(param.pattern, suggestion) else ""
        notes.add("A316", message, node, hint)


def _explain_number(param: Param, node: ast.expr, value: Any, notes: Notes) -> None:
    if value - value != 0:
        message = f"{param.name} is {notes.command[slice(*node_span(notes.command, node))]}, which is no finite number"
        notes.add("A313", message, node)
    elif param.enum:
        notes.add("A315", f"{param.name} is {shown(value)}", node, f"One of {', '.join(map(str, param.enum))}.")
    else:
        unit = f" {param.unit}" if param.unit else ""
        low, high = ("any" if limit is None else limit for limit in (param.min, param.max))
        message = f"{param.name} is {shown(value, 30)}{unit}, allowed is {low} to {high}{unit}"
        hint = ""
        if param.unit in {"rad", "rad/s"} and _FULL_TURN < abs(value) <= 720:  # two turns in degrees
            per = param.unit.removeprefix("rad")
            hint = f"radians{' a second' if per else ''}: {shown(value)} degrees{per} is {math.radians(value):.3f}."
        elif param.documented and param.documented[0] <= value <= param.documented[1]:
            wide = "{:g} to {:g}".format(*param.documented)
            hint = f"The vendor documents {wide} {param.unit}; this project stays below that."
        notes.add("A314", message, node, hint)
