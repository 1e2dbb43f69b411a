"""Findings as SARIF 2.1.0, so that code hosts and editors show them in place.

Format: OASIS Static Analysis Results Interchange Format 2.1.0. Columns count Unicode code points.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any

from harness import __version__
from harness.checks import Checked, Finding
from harness.checks.answer_file import Answer
from harness.checks.codes import known_codes
from harness.checks.finding import Span
from harness.checks.format import extract
from harness.checks.syntax import ESCAPE, inside
from harness.text import one_line

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(name: str, checked: Iterable[tuple[Answer, Checked]]) -> dict[str, Any]:
    """One SARIF log for the answers of one file."""
    codes = known_codes()
    results: list[dict[str, Any]] = []
    for answer, c in checked:
        for finding, region in zip(c.findings, _regions(answer, c.findings), strict=True):
            text = finding.message + (f" ({finding.hint})" if finding.hint else "")
            location: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": name}, "region": region}}
            if answer.id:
                location["logicalLocations"] = [{"name": one_line(answer.id)}]
            result = {
                "ruleId": finding.code,
                "level": "warning" if codes[finding.code].strict_only else "error",
                "message": {"text": one_line(text)},
                "locations": [location],
                "properties": {"item": finding.item, "span": list(finding.span)},
            }
            results.append(result)
    rules = [
        {
            "id": code.code,
            "name": code.title,
            "shortDescription": {"text": code.what},
            "fullDescription": {"text": f"{code.what} {code.why}"},
            "help": {"text": f"Right: {one_line(code.right)}"},
            "properties": {"tags": [code.stage]},
        }
        for code in (codes[name] for name in sorted({result["ruleId"] for result in results}))
    ]
    tool = {"driver": {"name": "gonogo", "version": __version__, "rules": rules}}
    run = {"tool": tool, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _regions(answer: Answer, findings: Iterable[Finding]) -> Iterator[dict[str, int]]:
    """1-based lines and columns; a JSONL's own escapes hide the columns, so that only the line is given there."""
    if answer.line is not None:
        yield from ({"startLine": answer.line} for _ in findings)
        return
    literals = extract(answer.text, places=True).literals
    breaks = [match.start() for match in re.finditer("\n", answer.text)]
    places: dict[int, list[int]] = {}  # by item, where its characters stand in the answer
    for finding in findings:
        start, end = finding.span
        if finding.item is not None and finding.item < len(literals):
            if finding.item not in places:
                places[finding.item] = offsets(answer.text, literals[finding.item])
            written = places[finding.item]
            start, end = (written[min(at, len(written) - 1)] for at in (start, end))
        first, last = bisect_right(breaks, start - 1), bisect_right(breaks, end - 1)  # line breaks before each
        columns = (at - (breaks[line - 1] if line else -1) for at, line in ((start, first), (end, last)))
        names = ("startLine", "endLine", "startColumn", "endColumn")
        yield dict(zip(names, (first + 1, last + 1, *columns), strict=True))


def offsets(text: str, literals: tuple[Span, ...]) -> list[int]:
    """Where in the answer each character of an item is written, and last where the item ends; in one pass."""
    places: list[int] = []
    at = 0
    for literal in literals:
        prefix, at, stop = inside(text, literal)
        while at < stop:
            escape = None if "r" in prefix else ESCAPE.match(text, at)
            written = escape.group() if escape else "\r\n" if text.startswith("\r\n", at) else text[at]
            if escape is None or written[1] not in "\r\n":  # a backslash before a line break stands for nothing
                places.append(at)
            at += len(written)
    return [*places, at]
