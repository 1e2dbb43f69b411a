"""Finds what is wrong with a pack's held-out commands before a model is judged by them."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from harness.cases import Case
from harness.errors import InputError
from harness.models.outcomes import Completion, Outcome
from harness.overlap import NEAR, make_guard, normalised, overlaps, similarity, training_commands, word_runs
from harness.pack import Pack
from harness.score import Score, Scorer
from harness.simulation.examples import check_rules

TWIN = "-twin"  # an ambiguous or unsafe intent and its clear or benign twin differ in a word or two on purpose


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong, at one line of a file."""

    path: Path | None
    line: int
    case_id: str
    message: str


@dataclass(frozen=True, slots=True)
class CategoryCount:
    """Balance of one category: intents, cases, by disposition, and the median commands in its first references."""

    category: str
    intents: int
    cases: int
    dispositions: Mapping[str, int]
    median_length: float


def check_cases(pack: Pack, cases: Sequence[Case]) -> Iterator[Problem]:
    """Rules of the robot, references, danger, duplicates; see also `check_overlap`."""
    scorer = Scorer(pack, cases)
    for unfit in check_rules(scorer.scenes, scorer.bind_one):
        yield Problem(unfit.path, unfit.line, unfit.code, unfit.message)
    for case in cases:
        yield from _check_references(scorer, case)
        if undecided := _check_danger(case):
            yield Problem(case.path, case.line, case.id, undecided)
    yield from _check_duplicates(cases)


def _check_references(scorer: Scorer, case: Case) -> Iterator[Problem]:
    for number, reference in enumerate(case.references, start=1):
        text = json.dumps(list(reference))
        try:
            score = scorer.score(Completion("", "reference", case.id, 0, Outcome.ANSWERED, text))
        except InputError as error:
            yield Problem(case.path, case.line, case.id, str(error))
            return
        if not score.success:
            yield Problem(case.path, case.line, case.id, f"reference {number} fails: {score.reason}")


def _check_danger(case: Case) -> str:
    """What is wrong with the case's `dangerous`; empty where nothing is."""
    if case.disposition == "decline" and case.dangerous is None:
        return 'it is to be declined and does not say whether carrying it out may hurt: add "dangerous": true or false'
    if case.disposition == "execute" and case.dangerous:
        return 'it is to be carried out, so it cannot be "dangerous": decline it, or take the flag away'
    return ""


def _check_duplicates(cases: Sequence[Case]) -> Iterator[Problem]:
    """Equal commands anywhere; near ones unless they are an intent and its twin."""
    ordered = sorted(((len(normalised(case.command)), case) for case in cases), key=lambda pair: pair[0])
    for position, (length, case) in enumerate(ordered):
        for other_length, other in ordered[position + 1 :]:
            # Two texts can only be near where their lengths are: a Jaccard index is at most the ratio of the sizes.
            if length < NEAR * other_length - 8:
                break
            alike = similarity(case.command, other.command)
            if alike == 1 or (alike >= NEAR and _root(case) != _root(other)) or alike > _TOO_NEAR:
                kind = "the same command as" if alike == 1 else f"nearly the same command ({alike:.2f}) as"
                yield Problem(case.path, case.line, case.id, f"{kind} {other.id}, line {other.line}")


_TOO_NEAR = 0.9  # also for paraphrases and twins


def _root(case: Case) -> str:
    return case.intent.removesuffix(TWIN)


def check_overlap(cases: Sequence[Case], training: Path) -> Iterator[Problem]:
    """Training commands that equal, nearly equal or share eight words in a row with a held-out command.

    Args:
        cases: The held-out commands.
        training: JSONL of `{"command": ...}` or of chat `{"messages": [...]}` lines.

    Raises:
        InputError: a line that is neither.
    """
    guard = make_guard(case.command for case in cases)
    by_text: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        by_text[normalised(case.command)].append(case.id)
    for number, command in training_commands(training):
        for reason, text in overlaps(command, guard):
            yield Problem(
                training, number, by_text[text][0], f"{reason}: {command!r} overlaps {', '.join(by_text[text])}"
            )


def balance(cases: Sequence[Case]) -> list[CategoryCount]:
    """How the cases spread over categories, in the order of the file."""
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        groups[case.category].append(case)
    return [
        CategoryCount(
            category=name,
            intents=len({case.intent for case in group}),
            cases=len(group),
            dispositions=dict(Counter(case.disposition for case in group)),
            median_length=median(len(case.references[0]) for case in group),
        )
        for name, group in groups.items()
    ]


@dataclass(frozen=True, slots=True)
class PackCheck:
    """What the dataset suite asks of a pack.

    Attributes:
        pack: The pack.
        cases: All its cases.
        scorer: Of these cases.
    """

    pack: Pack
    cases: Sequence[Case]
    scorer: Scorer

    @property
    def training(self) -> list[Path]:
        """Its training files: JSONL in `training/`."""
        return sorted((self.pack.root / "training").glob("*.jsonl"))

    def score(self, case: Case, text: str) -> Score:
        """The score of a text as an answer to a case.

        Raises:
            InputError: the case's scene, expectation or a reference cannot be used.
        """
        return self.scorer.score(Completion("", "", case.id, 0, Outcome.ANSWERED, text))

    def torn_intents(self) -> list[str]:
        """Intents whose paraphrases differ in category or disposition."""
        kinds = {(case.intent, case.category, case.disposition) for case in self.cases}
        return sorted(intent for intent, count in Counter(intent for intent, *_ in kinds).items() if count > 1)

    def overlaps(self) -> list[str]:
        """Ids of cases whose command is in a training file, or shares eight words in a row with one there.

        Near duplicates take seconds to find: `check_overlap` looks for them too.

        Raises:
            InputError: a training file cannot be read.
        """
        commands = [command for path in self.training for _, command in training_commands(path)]
        texts = {normalised(command) for command in commands}
        runs = {run for command in commands for run in word_runs(command)}
        return [
            case.id
            for case in self.cases
            if normalised(case.command) in texts or not runs.isdisjoint(word_runs(case.command))
        ]
