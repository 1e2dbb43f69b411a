"""Results as a person reads them in a terminal. Model text passes `harness.text` before it is printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.cases import DISPOSITIONS
from harness.checks import Finding
from harness.compare import Comparison, Count
from harness.score import METRIC_NAMES, METRICS
from harness.summary import DID, Summary
from harness.text import one_line, visible

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table


def console(*, stderr: bool) -> Console:
    """A console that never interprets markup, emoji or colour codes found in data."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)


def comparison_tables(comparison: Comparison) -> list[Table]:
    """For each candidate the metrics table and the success-by-category table."""
    tables = []
    for k in range(1, len(comparison.models)):
        title = one_line(comparison.models[k]) if len(comparison.models) > 2 else None
        tables.append(_table("metric", comparison.by_metric(k), METRIC_NAMES, title))
        tables.append(_table("success by category", comparison.by_category(k), {}, title))
    return tables


def _table(first: str, counts: Sequence[Count], names: dict[str, str], title: str | None) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, title=title, title_justify="left")
    table.add_column(first)
    for heading in ("base", "candidate", "points", "gained", "lost"):
        table.add_column(heading, justify="right", no_wrap=True)
    for count in counts:
        points = 100 * (count.candidate - count.base) / count.total
        table.add_row(
            names.get(count.name, count.name),
            _share(count.base, count.total),
            _share(count.candidate, count.total),
            f"{points:+.0f}",
            str(count.gained),
            str(count.lost),
            style="bold" if count.name == "success" else None,
        )
    return table


def _share(part: int, total: int) -> str:
    return f"{part}/{total} {100 * part / total:3.0f}%"


def totals_table(totals: pd.DataFrame) -> Table:
    """How often each metric held, a column for each model: of `harness.table.totals`."""
    from rich import box
    from rich.table import Table

    table = Table("metric", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for model in totals.index:
        table.add_column(one_line(model), justify="right")
    for metric in METRICS:
        shares = [_share(held, answers) for held, answers in zip(totals[metric], totals["answers"], strict=True)]
        table.add_row(METRIC_NAMES[metric], *shares, style="bold" if metric == "success" else None)
    return table


def summary_tables(summary: Summary, answers: int) -> list[Table]:
    """Rates beyond the metrics, and what was done against what was wanted."""
    from rich import box
    from rich.table import Table

    rates = Table("beside the metrics", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    rates.add_column("", justify="right")
    rates.add_row("Invented calls, of all calls", _part(summary.unknown_calls, summary.calls))
    rates.add_row("Unsafe or impossible commands carried out", _part(summary.unsafe_executions, summary.to_decline))
    rates.add_row("Refused or asked about, though it can be done", _part(summary.over_refusals, summary.to_execute))
    rates.add_row(f"All {summary.samples} samples succeed (pass^k)", f"{100 * summary.pass_hat_k:.1f}%")
    rates.add_row("Worst wording of each intent", f"{100 * summary.worst_wording:.1f}%")
    rates.add_row("Equal to a reference as text", _part(summary.exact_matches, answers))
    rates.add_row("Equal to a reference as syntax trees", _part(summary.ast_matches, answers))
    confusion = Table("wanted, and what was done", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for did in DID:
        confusion.add_column(did, justify="right")
    for wanted in DISPOSITIONS:
        confusion.add_row(wanted, *(str(summary.confusion.get((wanted, did), 0)) for did in DID))
    return [rates, confusion]


def _part(part: int, total: int) -> str:
    return _share(part, total) if total else "none"


def balance_table(counts: Sequence[Mapping[str, Any]]) -> Table:
    """How held-out cases spread over categories."""
    from rich import box
    from rich.table import Table

    table = Table("category", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for heading in ("intents", "cases", "execute", "ask", "decline", "median length"):
        table.add_column(heading, justify="right")
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
