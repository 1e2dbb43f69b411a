"""The report as one HTML page and as Markdown for a pull request: templates of `reports/templates`, filled in.

Model text is escaped on its way into either: the page by autoescape and `harness.report.markup`, with a policy that
admits only our own style and script by their hashes; Markdown by the filters `text` and `code`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from harness.compare import MOVES, Comparison, Difference, Figure
from harness.gate.decide import Decision
from harness.gate.verdict import EACH_ALONE
from harness.pack import bundled
from harness.prices import Price
from harness.report import markup, sections
from harness.report.cards import Card, cards
from harness.text import one_line, visible

LETTERS = "ABCDE"
# Cases that stand in the page itself, readable without a script. Every regression and fix does, whatever their number;
# cases where all fail do up to this many in all, so that a huge report still opens at once.
MOST_STANDING = 600
MOST_REGRESSIONS = 10  # in Markdown
TICK = 0.2  # the axis of differences ends at a multiple of this
# Markup, references to people and issues, and the colon and dot that make a bare address a link.
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|~@&:]|(?<=www)\.)", re.IGNORECASE)


def page(comparison: Comparison, gates: Sequence[Decision], prices: Mapping[str, Price]) -> str:
    """The report as HTML text; equal inputs give equal bytes. A gate's decision on each candidate, or none."""
    environment = _environment(autoescape=True)
    style, script = (environment.loader.get_source(environment, name)[0] for name in ("report.css", "report.js"))
    every = cards(comparison)
    count = _standing([one.row.move for one in every])
    card = environment.get_template("card.html").module.card
    sources = list(zip(LETTERS, [gates[0].base, *(gate.candidate for gate in gates)], strict=False)) if gates else []
    record = {
        **comparison.provenance,
        "evidence": {letter: dict(evidence.hashes) for letter, evidence in sources},
        "policy_sha256": [gate.policy.sha256 for gate in gates],
    }
    safety_rows = sections.safety_rows(comparison)
    invented, invented_in_all = sections.invented_calls(comparison)
    text: str = environment.get_template("report.html").render(
        c=comparison,
        gates=gates,
        axis=Axis(0.0, 1.0),
        difference_axis=difference_axis([*comparison.by_metric, *comparison.by_category]),
        moves=[comparison.moves(k) for k in range(1, len(comparison.models))],
        labels=sections.first_failures(comparison),
        invented=invented,
        invented_in_all=invented_in_all,
        safety_rows=safety_rows,
        safety_grades=[
            [sections.grade(row.scores[k]) for row, _ in safety_rows] for k in range(len(comparison.models))
        ],
        costs=sections.costs(comparison, prices),
        percentiles=sections.PERCENTILES,
        intents=len({row.case.intent for row in comparison.rows}),
        standing=[(move, [one for one in every[:count] if one.row.move == move]) for move in MOVES[:3]],
        card=card,
        resting=_trusted("\n".join(_in_one_line(card(one, False)) for one in every[count:])),
        index=_trusted(_json(_index(comparison, every))),
        sources=sources,
        record=json.dumps(record, indent=1, ensure_ascii=True, default=str),
        style=_trusted(style),
        style_hash=_hash(style),
        script=_trusted(script),
        script_hash=_hash(script),
    )
    return text


def markdown(comparison: Comparison, gates: Sequence[Decision] = ()) -> str:
    """Verdict, headline, figures and the first regressions as Markdown; model text is escaped, one line each."""
    template = _environment(autoescape=False).get_template("report.md.j2")
    broken = [row for row in comparison.rows if row.move == "regression"]
    text: str = template.render(c=comparison, gates=gates, broken=broken, most=MOST_REGRESSIONS)
    return text + "\n"


