"""Text from elsewhere made safe to look at: nothing hidden, nothing that drives a terminal, no API key."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

# Longest piece of model output shown; the journal keeps it all.
SHOWN_CHARACTERS = 20_000

# Cc control, Cf format (bidirectional marks, joiners), Cs surrogate, Co private, Cn unassigned, Zl and Zp separators.
_SPELLED_OUT = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters and marks that show nothing: Hangul fillers, the blank Braille cell, the grapheme joiner.
_BLANK = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0")
_JOINERS = "\u200c\u200d"  # of words and emoji

_LONGEST_REMARK = 300
_LONGEST_NAME = 200
_COMMAND = re.compile(r"^([ \t]*)::", re.MULTILINE)
# OpenAI-style keys and bearer tokens, also as endpoints mask them (`sk-abc***xyz`).
_KEYS = re.compile(r"\b(?:sk|rk|pk)-[\w*.\-]{6,}|(?i:\bbearer\s+)[\w*.\-+/=~]{6,}")
# What looks like a key, password or token: a known beginning, or sixteen characters with letters and digits mixed.
_KEY = re.compile(
    r"\b(?P<known>(?:sk|rk|pk)[-_]|ghp|gho|ghs|hf_|xox[abp]|AKIA|AIza|eyJ)[-_]?[\w.\-]{6,}|(?P<private>PRIVATE KEY)"
    r"|(?<![\w+/=.-])[\w+/=.-]{16,}",
    re.ASCII,
)
_PASSWORD = re.compile(
    r"(?:password|passphrase|passcode|passwort|kennwort|contrase\u00f1a|mot de passe|\bpin\b|\u5bc6\u7801)[^\w]*"
    r"(?:is|ist|lautet|es|est|\u662f)?[^\w]*(\w*\d\w*)",
    re.IGNORECASE,
)
_PARTS = re.compile(r"[^\W_]+")
_MIXED = re.compile(r"[^\W_]*(?:[^\W\d_]\d|\d[^\W\d_])[^\W_]*")
_SPACE_AND_CONTROLS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")


def without(text: str, *secrets: str) -> str:
    """The text without the secrets."""
    for secret in secrets:
        if len(secret) > 3 and secret != "unused":  # noqa: S105  the placeholder where no key is needed
            text = text.replace(secret, "[key]")
    return text


def redact(text: str, *secrets: str) -> str:
    """The text without the secrets and without anything like an API key."""
    return _KEYS.sub("[key]", without(text, *secrets))


def redacted_line(text: str, *secrets: str) -> str:
    """`redact`, as one line of at most 300 characters without control characters: for a log, record or error."""
    text = _SPACE_AND_CONTROLS.sub(" ", redact(text, *secrets)).strip()
    text = text if len(text) <= _LONGEST_REMARK else text[: _LONGEST_REMARK - 1] + "…"
    return "".join(one if one.isprintable() else "?" for one in text)


def is_shown(char: str) -> bool:
    """Whether a character is seen as it is: neither invisible nor controlling. Line ends and tabs are."""
    return char in "\n\t" or (unicodedata.category(char) not in _SPELLED_OUT and char not in _BLANK)


def has_hidden(text: str) -> bool:
    """Whether any character of a text needs to be spelled out."""
    if text.replace("\n", "").replace("\t", "").isprintable() and _BLANK.isdisjoint(text):
        return False
    return not all(map(is_shown, text))


def hidden_character(value: str) -> tuple[int, str] | None:
    """Index and description of the first hidden character in a value; a line end is one, a joiner of emoji is none."""
    for index, char in enumerate("" if value.isprintable() and _BLANK.isdisjoint(value) else value):
        if char in "\n\t" or not (is_shown(char) or char in _JOINERS):
            return index, f"{char!a} ({unicodedata.name(char, f'U+{ord(char):04X}')})"
    return None


def plain_name(name: str) -> str:
    """A name as it stands, where it can be shown anywhere as it is: for pydantic's `AfterValidator`.

    Raises:
        ValueError: it is long, holds something hidden or a line end, or begins as a command to a CI's log does.
    """
    if len(name) > _LONGEST_NAME or hidden_character(name) or name.lstrip().startswith("::") or "##[" in name:
        raise ValueError(f"no plain name of at most {_LONGEST_NAME} characters: {one_line(name, 60)!r}")
    return name


def visible(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    r"""Text with invisible and controlling characters spelled out, and an over-long tail cut and counted.

    >>> visible("a\x1b[31mb\u202ec")
    'a\\x1b[31mb\\u202ec'
    """
    shown = text[:limit]
    if has_hidden(shown):
        shown = "".join(char if is_shown(char) else _spelled(char) for char in shown)
    rest = len(text) - limit
    return shown + (f" [... {rest:,} more characters in the journal]" if rest > 0 else "")


def one_line(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    r"""`visible`, with line ends and tabs spelled out too.

    >>> one_line("a\nb")
    'a\\nb'
    """
    if text.isascii() and text.isprintable() and len(text) <= limit:
        return text
    return visible(text, limit).replace("\n", r"\n").replace("\t", r"\t")


def printable(text: str) -> str:
    """`visible`, without what a CI's log takes for a command: `::error::` at the start of a line, `##[error]`."""
    return _COMMAND.sub(r"\1\\::", visible(text)).replace("##[", r"##\[")


def _spelled(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def keys_in(text: str) -> Iterator[str]:
    """What looks like a key or a password: model text that holds one gives something away."""
    for found in _KEY.finditer(text):
        if found["known"] or found["private"] or any(_MIXED.fullmatch(part) for part in _PARTS.findall(found[0])):
            yield found[0]
    yield from (found[1] for found in _PASSWORD.finditer(text))
