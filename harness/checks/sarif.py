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
from harness.checks.codes import Code, known_codes
from harness.checks.finding import Span
from harness.checks.format import locate
from harness.checks.literal_list import offsets
from harness.text import one_line

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(name: str, checked: Iterable[tuple[Answer, Checked]]) -> dict[str, Any]:
    """One SARIF log for the answers of one file."""
    codes = known_codes()
    results = [
        _result(name, answer, finding, codes[finding.code], region)
        for answer, c in checked
        for finding, region in zip(c.findings, _regions(answer, c.findings), strict=True)
    ]
    used = sorted({result["ruleId"] for result in results})
    driver = {"name": "gonogo", "version": __version__, "rules": [_rule(codes[code]) for code in used]}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: Code) -> dict[str, Any]:
    return {
        "id": code.code,
        "name": code.title,
        "shortDescription": {"text": code.what},
        "fullDescription": {"text": f"{code.what} {code.why}"},
        "help": {"text": f"Right: {one_line(code.right)}"},
        "properties": {"tags": [code.stage]},
    }


def _result(name: str, answer: Answer, finding: Finding, code: Code, region: dict[str, int]) -> dict[str, Any]:
    text = finding.message + (f" ({finding.hint})" if finding.hint else "")
    location: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": name}, "region": region}}
    if answer.id:
        location["logicalLocations"] = [{"name": one_line(answer.id)}]
    return {
        "ruleId": finding.code,
        "level": "warning" if code.strict_only else "error",
        "message": {"text": one_line(text)},
        "locations": [location],
        "properties": {"item": finding.item, "span": list(finding.span)},
    }


def _regions(answer: Answer, findings: Iterable[Finding]) -> Iterator[dict[str, int]]:
    """1-based lines and columns; a JSONL's own escapes hide the columns, so that only the line is given there."""
    if answer.line is not None:
        yield from ({"startLine": answer.line} for _ in findings)
        return
    literals = locate(answer.text).literals
    breaks = [match.start() for match in re.finditer("\n", answer.text)]
    places: dict[int, list[int]] = {}  # by item, where its characters stand in the answer
    for finding in findings:
        start, end = finding.span
        if finding.item is not None and finding.item < len(literals):
            if finding.item not in places:
                places[finding.item] = offsets(answer.text, literals[finding.item])
            written = places[finding.item]
            start, end = (written[min(at, len(written) - 1)] for at in (start, end))
        yield _region(breaks, (start, end))


def _region(breaks: list[int], span: Span) -> dict[str, int]:
    lines = [bisect_right(breaks, at - 1) for at in span]  # line breaks before it
    columns = [at - (breaks[line - 1] if line else -1) for at, line in zip(span, lines, strict=True)]
    return dict(
        zip(("startLine", "endLine", "startColumn", "endColumn"), [*(n + 1 for n in lines), *columns], strict=True)
    )
