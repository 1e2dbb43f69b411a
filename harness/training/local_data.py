"""Chat training files as token ids for training on this machine, in the chat format of the base model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.training.chatfile import read_chat_file
from harness.training.lora import prompt_text
from harness.training.loss import Encoded

_MARK = "\u2402gonogo\u2403"  # stands for a text in a chat template; occurs in none


@dataclass(frozen=True, slots=True)
class Chat:
    """One example: what the user says and what the assistant answers."""

    command: str
    answer: str


@dataclass(frozen=True, slots=True)
class ChatSet:
    """The examples of one file; all have one system message, whose keys and values training computes once a batch."""

    path: Path
    sha256: str
    system: str
    examples: tuple[Chat, ...]


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """How the base model writes a chat: what stands before and after the user's words, and after the answer."""

    before: str
    between: str
    after: str


def read_chats(path: Path, *, fewest: int) -> ChatSet:
    """Read a chat file of single exchanges.

    Args:
        path: As `gonogo generate` writes it.
        fewest: Examples that it must have.

    Raises:
        InputError: as `read_chat_file`; or a line that is not system, user, assistant; or a second system message.
    """
    file = read_chat_file(path, fewest=fewest)
    systems, examples = set(), []
    for number, line in enumerate(file.data.rstrip().split(b"\n"), start=1):
        messages = json.loads(line)["messages"]
        if [message["role"] for message in messages] != ["system", "user", "assistant"]:
            raise InputError(
                "local training takes one exchange a line: system, user, assistant", path=path, line=number
            )
        systems.add(messages[0]["content"])
        if len(systems) > 1:
            raise InputError("another system message than in the lines before", path=path, line=number)
        examples.append(Chat(messages[1]["content"], messages[2]["content"]))
    return ChatSet(path, file.sha256, systems.pop(), tuple(examples))


def template_format(tokenizer: Any, system: str, path: Path) -> ChatFormat:
    """The chat format of a tokenizer's template.

    Raises:
        InputError: it has none, or one that changes what is said.
    """
    if not tokenizer.chat_template:
        raise InputError("the model has no chat template", path=path, hint="choose one that was tuned for chat")
    asked = [{"role": "system", "content": system}, {"role": "user", "content": _MARK}]
    answered = [*asked, {"role": "assistant", "content": _MARK}]
    prompt = str(tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True))
    whole = str(tokenizer.apply_chat_template(answered, tokenize=False))
    before, found, between = prompt.partition(_MARK)
    after = whole.rpartition(_MARK)[2].rstrip()
    if not found or system not in before or not whole.startswith(prompt) or not after:
        raise InputError("the model's chat template cannot be used: it changes what is said", path=path)
    return ChatFormat(before, between, after)


def embedded_format(system: str) -> ChatFormat:
    """The chat format of the embedded model, as llama.cpp renders it."""
    return ChatFormat(prompt_text(system), "<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>")


def encode_all(tokenizer: Any, examples: Sequence[Chat], form: ChatFormat) -> list[Encoded]:
    """Token ids of examples after the shared beginning; answer and end of turn are learned."""

    def ids(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    encoded = []
    for example in examples:
        prompt, learned = ids(example.command + form.between), ids(example.answer + form.after)
        encoded.append(Encoded((*prompt, *learned), len(learned)))
    return encoded


def hash_base(base: Path) -> str:
    """sha256 of a GGUF file, or of a folder's model files by name."""
    if base.is_file():
        with base.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    total = hashlib.sha256()
    for path in sorted(base.iterdir()):
        if path.is_file() and path.suffix in (".json", ".safetensors", ".model", ".jinja"):
            with path.open("rb") as file:
                total.update(f"{path.name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()
