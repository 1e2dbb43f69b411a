"""A chat fine-tuning file, validated before it is uploaded: every rule that the provider would reject it by.

Rules: UTF-8 JSON lines of `{"messages": [...]}`; at least 10 examples; known roles and keys; text in every message;
the assistant has the last word; `weight` 0 or 1, on the assistant's messages only, and not 0 on all of them; nothing
in both the training and the validation file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.prices import rough_tokens

FEWEST_EXAMPLES = 10
LONGEST_EXAMPLE = 65_536  # tokens of one training example: the provider cuts off what is longer
LARGEST_FILE = 512 * 2**20  # bytes, of one upload
SHOWN_PROBLEMS = 10
_KEYS = frozenset({"messages", "tools", "parallel_tool_calls", "functions"})
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_MESSAGE_KEYS = frozenset(
    {"role", "content", "name", "weight", "tool_calls", "tool_call_id", "function_call", "refusal"}
)


@dataclass(frozen=True, slots=True)
class ChatFile:
    """A file that passed.

    Attributes:
        data: Its bytes: what was validated is what is uploaded.
        tokens: Of one epoch, estimated (four bytes a token).
    """

    path: Path
    data: bytes
    sha256: str
    examples: int
    tokens: int


def read_chat_file(path: Path, *, fewest: int = FEWEST_EXAMPLES) -> ChatFile:
    """Read and validate.

    Args:
        path: The JSONL file.
        fewest: Examples that it must have.

    Raises:
        InputError: it cannot be read, or breaks a rule; names file and line of the first problems.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the training file: {error.strerror}", path=path, hint="check the path") from None
    if len(data) > LARGEST_FILE:
        raise InputError(f"{len(data):,} bytes, more than one upload may have ({LARGEST_FILE:,})", path=path)
    problems, examples, tokens = [], 0, 0
    for number, line in _lines(data):
        examples += 1
        try:
            example = json.loads(line)
        except (ValueError, RecursionError) as error:
            problems.append((number, f"not JSON in UTF-8 ({type(error).__name__})"))
            continue
        wrong = next(_wrong(example), "")
        if wrong:
            problems.append((number, wrong))
        else:
            tokens += _tokens(example)
    if problems:
        raise _refusal(path, problems)
    if examples < fewest:
        raise InputError(f"{examples} examples, fewer than the {fewest} that are needed", path=path)
    return ChatFile(path, data, hashlib.sha256(data).hexdigest(), examples, tokens)


def check_apart(train: ChatFile, validation: ChatFile) -> None:
    """Check that the two files share no example.

    Raises:
        InputError: they do; names the line of the validation file.
    """
    trained = {line.strip() for _, line in _lines(train.data)}
    for number, line in _lines(validation.data):
        if line.strip() in trained:
            raise InputError(
                f"this example is in {train.path} too: validation would measure memory",
                path=validation.path,
                line=number,
                hint="`gonogo generate` writes files that share no plan",
            )


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Lines with their 1-based numbers; only the end of the file may be blank."""
    yield from enumerate(data.rstrip(b"\r\n \t").split(b"\n") if data.strip() else [], start=1)


def _refusal(path: Path, problems: list[tuple[int, str]]) -> InputError:
    (line, first), *others = problems
    more = [f"{path}:{number}: {what}" for number, what in others[: SHOWN_PROBLEMS - 1]]
    if len(problems) > SHOWN_PROBLEMS:
        more.append(f"and {len(problems) - SHOWN_PROBLEMS} more lines")
    return InputError("\n".join([first, *more]), path=path, line=line, hint="nothing was uploaded; mend these lines")


def _wrong(example: Any) -> Iterator[str]:
    """What is wrong with one parsed line. To be stopped at the first: what follows takes it for mended."""
    if not isinstance(example, dict):
        yield "not a JSON object"
    if unknown := sorted(example.keys() - _KEYS):
        yield f"unknown key {unknown[0]!r}"
    messages = example.get("messages")
    if not isinstance(messages, list) or not messages:
        yield "`messages` must be a list with at least one message"
    for position, message in enumerate(messages, start=1):
        for wrong in _wrong_message(message):
            yield f"message {position}: {wrong}"
    spoken = [message for message in messages if message["role"] == "assistant"]
    if not spoken:
        yield "no message of the assistant: there is nothing to learn"
    if messages[-1]["role"] != "assistant":
        yield "the last message must be the assistant's"
    if all(message.get("weight") == 0 for message in spoken):
        yield "every assistant message has weight 0: there is nothing to learn"
    size = _tokens(example)
    if size > LONGEST_EXAMPLE:
        yield f"about {size:,} tokens, more than an example may have ({LONGEST_EXAMPLE:,})"


def _wrong_message(message: Any) -> Iterator[str]:
    if not isinstance(message, dict):
        yield "not a JSON object"
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        yield f"the role is {role!r}, not one of {', '.join(sorted(_ROLES))}"
    if unknown := sorted(message.keys() - _MESSAGE_KEYS):
        yield f"unknown key {unknown[0]!r}"
    if "weight" in message:
        weight = message["weight"]
        if role != "assistant":
            yield f"a weight on a message of the {role}: only the assistant's may have one"
        if type(weight) is not int or weight not in (0, 1):
            yield f"the weight is {weight!r}, not 0 or 1"
    content = message.get("content")
    calls = role == "assistant" and (message.get("tool_calls") or message.get("function_call"))
    if not isinstance(content, str) and not (content is None and calls):
        yield "`content` must be a text"
    if isinstance(content, str) and not content.strip():
        yield "`content` is empty"


def _tokens(example: Any) -> int:
    return rough_tokens([str(message.get("content") or "") for message in example["messages"]])
