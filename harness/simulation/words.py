"""Comparing words: object names, speech that is asked for word by word, and speech that is only told."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from harness.simulation.lexicon import Lexicon
from harness.simulation.stems import within

_ARTICLES = frozenset({"the", "a", "an", "my", "your", "our", "his", "her", "their"})
_EXACT = frozenset("{}[]<>`_=#|\\~^")  # a text with one of them is code, data or a tag, and compared as it stands
_CJK = "\u3040-\u30ff\u3400-\u9fff"
_CODE = re.compile(  # a letter with a digit behind it, or a digit with more than a unit behind it
    rf"[/@*+$]|[^\W\d_{_CJK}][\w.:-]*\d|\d[\w.:-]*[A-Z]"
)
_SPOKEN = re.compile(rf"\d+(?:[.,:]\d+)*|[{_CJK}]|[^\W\d_{_CJK}]+(?:'[^\W\d_]+)*|\S")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_SAYS = frozenset("%&\u00a7\u2030\u2020")  # punctuation by Unicode, but read aloud
_QUESTION = re.compile(r"[?\uff1f]")
_STRANGERS = 1  # word that neither the case nor the command has


@lru_cache(maxsize=4096)
def object_words(name: str) -> str:
    """An object name without case, articles and underscores: `The_red ball` and `red ball` are the same."""
    words = name.casefold().replace("_", " ").split()
    while len(words) > 1 and words[0] in _ARTICLES:
        del words[0]
    return " ".join(words)


def verbatim(reference: str, lexicon: Lexicon) -> Callable[[str], bool]:
    """A test that a text is the reference word by word.

    Free are case, punctuation, the Unicode form, and digits against number words; code, data and tags are exact.
    """
    wanted = _as_spoken(reference, lexicon)
    return lambda text: text == reference or _as_spoken(text, lexicon) == wanted


@lru_cache(maxsize=4096)
def _as_spoken(text: str, lexicon: Lexicon) -> tuple[str, ...]:
    """The words of a text as they are heard; a text that is code as the one word that it is."""
    text = unicodedata.normalize("NFC", text).strip()
    chunks = text.split()
    if not _EXACT.isdisjoint(text) or (len(chunks) == 1 and _CODE.search(text)):
        return (text,)
    words: list[str] = []
    for chunk in chunks:
        bare = _without_edges(chunk) or chunk
        if _CODE.search(bare):
            words.append(bare)
        else:
            plain = unicodedata.normalize("NFKC", chunk).casefold().replace("\u2019", "'")
            found = _SPOKEN.findall(unicodedata.normalize("NFC", _THOUSANDS.sub("", plain)))
            words += [word for word in found if word in _SAYS or not unicodedata.category(word[0]).startswith("P")]
    return tuple(lexicon.with_digits(words))


def _without_edges(chunk: str) -> str:
    start, end = 0, len(chunk)
    while start < end and unicodedata.category(chunk[start]).startswith("P"):
        start += 1
    while start < end and unicodedata.category(chunk[end - 1]).startswith("P"):
        end -= 1
    return chunk[start:end]


def telling(
    must: Sequence[Sequence[str]],
    lexicon: Lexicon,
    *,
    may: Iterable[str] = (),
    wording: str = "",
    others: Iterable[str] = (),
    command: str = "",
    closed: bool = True,
) -> Callable[[str], bool]:
    """A test that a text tells something in words of its own.

    It holds one phrase of each choice of `must`, no word that changes the sense or negates and no number but those of
    the case, and where `closed` few further words with content, none in a clause of its own.

    `may` are further phrases that may be there, `wording` is the reference's own; words of `command` may be there, but
    neither its negations nor what only `others`, the case's other lines, tell. A question is no news of the robot.
    """
    choices = [[lexicon.stems(phrase) for phrase in choice] for choice in must]
    own = [*(phrase for choice in must for phrase in choice), *may, wording]
    told = frozenset(one for phrase in own for one in lexicon.stems(phrase))
    known = told.union({*lexicon.stems(command)}.difference(*map(lexicon.stems, others)))
    languages = lexicon.language(wording or " ".join(own))
    asks = bool(_QUESTION.search(wording))
    turns, negations = (frozenset(f"{table}.{one}" for one in languages) for table in ("turns", "negations"))

    def holds(text: str) -> bool:
        said = lexicon.stems(text)
        if not all(any(within(phrase, said) is not None for phrase in choice) for choice in choices):
            return False
        if asks and not _QUESTION.search(text):
            asking = any("asks" in one.tags for clause in lexicon.spoken(text) for one in clause)
            mine = {f"me.{one}" for one in languages}
            if not asking and any(not mine.isdisjoint(lexicon.phrases.get((word,), ())) for word in said):
                return False
        strangers = 0
        for clause in lexicon.clauses(text):
            before, matter = strangers, False
            negated = any(not negations.isdisjoint(one.tags) for one in clause)
            for words, tags in clause:
                if not negations.isdisjoint(tags):
                    if not told.issuperset(words):
                        return False
                elif known.issuperset(words):
                    matter = matter or tags.isdisjoint(("small", "polite"))
                elif not turns.isdisjoint(tags) or any(word[0].isdigit() and word != "1" for word in words):
                    return False
                else:
                    strangers += not (tags & {"small", "polite"} or words == ("1",))
            # "Forget what I said." is about nothing that is told, and "Not really." denies it.
            if not matter and (negated or (closed and strangers > before)):
                return False
        return strangers <= _STRANGERS or not closed

    return holds
