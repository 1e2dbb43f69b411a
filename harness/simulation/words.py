"""Comparing words: object names, and speech by what it says rather than how it is worded."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache

_ARTICLES = frozenset({"the", "a", "an", "my", "your", "our", "his", "her", "their"})

# Words that a sentence can lose or gain and still say the same (English, German, French, Spanish).
_SMALL_WORDS = frozenset(
    re.findall(
        r"\S+",
        "a an the is are am be was were will would shall it its this that these those there here to of in on at "
        "for by and or so please i we you my your our me us now just has have had with as do does "
        "der die das den dem des ein eine einen einem einer und ist sind war im am zum zur bitte ich wir sie es "
        "hat le la les l un une des du de d et est sont aux ce cette il elle nous vous je s ont haben "
        "el los las una unos unas y es son esta estan en del al por favor se ha han que",
    )
)
_IRREGULAR = {
    "person": "people",
    "child": "children",
    "foot": "feet",
    "tooth": "teeth",
    "mouse": "mice",
    "goose": "geese",
}
_NEGATIONS = frozenset(
    {"not", "no", "never", "none", "nobody", "nothing", "without"}  # English
    | {"nicht", "kein", "keine", "keinen", "nie", "ne", "pas", "jamais", "nunca", "sin", "ohne"}
    | {"不", "没", "别", "未", "无"}
)
_DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_NUMBERS = {word: str(number) for number, word in enumerate(_DIGITS)}
_TOKEN = re.compile(r"[぀-ヿ㐀-鿿]|[^\W_぀-ヿ㐀-鿿]+")  # CJK writes no spaces: each character is a word


@lru_cache(maxsize=4096)
def object_words(name: str) -> str:
    """An object name without case, articles and underscores: `The_red ball` and `red ball` are the same."""
    words = name.casefold().replace("_", " ").split()
    while len(words) > 1 and words[0] in _ARTICLES:
        del words[0]
    return " ".join(words)


@lru_cache(maxsize=4096)
def place_words(name: str) -> str:
    """A name of a place as its words: `Room_twelve` and `room 12` are the same."""
    return " ".join(tokens(name))


@lru_cache(maxsize=4096)
def same_object(one: str, other: str) -> bool:
    """Whether two names are of one kind of thing: also where one is the plural of the other (English)."""
    first, second = object_words(one).split(), object_words(other).split()
    if not first or len(first) != len(second):
        return first == second
    # What is counted is the last word, or the one before "of": suits of armour.
    head = first.index("of", 1) - 1 if "of" in first[1:] else len(first) - 1
    a, b = first.pop(head), second.pop(head)
    return first == second and (a == b or b in _plurals(a) or a in _plurals(b))


def _plurals(word: str) -> tuple[str, ...]:
    """What an English noun may be in the plural."""
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


def tokens(text: str) -> list[str]:
    """Words of a text: no case, accents or punctuation, number words up to twelve as digits, n't as not."""
    folded = re.sub(r"\bcan'?t\b|\bcannot\b", "can not", text.casefold().replace("\u2019", "'"))
    folded = re.sub(r"\bwon't\b", "will not", folded).replace("n't", " not")
    plain = "".join(char for char in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(char))
    return [_NUMBERS.get(word, word) for word in _TOKEN.findall(plain)]


def containing(parts: Sequence[str | Sequence[str]]) -> Callable[[str], bool]:
    """A test that a text holds each part (or one of the parts of an inner list), and no negation of its own."""
    choices = [[tokens(choice) for choice in ((part,) if isinstance(part, str) else part)] for part in parts]
    negated = {word for choice in choices for words in choice for word in words if word in _NEGATIONS}

    def holds(text: str) -> bool:
        words = tokens(text)
        if any(word in _NEGATIONS and word not in negated for word in words):
            return False
        return all(any(_phrase_in(phrase, words) for phrase in choice) for choice in choices)

    return holds


def saying_the_same(reference: str) -> Callable[[str], bool]:
    """A test that a text says what the reference says.

    The content words of the reference are there, numbers in the same order and no others, as many negations, and
    at most half as many further content words (three at least).
    """
    wanted = tokens(reference)
    content = {word for word in wanted if word not in _SMALL_WORDS} or set(wanted)
    numbers = [word for word in wanted if word.isdigit()]
    negations = sum(word in _NEGATIONS for word in wanted)
    room = max(3, len(content) // 2)

    def holds(text: str) -> bool:
        if text == reference:
            return True
        words = tokens(text)
        found = set(words)
        return (
            content <= found
            and [word for word in words if word.isdigit()] == numbers
            and sum(word in _NEGATIONS for word in words) == negations
            and len({word for word in found if word not in _SMALL_WORDS} - content) <= room
        )

    return holds


def _phrase_in(phrase: Sequence[str], words: Sequence[str]) -> bool:
    length = len(phrase)
    first = phrase[0] if phrase else ""
    return not phrase or any(
        word == first and list(words[start : start + length]) == list(phrase) for start, word in enumerate(words)
    )
