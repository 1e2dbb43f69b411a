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
