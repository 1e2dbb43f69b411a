"""Makes text from elsewhere fit for a log, record or terminal: no key, no control characters, one short line."""

from __future__ import annotations

import re

_LONGEST = 300
# OpenAI-style keys and bearer tokens, also as endpoints mask them (`sk-abc***xyz`).
_KEYS = re.compile(r"\b(?:sk|rk|pk)-[\w*.\-]{6,}|(?i:\bbearer\s+)[\w*.\-+/=~]{6,}")
_SPACE_AND_CONTROLS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")


def redact(text: str, *secrets: str) -> str:
    """The text without the secrets and without anything like a key."""
    for secret in secrets:
        if len(secret) > 3 and secret != "unused":  # noqa: S105  the placeholder where no key is needed
            text = text.replace(secret, "[key]")
    return _KEYS.sub("[key]", text)


def scrub(text: str, *secrets: str) -> str:
    """One line of at most 300 characters without the secrets, anything like a key, or control characters."""
    text = _SPACE_AND_CONTROLS.sub(" ", redact(text, *secrets)).strip()
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return "".join(one if one.isprintable() else "?" for one in text)
