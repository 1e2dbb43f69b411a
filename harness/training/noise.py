"""How commands are typed: capitals and full stops, or neither; fillers, short forms, slips of the finger."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from harness.training.bank import Dealer

_PROTECTED = re.compile("(\ue000.*?\ue001|\ue002.*?\ue003)", re.DOTALL)
_SPEECH = re.compile("(\ue000.*?\ue001)", re.DOTALL)
_MARKS = re.compile("[\ue000-\ue003]")
_SHORT = {
    "please": "pls",
    "you": "u",
    "and": "&",
    "to": "2",
    "your": "ur",
    "want to": "wanna",
    "then": "thn",
    "are": "r",
    "going to": "gonna",
}
_FILLERS = ("um", "uh", "well", "you know", "like", "I mean", "so", "ok so", "hmm", "let me think", "right")
_SLIPS_ONLY_IN = 4  # letters; shorter words would turn into other words


def typed(text: str, dealer: Dealer) -> str:
    """The command as somebody types it; slot texts keep their letters, spoken texts also their capitals."""
    manner = dealer.draw(
        "typing",
        ("clean",) * 12 + ("lower",) * 3 + ("bare",) * 2 + ("slips",) * 2 + ("filler", "short", "spaces", "capitals"),
    )
    rng = dealer.rng
    if manner == "slips":
        text = _outside(text, lambda part: _slip(part, rng))
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
    text = _MARKS.sub("", text)
    return re.sub(r" {2,}", " ", text).strip() if manner != "spaces" else text.strip().replace(" ", "  ", 2)


def _outside(text: str, change: Callable[[str], str]) -> str:
    parts = _PROTECTED.split(text)
    return "".join(part if index % 2 else change(part) for index, part in enumerate(parts))


def _sentences(text: str) -> str:
    """A capital at the start of each sentence and nothing else."""
    return re.sub(r"(^|[.?!] )([\ue000-\ue003]*)([a-z])", lambda m: m[1] + m[2] + m[3].upper(), text)


def _slip(part: str, rng: random.Random) -> str:
    words = part.split(" ")
    places = [
        index
        for index, word in enumerate(words)
        if word.isalpha() and len(word) >= _SLIPS_ONLY_IN and word not in ("left", "right", "slow", "slowly", "quickly")
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
    words[index] = rng.choice((swap, drop, double))
    return " ".join(words)


def _hesitate(part: str, rng: random.Random) -> str:
    spots = [match.start() for match in re.finditer(r"(?<=\w) (and|then|to|after) ", part)]
    if not spots:
        return part
    at = rng.choice(spots)
    return f"{part[:at]}, {rng.choice(_FILLERS)},{part[at:]}"


def _shorten(part: str, rng: random.Random) -> str:
    for long, short in _SHORT.items():
        if rng.random() < 0.6:
            part = re.sub(rf"\b{long}\b", short, part)
    return part
