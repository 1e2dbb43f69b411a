"""What went wrong: first failures by label, and calls that no SDK has, by model."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from harness.compare import Comparison
from harness.simulation import Label

MOST_SHOWN = 20
# Names that no SDK has: not on self, no such client, no such call, a chain. What A305 and A306 find does exist.
_INVENTED = frozenset({"A301", "A303", "A304", "A322"})
_MEANT = re.compile(r"^Did you mean (self\.[\w.]+)\?$")


@dataclass(frozen=True, slots=True)
class Tally:
    """A name and how often each model has it, with what to say about it."""

    name: str
    counts: tuple[int, ...]
    note: str = ""


def labels(comparison: Comparison) -> list[Tally]:
    """First failures in the order in which an answer is judged; labels that no answer has are left out."""
    found = [Counter(row.scores[k].first_failure for row in comparison.rows) for k in range(len(comparison.models))]
    tallies = [Tally(label.value, tuple(one[label.value] for one in found)) for label in Label]
    return [one for one in tallies if any(one.counts)]


def invented_calls(comparison: Comparison) -> tuple[list[Tally], int]:
    """Calls that do not exist, the most frequent first, with the nearest real one; and how many there are in all.

    A name is counted once for each answer that holds it, so that an answer that loops does not lead the list.
    """
    counts: dict[str, list[int]] = {}
    nearest: dict[str, str] = {}
    for row in comparison.rows:
        for k, score in enumerate(row.scores):
            named = set()
            for finding in score.findings:
                if finding.code not in _INVENTED or finding.item is None or not score.commands:
                    continue
                name = _called(score.commands[finding.item], finding.span)
                if name in named:
                    continue
                named.add(name)
                counts.setdefault(name, [0] * len(row.scores))[k] += 1
                nearest.setdefault(name, _MEANT.sub(r"\1", finding.hint))
    ranked = sorted(counts, key=lambda name: (-sum(counts[name]), name))
    shown = [Tally(name, tuple(counts[name]), nearest[name]) for name in ranked[:MOST_SHOWN]]
    return shown, len(ranked)


def _called(command: str, span: tuple[int, int]) -> str:
    """The whole dotted name around a span, cut short: a finding may point at its last part only."""
    start, end = span
    while start and (command[start - 1].isalnum() or command[start - 1] in "_."):
        start -= 1
    while end < len(command) and (command[end].isalnum() or command[end] in "_."):
        end += 1
    return command[start:end][:80]
