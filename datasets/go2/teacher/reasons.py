"""Why something is declined, and what is asked: about this very command, from the rules in `reasons.toml`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .bank import Bank
from .calls import Calls, quoted

Rules = Sequence[tuple[str, str]]
TURNED = {"your": "my", "yourself": "myself", "you are": "I am", "you're": "I'm", "you": "I", "my": "your", "me": "you",
          "i": "you", "i am": "you are", "i'm": "you're", "us": "you", "we": "you", "our": "your", "mine": "yours",
          "myself": "yourself"}  # fmt: skip
SAID = re.compile(rf"\{{(you|your|yourself)\}}|\b({'|'.join(sorted(TURNED, key=len, reverse=True))})\b", re.IGNORECASE)


def instead(bank: Bank, kind: str, name: str, wording: str, *, form: str = "", values: Mapping[str, str]) -> Calls:
    """The one call that asks or declines, by the first rule whose pattern is in the wording (slots still in braces)."""
    table: Mapping[str, Rules] = bank.words["reasons"][name if name == "foreign" else kind][
        kind if name == "foreign" else name
    ]
    rules = (*table.get("both", ()), *table.get(form, ()))
    found, text = next((found, text) for pattern, text in rules if (found := re.search(pattern, wording)))
    text = bank.phrase([text])
    for n, part in enumerate((found[0], *found.groups(""))):
        text = text.replace(f"{{{n}}}", turned(part))
    text = text.format_map(values)
    text = text[0].upper() + text[1:]
    return (f"self.ask_operator(question={quoted(text)})" if kind == "ask" else f"self.decline(reason={quoted(text)})",)


def turned(words: str) -> str:
    """The user's words from the robot's side: "my" for "your" and the other way round.

    >>> turned("hold {obj} for me until you are told"), turned("bring {yourself} to my desk")
    ('hold {obj} for you until I am told', 'bring myself to your desk')
    """
    words = re.sub(r"(?<=\w )(?:you|\{you\})(?=$| to\b)", "\ue004", words)
    return SAID.sub(lambda m: TURNED[(m[1] or m[2]).lower()], words).replace("\ue004", "me")
