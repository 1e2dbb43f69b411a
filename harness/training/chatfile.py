"""A chat training file, checked before it is uploaded or trained on: one `{"messages": [...]}` a line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, StringConstraints, model_validator

from harness.errors import InputError
from harness.files import STRICT, json_object, open_file, os_errors, validated
from harness.prices import rough_tokens

FEWEST_EXAMPLES = 10
LONGEST_EXAMPLE = 65_536  # tokens of one training example: the provider cuts off what is longer
LARGEST_FILE = 512 * 2**20  # bytes, of one upload


class Message(BaseModel):
    """One message of a chat."""

    model_config = STRICT

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, StringConstraints(pattern=r"\S")]
    name: str | None = None
    weight: Literal[0, 1] | None = None


class Example(BaseModel):
    """One line of the file; the assistant has the last word, which is what is learned."""

    model_config = STRICT

    messages: list[Message]

    @model_validator(mode="after")
    def _teaches_something(self) -> Self:
        if not self.messages or self.messages[-1].role != "assistant":
            raise ValueError("the last message must be the assistant's")
        if self.tokens > LONGEST_EXAMPLE:
            raise ValueError(f"about {self.tokens:,} tokens, more than an example may have ({LONGEST_EXAMPLE:,})")
        return self

    @property
    def tokens(self) -> int:
        """Roughly."""
        return rough_tokens([message.content for message in self.messages])


@dataclass(frozen=True, slots=True)
class ChatFile:
    """A file that passed; `data` is what was checked and is uploaded."""

    path: Path
    data: bytes
    sha256: str
    examples: tuple[Example, ...]

    @property
    def tokens(self) -> int:
        """Of one epoch, roughly."""
        return sum(example.tokens for example in self.examples)

    def summary(self) -> dict[str, Any]:
        """What identifies it in a record, without its path: the same file elsewhere is the same file."""
        return {"sha256": self.sha256, "examples": len(self.examples), "tokens": self.tokens}


def read_chat_file(path: Path, *, fewest: int = FEWEST_EXAMPLES) -> ChatFile:
    """Read and check a file; an InputError names the first line that breaks a rule."""
    with os_errors(path, "cannot read the training file", "check the path"), open_file(path) as file:
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise InputError(f"more bytes than one upload may have ({LARGEST_FILE:,})", path=path)
    examples = []
    for number, line in _lines(data):
        try:
            record = json_object(line)
        except ValueError as error:
            raise InputError(str(error), path=path, line=number, hint="one chat a line; nothing was sent") from None
        examples.append(validated(Example, record, path, "a training example", line=number))
    if len(examples) < fewest:
        raise InputError(f"{len(examples)} examples, fewer than the {fewest} that are needed", path=path)
    return ChatFile(path, data, hashlib.sha256(data).hexdigest(), tuple(examples))


def read_pair(train: Path, validation: Path | None) -> tuple[ChatFile, ChatFile | None]:
    """Read a training file and, where one is named, a validation file that shares no example with it."""
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
