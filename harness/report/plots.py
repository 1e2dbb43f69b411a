"""Geometry of the dot-and-interval plots: shares to percent of the width, so that SVG needs no fixed size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.figures import Figure

TICK = 0.2  # the difference axis ends at a multiple of this


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear axis; `INSET` percent of the width stay free at both ends, so that marks there are whole."""

    low: float
    high: float

    INSET = 4

    def at(self, value: float) -> str:
        """Position of a value as an SVG percentage; values beyond the axis stand at its end."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return f"{self.INSET + share * (100 - 2 * self.INSET):.1f}%"

    def width(self, low: float, high: float) -> str:
        """Width of a stretch as an SVG percentage."""
        return f"{float(self.at(high)[:-1]) - float(self.at(low)[:-1]):.1f}%"


def difference_axis(lines: Sequence[Figure]) -> Axis:
    """An axis around zero that holds every difference and its interval."""
    furthest = max(
        (
            max(abs(d.estimate), abs(d.low), abs(d.high)) if d.known else abs(d.estimate)
            for line in lines
            for d in line.differences
        ),
        default=TICK,
    )
    reach = min(1.0, max(TICK, math.ceil(furthest / TICK - 1e-9) * TICK))
    return Axis(-reach, reach)
