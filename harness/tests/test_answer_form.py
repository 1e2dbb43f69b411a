"""Answer forms: a list under a schema or in a tool call is asked for, read, kept raw, and declared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.config import EndpointSettings
from harness.models.answer_form import as_list
from harness.models.outcomes import Outcome
from harness.models.parameters import body_of, first_parameters
from harness.models.replies import Reply, read_body
from harness.models.requests import Decoding, Request
from harness.tests.batches import Batches
from harness.tests.conftest import Gonogo, Serve
from harness.tests.foreign import right
from harness.tests.loopback_replies import Fault, chat_completion, status

LIST = '["self.wait(seconds=1.0)", "self.say(text=\'caf\u00e9 \\"x\\"\')"]'
OBJECT = json.dumps({"commands": json.loads(LIST)})
ANSWERED = Outcome.ANSWERED


@pytest.mark.parametrize(
    ("form", "text", "calls", "expected"),
    [
        ("text", OBJECT, (), OBJECT),
        ("constrained", OBJECT, (), LIST),
        ("constrained", LIST, (), LIST),  # a server that holds it to the list itself, or to nothing
        ("constrained", OBJECT[:-1], (), OBJECT[:-1]),
        ("constrained", '{"commands": "self.wait()"}', (), '{"commands": "self.wait()"}'),
        ("tools", "", (OBJECT,), LIST),
        ("tools", "I will.", ('{"commands": ["a"]}', '{"commands": ["b"]}'), '["a", "b"]'),
        ("tools", LIST, (), LIST),  # it answered in words
        ("tools", "", ('{"commands": [1]}',), '{"commands": [1]}'),
        ("tools", "", ("[" * 9999,), "[" * 9999),
    ],
)
def test_the_list_is_read_whatever_holds_it(form: Any, text: str, calls: tuple[str, ...], expected: str) -> None:
    """What is no such object stays as it came, to be judged as it is; what was changed keeps its raw text."""
    reply = as_list(Reply(ANSWERED, text, calls=calls), form)
    assert reply.text == expected
    assert reply.raw == ("" if expected in (text, *calls) else "\n".join(filter(None, (text, *calls))))


def held(body: dict[str, Any]) -> dict[str, Any] | str:
    """A server that does as it is told: by schema, by tool, else by text."""
    answer = json.dumps({"commands": json.loads(right(body))})
    if "response_format" in body:
        assert body["response_format"]["json_schema"]["schema"]["required"] == ["commands"]
        return answer
    if "tools" not in body:
        return right(body)
    made = chat_completion("m", "", finish_reason="tool_calls")
    name = body["tool_choice"]["function"]["name"]
    assert name == body["tools"][0]["function"]["name"]
    call = {"id": "1", "type": "function", "function": {"name": name, "arguments": answer}}
    made["choices"][0]["message"] = {"role": "assistant", "content": None, "tool_calls": [call]}
    return made


def refusing(body: dict[str, Any]) -> Fault | str:
    """A server without structured output."""
    if "response_format" in body:
        return status(400, "unsupported_parameter", param="response_format", message="response_format: not supported")
    return right(body)


def test_the_responses_api_has_words_of_its_own_for_both_forms() -> None:
    """Schema, tool and choice stand where that API wants them, and its tool calls are read."""
    settings = EndpointSettings("", kind="responses")

    def body(form: Any) -> dict[str, Any]:
        return body_of("m", Request("c", 0, ()), first_parameters(Decoding(answer_form=form), settings))

    assert body("constrained")["text"]["format"].keys() == {"type", "name", "strict", "schema"}
    assert body("tools")["tool_choice"] == {"type": "function", "name": "commands"}
    assert body("tools")["tools"][0].keys() == {"type", "name", "description", "parameters"}
    call = {"type": "function_call", "name": "commands", "arguments": OBJECT}
    assert as_list(read_body({"status": "completed", "output": [call]}), "tools").text == LIST


ARMS = """
[arms.held]
model = "lab:m"
answer_form = "constrained"
[arms.calls]
model = "lab:m"
answer_form = "tools"
[arms.refused]
model = "old:m"
answer_form = "constrained"
"""


def test_arms_of_each_form_are_compared(gonogo: Gonogo, serve: Serve) -> None:
    """The same model by text, schema and tool call: all right, each asked by itself, the difference declared."""
    server = serve(held, name="lab")
    serve(refusing, name="old")
    with Path("gonogo.toml").open("a", encoding="utf-8") as file:
        file.write(ARMS)
    code, out, told = gonogo("compare", "lab:m", "held", "calls", "refused", "--limit", "2", "--json")
    assert (code, server.count()) == (0, 6), told
    assert all(answer["success"] for case in json.loads(out)["cases"] for answer in case["answers"])
    for form in ("constrained", "tools"):
        assert f"answer_form text {form} declared for" in " ".join(told.split())
    assert "refused: note: left out, because the endpoint does not take it: response_format" in told
    kept = [json.loads(line) for line in Path("runs/go2.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sum(one["raw"].startswith('{"commands"') for one in kept) == 4


def test_an_answer_form_by_batch_and_in_a_recording(gonogo: Gonogo, serve: Serve) -> None:
    """Tool calls that a batch brought are read, recorded, and compared with another form, which is declared."""
    server = serve(held, name="lab")
    Batches(server)
    with Path("gonogo.toml").open("a", encoding="utf-8") as file:
        file.write(ARMS.partition("[arms.refused]")[0])
    asking = ("--limit", "2", "--batch", "--batch-look", "0.05")
    code, out, told = gonogo("run", "calls", *asking, "--json", "--record", "calls.jsonl")
    assert (code, server.count(), [one["success"] for one in json.loads(out)]) == (0, 0, [True, True]), told
    found = json.loads(gonogo("gate", "held", "--against", "recorded:calls.jsonl", "--limit", "2", "--json").out)
    (one,) = found["differences"]
    assert (one["field"], one["base"], one["candidate"]) == ("answer_form", "tools", "constrained")
    assert found["incumbent"]["unverified"] == ""
    assert found["verdict"] == "INCONCLUSIVE"
