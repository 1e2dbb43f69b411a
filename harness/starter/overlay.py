"""The overlay of a robot that nobody has described yet: an entry a public method, and questions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from harness.sdk.docstring import range_in, told_of
from harness.sdk.param_types import from_annotation, written_value
from harness.sdk.signatures import Method, Parameter
from harness.sdk.survey import Found
from harness.text import one_line


def client_name(class_name: str) -> str:
    """What the robot node calls its client: `tello` for `Tello`, `xarm` for `XArmAPI`."""
    stem = re.sub(r"(?:API|Api|SDK|Sdk|Client)$", "", class_name) or class_name
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", stem).lower().strip("_") or "robot"


def overlay_names(found: Found) -> dict[str, str]:
    """What stands for each @NAME@ in the template of an overlay; what the SDK is called can stand in quotes."""
    of, client, methods = found.signatures, client_name(found.class_name), found.methods()
    calls = {name: method for name, method in methods.items() if not method.is_property}
    properties = [name for name, method in methods.items() if method.is_property]
    read = [f"# Properties, which are read and not called: {', '.join(properties)}"] if properties else []
    return {
        "CLASS": found.class_name,
        "CLIENT": client,
        "EXAMPLE": next(iter(calls)),
        "SDK": f"{of.name} {of.version}",
        "SDKNAME": of.name,
        "SDKVERSION": of.version,
        "ORIGIN": of.origin,
        "LICENSE": of.license,
        "HASH": found.sha256,
        "FILES": json.dumps([file.path for file in of.files]),
        "ENTRIES": "\n".join([*read, *(line for name in calls for line in _call(client, name, calls[name]))]),
    }


def _call(client: str, name: str, method: Method) -> Iterator[str]:
    """One entry."""
    yield ""
    yield "[[call]]"
    yield f'path = "{client}.{name}"'
    yield f"summary = {json.dumps(_summary(name, method), ensure_ascii=False)}"
    for param in method.params:
        kind, question = ("", "") if param.kind.startswith("var_") else _type(param)
        told = told_of(method.doc, param.name)
        if not kind:
            named = "#? which arguments are in it? Name them with kwargs = true: "
            yield f"{named if param.kind == 'var_keyword' else '# left out: '}{one_line(param.text())}"
            continue
        yield "[[call.param]]"
        yield f'name = "{param.name}"'
        yield f'type = "{kind}"' + f"  #? {question}" * bool(question)
        if kind not in ("bool", "str"):
            limits = range_in(told)
            taken = ', or range_from = "docstring" for what it says' if limits else ""
            yield f'#? unit = "", min = , max = , source = "manual"{taken}'
        if told:
            yield f"# docstring: {one_line(told)[:160]}"


def _summary(name: str, method: Method) -> str:
    """The first sentence of the docstring, or the name in words."""
    first = one_line(" ".join(method.doc.strip().split("\n\n")[0].split()))
    return re.split(r"(?<=\w)\.(?:\s|$)", first)[0][:100] or name.replace("_", " ")


def _type(param: Parameter) -> tuple[str, str]:
    """The type to begin with, and what is open about it; no type for an optional one that no profile can hold."""
    if kind := from_annotation(param.annotation):
        return kind, ""
    if param.annotation:
        asked = f"the source says {one_line(param.annotation)[:60]}, which no command can hold"
        return ("any", asked) if param.default is None else ("", "")
    kind = {bool: "bool", str: "str", int: "float", float: "float"}.get(type(written_value(param.default or "")), "any")
    stated = f", and {one_line(param.default)[:60]} as the default" if param.default else ""
    return kind, f"the source gives none{stated}"
