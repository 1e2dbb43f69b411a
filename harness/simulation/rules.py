"""Rules: preconditions told to the model, explained to the engineer, and enforced by the simulator."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from harness.simulation.labels import Label


class Rule(NamedTuple):
    """A precondition: told to the model, explained to the engineer, enforced by the simulator.

    Attributes:
        title: A few words.
        tell: One sentence for the model.
        why: What would go wrong on the robot.
        wrong: A command list that breaks it.
        right: The same, put right.
        start: State in which the two are so, as a case's `start`.
        label: First-failure label of an answer that breaks it.
    """

    title: str
    tell: str
    why: str
    wrong: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    start: Mapping[str, Any] = MappingProxyType({})
    label: Label = Label.PRECONDITION


ALONE = Rule(
    "asking or declining beside other calls",
    "To ask or to decline means not to act: the list then holds that one call and nothing else.",
    "A list that also acts leaves open what is meant.",
    label=Label.WRONG_DISPOSITION,
)
# Rules of the engine, the same for every robot.
ENGINE_RULES: Mapping[str, Rule] = {
    "R516": ALONE,
    "R598": Rule(
        "a call that the simulator does not know",
        "Only calls that the robot's own module gives a meaning can be simulated.",
        "The profile allows it but the robot module has no skill for it, so what the robot would do is unknown.",
    ),
    "R599": Rule(
        "more calls than the step budget",
        "A list holds at most 200 calls.",
        "A list this long is no plan for one command; simulation stops at the budget.",
        label=Label.BUDGET,
    ),
}
