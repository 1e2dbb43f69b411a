"""The chat training file: every rule is checked, and told with file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import InputError
from harness.training.chatfile import read_chat_file, read_pair


def chat_line(number: int) -> str:
    """A good line of its own."""
    texts = {"system": "You translate.", "user": f"command {number}", "assistant": '["self.sport_client.Sit()"]'}
    return json.dumps({"messages": [{"role": role, "content": text} for role, text in texts.items()]}) + "\n"


def _with(position: int, change: dict[str, Any]) -> str:
    chat = json.loads(chat_line(4))
    chat["messages"][position] |= change
    return _replaced(json.dumps(chat))


def _replaced(line: str) -> str:
    return "".join(line + "\n" if n == 4 else chat_line(n) for n in range(12))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (_replaced("{"), "train.jsonl:5: not JSON"),
        (_replaced("[1]"), "train.jsonl:5: not a JSON object"),
        (_replaced(""), "train.jsonl:5: not JSON"),
        (_replaced("[" * 100_000), "train.jsonl:5: not JSON"),
        (_replaced('{"prompt": "a", "completion": "b"}'), "train.jsonl:5: "),
        (_replaced('{"messages": []}'), "train.jsonl:5: is not a training example: the last message must be"),
        (_replaced('{"messages": [7]}'), "train.jsonl:5: is not a training example: messages[0]: "),
        (_with(2, {"role": "robot"}), "messages[2].role: Input should be 'system'"),
        (_with(2, {"weight": 2}), "messages[2].weight: "),
        (_with(2, {"content": " "}), "messages[2].content: "),
        (_with(2, {"content": None}), "messages[2].content: "),
        (_with(0, {"colour": "red"}), "messages[0]: unknown key 'colour'"),
        (_with(2, {"role": "user"}), "the last message must be the assistant's"),
        (_with(1, {"content": "word " * 70_000}), "about 87,5"),
        (_with(1, {"content": "\ud800"}), "train.jsonl:5: is not a training example: Invalid JSON"),
        ("".join(chat_line(n) for n in range(9)), "train.jsonl: 9 examples, fewer than the 10"),
        (chat_line(0) * 10 + "\ud800", "train.jsonl:11: not UTF-8"),
        ("".join(chat_line(n) for n in [*range(12), 101]), "valid.jsonl:2: this example is in train.jsonl too"),
    ],
)
def test_every_rule_of_the_training_file_is_checked(text: str, told: str, tmp_path: Path) -> None:
    """Each broken rule is one error; `test_finetune_hosted` has that nothing is sent before."""
    train, validation = tmp_path / "train.jsonl", tmp_path / "valid.jsonl"
    train.write_bytes(text.encode("utf-8", "surrogatepass"))
    validation.write_text("".join(chat_line(n) for n in range(100, 103)), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_pair(train, validation)
    assert told in str(caught.value).replace(f"{tmp_path}/", "")


@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda t: (json.dumps({"messages": t}) + "\n").encode()))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_is_validated_without_a_traceback(tmp_path: Path, data: bytes) -> None:
    """Arbitrary bytes give a message of the user-error family, never another exception."""
    path = tmp_path / "any.jsonl"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"any\.jsonl"):
        read_chat_file(path)
