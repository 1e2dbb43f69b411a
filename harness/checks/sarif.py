"""Findings as SARIF 2.1.0, so that code hosts and editors show them in place.

Format: OASIS Static Analysis Results Interchange Format 2.1.0. Columns count Unicode code points.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness import __version__
from harness.checks import Checked, Finding
from harness.checks.answer_file import Answer
from harness.checks.codes import CODES, Code
from harness.checks.format import locate, source_offset
from harness.inert import one_line

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(name: str, checked: Iterable[tuple[Answer, Checked]]) -> dict[str, Any]:
    """One SARIF log for the answers of one file."""
    results = [_result(name, answer, finding) for answer, c in checked for finding in c.findings]
    used = sorted({result["ruleId"] for result in results})
    driver = {"name": "gonogo", "version": __version__, "rules": [_rule(CODES[code]) for code in used]}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: Code) -> dict[str, Any]:
    return {
        "id": code.code,
        "name": code.name,
        "shortDescription": {"text": code.summary},
        "fullDescription": {"text": f"{code.summary} {code.why}"},
        "help": {"text": f"Right: {one_line(code.right)}"},
        "properties": {"tags": [code.stage]},
    }


def _result(name: str, answer: Answer, finding: Finding) -> dict[str, Any]:
    text = finding.message + (f" ({finding.hint})" if finding.hint else "")
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": {"uri": name}, "region": _region(answer, finding)}
    }
    if answer.id:
        location["logicalLocations"] = [{"name": one_line(answer.id)}]
    return {
        "ruleId": finding.code,
        "level": "warning" if CODES[finding.code].strict_only else "error",
        "message": {"text": one_line(text)},
        "locations": [location],
        "properties": {"item": finding.item, "span": list(finding.span)},
    }


def _region(answer: Answer, finding: Finding) -> dict[str, int]:
    """1-based lines and columns; a JSONL's own escapes hide the columns, so that only the line is given there."""
    if answer.line is not None:
        return {"startLine": answer.line}
    start, end = finding.span
    if finding.item is not None:
        starts = locate(answer.text).item_starts
        if finding.item < len(starts):
            begin = starts[finding.item]
            start, end = (source_offset(answer.text, begin, at) for at in (start, end))
    first_line, first_column = _position(answer.text, start)
    last_line, last_column = _position(answer.text, end)
    return {
        "startLine": first_line,
        "startColumn": first_column,
        "endLine": last_line,
        "endColumn": last_column,
    }


def _position(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
