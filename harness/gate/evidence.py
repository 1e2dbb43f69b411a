"""What the gate judges: the scores of a model's answers, and where the answers came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from harness import arms
from harness.arms import ArmRecord
from harness.scores import Score


@dataclass(frozen=True, slots=True)
class Evidence:
    """All answers of one arm.

    Attributes:
        spec: The model spec as given.
        model: The model that it stands for: of a recording the one recorded, where its manifest says so.
        scores: In the order of the cases, then samples.
        arm: How the answers came about: prompt, decoding, who answered.
        hashes: Of cases, profile, system message, adapter, recording.
        unverified: Why the answers cannot be tied to what was asked; empty where they can.
        problems: Reasons why the answers must not be used at all.
    """

    spec: str
    model: str
    scores: tuple[Score, ...]
    arm: ArmRecord = field(default_factory=ArmRecord)
    hashes: Mapping[str, str] = field(default_factory=dict)
    unverified: str = ""
    problems: tuple[str, ...] = ()


def merge(first: Evidence, second: Evidence) -> Evidence:
    """Evidence of one arm from two batches of cases; hashes are those of the second."""
    return replace(
        second,
        scores=first.scores + second.scores,
        arm=arms.merge(first.arm, second.arm),
        unverified=first.unverified or second.unverified,
        problems=first.problems + second.problems,
    )


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What the candidate's endpoint says of its end.

    Attributes:
        shutdown: The date, None where none is given.
        note: Where the knowledge comes from, or why there is none.
        reachable: False where the endpoint should have been asked and could not be.
    """

    shutdown: date | None = None
    note: str = "no endpoint to ask"
    reachable: bool = True