def _environment(*, autoescape: bool) -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(bundled("reports/templates")),
        autoescape=autoescape,  # noqa: S701  off for Markdown alone, which has filters of its own
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "each_alone": EACH_ALONE,
        "letters": LETTERS,
        "ticks": (_trusted('<b class="n">✗</b>'), _trusted('<b class="y">✓</b>')),
        "most_findings": markup.MOST_FINDINGS,
    }
    environment.filters |= {
        "v": markup.shown,
        "marked": markup.marked,
        "around": markup.around,
        "whole": markup.whole,
        "grade": sections.grade,
        "detail": sections.detail,
        "plain": visible,
        "points": points,
        "percent": percent,
        "money": money,
        "interval": interval,
        "text": markdown_text,
        "code": markdown_code,
    }
    return environment


def _trusted(text: str) -> Markup:
    """Text that stands in the page as it is: our own files, or what has been escaped or encoded already."""
    return Markup(text)  # noqa: S704  see above


def _standing(moves: Sequence[str]) -> int:
    """How many of the first cases stand in the page."""
    flips = sum(move in MOVES[:2] for move in moves)
    return flips + min(moves.count("both fail"), max(0, MOST_STANDING - flips))


def _index(comparison: Comparison, ordered: Sequence[Card]) -> dict[str, object]:
    """What the script filters by: for each case, in the order of the page, its key, move, category and labels."""
    labels = sorted({label for card in ordered for label in card.labels})
    categories = list(comparison.categories)
    return {
        "categories": categories,
        "labels": labels,
        "cards": [
            [
                card.row.key,
                MOVES.index(card.row.move),
                categories.index(card.row.case.category),
                [labels.index(label) for label in card.labels],
            ]
            for card in ordered
        ],
    }


def _json(value: object) -> str:
    """JSON that can stand in a script element: nothing in it can end the element or open a comment."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")


def _in_one_line(html: str) -> str:
    return html.replace("\n", "&#10;").replace("\r", "&#13;")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear axis of a plot, in percent of its width, so that SVG needs no fixed size."""

    low: float
    high: float

    INSET = 4  # percent that stay free at both ends, so that marks there are whole

    def at(self, value: float) -> str:
        """Position of a value as an SVG percentage; values beyond the axis stand at its end."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return f"{self.INSET + share * (100 - 2 * self.INSET):.1f}%"


def difference_axis(figures: Sequence[Figure]) -> Axis:
    """An axis around zero that holds every difference and its interval."""
    ends = [
        abs(end)
        for figure in figures
        for one in figure.differences
        for end in ((one.estimate, one.low, one.high) if one.known else (one.estimate,))
    ]
    reach = min(1.0, max(TICK, math.ceil(max(ends) / TICK - 1e-9) * TICK))
    return Axis(-reach, reach)


def points(share: float) -> str:
    """A difference of shares: "+3.1", with a true minus sign."""
    return f"{100 * share:+.1f}".replace("-", "\N{MINUS SIGN}")  # fmt: skip


def percent(share: float) -> str:
    """A share in percent without decimals: "98%"; never rounded up to 100% or down to 0%."""
    value = f"{100 * share:.0f}"
    if (value == "100" and share < 1) or (value == "0" and share > 0):
        value = f"{100 * share:.1f}"
    return f"{value}%"


def money(usd: float) -> str:
    """US dollars with as many decimals as small sums need."""
    if usd == 0:
        return "$0"
    return f"${usd:,.2f}" if usd >= 1 else f"${usd:.3g}" if usd >= 0.001 else f"${usd:.1e}"


def interval(change: Difference) -> str:
    """A difference in points with its interval, in words."""
    within = f"{points(change.low)} to {points(change.high)}" if change.known else "too few intents for an interval"
    return f"{points(change.estimate)} points ({within})"


def markdown_text(text: str, limit: int = 160) -> str:
    """Text that Markdown shows as it is: hidden characters spelled out, markup and mentions escaped, one line."""
    return _MARKDOWN.sub(r"\\\1", one_line(text, limit))


def markdown_code(text: str) -> str:
    """Text in backticks; one in the text itself becomes an apostrophe, and a bar cannot end a table's cell."""
    return "`" + one_line(text, 160).replace("`", "'").replace("|", "\\|") + "`"
