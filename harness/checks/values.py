"""One argument against one parameter: type, finiteness, enumeration, range with unit, form and length of text.

As Python would take it, and stricter where Python is lax: a bool is no number, an int serves as a float but not
the other way round, and NaN, infinities and literals that overflow are none.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable

from harness.checks.findings import Call, Finding, Value, shown
from harness.checks.safety import construct, hidden_character
from harness.checks.syntax import node_span
from harness.sdk.profile import Param

BindCall = Callable[[ast.Call, str, list[Finding], list[Finding]], Call | None]

_ARTICLES = {"int": "an int", "float": "a number", "bool": "True or False", "str": "a string"}


class Slot:
    """A parameter made ready for checking: limits unpacked, its pattern compiled."""

    __slots__ = ("builder", "deny", "enum", "form", "hi", "kind", "lo", "max_len", "min_len", "name", "param")

    def __init__(self, param: Param) -> None:
        self.param = param
        self.name = param.name
        self.kind = param.type
        self.lo = -math.inf if param.min is None else param.min
        self.hi = math.inf if param.max is None else param.max
        self.enum = frozenset(param.enum) or None
        self.form = re.compile(param.pattern).fullmatch if param.pattern else None
        self.min_len = param.min_len
        self.max_len = param.max_len
        self.deny = param.deny
        self.builder = param.type.removeprefix("call:") if param.type.startswith("call:") else ""


def read_value(
    slot: Slot, node: ast.expr, command: str, found: list[Finding], unsafe: list[Finding]
) -> Value | None:
    """The value of one argument; None, with a finding, where it does not fit. Builder calls are bound elsewhere."""
    kind = slot.kind
    if type(node) is ast.Constant:
        value = node.value
    elif type(node) is ast.UnaryOp and type(node.operand) is ast.Constant and type(node.op) is not ast.Not:
        number = node.operand.value
        if type(number) not in (int, float) or type(node.op) is ast.Invert:
            return _misfit(slot, node, command, found)
        value = -number if type(node.op) is ast.USub else number  # type: ignore[operator]  # a number, as checked
    elif kind == "list[str]" and type(node) is ast.List:
        return _read_list(slot, node, command, found)
    else:
        return _misfit(slot, node, command, found)
    got = type(value)
    if kind == "float":
        if got is float or got is int:
            if slot.lo <= value <= slot.hi and (slot.enum is None or value in slot.enum):  # type: ignore[operator]
                return value if _finite(value) else _not_finite(slot, node, command, found)  # type: ignore[return-value, arg-type]
            return _bad_number(slot, node, command, value, found)  # type: ignore[arg-type]
    elif kind == "str":
        if got is str:
            return _read_text(slot, node, command, value, found)  # type: ignore[arg-type]
    elif kind == "int":
        if got is int:
            if slot.lo <= value <= slot.hi and (slot.enum is None or value in slot.enum):  # type: ignore[operator]
                if value in slot.deny:
                    unsafe.append(_denied(slot, node, command, value))
                return value  # type: ignore[return-value]
            return _bad_number(slot, node, command, value, found)  # type: ignore[arg-type]
    elif kind == "bool":
        if got is bool:
            if value in slot.deny:
                unsafe.append(_denied(slot, node, command, value))
            return value  # type: ignore[return-value]
    elif kind == "any" and got in (int, float, bool, str):
        return value  # type: ignore[return-value]
    return _misfit(slot, node, command, found)


def _finite(value: float) -> bool:
    # `value - value` is 0 for every finite number and NaN otherwise; an int of any size stays an int.
    return value - value == 0


def _read_text(slot: Slot, node: ast.expr, command: str, value: str, found: list[Finding]) -> str | None:
    if not value.isprintable() and (hidden := hidden_character(value)):
        index, name = hidden
        start, end = node_span(command, node)
        plain = end - start == len(value) + 2
        span = (start + 1 + index, start + 2 + index) if plain else (start, end)
        hint = "Only characters that show are allowed."
        found.append(Finding("G413", f"{slot.name} holds the hidden character {name}", None, span, hint))
        return None
    if slot.enum is not None and value not in slot.enum:
        choices = ", ".join(repr(choice) for choice in slot.param.enum)
        _add(found, "A315", f"{slot.name} is {shown(value)}", command, node, f"One of {choices}.")
        return None
    if (slot.max_len is not None and len(value) > slot.max_len) or len(value.strip()) < slot.min_len:
        limits = f"{slot.min_len} to {slot.max_len}"
        message = f"{slot.name} has {len(value)} characters" if value.strip() else f"{slot.name} is empty"
        _add(found, "A317", message, command, node, f"{limits} characters.")
        return None
    if slot.form is not None and slot.form(value) is None:
        form = slot.param.pattern_name or slot.param.pattern
        suggestion = re.sub(r"[^a-z0-9]+", "_", value.casefold()).strip("_")
        hint = f"Write {suggestion!r}." if suggestion and slot.form(suggestion) else ""
        _add(found, "A316", f"{slot.name} is {shown(value)}, which is not {form}", command, node, hint)
        return None
    return value


def _read_list(slot: Slot, node: ast.List, command: str, found: list[Finding]) -> tuple[str, ...] | None:
    low, high = slot.param.min_items, slot.param.max_items
    before = len(found)
    if len(node.elts) < low or (high is not None and len(node.elts) > high):
        _add(found, "A321", f"{slot.name} has {len(node.elts)} items", command, node, f"{low} to {high} items.")
    values: list[str] = []
    for element in node.elts:
        if type(element) is ast.Constant and type(element.value) is str:
            value = _read_text(slot, element, command, element.value, found)
            values.append(value or "")
        else:
            found.append(
                construct(command, element)
                or Finding(
                    "A312",
                    f"{slot.name} holds {what_is(element)}, a list of strings is expected",
                    None,
                    node_span(command, element),
                )
            )
    return tuple(values) if len(found) == before else None


def _bad_number(slot: Slot, node: ast.expr, command: str, value: float, found: list[Finding]) -> None:
    if not _finite(value):
        _not_finite(slot, node, command, found)
        return
    param = slot.param
    if slot.enum is not None and value not in slot.enum:
        choices = ", ".join(str(choice) for choice in param.enum)
        _add(found, "A315", f"{slot.name} is {shown(value)}", command, node, f"One of {choices}.")
        return
    unit = f" {param.unit}" if param.unit else ""
    message = f"{slot.name} is {_short(value)}{unit}, allowed is {_short(slot.lo)} to {_short(slot.hi)}{unit}"
    _add(found, "A314", message, command, node, _range_hint(param, value))


def _range_hint(param: Param, value: float) -> str:
    """Degrees taken for radians, percent for a fraction, or only the vendor's wider range."""
    if param.unit in {"rad", "rad/s"} and 7 < abs(value) <= 720:  # more than a full turn in radians
        per = param.unit.removeprefix("rad")
        return f"{param.unit}: {_short(value)} degrees{per} is {math.radians(value):.3f}."
    if param.documented and param.documented[0] <= value <= param.documented[1]:
        low, high = param.documented
        return f"The vendor documents {low:g} to {high:g} {param.unit}; this project stays below that."
    return ""


