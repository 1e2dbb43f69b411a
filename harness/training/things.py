"""Rooms and objects: drawn from the vocabulary, said with their articles, named as the SDK names them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.training.bank import Bank, Dealer, is_reserved

_ROOM_KINDS = ("plain",) * 15 + ("modified",) * 8 + ("numbered",) * 7 + ("owned",) * 6 + ("seldom",) * 14


@dataclass(frozen=True, slots=True)
class Room:
    """A place: how it is said, and the snake_case name of the SDK."""

    said: str
    name: str
    bare: str
    preposition: str = "in"

    @property
    def within(self) -> str:
        """The place as an adverb: "in the kitchen"."""
        return f"{self.preposition} {self.said}"


def draw_room(bank: Bank, dealer: Dealer) -> Room:
    """A room that is no reserved word: plain, with a modifier, numbered, lettered, somebody's, or seldom heard of."""
    kind = dealer.draw("kind of room", _ROOM_KINDS)
    preposition = "in"
    if kind == "numbered":
        noun = dealer.draw("numbered room", bank.vocabulary["rooms"]["numbered"].split("; "))
        mark = str(
            dealer.rng.choice((dealer.rng.randint(1, 20), dealer.rng.randint(1, 9), dealer.rng.randint(100, 420)))
        )
        bare = f"{noun} {mark if dealer.rng.random() < 0.85 else dealer.rng.choice('abcdefgh').upper()}"
        return Room(bare, snake_case(bare), bare, "in" if noun != "gate" else "at")
    if kind == "owned":
        noun = dealer.draw("owned room", bank.vocabulary["rooms"]["owned"].split("; "))
        bare = f"{dealer.draw('owner', bank.names)}'s {noun}"
        return Room(bare, snake_case(bare), bare, "at" if noun in ("desk", "locker") else "in")
    bare, preposition = (_seldom(bank, dealer), "in") if kind == "seldom" else dealer.draw("room", bank.rooms)
    if kind == "modified" and len(bare.split()) < 3:
        bare = f"{dealer.draw('room modifier', bank.vocabulary['rooms']['modifiers'].split())} {bare}"
    if is_reserved(bare, bank.reserved):
        return draw_room(bank, dealer)
    article = "" if dealer.draw("article", (True,) + (False,) * 14) else "the "
    return Room(article + bare, snake_case(bare), bare, preposition)


def _seldom(bank: Bank, dealer: Dealer) -> str:
    """A room that cannot be remembered from other examples, so that its name has to be copied."""
    words = bank.vocabulary["rooms"]
    made = dealer.draw("seldom room", ("unusual", "unusual", "after a thing", "made up", "made up"))
    if made == "unusual":
        return str(dealer.draw("unusual room", words["unusual"].replace("\n", " ").split("; ")))
    noun = dealer.draw("of-name", words["of_names"].split("; "))
    if made == "after a thing":
        return f"{dealer.draw('thing of a room', bank.nouns)} {noun}"
    onsets, nuclei, codas = (words[part].split() for part in ("onsets", "nuclei", "codas"))
    middle = dealer.rng.choice(("", dealer.rng.choice(onsets) + dealer.rng.choice(nuclei)))
    name = dealer.rng.choice(onsets) + dealer.rng.choice(nuclei) + middle + dealer.rng.choice(codas)
    return f"{name} {noun}" if dealer.rng.random() < 0.6 else name


def dock_room(bank: Bank, dealer: Dealer) -> Room:
    """The charging dock as a place."""
    bare = dealer.draw("dock", bank.vocabulary["rooms"]["dock_words"].split("; "))
    return Room(f"the {bare}", "charging_dock", bare, "at")


def snake_case(said: str) -> str:
    """The SDK's room name: apostrophes dropped, lower case, words joined by underscores."""
    return "_".join(re.findall(r"[a-z0-9]+", said.lower().replace("'", "").replace("\u2019", "")))


def draw_object(bank: Bank, dealer: Dealer) -> str:
    """A thing with up to two adjectives, as in "small red ball"."""
    noun = dealer.draw("object", bank.nouns)
    count = dealer.draw("adjectives", (0, 0, 1, 1, 1, 1, 2))
    words = [dealer.draw("adjective", bank.adjectives) for _ in range(count)]
    thing = " ".join([*dict.fromkeys(words), noun])
    return draw_object(bank, dealer) if is_reserved(thing, bank.reserved) else thing


def plural(bank: Bank, thing: str) -> str:
    """English plural of a thing's last word."""
    irregular = bank.vocabulary["objects"]["irregular"]
    for singular, form in irregular.items():
        if thing == singular or thing.endswith(f" {singular}"):
            return thing[: len(thing) - len(singular)] + str(form)
    if re.search(r"(s|x|ch|sh)$", thing):
        return thing + "es"
    return thing[:-1] + "ies" if re.search(r"[^aeiou]y$", thing) else thing + "s"


def a_or_an(thing: str) -> str:
    """The thing with its indefinite article."""
    return f"{'an' if thing[0] in 'aeiou' and not thing.startswith(('uni', 'use')) else 'a'} {thing}"


def object_slots(bank: Bank, dealer: Dealer, thing: str, index: str = "") -> dict[str, str]:
    """All slots that one object can fill."""
    determiner = dealer.draw("determiner", ("the",) * 11 + ("a",) * 6 + ("my", "our", "that", "any"))
    said = a_or_an(thing) if determiner == "a" else f"{determiner} {thing}"
    return {
        f"obj{index}": said,
        f"a_obj{index}": a_or_an(thing),
        f"obj_bare{index}": thing,
        f"objs{index}": plural(bank, thing),
    }


def room_slots(room: Room) -> dict[str, str]:
    """All slots that one room can fill."""
    return {"room": room.said, "in_room": room.within, "room_bare": room.bare}
