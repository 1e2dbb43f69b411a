"""Types of parameters: the ones that a profile knows, and how SDK source writes them."""

from __future__ import annotations

import ast
import re

_SCALAR = "float|int|bool|str"
_TYPE = re.compile(rf"{_SCALAR}|any|call:[^\s:]+|list\[(?:{_SCALAR})\]|tuple\[({_SCALAR})(?:, \.\.\.|(?:, \1)*)\]")
_SPELT = {"List": "list", "Sequence": "list", "Iterable": "list", "Tuple": "tuple", "Text": "str"}


def is_type(text: str) -> bool:
    """Whether a profile knows this type."""
    return _TYPE.fullmatch(text) is not None


def item_type(text: str) -> str:
    """The type of each item: `float` of `list[float]`; empty for what is no list or tuple."""
    return re.split(r"[\[,\]]", text)[1] if text.startswith(("list[", "tuple[")) else ""


def fixed_length(text: str) -> int | None:
    """How many items the type itself demands: 3 for `tuple[int, int, int]`; None where it leaves that open."""
    return text.count(",") + 1 if text.startswith("tuple[") and "..." not in text else None


def from_annotation(annotation: str | None) -> str:
    """The type that an annotation of SDK source means: `list[float]` for `Optional[List[float]]`; empty for no such."""
    try:
        meant = _meant(ast.parse(annotation or "", mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    return meant if is_type(meant) else ""


def written_value(text: str) -> str | int | float | bool | None:
    """The value of a default that is written out in SDK source; None for every other expression."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
    return value if isinstance(value, str | int | float | bool) else None


def _meant(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=None):
            return "None"
        case ast.Constant(value=str(text)):  # an annotation in quotes
            return _meant(ast.parse(text, mode="eval").body)
        case ast.Constant(value=value):
            return "..." if value is ... else ""
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return _SPELT.get(name, name)
        case ast.BinOp(op=ast.BitOr()):
            return _either({_meant(node.left), _meant(node.right)})
        case ast.Subscript():
            of = _meant(node.value)
            inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            if of == "Literal":
                return _either({type(one.value).__name__ if isinstance(one, ast.Constant) else "" for one in inner})
            meant = [_meant(one) for one in inner]
            if of in {"Optional", "Union"}:
                return _either(set(meant))
            return meant[0] if of == "Annotated" else f"{of}[{', '.join(meant)}]"
    return ""


def _either(types: set[str]) -> str:
    """What serves as each of them; None aside, which is how a parameter is left out."""
    left = types - {"None", "NoneType"}
    if left == {"int", "float"}:
        return "float"
    return left.pop() if len(left) == 1 else ""