def _not_finite(slot: Slot, node: ast.expr, command: str, found: list[Finding]) -> None:
    start, end = node_span(command, node)
    text = shown(command[start:end])
    _add(found, "A313", f"{slot.name} is {text}, which is no finite number", command, node)


def _denied(slot: Slot, node: ast.expr, command: str, value: object) -> Finding:
    message = f"{slot.name}={value!r} is denied: {slot.param.deny_reason}"
    return Finding("G403", message, None, node_span(command, node))


def _misfit(slot: Slot, node: ast.expr, command: str, found: list[Finding]) -> None:
    """A value of another kind: a computed one is a safety finding, any other a type finding."""
    if computed := construct(command, node):
        found.append(computed)
        return
    if slot.builder:
        expected, hint = f"a call of self.{slot.builder}", f"Write self.{slot.builder}(...)."
    else:
        expected = _ARTICLES.get(slot.kind, "a list of strings" if slot.kind == "list[str]" else "a plain value")
        hint = _type_hint(slot, node)
    message = f"{slot.name} is {what_is(node)}, expected is {expected}"
    _add(found, "A312", message, command, node, hint)


def _type_hint(slot: Slot, node: ast.expr) -> str:
    value = node.value if isinstance(node, ast.Constant) else None
    if slot.kind in {"float", "int"} and type(value) is str:
        return "Write the number without quotes." if re.fullmatch(r"\s*[-+]?[0-9.]+\s*", value) else ""
    if slot.kind == "int" and type(value) is float and value.is_integer():
        return f"Write {int(value)}."
    if slot.kind == "bool":
        return "Write True or False."
    if slot.kind == "str" and isinstance(node, ast.Name):
        return f"Write it in quotes: {node.id[:60]!r}."
    if slot.kind == "list[str]" and type(value) is str:
        return f"Write [{shown(value)}]."
    return ""


def what_is(node: ast.expr) -> str:
    """A node in words, for messages."""
    if isinstance(node, ast.UnaryOp):
        return "a signed number"
    if isinstance(node, ast.Constant):
        value = node.value
        if value is None or value is Ellipsis:
            return repr(value)
        if isinstance(value, complex | bytes):
            return f"{'bytes' if isinstance(value, bytes) else 'a complex number'}"
        kind = {bool: "the bool", int: "the int", float: "the float", str: "the string"}[type(value)]
        return f"{kind} {_short(value) if isinstance(value, float) else shown(value, 40)}"
    names = {
        ast.Name: "a bare name", ast.Attribute: "an attribute", ast.Call: "a call", ast.List: "a list",
        ast.Tuple: "a tuple", ast.Dict: "a dict", ast.Set: "a set",
    }  # fmt: skip
    return names.get(type(node), "something else")


def _short(value: float) -> str:
    """A number for people; an int of hundreds of digits is cut."""
    return str(value) if isinstance(value, float) else shown(value, 30)


def _add(found: list[Finding], code: str, message: str, command: str, node: ast.AST, hint: str = "") -> None:
    found.append(Finding(code, message, None, node_span(command, node), hint))
