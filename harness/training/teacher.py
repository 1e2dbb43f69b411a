"""The conversation with a teacher model: its instructions, the briefs it is given, and how its replies are read.

Replies are hostile text: parsed with bounds, never run. Every object in a reply is looked at, not only the first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.errors import InputError
from harness.pack import Pack
from harness.prompts import Messages
from harness.sdk.card import card
from harness.sdk.profile import Profile
from harness.training.briefs import Brief
from harness.training.grammar import answer_text
from harness.training.verify import Verified

SHOWN_BACK = 6  # accepted examples in a request, however many there are
LONGEST_REPLY = 60_000  # characters read; a right reply has a tenth of it
MOST_OBJECTS = 64  # read of one reply
LONGEST_ANSWER = 60  # calls

_INSTRUCTIONS = """\
You write training examples for a smaller model. The smaller model's task:
{task}

One example is a command, as a person would say or type it, and the right answer to it. You are given numbered briefs.
For each write one example: a command that asks for exactly what the brief lists, no more and no less, in the order
that follows from it, in the manner and language of the brief, in wording of your own that differs from the brief's
and from the examples shown; and the answer that carries it out.

The answer is a list of strings. Each is one call from this list, arguments by name, angles in radians (positive to
the left), speeds in m/s and rad/s:
{card}

How a command is to be read:
{conventions}

Reply with one JSON object a line and nothing else, in this form:
{{"brief": 1, "command": "...", "answer": ["...", "..."]}}
Room names in answers are the English noun in snake_case, whatever the language of the command."""


@dataclass(frozen=True, slots=True)
class Written:
    """One pair as the teacher wrote it. `brief` is the 0-based position of the brief it is for."""

    brief: int
    command: str
    answer: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A piece of a reply that is no pair, with why."""

    text: str
    why: str


def student_system(task: str) -> str:
    """The student's system message, made from the task prompt: the same text, spoken to the model.

    >>> student_system("A translator. It is given a text and answers with code. It answers with only the code.")
    'You are a translator. You are given a text. Answer with code. Answer with only the code.'
    """
    text = " ".join(task.split())
    text = re.sub(r"^(?:The |An? )?(?=\w)", lambda m: f"You are {(m[0] or 'a ').lower()}", text, count=1)
    text = re.sub(r"\s*\((such as [^()]*)\)", r", \1", text)
    text = re.sub(r"\bIt is\b", "You are", text)
    text = re.sub(r",? and answers with\b", ". Answer with", text)
    return re.sub(r"\bIt answers\b", "Answer", text)


def teacher_system(pack: Pack, profile: Profile, task: str) -> str:
    """The teacher's instructions: the task prompt, the allowed calls and the pack's conventions.

    Raises:
        InputError: the pack has no CONVENTIONS.md.
    """
    path = pack.root / "CONVENTIONS.md"
    try:
        conventions = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InputError(f"cannot read the pack's conventions: {error.strerror}", path=path) from error
    return _INSTRUCTIONS.format(task=task.strip(), card=card(profile), conventions=conventions)


def request_messages(system: str, briefs: Sequence[Brief], shown: Sequence[Verified]) -> Messages:
    """One request: accepted examples (at most `SHOWN_BACK`) and the briefs."""
    lines = []
    if shown:
        lines.append("Examples accepted so far, to differ from:")
        lines += [
            json.dumps({"command": e.command, "answer": e.answer}, ensure_ascii=False) for e in shown[:SHOWN_BACK]
        ]
        lines.append("")
    for number, brief in enumerate(briefs, start=1):
        lines.append(f"Brief {number}. Language: {brief.language}. Manner: {brief.manner}.")
        lines += [f"  {step}. {told}" for step, told in enumerate(brief.told, start=1)]
        if brief.disposition != "execute":
            call = brief.calls[0].partition("(")[0]
            lines.append(f"  One such part decides the whole command: the answer is {call}(...) alone.")
    return ({"role": "system", "content": system}, {"role": "user", "content": "\n".join(lines)})


def read_reply(text: str, count: int) -> list[Written | Unreadable]:
    """Every pair of a reply, and every piece that is none; at most `MOST_OBJECTS` of them.

    Args:
        text: As it came.
        count: Number of briefs in the request.
    """
    found: list[Written | Unreadable] = []
    for piece in _objects(text[:LONGEST_REPLY]):
        found.append(_pair(piece, count))
        if len(found) == MOST_OBJECTS:
            break
    return found


def _objects(text: str) -> Iterator[object]:
    """Each JSON object in a text, wherever it stands; `Unreadable` where one begins and cannot be read."""
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
            yield value
        except (ValueError, RecursionError) as error:
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            why = "cut off" if end == len(text) else "not JSON"
            yield Unreadable(text[at:end][:2000], f"{why} ({type(error).__name__})")
        at = text.find("{", end)


def _pair(value: object, count: int) -> Written | Unreadable:
    if isinstance(value, Unreadable):
        return value
    shown = repr(value)[:2000]
    if not isinstance(value, dict):
        return Unreadable(shown, "not an object")
    command, answer, brief = value.get("command"), value.get("answer"), value.get("brief")
    if not isinstance(command, str) or not isinstance(answer, list) or not all(isinstance(a, str) for a in answer):
        return Unreadable(shown, "needs `command` as a text and `answer` as a list of texts")
    if len(answer) > LONGEST_ANSWER:
        return Unreadable(shown, f"{len(answer)} calls")
    if not isinstance(brief, int) or isinstance(brief, bool) or not 1 <= brief <= count:
        return Unreadable(shown, f"`brief` is not a number from 1 to {count}")
    return Written(brief - 1, command, tuple(answer))


def chat_line(system: str, command: str, answer: Sequence[str]) -> str:
    """One line of a chat fine-tuning file."""
    messages = [
        {"role": "system", "content": system},
        {"role": "user", "content": command},
        {"role": "assistant", "content": answer_text(answer)},
    ]
    return json.dumps({"messages": messages}, ensure_ascii=False)
