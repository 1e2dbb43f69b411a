"""A decision as people and machines read it: on a screen, as JSON values, JUnit XML, and in a GitHub workflow.

Formats: GitHub Docs, "Workflow commands for GitHub Actions". Everything of a model's or a file's is escaped, so that
no value can end a cell or start a command.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TextIO
from xml.etree import ElementTree as ET  # writing only: nothing is parsed

from harness.errors import InputError
from harness.gate.decide import Decision
from harness.gate.evidence import Evidence
from harness.gate.verdict import Rule, Status, Verdict
from harness.text import one_line, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

# On the screen, and its style there; in Markdown.
_WORDS = {
    Status.PASS: ("pass", "green", "pass"),
    Status.FAIL: ("FAIL", "bold red", "**fail**"),
    Status.UNDECIDED: ("undecided", "yellow", "*undecided*"),
    Status.INVALID: ("INVALID", "bold red", "**invalid**"),
    Status.SKIP: ("-", "dim", "not applicable"),
}
_COLOUR = {Verdict.GO: "bold green", Verdict.INCONCLUSIVE: "bold yellow"}  # else bold red
# JUnit's words. INCONCLUSIVE is a failure there: a pipeline that reads only JUnit must not take it for green.
_JUNIT = {Status.FAIL: "failure", Status.UNDECIDED: "failure", Status.INVALID: "error", Status.SKIP: "skipped"}


def show(decision: Decision, console: Console) -> None:
    """Print the verdict; the word itself comes last, where the eye is."""
    from rich.text import Text

    console.print(f"\ncandidate  {_named(decision.candidate)}")
    console.print(f"against    {_named(decision.base)}")
    console.print(f"policy     {decision.policy.path}")
    table = _table("rule", "figure", "bound", "wanted", "result")
    for rule in decision.rules:
        word, style, _ = _WORDS[rule.status]
        table.add_row(*(Text(one_line(cell)) for cell in _cells(rule)), Text(word, style=style))
    console.print(table)
    show_differences(decision, console)
    for line in _notes(decision):
        console.print(Text(one_line(line)))
    reason = f"  decided by: {', '.join(rule.title for rule in decision.deciding)}" if decision.deciding else ""
    console.print(Text(decision.verdict.value, style=_COLOUR.get(decision.verdict, "bold red")) + Text(reason))


def show_differences(decision: Decision, console: Console) -> None:
    """Print what the two were asked differently, on purpose or not: a table; nothing where they were asked alike."""
    from rich.text import Text

    table = _table("asked differently", "model in use", "candidate", "on purpose")
    for one in decision.differences:
        cells = (one.field, one.base, one.candidate, one.declared or "no")
        table.add_row(*(Text(one_line(cell)) for cell in cells))
    if table.rows:
        console.print(table)


def _table(*headings: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(*headings, box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"
    return table


def _named(arm: Evidence) -> str:
    return one_line(arm.spec if arm.spec == arm.model else f"{arm.spec} (answers of {arm.model})")


def _cells(rule: Rule) -> tuple[str, str, str, str]:
    return rule.title, rule.figure, rule.bound, rule.wanted


def _notes(decision: Decision) -> list[str]:
    """What is to be known beyond the table: of rules that decided, of unverified evidence, and of early looks."""
    lines = []
    for rule in decision.rules:
        undecided = rule.status is Status.UNDECIDED
        always = not undecided and rule.name in ("evidence.verified", "primary")
        note = (undecided and rule.needs) or rule.detail
        lines += [f"{rule.title}: {note}"] if note and (always or rule in decision.deciding) else []
    early = decision.early
    if early.looks:
        saved = early.planned - early.asked
        lines.append(
            f"early stop: {early.asked} of {early.planned} answers looked at in {early.looks} looks, "
            f"{saved} saved ({100 * saved / early.planned:.0f}%)"
        )
    return lines


def asked_differently(decision: Decision) -> list[str]:
    """What the models were asked differently and the policy takes, a line each; what it does not take is in a rule."""
    taken = decision.verdict is not Verdict.INVALID
    return [f"asked differently: {one}" for one in decision.differences if one.declared or taken]


def to_record(decision: Decision) -> dict[str, object]:
    """The decision as JSON values: each rule with its figures, and every hash it rests on."""
    early = decision.early
    return {
        "verdict": decision.verdict.value,
        "exit_code": decision.verdict.exit_code,
        "candidate": _arm(decision.candidate),
        "incumbent": _arm(decision.base),
        "differences": [asdict(one) for one in decision.differences],
        "decided_by": [rule.name for rule in decision.deciding],
        "rules": [asdict(rule) for rule in decision.rules],
        "policy": {"path": str(decision.policy.path), "sha256": decision.policy.sha256},
        "early_stop": {
            "looks": early.looks,
            "answers_asked": early.asked,
            "answers_planned": early.planned,
            "answers_saved": early.planned - early.asked,
            "stopped_early": early.asked < early.planned,
        }
        if early.looks
        else None,
    }


def _arm(evidence: Evidence) -> Mapping[str, object]:
    return {
        "spec": evidence.spec,
        "model": evidence.model,
        **evidence.arm.to_record(),
        "unverified": evidence.unverified,
        "differences_from_manifest": list(evidence.differences),
        "hashes": dict(evidence.hashes),
    }


def to_junit(decision: Decision) -> str:
    """One test case for each rule."""
    found = [_JUNIT.get(rule.status) for rule in decision.rules]
    suite = ET.Element(
        "testsuite",
        name=visible(f"gonogo gate: {decision.candidate.spec} against {decision.base.spec}"),
        tests=str(len(found)),
        failures=str(found.count("failure")),
        errors=str(found.count("error")),
        skipped=str(found.count("skipped")),
    )
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", name="verdict", value=decision.verdict.value)
    ET.SubElement(properties, "property", name="policy_sha256", value=decision.policy.sha256)
    for rule, word in zip(decision.rules, found, strict=True):
        case = ET.SubElement(suite, "testcase", classname="gonogo.gate", name=rule.name)
        if word:
            result = ET.SubElement(case, word, message=visible(f"{rule.title}: {rule.figure}, wanted {rule.wanted}"))
            if word != "skipped":
                undecided = rule.status is Status.UNDECIDED
                result.set("type", "INCONCLUSIVE" if undecided else decision.verdict.value)
                result.text = visible(_line(rule))
    ET.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"


def _line(rule: Rule) -> str:
    """A rule in one line: figure, bound, what is wanted, and why or what it needs."""
    bound, wanted = rule.bound and f"bound {rule.bound}", rule.wanted and f"wanted {rule.wanted}"
    return "; ".join(filter(None, (f"{rule.title}: {rule.figure}", bound, wanted, rule.detail, rule.needs)))


def publish(decision: Decision, stream: TextIO, environment: Mapping[str, str] = os.environ) -> None:
    """Write summary and annotations where the environment is a GitHub workflow; do nothing elsewhere.

    Args:
        decision: What to show.
        stream: Where workflow commands are read from: the step's output.
        environment: By default the process's.

    Raises:
        InputError: the summary file cannot be written.
    """
    if summary := environment.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(to_markdown(decision))
        except OSError as error:
            problem = f"cannot write the step summary: {error.strerror}"
            raise InputError(problem, path=summary, hint="unset GITHUB_STEP_SUMMARY") from None
    if environment.get("GITHUB_ACTIONS") == "true":
        stream.write("\n".join(to_annotations(decision)) + "\n")


def to_markdown(decision: Decision) -> str:
    """The verdict as a Markdown table."""
    lines = [
        f"## gonogo: {decision.verdict.value}",
        "",
        f"Candidate {_cell(decision.candidate.spec)} against {_cell(decision.base.spec)}",
        "",
        "| rule | figure | bound | wanted | result |",
        "|---|---|---|---|---|",
        *(f"| {' | '.join(map(_cell, _cells(rule)))} | {_WORDS[rule.status][2]} |" for rule in decision.rules),
        "",
        *(f"- {_cell(_line(rule))}" for rule in decision.deciding),
        *(f"- {_cell(line)}" for line in asked_differently(decision)),
    ]
    return "\n".join([*lines, ""])


def to_annotations(decision: Decision) -> list[str]:
    """Workflow commands: one for each rule that decided, or a notice for GO."""
    title = f"title=gonogo {decision.verdict.value}"
    if not decision.deciding:
        return [f"::notice {title}::every rule passes"]
    level = "warning" if decision.verdict is Verdict.INCONCLUSIVE else "error"
    return [
        f"::{level} {title}%3A {_data(rule.name).replace(':', '%3A').replace(',', '%2C')}::{_data(_line(rule))}"
        for rule in decision.deciding
    ]


def _cell(text: str) -> str:
    shown = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{char}" if char in "\\`*_[]|#!" else char for char in shown)


def _data(text: str) -> str:
    return one_line(text).replace("%", "%25")
