"""How commands are typed: capitals and full stops, or neither; fillers, short forms, slips of the finger."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from harness.training.bank import Dealer

_PROTECTED = re.compile("(\ue000.*?\ue001|\ue002.*?\ue003)", re.DOTALL)
_SPEECH = re.compile("(\ue000.*?\ue001)", re.DOTALL)
_MARKS = re.compile("[\ue000-\ue003]")
_SHORT = {"please": "pls", "you": "u", "and": "&", "to": "2", "your": "ur", "want to": "wanna", "then": "thn",
          "are": "r", "going to": "gonna"}  # fmt: skip
_FILLERS = (
    "um", "uh", "well", "you know", "like", "I mean", "so", "ok so", "hmm", "let me think", "er", "erm", "basically",
)  # fmt: skip
_SLIPS_ONLY_IN = 4  # letters; shorter words would turn into other words
_GLUED, _DOUBLED = 0.3, 0.2
_SLIPS_IN_SLOTS = 0.35  # rooms, things and units are mistyped too; the answer keeps the right name
# A slip in these could change what is meant.
_NO_SLIPS = frozenset((
    "left", "right", "slow", "slowly", "quickly", "four", "five", "nine", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "then", "twenty", "thirty", "forty",
    "fifty", "sixty", "seventy", "eighty", "ninety", "zero", "three", "seven", "eight", "half", "once", "twice",
    "third",
))  # fmt: skip
_NEAR = {"a": "s", "e": "wr", "i": "uo", "o": "ip", "u": "yi", "r": "et", "t": "ry", "n": "bm", "s": "ad", "d": "sf",
         "l": "k", "m": "n", "c": "xv", "h": "gj", "g": "fh"}  # fmt: skip


def typed(text: str, dealer: Dealer) -> str:
    """The command as somebody types it; slot texts keep their letters, spoken texts also their capitals."""
    manner = dealer.draw(
        "typing",
        ("clean",) * 22
        + ("lower",) * 6
        + ("bare",) * 5
        + ("slips",) * 7
        + ("filler", "filler", "short", "short", "spaces", "capitals"),
    )
    rng = dealer.rng
    if manner == "slips":
        text = _slips(text, rng)
    elif manner == "filler":
        text = (
            f"{rng.choice(_FILLERS)}, {text}"
            if rng.random() < 0.5
            else _outside(text, lambda part: _hesitate(part, rng))
        )
    elif manner == "short":
        text = _outside(text, lambda part: _shorten(part, rng))
    text = _sentences(text)
    if manner in ("lower", "bare"):
        text = "".join(part if _SPEECH.match(part) else part.lower() for part in _SPEECH.split(text))
    if manner == "capitals" and "\ue000" not in text:
        text = text.upper()
    if manner == "bare":
        text = _outside(text, lambda part: re.sub(r"[.,;:!]+(?= |$)", "", part))
    elif not re.search(r"[.?!]\W*$", text) and rng.random() < 0.8:
        text += "." if rng.random() < 0.93 else "!"
    text = re.sub(r" {2,}", " ", text).strip()
    if manner == "spaces":
        text = _outside(text, lambda part: _space(part, rng))
    return _MARKS.sub("", text).strip()


def _outside(text: str, change: Callable[[str], str]) -> str:
    parts = _PROTECTED.split(text)
    return "".join(part if index % 2 else change(part) for index, part in enumerate(parts))


def _slips(text: str, rng: random.Random) -> str:
    """Slips in the words around the slots, sometimes in a slot as well, and sometimes all in lower case."""
    text = (
        re.sub(r"(?<=[a-z])'(?=(m|re|d|ve|ll|t)\b)", "", text) if rng.random() < 0.3 and "\ue000" not in text else text
    )
    in_slots = rng.random() < _SLIPS_IN_SLOTS
    parts = _PROTECTED.split(text)
    for index, part in enumerate(parts):
        free = index % 2 == 0 or (in_slots and part.startswith("\ue002") and "\ue000" not in part)
        parts[index] = _slip(part, rng) if free else part
    text = "".join(parts)
    if rng.random() < 0.4:
        text = "".join(part if _SPEECH.match(part) else part.lower() for part in _SPEECH.split(text))
    return text


def _sentences(text: str) -> str:
    """A capital at the start of each sentence and nothing else."""
    return re.sub(r"(^|[.?!] )([\ue000-\ue003]*)([a-z])", lambda m: m[1] + m[2] + m[3].upper(), text)


def _slip(part: str, rng: random.Random) -> str:
    words = part.split(" ")
    places = [
        index
        for index, word in enumerate(words)
        if word.isalpha() and word.islower() and len(word) >= _SLIPS_ONLY_IN and word not in _NO_SLIPS
    ]
    if not places or rng.random() < 0.3:
        return part
    index = rng.choice(places)
    word = words[index]
    at = rng.randrange(1, len(word) - 1)
    swap, drop, double = (
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
    )
    near = _NEAR.get(word[at], "")
    hit = word[:at] + rng.choice(near) + word[at + 1 :] if near else swap
    words[index] = rng.choice((swap, swap, drop, drop, double, hit))
    return " ".join(words)


def _space(part: str, rng: random.Random) -> str:
    """Double spaces, and none after a comma."""
    part = part.replace(", ", ",") if rng.random() < _GLUED else part
    return re.sub(" ", lambda _: "  " if rng.random() < _DOUBLED else " ", part)


def _hesitate(part: str, rng: random.Random) -> str:
    spots = [match.start() for match in re.finditer(r"(?<=\w) (and|then|to|after) ", part)]
    if not spots:
        return part
    at = rng.choice(spots)
    return f"{part[:at]}, {rng.choice(_FILLERS)},{part[at:]}"


def _shorten(part: str, rng: random.Random) -> str:
    for long, short in _SHORT.items():
        if rng.random() < 0.6:
            # Not "to 2": before a slot, which may be a number, "to" stays.
            part = re.sub(rf"\b{long}\b(?= [a-z])" if long == "to" else rf"\b{long}\b", short, part)
    return part
