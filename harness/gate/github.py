"""What a GitHub workflow shows: a step summary in Markdown, and annotations for the rules that decided.

Formats: GitHub Docs, "Workflow commands for GitHub Actions". Everything of a model's or a file's is escaped, so that
no value can end a cell or start a command.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from harness.errors import InputError
from harness.gate import Decision
from harness.gate.record import asked_differently, told
from harness.gate.rules import Status
from harness.inert import one_line

_LEVEL = {Status.INVALID: "error", Status.FAIL: "error", Status.WEAK: "warning"}
_MARK = {
    Status.PASS: "pass",
    Status.FAIL: "**fail**",
    Status.WEAK: "*undecided*",
    Status.INVALID: "**invalid**",
    Status.SKIP: "not applicable",
}


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
    lines += [f"- {_cell(told(rule))}" for rule in decision.deciding]
    lines += [f"- {_cell(line)}" for line in asked_differently(decision)]
    return "\n".join([*lines, ""])


def to_annotations(decision: Decision) -> list[str]:
    """Workflow commands: one for each rule that decided, or a notice for GO."""
    if not decision.deciding:
        return [f"::notice title=gonogo {decision.verdict.value}::{_data('every rule holds')}"]
    return [
        f"::{_LEVEL[rule.status]} title=gonogo {decision.verdict.value}%3A {_property(rule.name)}::{_data(told(rule))}"
        for rule in decision.deciding
    ]


def _cell(text: str) -> str:
    shown = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{char}" if char in "\\`*_[]|#!" else char for char in shown)


def _data(text: str) -> str:
    return one_line(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
