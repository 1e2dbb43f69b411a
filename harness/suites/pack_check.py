"""What the dataset suite asks of a pack."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from harness.cases import Case
from harness.models.outcomes import Completion, Outcome
from harness.pack import Pack
from harness.scores import Score, Scorer


class PackCheck:
    """A pack under test.

    Attributes:
        training: Its training files: JSONL in `training/`.

    Args:
        pack: The pack.
        cases: All its cases.
        scorer: Of these cases.
    """

    def __init__(self, pack: Pack, cases: Sequence[Case], scorer: Scorer) -> None:
        self._cases = cases
        self._scorer = scorer
        self.training: tuple[Path, ...] = tuple(sorted((pack.root / "training").glob("*.jsonl")))

    def score(self, case: Case, text: str) -> Score:
        """The score of a text as an answer to a case.

        Raises:
            InputError: the case's scene, expectation or a reference cannot be used.
        """
        return self._scorer.score(Completion("", "", case.id, 0, Outcome.ANSWERED, text))

    def torn_intents(self) -> list[str]:
        """Intents whose wordings differ in category or disposition."""
        kinds: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for case in self._cases:
            kinds[case.intent].add((case.category, case.disposition))
        return sorted(intent for intent, found in kinds.items() if len(found) > 1)

    def overlaps(self) -> list[str]:
        """Ids of cases whose command is in a training file, or shares eight words in a row with one there.

        Near duplicates take seconds to find: `gonogo data check` looks for them too.

        Raises:
            InputError: a training file cannot be read.
        """
        from harness.overlap import normalised, training_commands, word_runs

        commands = [command for path in self.training for _, command in training_commands(path)]
        texts = {normalised(command) for command in commands}
        runs = {run for command in commands for run in word_runs(command)}
        return [
            case.id
            for case in self._cases
            if normalised(case.command) in texts or not runs.isdisjoint(word_runs(case.command))
        ]
