"""Words of a text: without case, accents and common endings, so that five languages need one rule and no dictionary."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

LONGEST_WORD = 40
_CJK = "\u3040-\u30ff\u3400-\u9fff"  # they write no spaces: each character is a word
_WORD = re.compile(
    rf"(\d+(?:[.,:]\d+)*)|([{_CJK}]|[^\W\d_{_CJK}]+)|([.!?;:,\u2026\u3002\uff0c\uff01\uff1f\uff1b\uff1a\u3001\n])"
)
_NEGATED = ((re.compile(r"\bcan'?t\b|\bcannot\b"), "can not"), (re.compile(r"\bwon't\b"), "will not"))
_SHORT = {"n't": " not", "'ve": " have", "'m": " am", "'ll": " will", "'re": " are"}
_ENDINGS = re.compile("(ations?|ings?|ungen|ung|ions?|ied|ies|ers?|ed|en|em|et|es|te|ly|as|os|(?<!s)s|[eyao])$")


def clauses_of(text: str) -> list[list[str]]:
    """Words of a text without case and accents, parted at its punctuation; n't as not."""
    text = text.casefold().replace("\u2019", "'")
    if "'" in text or "cannot" in text:
        for pattern, whole in _NEGATED:
            text = pattern.sub(whole, text)
        for short, whole in _SHORT.items():
            text = text.replace(short, whole)
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    clauses: list[list[str]] = [[]]
    for number, word, _ in _WORD.findall(text):
        if word or number:
            clauses[-1].append(number or word[:LONGEST_WORD])
        elif clauses[-1]:
            clauses.append([])
    return clauses if clauses[-1] else clauses[:-1]


def words_of(text: str) -> list[str]:
    """All words of a text, as `clauses_of`."""
    return [word for clause in clauses_of(text) for word in clause]


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """A word without a common ending: `running` and `runs` are `run`."""
    if len(word) <= 3 or not word.isalpha() or word >= "\u3040":
        return word
    if found := _ENDINGS.search(word, 3):
        cut = found.start()
        if cut == 3 and (found[0] not in ("s", "e", "ed", "ing", "ings") or word.startswith("not")):
            cut = len(word) - (found[0] == "es")  # "note" is not "not"
        word = word[:cut]
    if len(word) > 4 and word[-1] in "yie":  # "carrying" and "carry" are "carr"
        return word[:-1]
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] in "bdgmnpt" else word


def within(part: Sequence[str], whole: Sequence[str]) -> int | None:
    """Where words stand in others, one after the other; None where they do not."""
    size = len(part)
    return next((at for at in range(len(whole) - size + 1) if list(whole[at : at + size]) == list(part)), None)
