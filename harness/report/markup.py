"""Model text as HTML: escaped, with invisible and reordering characters spelled out, and marked where it matters."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from harness.checks import Finding
from harness.text import has_hidden, is_shown, visible

# Characters; a longer marked stretch gets a bar at its side, since so much underlining is hard to read.
LONG_MARK = 160

# Text, code of the finding that marks it or "", whether it differs from the other model's.
Piece = tuple[str, str, bool]


def shown(text: str, limit: int = 2_000) -> Markup:
    """Text to stand between tags, never in an attribute: cut at `limit` characters with a note.

    Hidden characters become marked escapes, so that they cannot be taken for a backslash that the model wrote.
    """
    return Markup(_shown(text[:limit]) + left_out(len(text) - limit))  # noqa: S704  escaped below


def left_out(count: int) -> str:
    """A note that this many characters are not shown; nothing for none."""
    return f' <span class="cut">[… {count:,} more characters]</span>' if count > 0 else ""


def marked(pieces: Iterable[Piece], cut: int = 0) -> Markup:
    """Pieces of a text, findings and changes marked, with a note on what was cut off at the end."""
    parts = []
    for text, code, differs in pieces:
        inner = _shown(text)
        if code:
            long = ' class="w"' if len(text) > LONG_MARK else ""
            inner = f'<mark{long} title="{_escaped(code)}">{inner}</mark>'
        elif differs:
            inner = f"<em>{inner}</em>"
        parts.append(inner)
    return Markup("".join(parts) + left_out(cut))  # noqa: S704  escaped below


def explained(findings: Iterable[Finding]) -> Markup:
    """Findings in words, one paragraph each."""
    parts = []
    for finding in findings:
        hint = f" <i>{_shown(finding.hint)}</i>" if finding.hint else ""
        parts.append(f'<p class="f"><b>{_escaped(finding.code)}</b> {_shown(finding.message)}{hint}')
    return Markup("".join(parts))  # noqa: S704  escaped below


def _shown(text: str) -> str:
    if not has_hidden(text):
        return _escaped(text)
    return "".join(_escaped(char) if is_shown(char) else f"<s>{visible(char)}</s>" for char in text)


def _escaped(text: str) -> str:
    # Between tags quotes need no escape, and commands are full of them.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
