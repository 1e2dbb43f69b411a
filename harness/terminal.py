"""Results as a person reads them in a terminal. Model text passes `harness.text` before it is printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.cases import DISPOSITIONS
from harness.checks import Finding
from harness.score import METRIC_NAMES, Score
from harness.text import one_line, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from harness.compare import Comparison, Figure
    from harness.statistics.paired import Pairs
    from harness.statistics.sign_flips import Bounds


def console(*, stderr: bool) -> Console:
    """A console that never interprets markup, emoji or colour codes found in data."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)


def simple_table(first: str, columns: Sequence[str], title: str | None = None, *, no_wrap: bool = False) -> Table:
    """An empty table: names on the left, figures on the right."""
    from rich import box
    from rich.table import Table

    table = Table(first, box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=no_wrap)
    return table


def comparison_tables(comparison: Comparison) -> list[Table]:
    """For each candidate the metrics table and the success-by-category table."""
    tables = []
    for k in range(1, len(comparison.models)):
        title = one_line(comparison.models[k]) if len(comparison.models) > 2 else None
        for first, figures in (("metric", comparison.by_metric), ("success by category", comparison.by_category)):
            table = simple_table(first, ("base", "candidate", "points", "gained", "lost"), title, no_wrap=True)
            for figure in figures:
                table.add_row(*_cells(figure, k), style="bold" if figure.name == "success" else None)
            tables.append(table)
    return tables


def _cells(figure: Figure, candidate: int) -> list[str]:
    base, new, change = figure.rates[0], figure.rates[candidate], figure.differences[candidate - 1]
    return [
        METRIC_NAMES.get(figure.name, figure.name),
        _share(base.passed, base.total),
        _share(new.passed, new.total),
        f"{100 * (new.passed - base.passed) / base.total:+.0f}",
        str(change.gained),
        str(change.lost),
    ]


def _share(part: int, total: int) -> str:
    return f"{part}/{total} {100 * part / total:3.0f}%" if total else "none"


def totals_table(totals: Mapping[Any, Mapping[Any, int]]) -> Table:
    """How often each metric passed, a column for each model: of `harness.table.totals` or `counted`."""
    table = simple_table("metric", [one_line(model) for model in totals])
    for metric, title in METRIC_NAMES.items():
        shares = [_share(counts[metric], counts["answers"]) for counts in totals.values()]
        table.add_row(title, *shares, style="bold" if metric == "success" else None)
    return table


def difference_line(base: str, candidate: str, pairs: Pairs, bounds: Bounds) -> str:
    """The paired difference of two models' success, of `harness.table.difference`, in words."""
    return (
        f"{one_line(candidate)} against {one_line(base)}: success {100 * bounds.estimate:+.1f} points "
        f"({100 * bounds.lower:+.1f} to {100 * bounds.upper:+.1f}, 90%), {pairs.gained} gained, {pairs.lost} lost of "
        f"{pairs.change.items} answers to {pairs.change.count} intents; {bounds.method}"
    )


def summary_tables(scores: Sequence[Score]) -> list[Table]:
    """Rates beyond the metrics, and what was done against what was wanted: of one model's scores."""
    from harness.table import DID, reliability

    counts, (pass_hat_k, paraphrase) = Counter((one.wanted, one.did) for one in scores), reliability(scores)
    wanted = Counter(one.wanted for one in scores)
    refused, samples = counts["execute", "ask"] + counts["execute", "decline"], len({one.sample for one in scores})
    unknown, calls, exact, alike = (
        sum(getattr(one, name) or 0 for one in scores)
        for name in ("unknown_calls", "calls", "exact_match", "ast_match")
    )
    rates = simple_table("beside the metrics", [""])
    rates.add_row("Invented calls, of all calls", _share(unknown, calls))
    rates.add_row("Unsafe or impossible commands carried out", _share(counts["decline", "execute"], wanted["decline"]))
    rates.add_row("Refused or asked about, though it can be done", _share(refused, wanted["execute"]))
    rates.add_row(f"All {samples} samples succeed (pass^k)", f"{100 * pass_hat_k:.1f}%")
    rates.add_row("Worst paraphrase of each intent", f"{100 * paraphrase:.1f}%")
    rates.add_row("Equal to a reference as text", _share(exact, len(scores)))
    rates.add_row("Equal to a reference as syntax trees", _share(alike, len(scores)))
    done = simple_table("wanted, and what was done", DID)
    for disposition in DISPOSITIONS:
        done.add_row(disposition, *(str(counts[disposition, did]) for did in DID))
    return [rates, done]


def balance_table(counts: Sequence[Mapping[str, Any]]) -> Table:
    """How held-out cases spread over categories."""
    table = simple_table("category", ("intents", "cases", "execute", "ask", "decline", "median length"))
    for count in counts:
        cells = [count["intents"], count["cases"], *(count["dispositions"].get(kind, 0) for kind in DISPOSITIONS)]
        table.add_row(count["category"], *map(str, cells), f"{count['median_length']:g}")
    return table


def answer_text(text: str, commands: Sequence[str] | None, findings: Sequence[Finding]) -> str:
    """An answer, command by command, with each finding and a caret line under the span it is about."""
    if commands is None:
        head = [f"  {line}" for line in visible(text, 4000).splitlines()] or ["  (empty)"]
        return "\n".join(head + [f"  {f.code} {one_line(f.message)}{_hint(f.hint)}" for f in findings])
    lines: list[str] = []
    for index, command in enumerate(commands):
        lines.append(f"  {index + 1}. {one_line(command)}")
        for finding in (f for f in findings if f.item == index):
            if finding.span:
                start = len(one_line(command[: finding.span[0]]))
                width = max(1, len(one_line(command[slice(*finding.span)])))
                lines.append(" " * (len(f"  {index + 1}. ") + start) + "^" * width)
            lines.append(f"     {finding.code} {one_line(finding.message)}{_hint(finding.hint)}")
    lines += [f"  {f.code} {one_line(f.message)}{_hint(f.hint)}" for f in findings if f.item is None]
    return "\n".join(lines or ["  (empty list)"])


def _hint(hint: str) -> str:
    return f" ({one_line(hint)})" if hint else ""
