"""Model text as HTML: escaped, with invisible and reordering characters spelled out, and marked where it matters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from harness.checks import Finding
from harness.score import Score
from harness.text import has_hidden, is_shown, visible

Span = tuple[int, int]

# What of one answer is shown; the journal keeps all of it.
MOST_COMMAND = 300
MOST_TEXT = 800
MOST_FINDINGS = 6
AROUND = 30  # characters shown at each end of a long stretch of text around the list
LONG_MARK = 160  # a longer marked stretch gets a bar at its side, since so much underlining is hard to read


def shown(text: str, limit: int = 2_000) -> Markup:
    """Text to stand between tags, never in an attribute: cut at `limit` characters with a note.

    Hidden characters become marked escapes, so that they cannot be taken for a backslash that the model wrote.
    """
    return Markup(_shown(text[:limit]) + _left_out(len(text) - limit))  # noqa: S704  escaped below


def marked(text: str, findings: Sequence[Finding], changed: Sequence[Span] = (), limit: int = MOST_COMMAND) -> Markup:
    """A text cut at `limit`, with findings marked at their spans, the first of overlapping ones, and what differs."""
    parts = [_mark(*piece) for piece in _pieces(text[:limit], findings, changed)]
    return Markup("".join(parts) + _left_out(len(text) - limit))  # noqa: S704  escaped below


def around(score: Score) -> list[Finding]:
    """The first findings of the answer as a whole, which are about no single command."""
    return [finding for finding in score.findings if finding.item is None][:MOST_FINDINGS]


def whole(score: Score) -> Markup:
    """The text of an answer with its findings `around`.

    It is cut at its end where no list could be read; else its long stretches, such as the list, lose their middle.
    """
    if score.commands is None:
        return marked(score.text, around(score), limit=MOST_TEXT)
    pieces = _pieces(score.text, around(score), ())
    parts = [_mark(_shortened(piece), code, differs) for piece, code, differs in pieces]
    return Markup("".join(parts))  # noqa: S704  escaped below


def _shortened(text: str) -> str:
    if len(text) <= 3 * AROUND:
        return text
    return f"{text[:AROUND]} [… {len(text) - 2 * AROUND:,} characters …] {text[-AROUND:]}"


def _pieces(text: str, findings: Sequence[Finding], changed: Sequence[Span]) -> list[tuple[str, str, bool]]:
    """Adjoining pieces of a text: each with the code of the finding there or "", and whether it differs."""
    edges = {0, len(text)}
    for span in (*(finding.span for finding in findings), *changed):
        edges |= {min(max(at, 0), len(text)) for at in span}
    pieces = []
    for start, end in pairwise(sorted(edges)):
        code = next((one.code for one in findings if one.span[0] <= start and end <= one.span[1]), "")
        pieces.append((text[start:end], code, any(first <= start and end <= last for first, last in changed)))
    return pieces


def _mark(text: str, code: str, differs: bool) -> str:
    inner = _shown(text)
    if code:
        bar = ' class="w"' if len(text) > LONG_MARK else ""
        return f'<mark{bar} title="{_escaped(code)}">{inner}</mark>'
    return f"<em>{inner}</em>" if differs else inner


def _left_out(count: int) -> str:
    return f' <span class="cut">[… {count:,} more characters]</span>' if count > 0 else ""


def _shown(text: str) -> str:
    if not has_hidden(text):
        return _escaped(text)
    return "".join(_escaped(char) if is_shown(char) else f"<s>{visible(char)}</s>" for char in text)


def _escaped(text: str) -> str:
    # Between tags quotes need no escape, and commands are full of them.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
