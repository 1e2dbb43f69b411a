"""One step of a plan: a skill with its arguments drawn, its calls, and what its phrases need to be filled in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness.training.bank import Bank, Dealer
from harness.training.things import Room


@dataclass(frozen=True, slots=True)
class Step:
    """A skill, its calls in canonical spelling, and the words for its slots.

    Attributes:
        room: Where the robot is afterwards, if the step goes somewhere.
    """

    skill: str
    calls: tuple[str, ...]
    slots: Mapping[str, str] = field(default_factory=dict)
    room: Room | None = None


Maker = Callable[[Bank, Dealer], Step]


def protect(text: str) -> str:
    """Mark text that typing noise must leave alone (private-use characters, removed by the grammar)."""
    return f"\ue000{text}\ue001"
