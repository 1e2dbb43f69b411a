"""Quantities, places and things: what people say for one, and what the SDK is given."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from .bank import Bank

ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
        "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")  # fmt: skip
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def in_words(value: int) -> str:
    """A whole number below 1000 in English words."""
    if value < len(ONES):
        return ONES[value]
    if value < 100:
        return TENS[value // 10 - 2] + (f"-{ONES[value % 10]}" if value % 10 else "")
    return f"{ONES[value // 100]} hundred" + (f" and {in_words(value % 100)}" if value % 100 else "")


def quantity(bank: Bank, kind: str, most: float = math.inf, deck: str = "") -> tuple[str, float]:
    """What people say for a quantity of at most `most`, and its value in the SDK's unit."""
    ways = bank.words["quantities"][kind]
    fitting = [
        [value for value in way.get("values", way.get("words")) if _value(way, value) <= most + 1e-9] for way in ways
    ]
    at = bank.draw([n for n, way in enumerate(ways) for _ in range(way["share"]) if fitting[n]], deck + kind)
    way = ways[at]
    if "words" in way:
        said, value = fitting[at][bank.draw(range(len(fitting[at])), f"{deck}{kind}{at}")]
        return str(said), float(value)
    shown, form = bank.draw(fitting[at], f"{deck}{kind}{at}"), bank.draw(way["say"], f"{kind}{at}")
    whole_word = re.search(r"\{\}( |$)", form) and shown == int(shown) < 1000
    text = form.format(in_words(int(shown)) if whole_word and bank.chance(0.33) else f"{shown:g}")
    if shown == 1:
        text = re.sub(r"(?<=[a-z]{3})s\b", "", text, count=1).replace("feet", "foot")
    return text, _value(way, shown)


def _value(way: Mapping[str, Any], value: Any) -> float:
    return float(value[1] if "words" in way else value * way.get("unit", 1))


# Typing noise leaves marked texts alone: the letters of slots (mostly), letters and capitals of what is to be spoken.
SLOT, EXACT = "\ue002{}\ue003", "\ue000{}\ue001"


def place(bank: Bank) -> tuple[str, dict[str, str]]:
    """A room's name for the SDK and what fills the slots of a phrase; a third can only be copied, not learnt."""
    kind, article, preposition = bank.share("room"), "the ", "in"
    if bank.chance(0.04):
        bare, preposition = bank.item("rooms.dock_words"), "at"
        return "charging_dock", {"room": f"the {bare}", "in_room": f"at the {bare}", "room_bare": bare}
    if kind == "numbered":
        low, high = bank.draw(((1, 9), (1, 9), (1, 9), (1, 40), (1, 40), (100, 999), (100, 999), (0, 0), (1, 30)))
        letter = bank.rng.choice("ABCDEFGH") if high in (0, 30) else ""
        bare, article = f"{bank.item('rooms.numbered')} {letter}{bank.rng.randint(low, high) or ''}", ""
    elif kind == "owned":
        owner = bank.item("rooms.owners") if bank.chance(0.2) else bank.name()
        bare, article = f"{owner.removeprefix('the ')}'s {bank.item('rooms.owned')}", "the " * owner.startswith("the ")
    elif kind == "purpose":
        bare = f"{bank.item('objects.nouns')} {bank.item('rooms.purposes')}"
    elif kind == "coined":
        syllables = bank.words["vocabulary"]["rooms"]["syllables"].split()
        bare = "".join(bank.rng.choice(syllables) for _ in range(bank.rng.randint(2, 3))).capitalize()
        bare, article = (bare, "") if bank.chance(0.1) else (f"{bare} {bank.item('rooms.coined')}", article)
    else:
        preposition = bank.draw(("in", "in", "in", "in", "at"))
        bare = bank.item("rooms.inside" if preposition == "in" else "rooms.at")
        if kind == "modified" and len(bare.split()) < 3:
            bare = f"{bank.draw(bank.words['vocabulary']['rooms']['modifiers'].split())} {bare}"
        article = "" if bank.chance(1 / 15) else article
    name = "_".join(re.findall(r"[a-z0-9]+", bare.lower().replace("'", "")))
    said = article + bare
    if len(name) > 40:
        return place(bank)
    return name, {"room": said, "in_room": f"{preposition} {said}", "room_bare": bare}


def thing(bank: Bank) -> tuple[str, dict[str, str]]:
    """An object's name for the SDK and what fills the slots of a phrase."""
    objects = bank.words["vocabulary"]["objects"]
    noun = bank.item("objects.nouns")
    noun = f"{noun} {bank.item('objects.holders')}" if " " not in noun and bank.chance(0.1) else noun
    adjectives = [bank.draw(objects["adjectives"].split()) for _ in range(bank.draw((0, 0, 1, 1, 1, 1, 2)))]
    bare = " ".join([*dict.fromkeys(adjectives), noun])
    vowel = re.match(r"(?!uni|use|usb|uti|uku|eu|one\b|once|ura)[aeiou]|hour|heir|honest|x-ray", bare)
    ending = next((one for one in objects["irregular"] if re.search(rf"(^| ){one}$", bare)), "")
    plural = bare + "es" if re.search(r"(s|x|ch|sh)$", bare) else re.sub(r"(?<=[^aeiou])y$", "ie", bare) + "s"
    plural = bare.removesuffix(ending) + objects["irregular"][ending] if ending else plural
    article = ("an " if vowel else "a ") + bare
    said = bank.draw((*["the {}"] * 11, *["a"] * 6, "my {}", "our {}", "that {}", "any {}"))
    return bare, {
        "obj": article if said == "a" else said.format(bare),
        "a_obj": article,
        "obj_bare": bare,
        "objs": plural,
    }
