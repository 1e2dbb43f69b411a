"""One self-contained HTML file for one comparison: no script, no network, everything a model wrote shown inert.

Jinja2 escapes every value; `visible` also spells out characters that would hide or reorder text, so that what is read
is what the model wrote. The content security policy admits the one inline style sheet, by its hash, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

from harness.checks import Finding
from harness.comparison import Comparison
from harness.inert import visible
from harness.pack import bundled
from harness.scores import METRIC_NAMES, Score


def render(comparison: Comparison) -> str:
    """The report as HTML text; equal comparisons give equal bytes."""
    import jinja2  # noqa: PLC0415  not needed to start the command line
    from markupsafe import Markup  # noqa: PLC0415  the same

    folder = bundled("reports/templates")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    style = (folder / "report.css").read_text(encoding="utf-8")
    return environment.get_template("report.html").render(
        c=comparison,
        moves=comparison.moves(),
        style=Markup(style),  # noqa: S704  our own file
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        metric_names=METRIC_NAMES,
        answer_lines=answer_lines,
    )


def write(comparison: Comparison, path: Path) -> None:
    """Write the report, creating its folder; an existing file is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(comparison), encoding="utf-8")


def answer_lines(score: Score) -> list[tuple[list[tuple[str, str]], list[Finding]]]:
    """An answer as lines to show: each command, or the whole text where no list could be read.

    Returns:
        For each line its pieces, as (text, code of the finding that marks it or ""), and its findings. Findings of no
        single item come last, on a line without text.
    """
    if score.commands is None:
        return [([(score.text, "")], list(score.findings))]
    lines = []
    for index, command in enumerate(score.commands):
        own = [finding for finding in score.findings if finding.item == index]
        lines.append((_pieces(command, own), own))
    rest = [finding for finding in score.findings if finding.item is None]
    if rest or not lines:
        lines.append(([("", "")], rest))
    return lines


def _pieces(command: str, findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """Cut a command at the spans of its findings; of overlapping ones the first wins."""
    pieces: list[tuple[str, str]] = []
    position = 0
    for finding in sorted((f for f in findings if f.span), key=lambda f: f.span or (0, 0)):
        start, end = finding.span or (0, 0)
        if start < position:
            continue
        pieces += [(command[position:start], ""), (command[start:end], finding.code)]
        position = end
    pieces.append((command[position:], ""))
    return [piece for piece in pieces if piece[0]] or [("", "")]
