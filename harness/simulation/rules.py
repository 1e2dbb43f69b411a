"""Rules of a robot, and the labels of what an answer does wrong: one label a failing answer, for the first thing."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple


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


class Rule(NamedTuple):
    """A precondition: told to the model, explained to the engineer, enforced by the simulator."""

    title: str  # a few words
    tell: str  # one sentence for the model
    why: str  # what would go wrong on the robot
    wrong: tuple[str, ...] = ()  # a command list that breaks it
    right: tuple[str, ...] = ()  # the same, put right
    start: Mapping[str, Any] = MappingProxyType({})  # state in which the two are so, as a case's `start`
    label: Label = Label.PRECONDITION  # first-failure label of an answer that breaks it


ALONE = Rule(
    "asking or declining beside other calls",
    "To ask or to decline, the list holds that one call alone.",
    "A list that also acts leaves open what is meant.",
    label=Label.WRONG_DISPOSITION,
)
# The same for every robot.
ENGINE_RULES: Mapping[str, Rule] = {
    "R516": ALONE,
    "R598": Rule(
        "a call that the simulator does not know",
        "Use only these calls.",
        "The profile allows it but the robot module has no skill for it, so what the robot would do is unknown.",
    ),
    "R599": Rule(
        "more calls than the step budget",
        "A list holds at most 200 calls.",
        "A list this long is no plan for one command; simulation stops at the budget.",
        label=Label.BUDGET,
    ),
}
