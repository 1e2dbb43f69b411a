"""The HTML page: everything computed here or beside it, then one template with autoescape and a policy by hashes."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from harness.compare import MOVES, Comparison
from harness.pack import bundled
from harness.prices import Price
from harness.report import failures, figures, safety
from harness.report.cards import LETTERS, Card, cards
from harness.report.costs import PERCENTILES, costs
from harness.report.markup import shown
from harness.report.plots import Axis, difference_axis
from harness.text import visible

if TYPE_CHECKING:
    from harness.gate.decide import Decision

# Cases that stand in the page itself, readable without a script. Every regression and fix does, whatever their number;
# cases where all fail do up to this many in all, so that a huge report still opens at once.
MOST_STANDING = 600


def page(comparison: Comparison, gates: Sequence[Decision], prices: Mapping[str, Price]) -> str:
    """The report as HTML text; equal inputs give equal bytes.

    Args:
        comparison: With the expectations of its cases, where traces are to be shown beside them.
        gates: One decision a candidate, in their order; none where no gate was run.
        prices: Of `load_prices`.
    """
    environment = _environment()
    style, script = (_source(environment, name) for name in ("report.css", "report.js"))
    every = cards(comparison)
    standing, resting = _split(every)
    card = environment.get_template("card.html").module.card
    metrics, categories = figures.by_metric(comparison), figures.by_category(comparison)
    sources = list(zip(LETTERS, [gates[0].base, *(gate.candidate for gate in gates)], strict=False)) if gates else []
    record = {
        **comparison.provenance,
        "evidence": {letter: dict(evidence.hashes) for letter, evidence in sources},
        "policy_sha256": [gate.policy.sha256 for gate in gates],
    }
    rows = safety.safety_rows(comparison)
    invented, invented_in_all = failures.invented_calls(comparison)
    text: str = environment.get_template("report.html").render(
        c=comparison,
        letters=LETTERS,
        gates=gates,
        metrics=metrics,
        headline=metrics[-1],
        categories=categories,
        axis=Axis(0.0, 1.0),
        difference_axis=difference_axis([*metrics, *categories]),
        moves=[comparison.moves(k) for k in range(1, len(comparison.models))],
        labels=failures.labels(comparison),
        invented=invented,
        invented_in_all=invented_in_all,
        safety_rows=rows,
        safety_tally=safety.tally(rows, len(comparison.models)),
        costs=costs(comparison, prices),
        percentiles=PERCENTILES,
        intents=len({row.case.intent for row in comparison.rows}),
        standing=[(move, [one for one in standing if one.move == move]) for move in MOVES[:3]],
        card=card,
        resting=_trusted("\n".join(_one_line(card(one, False)) for one in resting)),
        index=_trusted(_json(_index(comparison, [*standing, *resting]))),
        sources=sources,
        record=json.dumps(record, indent=1, ensure_ascii=True, default=str),
        style=_trusted(style),
        style_hash=_hash(style),
        script=_trusted(script),
        script_hash=_hash(script),
    )
    return text


def _environment() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(bundled("reports/templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["ticks"] = (_trusted('<b class="n">✗</b>'), _trusted('<b class="y">✓</b>'))
    environment.filters |= {"v": shown, "plain": visible, "points": points, "percent": percent, "money": money}
    return environment


def _source(environment: Any, name: str) -> str:
    source: str = environment.loader.get_source(environment, name)[0]
    return source


def _trusted(text: str) -> Markup:
    """Text that stands in the page as it is: our own files, or what has been escaped or encoded already."""
    return Markup(text)  # noqa: S704  see above


def _split(every: Sequence[Card]) -> tuple[list[Card], list[Card]]:
    """Cases that stand in the page, and the rest, both in order."""
    flips = sum(card.move in MOVES[:2] for card in every)
    failing = sum(card.move == "both fail" for card in every)
    stand = flips + min(failing, max(0, MOST_STANDING - flips))
    return list(every[:stand]), list(every[stand:])


def _index(comparison: Comparison, ordered: Sequence[Card]) -> dict[str, object]:
    """What the script filters by: for each case, in the order of the page, its key, move, category and labels."""
    names = sorted({label for card in ordered for label in card.labels})
    categories = list(comparison.categories)
    return {
        "categories": categories,
        "labels": names,
        "cards": [
            [
                card.key,
                MOVES.index(card.move),
                categories.index(card.row.case.category),
                [names.index(label) for label in card.labels],
            ]
            for card in ordered
        ],
    }


def _json(value: object) -> str:
    """JSON that can stand in a script element: nothing in it can end the element or open a comment."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")


def _one_line(html: str) -> str:
    return html.replace("\n", "&#10;").replace("\r", "&#13;")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


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
