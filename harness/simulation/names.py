"""Comparing names: of objects, in singular and plural, and of places, whose numbers may be spelled (English)."""

from __future__ import annotations

from functools import lru_cache
from itertools import product

from harness.simulation.words import object_words

_UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_IRREGULAR = {
    "person": "people",
    "child": "children",
    "foot": "feet",
    "tooth": "teeth",
    "mouse": "mice",
    "goose": "geese",
}


@lru_cache(maxsize=4096)
def same_object(one: str, other: str) -> bool:
    """Whether two names are of one kind of thing: also where one is the plural of the other."""
    first, second = object_words(one).split(), object_words(other).split()
    if not first or len(first) != len(second):
        return first == second
    # What is counted is the last word, or the one before "of": suits of armour.
    head = first.index("of", 1) - 1 if "of" in first[1:] else len(first) - 1
    a, b = first.pop(head), second.pop(head)
    return first == second and (a == b or b in _plurals(a) or a in _plurals(b))


def _plurals(word: str) -> tuple[str, ...]:
    """What a noun may be in the plural."""
    if word in _IRREGULAR:
        return (_IRREGULAR[word],)
    if word.endswith("man"):
        return word[:-2] + "en", word + "s"  # fireman, German
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return (word + "es",)
    if word.endswith("y") and word[-2:-1] not in set("aeiou"):
        return (word[:-1] + "ies",)
    if word.endswith(("f", "fe")):
        return word.removesuffix("e")[:-1] + "ves", word + "s"
    return (word + "s", word + "es") if word.endswith("o") else (word + "s",)


def place_words(name: str) -> str:
    """A name of a place as its words, without case and underscores."""
    return " ".join(name.casefold().replace("_", " ").split())


@lru_cache(maxsize=4096)
def place_names(room: str) -> frozenset[str]:
    """The words of a room's name, its numbers in digits or spelled: `suite_101` is suite one hundred and one."""
    return frozenset(map(" ".join, product(*(_spelled(word) for word in place_words(room).split()))))


def _spelled(word: str) -> tuple[str, ...]:
    """A word, and where it is a number below a thousand how it may be said."""
    if not (word.isascii() and word.isdigit() and len(word) <= 3):
        return (word,)
    hundreds, rest = divmod(int(word), 100)
    tens, unit = divmod(rest, 10)
    said = _UNITS[rest] if rest < len(_UNITS) else f"{_TENS[tens - 2]} {_UNITS[unit]}" if unit else _TENS[tens - 2]
    digits = " ".join(_UNITS[int(digit)] for digit in word)
    if not hundreds:
        return word, said, digits
    full = f"{_UNITS[hundreds]} hundred"
    wholes = (f"{full} {said}", f"{full} and {said}") if rest else (full,)
    return (word, *wholes, digits, digits.replace("zero", "oh"))
