"""The verdict on one screen: each rule with its figure, its bound, what is wanted, and pass or fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.gate import Decision
from harness.gate.record import asked_differently
from harness.gate.rules import Rule, Status, Verdict
from harness.inert import one_line

if TYPE_CHECKING:
    from rich.console import Console

_WORD = {
    Status.PASS: ("pass", "green"),
    Status.FAIL: ("FAIL", "bold red"),
    Status.WEAK: ("undecided", "yellow"),
    Status.INVALID: ("INVALID", "bold red"),
    Status.SKIP: ("-", "dim"),
}
_COLOUR = {
    Verdict.GO: "bold green",
    Verdict.NO_GO: "bold red",
    Verdict.INCONCLUSIVE: "bold yellow",
    Verdict.INVALID: "bold red",
}


def show(decision: Decision, console: Console) -> None:
    """Print the verdict; the word itself comes last, where the eye is."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console.print(f"\ncandidate  {_named(decision.candidate.spec, decision.candidate.model)}")
    console.print(f"against    {_named(decision.base.spec, decision.base.model)}")
    console.print(f"policy     {decision.policy.path}")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("rule", "figure", "bound", "wanted", "result"):
        table.add_column(heading, overflow="fold")
    for rule in decision.rules:
        word, style = _WORD[rule.status]
        cells = (rule.title, rule.figure, rule.bound, rule.wanted)
        table.add_row(*(Text(one_line(cell)) for cell in cells), Text(word, style=style))
    console.print(table)
    for line in _notes(decision):
        console.print(Text(one_line(line)))
    reason = f"  decided by: {', '.join(rule.title for rule in decision.deciding)}" if decision.deciding else ""
    console.print(Text(decision.verdict.value, style=_COLOUR[decision.verdict]) + Text(reason))


def _named(spec: str, model: str) -> str:
    return one_line(spec if spec == model else f"{spec} (answers of {model})")


def _notes(decision: Decision) -> list[str]:
    lines = asked_differently(decision)
    lines += [note for rule in decision.rules if (note := _note(rule, deciding=rule in decision.deciding))]
    early = decision.early
    if early.looks:
        saved = early.planned - early.asked
        lines.append(
            f"early stop: {early.asked} of {early.planned} answers looked at in {early.looks} looks, "
            f"{saved} saved ({100 * saved / early.planned:.0f}%)"
        )
    return lines


def _note(rule: Rule, *, deciding: bool) -> str:
    """What is to be known beyond the table: of rules that decided, and of evidence that is not verified."""
    if rule.status is Status.WEAK:
        return f"{rule.title}: {rule.needs or rule.detail}" if deciding else ""
    if deciding or rule.figure == "UNVERIFIED" or rule.name == "primary":
        return f"{rule.title}: {rule.detail}" if rule.detail else ""
    return ""
