"""The overlay of a robot that nobody has described yet: an entry a public method, and questions."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator

from harness.sdk.docstring import range_in, told_of
from harness.sdk.param_types import from_annotation
from harness.sdk.signatures import Method, Parameter
from harness.sdk.survey import Found
from harness.text import one_line

_HEAD = """\
# What a model may call: every public method of {class_name}, as {name} {version} declares it ({origin}).
# Written by `gonogo init`. `#?` asks what the source leaves open. Each range, enumeration and pattern that you add
# needs a source: where it is written down, listed under [references]. Then run
#     gonogo sdk build {overlay}
#
#? Which unit and which sign have the numbers? Say it in each summary: a model is told the summary, not the unit.
#? What must a model never call? Take it out of [[call]] and name it in a [[deny]] with its reason, such as
#      [[deny]]
#      paths = ["{client}.{example}"]
#      reason = "what it does to people or to the robot"
#      source = "manual"
#? What only where the command asks for it in so many words, such as an emergency stop? tier = "guarded", reason = "..."

name = {pack}
title = {title}
firmware = "any"

[sources.sdk]
kind = "signatures"
name = {name_text}
version = {version_text}
origin = {origin_text}
license = {license_text}
sha256 = "{sha256}"
file = "sdk.signatures.json"
files = {files}

[clients]
{client} = "sdk:{class_name}"

[references]
manual = "the robot's manual: which one, which page?"
"""
_TAIL = """
# The calls of the engine's own: what an answer holds instead of acting.
[[call]]
path = "ask"
summary = "ask when the command is ambiguous; the only item"
alone = true
param = [{ name = "question", type = "str", min_len = 1, max_len = 200 }]

[[call]]
path = "decline"
summary = "refuse what is unsafe or impossible; the only item"
alone = true
param = [{ name = "reason", type = "str", min_len = 1, max_len = 200 }]
"""


def client_name(class_name: str) -> str:
    """What the robot node calls its client: `tello` for `Tello`, `xarm` for `XArmAPI`."""
    stem = re.sub(r"(?:API|Api|SDK|Sdk|Client)$", "", class_name) or class_name
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", stem).lower().strip("_") or "robot"


def overlay_text(found: Found, pack: str, overlay: str) -> str:
    """The overlay as a file of TOML."""
    of, client, methods = found.signatures, client_name(found.class_name), found.methods()
    calls = {name: method for name, method in methods.items() if not method.is_property}
    head = _HEAD.format(
        class_name=found.class_name,
        client=client,
        example=next(iter(calls)),
        pack=json.dumps(pack),
        overlay=overlay,
        title=json.dumps(f"{found.class_name} by {of.name} {of.version}"),
        name=of.name,
        version=of.version,
        origin=of.origin,
        name_text=json.dumps(of.name),
        version_text=json.dumps(of.version),
        origin_text=json.dumps(of.origin),
        license_text=json.dumps(of.license),
        sha256=found.sha256,
        files=json.dumps([file.path for file in of.files]),
    )
    properties = [name for name, method in methods.items() if method.is_property]
    read = [f"# Properties, which are read and not called: {', '.join(properties)}"] if properties else []
    entries = [line for name in calls for line in _call(client, name, calls[name])]
    return "\n".join([head.rstrip(), *read, *entries]) + "\n" + _TAIL


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
    kind = {bool: "bool", str: "str", int: "float", float: "float"}.get(_type_of(param.default), "any")
    stated = f", and {one_line(param.default)[:60]} as the default" if param.default else ""
    return kind, f"the source gives none{stated}"


def _type_of(default: str | None) -> type:
    try:
        return type(ast.literal_eval(default or ""))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return object
