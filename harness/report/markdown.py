"""A summary in Markdown for a pull-request comment: verdict, headline, figures, the first regressions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.compare import Comparison
from harness.report import figures
from harness.report.cards import LETTERS
from harness.report.page import percent, points
from harness.text import one_line

if TYPE_CHECKING:
    from harness.gate.decide import Decision

MOST_REGRESSIONS = 10
# Markup, references to people and issues, and the colon and dot that make a bare address a link.
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~@&:]|(?<=www)\.)", re.IGNORECASE)


def render(comparison: Comparison, gates: Sequence[Decision] = ()) -> str:
    """Markdown text of the most important parts; model text is escaped, one line each."""
    lines = [f"## gonogo: may {_code(comparison.candidate)} replace {_code(comparison.base)}?", ""]
    for k, gate in enumerate(gates, start=1):
        deciding = "; ".join(f"{_text(rule.title)}: {_text(rule.figure)}" for rule in gate.deciding)
        lines += [f"**{gate.verdict.value}** for {LETTERS[k]}" + (f", decided by {deciding}" if deciding else ""), ""]
    metrics = figures.by_metric(comparison)
    lines += _models(comparison, metrics[-1])
    lines += _table("Metric", metrics) + _table("Success by category", figures.by_category(comparison))
    lines += _regressions(comparison)
    lines += [f"Intervals are 95%, clustered by intent. {_text(str(comparison.provenance.get('success_means', '')))}"]
    return "\n".join(lines) + "\n"


def _models(comparison: Comparison, success: figures.Figure) -> list[str]:
    lines = ["| | model | success | difference | fixed | broken |", "|---|---|---:|---:|---:|---:|"]
    for k, model in enumerate(comparison.models):
        rate = success.rates[k]
        share = f"{rate.held}/{rate.total} {percent(rate.share)} ({percent(rate.low)} to {percent(rate.high)})"
        change = success.differences[k - 1] if k else None
        rest = f"{_points(change)} | {change.gained} | {change.lost}" if change else "base | |"
        lines.append(f"| {LETTERS[k]} | {_code(model)} | {share} | {rest} |")
    return [*lines, ""]


def _points(change: figures.Difference) -> str:
    if not change.known:
        return f"{points(change.estimate)} points (too few intents for an interval)"
    return f"{points(change.estimate)} points ({points(change.low)} to {points(change.high)})"


def _table(title: str, lines: Sequence[figures.Figure]) -> list[str]:
    models = range(len(lines[0].rates))
    head = [title, *(LETTERS[k] for k in models), *(f"{LETTERS[k]} − A" for k in models if k)]  # noqa: RUF001  minus
    out = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    for one in lines:
        cells = [_text(one.title), *(percent(rate.share) for rate in one.rates), *map(_points, one.differences)]
        out.append(f"| {' | '.join(cells)} |")
    return [*out, ""]


def _regressions(comparison: Comparison) -> list[str]:
    broken = [row for row in comparison.rows if row.move == "regression"]
    lines = [f"### Regressions: {len(broken)}", ""]
    for row in broken[:MOST_REGRESSIONS]:
        failed = next(score for score in row.scores[1:] if not score.success)
        lines.append(
            f"- {_code(row.key)} {_text(row.case.command)}: **{_text(failed.first_failure)}**, {_text(failed.reason)}"
        )
    if len(broken) > MOST_REGRESSIONS:
        lines.append(f"- and {len(broken) - MOST_REGRESSIONS} more, in the HTML report")
    return [*lines, ""]


def _text(text: str, limit: int = 160) -> str:
    """Text that Markdown shows as it is: hidden characters spelled out, markup and mentions escaped, one line."""
    return _SPECIAL.sub(r"\\\1", one_line(text, limit))


def _code(text: str) -> str:
    """Text in backticks; one in the text itself becomes an apostrophe, and a bar cannot end a table's cell."""
    return "`" + one_line(text, 160).replace("`", "'").replace("|", "\\|") + "`"
