"""The words of the phrase bank in `../training/`, and how one of them is drawn."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from harness.files import read_toml
from harness.overlap import is_reserved, read_reserved

T = TypeVar("T")
HERE = Path(__file__).resolve().parents[1]
FILES = ("phrases", "refusals", "reasons", "look_alikes", "twists", "languages", "frames",
         "vocabulary", "quantities", "mix")  # fmt: skip


class Bank:
    """The words of `training/*.toml`, drawn without replacement, so that sides, units and wordings come evenly."""

    def __init__(self, seed: int) -> None:
        self.words: dict[str, Any] = {name: read_toml(HERE / "training" / f"{name}.toml") for name in FILES}
        self.reserved = read_reserved(HERE / "reserved_words.txt")
        self.rng = random.Random(seed)  # noqa: S311  reproducible variety, no secret
        self._items: dict[str, list[str]] = {}
        self._decks: dict[tuple[object, ...], list[Any]] = {}

    def draw(self, items: Sequence[T], deck: str = "") -> T:
        """The next of these items; one list has one deck, or several with names of their own."""
        left = self._decks.setdefault((deck, *items), [])
        if not left:
            left += items
            self.rng.shuffle(left)
        item: T = left.pop()
        return item

    def share(self, table: str, deck: str = "") -> str:
        """One of the names in a table of shares in `mix.toml`."""
        shares: dict[str, int] = self.words["mix"][table]
        return self.draw([name for name, share in shares.items() for _ in range(share)], deck)

    def chance(self, share: float) -> bool:
        """True in this share of the calls."""
        return self.rng.random() < share

    def phrase(self, phrases: Sequence[str], deck: str = "") -> str:
        """One of the phrases, every `[a|b|]` in it resolved."""
        text = self.draw(phrases, deck)
        while choice := re.search(r"\[([^\[\]]*)\]", text):
            text = text[: choice.start()] + self.rng.choice(choice[1].split("|")) + text[choice.end() :]
        return " ".join(text.split())

    def item(self, path: str) -> str:
        """One item of a `;` list of the vocabulary, by table and key: `rooms.inside`."""
        if path not in self._items:
            table, _, key = path.partition(".")
            items = [" ".join(item.split()) for item in self.words["vocabulary"][table][key].split(";") if item.strip()]
            self._items[path] = [item for item in items if not is_reserved(item, self.reserved)]
        return self.draw(self._items[path])

    def name(self) -> str:
        """A first name."""
        return str(self.draw(self.words["vocabulary"]["names"].split()))
