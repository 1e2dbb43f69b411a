"""A chat training file, checked before it is uploaded or trained on: every rule that a provider would reject it by.

JSON lines of `{"messages": [...]}`, at least 10; text in every message; the assistant has the last word; `weight` 0 or
1, on the assistant's messages only and not 0 on all of them; nothing in both the training and the validation file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from harness.errors import InputError
from harness.prices import rough_tokens
from harness.text import redacted_line

FEWEST_EXAMPLES = 10
LONGEST_EXAMPLE = 65_536  # tokens of one training example: the provider cuts off what is longer
LARGEST_FILE = 512 * 2**20  # bytes, of one upload
SHOWN_PROBLEMS = 10


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Message(_Strict):
    """One message, with the keys that OpenAI's format knows."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | None = None
    name: str | None = None
    weight: Annotated[int, Field(ge=0, le=1)] | None = None
    tool_calls: list[Any] | None = None
    tool_call_id: str | None = None
    function_call: dict[str, Any] | None = None
    refusal: str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.weight is not None and self.role != "assistant":
            raise ValueError(f"a weight on a message of the {self.role}: only the assistant's may have one")
        if not (self.content or "").strip() and not (self.content is None and (self.tool_calls or self.function_call)):
            raise ValueError("`content` is empty")
        return self


class Example(_Strict):
    """One line of the file."""

    messages: list[Message]
    tools: list[Any] | None = None
    parallel_tool_calls: bool | None = None
    functions: list[Any] | None = None

    @model_validator(mode="after")
    def _teaches_something(self) -> Self:
        if not self.messages or self.messages[-1].role != "assistant":
            raise ValueError("the last message must be the assistant's: it is what is learned")
        if all(message.weight == 0 for message in self.messages if message.role == "assistant"):
            raise ValueError("every assistant message has weight 0: there is nothing to learn")
        tokens = self.estimate()
        if tokens > LONGEST_EXAMPLE:
            raise ValueError(f"about {tokens:,} tokens, more than an example may have ({LONGEST_EXAMPLE:,})")
        return self

    def estimate(self) -> int:
        """Its tokens, roughly."""
        return rough_tokens([message.content or "" for message in self.messages])


@dataclass(frozen=True, slots=True)
class ChatFile:
    """A file that passed: `data` is what was checked and is uploaded, `tokens` an estimate for one epoch."""

    path: Path
    data: bytes
    sha256: str
    examples: tuple[Example, ...]
    tokens: int

    def summary(self) -> dict[str, Any]:
        """What identifies it in a record, without its path: the same file elsewhere is the same file."""
        return {"sha256": self.sha256, "examples": len(self.examples)}


def read_chat_file(path: Path, *, fewest: int = FEWEST_EXAMPLES) -> ChatFile:
    """Read and check a file that must have so many examples.

    Raises:
        InputError: it cannot be read, or breaks a rule; the first problems are named with file and line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the training file: {error.strerror}", path=path, hint="check the path") from None
    if len(data) > LARGEST_FILE:
        raise InputError(f"{len(data):,} bytes, more than one upload may have ({LARGEST_FILE:,})", path=path)
    problems, examples = [], []
    for number, line in _lines(data):
        try:
            examples.append(Example.model_validate_json(line))
        except ValidationError as error:
            problems.append(f"{path}:{number}: {_first(error)}")
    if len(problems) > SHOWN_PROBLEMS:
        problems[SHOWN_PROBLEMS:] = [f"and {len(problems) - SHOWN_PROBLEMS} more lines"]
    if problems:
        raise InputError("\n".join(problems), hint="correct these lines; nothing was sent")
    if len(examples) < fewest:
        raise InputError(f"{len(examples)} examples, fewer than the {fewest} that are needed", path=path)
    tokens = sum(example.estimate() for example in examples)
    return ChatFile(path, data, hashlib.sha256(data).hexdigest(), tuple(examples), tokens)


def read_pair(train: Path, validation: Path | None) -> tuple[ChatFile, ChatFile | None]:
    """Read a training file and, where one is named, a validation file that shares no example with it.

    Raises:
        InputError: as `read_chat_file`; or they share one: names its line in the validation file.
    """
    learned = read_chat_file(train)
    if validation is None:
        return learned, None
    measured, trained = read_chat_file(validation, fewest=1), {line.strip() for _, line in _lines(learned.data)}
    both = next((number for number, line in _lines(measured.data) if line.strip() in trained), None)
    if both is not None:
        told = f"this example is in {train} too: validation would measure memory"
        raise InputError(told, path=validation, line=both, hint="`gonogo generate` writes files that share no plan")
    return learned, measured


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Lines with their 1-based numbers; only the end of the file may be blank."""
    yield from enumerate(data.rstrip(b"\r\n \t").split(b"\n") if data.strip() else [], start=1)


def _first(error: ValidationError) -> str:
    """The first thing that is wrong with a line, such as `message 3.weight: Input should be ...`, messages from 1."""
    problem = error.errors(include_url=False)[0]
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in problem["loc"])
    said = problem["msg"].removeprefix("Value error, ")
    return redacted_line(f"{where}: {said}" if where else said).replace("messages.", "message ", 1)
