"""The answers of the model under test: gathered once before the tests, scored when a test needs them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness import evaluation
from harness.cases import Case
from harness.inert import one_line
from harness.models.connect import connect_all
from harness.models.outcomes import Completion
from harness.progress import ProgressBar
from harness.scores import Demand, Score, Scorer
from harness.suites.subject import Subject


@dataclass(frozen=True, slots=True)
class Gathered:
    """What could be had.

    Attributes:
        completions: Scored or not; some may be absent.
        trouble: Why not everything was asked; empty where it was.
    """

    completions: Sequence[Completion]
    trouble: str = ""


def gather(subject: Subject, case_ids: Collection[str]) -> Gathered:
    """Ask for the answers to these cases that are not on file.

    Raises:
        InputError: a recording, journal or setting cannot be used.
    """
    plan = replace(subject.plan, cases=tuple(case for case in subject.plan.cases if case.id in case_ids))
    with connect_all([subject.spec], subject.settings) as connect:
        completions, trouble = evaluation.answers_to_be_had(
            plan, subject.spec, subject.settings, connect=connect, progress=ProgressBar()
        )
    return Gathered(completions, trouble)


def save(gathered: Gathered, path: Path) -> None:
    """Write for `load` in another process: the trouble, then a completion a line."""
    lines = [json.dumps(gathered.trouble), *(json.dumps(one.to_record()) for one in gathered.completions)]
    path.write_text("\n".join(lines), encoding="utf-8")


def load(path: Path) -> Gathered:
    """Read what `save` wrote."""
    trouble, *records = path.read_text(encoding="utf-8").split("\n")
    return Gathered([Completion.from_record(json.loads(record)) for record in records], json.loads(trouble))


class Answers:
    """Scores by case; each completion is scored when it is first asked for."""

    def __init__(self, subject: Subject, gathered: Gathered, scorer: Scorer) -> None:
        self._subject = subject
        self._trouble = gathered.trouble
        self._completions: dict[str, dict[int, Completion]] = defaultdict(dict)
        for completion in gathered.completions:
            self._completions[completion.case_id][completion.sample] = completion
        self._scorer = scorer
        self._scores: dict[str, tuple[Score, ...]] = {}

    def missing(self, case: Case) -> str:
        """Why some sample of a case has no answer of the model; empty where each has."""
        for sample in range(self._subject.plan.samples):
            completion = self._completions[case.id].get(sample)
            if completion is None or not completion.outcome.scored:
                which = f" to sample {sample}" if self._subject.plan.samples > 1 else ""
                return f"no answer of {self._subject.spec.text}{which}: {self._reason(completion)}"
        return ""

    def scores(self, case: Case) -> tuple[Score, ...]:
        """One score a sample, for a case that misses none.

        Raises:
            InputError: the case's scene or expectation cannot be used.
        """
        if case.id not in self._scores:
            completions = self._completions[case.id]
            self._scores[case.id] = tuple(self._scorer.score(completions[sample]) for sample in sorted(completions))
        return self._scores[case.id]

    def demand(self, case: Case) -> Demand:
        """What the case demands.

        Raises:
            InputError: as `scores`.
        """
        return self._scorer.demand(case)

    def _reason(self, completion: Completion | None) -> str:
        if completion is not None:
            detail = f" ({one_line(completion.detail)})" if completion.detail else ""
            return f"{completion.outcome.value}{detail}; run again to ask for it"
        if self._subject.spec.path is not None:
            return "the recording holds none"
        return one_line(self._trouble.split("\n")[0]) or "it was not asked"
