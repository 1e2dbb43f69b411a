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
# JUnit's words. INCONCLUSIVE is a failure there: a pipeline that reads only JUnit must not take it for green.
_JUNIT = {Status.FAIL: "failure", Status.WEAK: "failure", Status.INVALID: "error", Status.SKIP: "skipped"}
_LEVEL = {Status.INVALID: "error", Status.FAIL: "error", Status.WEAK: "warning"}
_MARK = {
    Status.PASS: "pass",
    Status.FAIL: "**fail**",
    Status.WEAK: "*undecided*",
    Status.INVALID: "**invalid**",
    Status.SKIP: "not applicable",
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


def to_record(decision: Decision) -> dict[str, object]:
    """The decision as JSON values: each rule with its figures, and every hash it rests on."""
    early = decision.early
    return {
        "verdict": decision.verdict.value,
        "exit_code": decision.verdict.exit_code,
        "candidate": _model(decision.candidate),
        "incumbent": _model(decision.base),
        "differences": [asdict(one) for one in decision.differences],
        "decided_by": [rule.name for rule in decision.deciding],
        "rules": [{**asdict(rule), "numbers": dict(rule.numbers)} for rule in decision.rules],
        "policy": {"path": str(decision.policy.path), "sha256": decision.policy.sha256},
        "early_stop": None
        if not early.looks
        else {
            "looks": early.looks,
            "answers_asked": early.asked,
            "answers_planned": early.planned,
            "answers_saved": early.planned - early.asked,
            "stopped_early": early.asked < early.planned,
        },
    }


def _model(evidence: Evidence) -> Mapping[str, object]:
    return {
        "spec": evidence.spec,
        "model": evidence.model,
        **evidence.arm.to_record(),
        "unverified": evidence.unverified,
        "hashes": dict(evidence.hashes),
    }


def to_junit(decision: Decision) -> str:
    """One test case for each rule."""
    counts = {word: sum(_JUNIT.get(rule.status) == word for rule in decision.rules) for word in _JUNIT.values()}
    suite = ET.Element(
        "testsuite",
        name=visible(f"gonogo gate: {decision.candidate.spec} against {decision.base.spec}"),
        tests=str(len(decision.rules)),
        failures=str(counts["failure"]),
        errors=str(counts["error"]),
        skipped=str(counts["skipped"]),
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in (("verdict", decision.verdict.value), ("policy_sha256", decision.policy.sha256)):
        ET.SubElement(properties, "property", name=name, value=value)
    for rule in decision.rules:
        case = ET.SubElement(suite, "testcase", classname="gonogo.gate", name=rule.name)
        word = _JUNIT.get(rule.status)
        if word:
            found = ET.SubElement(case, word, message=visible(f"{rule.title}: {rule.figure}, wanted {rule.wanted}"))
            if word != "skipped":
                found.set("type", "INCONCLUSIVE" if rule.status is Status.WEAK else decision.verdict.value)
                found.text = visible(rule_line(rule))
    ET.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"


def asked_differently(decision: Decision) -> list[str]:
    """What the models were asked differently and the policy takes, a line each; what it does not take is in a rule."""
    taken = decision.verdict is not Verdict.INVALID
    return [f"asked differently: {one}" for one in decision.differences if one.declared or taken]


def rule_line(rule: Rule) -> str:
    """A rule in one line: figure, bound, what is wanted, and why or what it needs."""
    parts = [f"{rule.title}: {rule.figure}"]
    if rule.bound:
        parts.append(f"bound {rule.bound}")
    if rule.wanted:
        parts.append(f"wanted {rule.wanted}")
    return "; ".join([*parts, *(extra for extra in (rule.detail, rule.needs) if extra)])


def publish(decision: Decision, stream: TextIO, environment: Mapping[str, str] | None = None) -> None:
    """Write summary and annotations where the environment is a GitHub workflow; do nothing elsewhere.

    Args:
        decision: What to show.
        stream: Where workflow commands are read from: the step's output.
        environment: By default the process's.

    Raises:
        InputError: the summary file cannot be written.
    """
    environment = os.environ if environment is None else environment
    summary = environment.get("GITHUB_STEP_SUMMARY")
    if summary:
        try:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(to_markdown(decision))
        except OSError as error:
            raise InputError(
                f"cannot write the step summary: {error.strerror}", path=summary, hint="unset GITHUB_STEP_SUMMARY"
            ) from None
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
        *(
            f"| {_cell(rule.title)} | {_cell(rule.figure)} | {_cell(rule.bound)} | {_cell(rule.wanted)} "
            f"| {_MARK[rule.status]} |"
            for rule in decision.rules
        ),
        "",
    ]
    lines += [f"- {_cell(rule_line(rule))}" for rule in decision.deciding]
    lines += [f"- {_cell(line)}" for line in asked_differently(decision)]
    return "\n".join([*lines, ""])


def to_annotations(decision: Decision) -> list[str]:
    """Workflow commands: one for each rule that decided, or a notice for GO."""
    if not decision.deciding:
        return [f"::notice title=gonogo {decision.verdict.value}::every rule holds"]
    title = f"title=gonogo {decision.verdict.value}"
    return [
        f"::{_LEVEL[rule.status]} {title}%3A {_property(rule.name)}::{_data(rule_line(rule))}"
        for rule in decision.deciding
    ]


def _cell(text: str) -> str:
    shown = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{char}" if char in "\\`*_[]|#!" else char for char in shown)


def _data(text: str) -> str:
    return one_line(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
