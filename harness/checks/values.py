"""One argument against one parameter: type, finiteness, enumeration, range with unit, form and length of text.

As Python would take it, and stricter where Python is lax: a bool is no number, an int serves as a float but not
the other way round, and NaN, infinities and literals that overflow are none.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.checks.finding import Finding, Value, shown
from harness.checks.safety import construct, signed_number
from harness.checks.syntax import node_span
from harness.sdk.param_types import item_type
from harness.sdk.profile import Param
from harness.text import hidden_character

_EXPECTED = {"int": "an int", "float": "a number", "bool": "True or False", "str": "a string"}
_ITEMS = {"int": "ints", "float": "numbers", "bool": "True and False", "str": "strings"}
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
    """A parameter made ready for checking: `fits(value)` decides, of a list for each `item`; the rest explains."""

    __slots__ = ("builder", "deny", "display", "expected", "fits", "item", "name", "param", "verb")

    def __init__(self, param: Param, within: str = "") -> None:
        """`within` says of an item which list is expected around it."""
        self.param = param
        item = item_type(param.type)
        self.display = ast.Tuple if param.type.startswith("tuple") else ast.List
        self.expected = within or _EXPECTED.get(param.type, "a plain value")
        self.verb = "holds" if within else "is"
        if item:
            self.expected = f"a {param.type.partition('[')[0]} of {_ITEMS[item]}"
        self.item = Slot(replace(param, type=item), self.expected) if item else None
        self.name = param.name
        self.deny = param.deny
        self.builder = param.type.removeprefix("call:") if param.type.startswith("call:") else ""
        self.fits = _fits(param)


def read_value(slot: Slot, node: ast.expr, notes: Notes) -> Value | None:
    """The value of one argument, builder calls aside; None, with a finding, where it does not fit."""
    if slot.item is not None and isinstance(node, ast.List | ast.Tuple) and type(node) is slot.display:
        return _read_items(slot, slot.item, node, notes)
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
        text = _fits_text(param)
        return lambda value: text(value) or type(value) is bool or (type(value) in {int, float} and value - value == 0)
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


def _read_items(slot: Slot, item: Slot, node: ast.List | ast.Tuple, notes: Notes) -> Value | None:
    """The values of a list or tuple; None, with findings, where their number or one of them does not fit."""
    low, high = slot.param.length
    before = len(notes.found)
    if len(node.elts) < low or (high is not None and len(node.elts) > high):
        wanted = f"{low}" if low == high else f"{low} or more" if high is None else f"{low} to {high}"
        notes.add("A321", f"{slot.name} has {len(node.elts)} items", node, f"{wanted} items.")
    values = [read_value(item, element, notes) for element in node.elts]
    return tuple(values) if len(notes.found) == before else None  # type: ignore[arg-type]  # plain values


def _explain(slot: Slot, node: ast.expr, value: Any, notes: Notes) -> None:
    """Why a value does not fit: always at least one finding."""
    kind = slot.param.type
    if kind in {"str", "any"} and type(value) is str:
        _explain_text(slot.param, node, value, notes)
    elif (kind in {"float", "any"} and type(value) in {int, float}) or (kind == "int" and type(value) is int):
        _explain_number(slot.param, node, value, notes)
    elif computed := construct(notes.command, node):
        notes.found.append(computed)
    elif slot.builder:
        message = f"{slot.name} is {what_is(node)}, expected is a call of self.{slot.builder}"
        notes.add("A312", message, node, f"Write self.{slot.builder}(...).")
    else:
        notes.add("A312", f"{slot.name} {slot.verb} {what_is(node)}, expected is {slot.expected}", node)


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
