"""First-failure labels: one per failing answer, naming the first thing that went wrong."""

from __future__ import annotations

from enum import StrEnum


class Label(StrEnum):
    """Why an answer fails, in the order in which an answer is judged."""

    FORMAT = "format"
    SYNTAX = "syntax"
    UNKNOWN_API = "unknown API"
    ARGUMENT = "argument"
    VALUE = "value/unit/sign"
    UNSAFE = "unsafe"
    BUDGET = "budget"
    WRONG_DISPOSITION = "wrong disposition"
    PRECONDITION = "precondition"
    WRONG_CONTENT = "wrong content"
    MISSING_STEP = "missing step"
    WRONG_ORDER = "wrong order"
    EXTRA_STEP = "extra step"


# Findings of `harness.checks` by code where the stage (first letter) is not enough.
_FINDINGS = {
    **dict.fromkeys(("A301", "A302", "A303", "A304", "A305", "A306", "A322"), Label.UNKNOWN_API),
    **dict.fromkeys(("A313", "A314"), Label.VALUE),
    "A320": Label.WRONG_DISPOSITION,
    **dict.fromkeys(("F118", "F119", "S207", "S208"), Label.BUDGET),  # too long or too deep to be read
}
_STAGES = {"F": Label.FORMAT, "S": Label.SYNTAX, "A": Label.ARGUMENT, "G": Label.UNSAFE, "R": Label.PRECONDITION}


def of_finding(code: str) -> Label:
    """Label of a finding of the checks, by its code."""
    return _FINDINGS.get(code) or _STAGES[code[0]]
