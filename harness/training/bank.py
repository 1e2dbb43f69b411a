"""The phrase bank: wordings and vocabulary read from TOML, dealt out evenly from seeded decks.

A phrase may choose (`[a|b|]`) and has slots (`{room}`).
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from harness.errors import InputError

T = TypeVar("T")
_CHOICE = re.compile(r"\[([^\[\]]*)\]")


@dataclass(slots=True)
class Dealer:
    """Draws from lists without replacement until each is used up, then shuffles it again.

    That makes sides, units and phrases balanced by construction instead of on average.
    """

    rng: random.Random
    decks: dict[str, tuple[Sequence[Any], list[Any]]] = field(default_factory=dict)

    def draw(self, name: str, items: Sequence[T]) -> T:
        """Next item of the deck called `name`, which is made from `items`.

        Raises:
            ValueError: the deck was made from other items: what is drawn would belong to an earlier call.
        """
        made_from, deck = self.decks.get(name, (items, []))
        if made_from is not items and tuple(made_from) != tuple(items):
            raise ValueError(f"the deck {name!r} was made from other items")
        if not deck:
            deck = list(items)
            self.rng.shuffle(deck)
            self.decks[name] = (items, deck)
        item: T = deck.pop()
        return item

    def choose(self, phrase: str) -> str:
        """Resolve every `[a|b|]` of a phrase."""
        while match := _CHOICE.search(phrase):
            phrase = phrase[: match.start()] + self.rng.choice(match[1].split("|")) + phrase[match.end() :]
        return re.sub(r" {2,}", " ", phrase).strip()


@dataclass(frozen=True, slots=True)
class Bank:
    """Everything the grammar says.

    Attributes:
        phrases: Skill -> form (`do`, `doing`, `done`, `ask`, `ask_room`, `bare`) -> wordings.
        asks: Group -> `answer` (one text), `part` and `whole` wordings.
        declines: The same for what is refused.
        slots: Fillers that only refusals need.
        twins: Kind of doable look-alike -> form -> wordings.
        frames: Openers, joins and orders, by kind.
        rooms: (as said, preposition), as in ("kitchen", "in").
        reserved: Words and word groups that may occur nowhere.
        languages: Code -> phrases and vocabulary of another language.
    """

    phrases: Mapping[str, Mapping[str, tuple[str, ...]]]
    asks: Mapping[str, Mapping[str, Any]]
    declines: Mapping[str, Mapping[str, Any]]
    slots: Mapping[str, tuple[str, ...]]
    twins: Mapping[str, Mapping[str, tuple[str, ...]]]
    frames: Mapping[str, Mapping[str, tuple[str, ...]]]
    vocabulary: Mapping[str, Any]
    rooms: tuple[tuple[str, str], ...]
    nouns: tuple[str, ...]
    adjectives: tuple[str, ...]
    names: tuple[str, ...]
    reserved: tuple[str, ...]
    languages: Mapping[str, Any]


def load_bank(root: Path) -> Bank:
    """Read the bank of a pack.

    Args:
        root: The pack's folder; the bank is in its `training/`, the reserved words in `reserved_words.txt`.

    Raises:
        InputError: a file is missing or is not TOML.
    """
    words = _read(root / "training" / "vocabulary.toml")
    phrases = _read(root / "training" / "phrases.toml")
    refusals = _read(root / "training" / "refusals.toml")
    frames = _read(root / "training" / "frames.toml")
    twins = _read(root / "training" / "twins.toml")
    reserved_path = root / "reserved_words.txt"
    reserved = tuple(line.strip() for line in reserved_path.read_text("utf-8").splitlines() if line.strip())
    rooms = [(room, "in") for room in _split(words["rooms"]["inside"])]
    rooms += [(room, "at") for room in _split(words["rooms"]["at"])]
    return Bank(
        phrases={skill: _forms(forms) for skill, forms in phrases.items()},
        asks={name: _forms(group) for name, group in refusals["ask"].items()},
        declines={name: _forms(group) for name, group in refusals["decline"].items()},
        slots={name: tuple(items) for name, items in refusals["slots"].items()},
        twins={kind: _forms(group) for kind, group in twins.items()},
        frames={kind: _forms(group) for kind, group in frames.items()},
        vocabulary=words,
        rooms=tuple((room, prep) for room, prep in rooms if not is_reserved(room, reserved)),
        nouns=tuple(noun for noun in _split(words["objects"]["nouns"]) if not is_reserved(noun, reserved)),
        adjectives=tuple(words["objects"]["adjectives"].split()),
        names=tuple(words["names"].split()),
        reserved=reserved,
        languages=_read(root / "training" / "languages.toml"),
    )


def is_reserved(text: str, reserved: Sequence[str]) -> bool:
    """True when a reserved word or word group stands in the text, singular or with a plural s."""
    padded = " " + re.sub(r"[^a-z0-9]+", " ", text.lower()) + " "
    return any(f" {word}{end} " in padded for word in reserved for end in ("", "s", "es"))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the phrase bank: {error.strerror}", path=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"not valid TOML: {error}", path=path, hint="see the other phrase files for the form"
        ) from error


def _split(text: str) -> list[str]:
    return [" ".join(item.split()) for item in text.split(";") if item.strip()]


def _forms(group: Mapping[str, Any]) -> dict[str, Any]:
    """The lists of one group; single texts (answers) stay as they are."""
    return {form: items if isinstance(items, str) else tuple(items) for form, items in group.items()}
