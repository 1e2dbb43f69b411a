"""How an answer is to come: as text, or as a list of commands that the server holds the model to.

`constrained` asks for a JSON object with the list in it (structured output), `tools` for a call of one tool that takes
the list. Either is turned into the text that is judged, a list of strings; what came stays in `Completion.raw`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.config import AnswerForm
from harness.files import json_object

if TYPE_CHECKING:
    from harness.models.replies import Reply

_NAME = "commands"  # of the schema, of the tool and of its only field
_SCHEMA = {
    "type": "object",
    "properties": {_NAME: {"type": "array", "items": {"type": "string"}}},
    "required": [_NAME],
    "additionalProperties": False,
}
_FUNCTION = {"name": _NAME, "description": "The answer: the list of command strings.", "parameters": _SCHEMA}
_FORMAT = {"type": "json_schema", "json_schema": {"name": _NAME, "strict": True, "schema": _SCHEMA}}
_CHOICE = {"type": "function", "function": {"name": _NAME}}
# Further fields of a request.
FIELDS: Mapping[AnswerForm, Mapping[str, Any]] = {
    "text": {},
    "constrained": {"response_format": _FORMAT},
    "tools": {"tools": [{"type": "function", "function": _FUNCTION}], "tool_choice": _CHOICE},
}


def as_list(reply: Reply, form: AnswerForm) -> Reply:
    """The reply with the list that came in this form as its text; as it is, where there is none."""
    sources = {"constrained": (reply.text,), "tools": reply.calls}.get(form, ())
    if not sources or not reply.outcome.scored:
        return reply
    commands: list[str] = []
    for source in sources:
        try:
            found = json_object(source.encode("utf-8", "surrogatepass"), errors="surrogatepass")
        except ValueError:
            found = {}
        own = found.get(_NAME)
        if len(found) != 1 or not isinstance(own, list) or not all(isinstance(one, str) for one in own):
            return replace(reply, text="\n".join(sources))
        commands += own
    raw = "\n".join(filter(None, (reply.raw or reply.text, *reply.calls)))
    return replace(reply, text=json.dumps(commands, ensure_ascii=False), raw=raw)
