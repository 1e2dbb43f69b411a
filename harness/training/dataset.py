"""What is kept of a generation: split by intent, written as chat JSONL, counted, hashed."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.training.teacher import chat_line
from harness.training.verify import Rejection, Verified

TRAIN, VALIDATION, REJECTED, MANIFEST = "train.jsonl", "validation.jsonl", "rejected.jsonl", "manifest.json"
_UNITS = {
    "degrees": r"\bdeg(?:rees?)?\b|°",
    "radians": r"\brad(?:ians?)?\b(?!/| per| a )",
    "turns": r"\bturns?\b|\bcircle\b|\brevolution",
    "metres": r"\bmet(?:re|er)s?\b|\d ?m\b",
    "centimetres": r"\bcm\b|\bcentimet",
    "seconds": r"\bsec(?:ond)?s?\b|\d ?s\b",
    "minutes": r"\bmin(?:ute)?s?\b",
    "speeds": r"m/s|per second|a second\b|km/h|rad/s",
    "percent": r"%|\bper ?cent\b",
    "number words": r"\b(?:two|three|four|five|six|seven|eight|nine|ten|twenty|thirty|forty|ninety)\b",
}
_NO_SIDE = (3.142, 6.283)  # radians
_POLITE = re.compile(r"\b(?:please|pls|could you|would you|kindly|thank|i'd like|would be)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Kept:
    """One example that is trained on.

    Attributes:
        skills: Of its plan, in order.
        source: The request it came from, or `grammar`.
    """

    pair: Verified
    skills: tuple[str, ...]
    language: str = "English"
    manner: str = ""
    source: str = "grammar"


@dataclass(slots=True)
class Harvest:
    """Everything that a generation has brought in so far.

    Attributes:
        reasons: Of the rejections -> how many.
        briefs_given_up: Briefs for which no try brought an example.
    """

    kept: list[Kept] = field(default_factory=list)
    rejected: list[dict[str, str]] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    briefs_given_up: int = 0

    def reject(self, rejection: Rejection, source: str, command: str = "", answer: object = "") -> None:
        """Count a rejection by its reason and keep it aside; long texts are cut."""
        self.reasons[rejection.reason] += 1
        self.rejected.append(
            {
                "reason": rejection.reason,
                "detail": rejection.detail,
                "source": source,
                "command": command[:2000],
                "answer": str(answer)[:4000],
            }
        )


@dataclass(frozen=True, slots=True)
class Split:
    """Kept examples in two files that share no intent."""

    train: tuple[Kept, ...]
    validation: tuple[Kept, ...]


def split_by_intent(kept: Sequence[Kept], share: float, seed: int) -> Split:
    """Divide examples so that all with one plan are on one side; the order within each side stays.

    Args:
        kept: Examples.
        share: Of examples wanted for validation, 0 to 0.5; reached to within one intent.
        seed: Which intents.
    """
    sizes = Counter(example.pair.intent for example in kept)
    order = sorted(sizes, key=lambda intent: _digest(f"{seed}\0{intent!r}"))
    chosen: set[Hashable] = set()
    taken = 0
    for intent in order:
        if taken + sizes[intent] > share * len(kept):
            continue
        chosen.add(intent)
        taken += sizes[intent]
    return Split(
        tuple(example for example in kept if example.pair.intent not in chosen),
        tuple(example for example in kept if example.pair.intent in chosen),
    )


def coverage(kept: Sequence[Kept]) -> dict[str, dict[str, int]]:
    """How the examples spread: dispositions, skills, lengths, languages, sides, units, politeness."""
    count: dict[str, Counter[str]] = {
        name: Counter() for name in ("disposition", "skill", "steps", "language", "side", "unit", "phrasing")
    }
    for example in kept:
        command, answer = example.pair.command, " ".join(example.pair.answer)
        count["disposition"][example.pair.disposition] += 1
        count["skill"].update(set(example.skills))
        count["steps"][str(len(example.skills))] += 1
        count["language"][example.language] += 1
        count["side"].update(_sides(answer))
        count["unit"].update(name for name, pattern in _UNITS.items() if re.search(pattern, command, re.IGNORECASE))
        count["phrasing"]["polite" if _POLITE.search(command) else "plain"] += 1
        if command.rstrip().endswith("?"):
            count["phrasing"]["question"] += 1
        if example.manner:
            count["phrasing"][re.split(r":| \(|,", example.manner)[0]] += 1
    return {name: dict(sorted(counter.items(), key=lambda item: -item[1])) for name, counter in count.items()}


def _sides(answer: str) -> set[str]:
    """Left and right in the calls, by the sign of angles, rates and sideways speeds; half and full turns have none."""
    values = [float(value) for value in re.findall(r"(?:angle|vyaw|vy)=(-?[\d.]+)", answer)]
    return {"left" if value > 0 else "right" for value in values if value and abs(value) not in _NO_SIDE}


def write_dataset(
    folder: Path, harvest: Harvest, split: Split, system: str, manifest: Mapping[str, Any]
) -> dict[str, Any]:
    """Write train.jsonl, validation.jsonl, rejected.jsonl and manifest.json, each whole or not at all.

    Args:
        folder: Made if missing.
        harvest: For the rejections.
        split: The examples.
        system: System message of every example.
        manifest: What the examples were made from; completed here with counts and hashes.

    Returns:
        The manifest as written.

    Raises:
        InputError: the folder cannot be written.
    """
    texts = {
        TRAIN: _chat(split.train, system),
        VALIDATION: _chat(split.validation, system),
        REJECTED: "".join(json.dumps(entry) + "\n" for entry in harvest.rejected),
    }
    files = {
        name: {"lines": text.count("\n"), "bytes": len(text.encode()), "sha256": _digest(text)}
        for name, text in texts.items()
    }
    complete = {
        **manifest,
        "examples": len(split.train) + len(split.validation),
        "rejected": dict(harvest.reasons.most_common()),
        "briefs_given_up": harvest.briefs_given_up,
        "files": files,
        "coverage": {"train": coverage(split.train), "validation": coverage(split.validation)},
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            _replace(folder / name, text)
        _replace(folder / MANIFEST, json.dumps(complete, indent=1) + "\n")
    except OSError as error:
        raise InputError(
            f"cannot write the examples: {error.strerror}", path=folder, hint="choose another --out"
        ) from error
    return complete


def _chat(examples: Iterable[Kept], system: str) -> str:
    return "".join(chat_line(system, e.pair.command, e.pair.answer) + "\n" for e in examples)


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8", newline="\n")
    os.replace(partial, path)  # noqa: PTH105  the rename that replaces in one step


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
