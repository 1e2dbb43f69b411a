"""Rooms and objects: drawn from the vocabulary, said with their articles, named as the SDK names them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.training.bank import Bank, Dealer, is_reserved

_ROOM_KINDS = (
    ("plain",) * 15 + ("modified",) * 7 + ("numbered",) * 7 + ("owned",) * 6 + ("purpose",) * 4 + ("coined",) * 3
)
# What a room for things is called ("the piano store"), and what can have a coined name ("the Velmora suite").
_PURPOSE_NOUNS = (
    "room", "room", "store", "cupboard", "shop", "workshop", "corner", "area", "depot", "hall", "closet", "lab",
)  # fmt: skip
_COINED_NOUNS = ("room", "hall", "suite", "lab", "wing", "building", "office", "studio", "lounge", "pavilion", "")
_SYLLABLES = [
    "ba", "bel", "bri", "co", "da", "del", "do", "fen", "ga", "gor", "hel", "ka", "kel", "ko", "lan", "lo", "lu",
    "mar", "mi", "mor", "na", "nel", "or", "pa", "qui", "ra", "rin", "so", "tal", "ter", "va", "vel", "vo", "yor",
    "za", "zen",
]  # fmt: skip
_OWNERS = ("the manager", "the nurse", "the director", "the caretaker", "the principal", "the owner", "the janitor",
           "Dr Wu", "Dr Adams", "Mrs Brown", "Mr Patel", "Professor Hahn", "Ms Okoro", "grandpa",
           "the chef")  # fmt: skip
_HOLDERS = ("box", "bag", "case", "holder", "stand", "cover", "rack", "crate", "catalogue", "part", "model", "handle")
_LONGEST_NAME = 40  # characters of a room's name, by the profile


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
    """A room that is no reserved word: plain, with a modifier, numbered, lettered, somebody's, or unheard of."""
    kind = dealer.draw("kind of room", _ROOM_KINDS)
    preposition = "in"
    if kind == "numbered":
        noun = dealer.draw("numbered room", bank.vocabulary["rooms"]["numbered"].split("; "))
        bare = f"{noun} {_mark(dealer)}"
        return Room(bare, snake_case(bare), bare, "in" if noun != "gate" else "at")
    if kind == "owned":
        noun = dealer.draw("owned room", bank.vocabulary["rooms"]["owned"].split("; "))
        if dealer.draw("titled owner", (True, False, False, False, False)):
            said = f"{dealer.draw('owner by title', _OWNERS)}'s {noun}"
            bare = said.removeprefix("the ")
            return Room(said, snake_case(bare), bare, "at" if noun in ("desk", "locker") else "in")
        bare = f"{dealer.draw('owner', bank.names)}'s {noun}"
        return Room(bare, snake_case(bare), bare, "at" if noun in ("desk", "locker") else "in")
    if kind in ("purpose", "coined"):
        return _unheard_of(bank, dealer, kind)
    bare, preposition = dealer.draw("room", bank.rooms)
    if kind == "modified" and len(bare.split()) < 3:
        bare = f"{dealer.draw('room modifier', bank.vocabulary['rooms']['modifiers'].split())} {bare}"
    if is_reserved(bare, bank.reserved):
        return draw_room(bank, dealer)
    article = "" if dealer.draw("article", (True,) + (False,) * 14) else "the "
    return Room(article + bare, snake_case(bare), bare, preposition)


def _mark(dealer: Dealer) -> str:
    """A room's number, letter, or both ("B12")."""
    kind = dealer.draw("kind of mark", ("low", "low", "low", "teens", "teens", "high", "high", "letter", "both"))
    letter = dealer.rng.choice("ABCDEFGH")
    if kind == "letter":
        return letter
    limits = {"low": (1, 9), "teens": (1, 40), "high": (100, 999), "both": (1, 30)}[kind]
    return f"{letter if kind == 'both' else ''}{dealer.rng.randint(*limits)}"


def _unheard_of(bank: Bank, dealer: Dealer, kind: str) -> Room:
    """A room whose name cannot be known by heart, only copied."""
    if kind == "purpose":
        bare = f"{dealer.draw('purpose', bank.nouns)} {dealer.draw('purpose noun', _PURPOSE_NOUNS)}"
    else:
        coined = "".join(dealer.rng.choice(_SYLLABLES) for _ in range(dealer.rng.randint(2, 3))).capitalize()
        bare = f"{coined} {dealer.draw('coined noun', _COINED_NOUNS)}".strip()
    if is_reserved(bare, bank.reserved) or len(bare) > _LONGEST_NAME:
        return draw_room(bank, dealer)
    return Room(bare if " " not in bare else f"the {bare}", snake_case(bare), bare)


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
    if " " not in noun and dealer.draw("compound object", (True,) + (False,) * 9):
        # Two known nouns that seldom go together: the name must be copied.
        noun = f"{noun} {dealer.draw('holder', _HOLDERS)}"
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
    vowel = thing[0].lower() in "aeiou" and not re.match(r"(uni|use|usb|uti|uku|eu|one\b|once|ura)", thing.lower())
    return f"{'an' if vowel or re.match(r'(hour|heir|honest|x-ray)', thing.lower()) else 'a'} {thing}"


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
