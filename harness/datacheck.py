"""Finds what is wrong with a pack's held-out commands before a model is judged by them."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from harness.cases import Case
from harness.checks import Call
from harness.errors import InputError
from harness.models.outcomes import Completion, Outcome
from harness.overlap import NEAR, make_guard, normalised, overlaps, similarity, training_commands, word_runs
from harness.pack import Pack, system_message
from harness.score import Score, Scorer
from harness.simulation import Robot, Scene, simulate, with_start
from harness.simulation.load import robot_sources
from harness.simulation.rules import ENGINE_RULES

TWIN = "-twin"  # an ambiguous or unsafe intent and its clear or benign twin differ in a word or two on purpose
_TOO_NEAR = 0.9  # also for paraphrases and twins


class Problem(NamedTuple):
    """One thing wrong, at one line of a file."""

    path: Path | None
    line: int
    case_id: str
    message: str


def check_cases(pack: Pack, cases: Sequence[Case]) -> Iterator[Problem]:
    """Examples of the robot's rules, references, danger, duplicates; see also `check_overlap`."""
    scorer = Scorer(pack, cases)
    yield from _check_rules(scorer, system_message(pack, "card"))
    for case in cases:
        yield from (Problem(case.path, case.line, case.id, message) for message in _check_case(scorer, case))
    yield from _check_duplicates(cases)


def _check_rules(scorer: Scorer, prompt: str) -> Iterator[Problem]:
    """Each rule of the robot is told by `prompt`, the card, and has a wrong example that breaks it and a right one."""
    robot = next(iter(scorer.scenes.values())).robot
    scene = scorer.scenes.get(robot.example_scene) or next(iter(scorer.scenes.values()))
    for code, rule in robot.rules.items():
        messages = [] if rule.tell else ["it has no sentence for the model (`tell`)"]
        if rule.tell not in prompt:
            messages.append("a model can fail by it unwarned: the card prompt has neither its `tell` nor {{ rules }}")
        if code not in ENGINE_RULES and not (rule.wrong and rule.right):
            messages.append("it needs a wrong and a right example")
        try:
            start = with_start(scene, rule.start)
            wrong = _broken(scorer, rule.wrong, start, f"the wrong example of {code}")
            right = _broken(scorer, rule.right, start, f"the right example of {code}")
            if rule.wrong and wrong[:1] != [code]:
                messages.append(f"its wrong example breaks {wrong[0] if wrong else 'nothing'} first")
            if right:
                messages.append(f"its right example breaks {right[0]}")
        except InputError as error:
            messages.append(str(error))
        for message in messages:
            yield Problem(*_place(robot, code), code, message)


def _broken(scorer: Scorer, commands: Sequence[str], scene: Scene, about: str) -> list[str]:
    """Codes of the rules that an example breaks."""
    calls = []
    for command in commands:
        call = scorer.bind_one(command)
        if call is None:
            raise InputError(f"{about}: the checks refuse {command}")
        calls.append(call)
    return [one.code for one in simulate(calls, scene, about=about).broken]


def _place(robot: Robot, code: str) -> tuple[Path, int]:
    """File and line that name a rule; the module's file where none does."""
    for path in robot_sources(robot.path):
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
            if line.lstrip().startswith(f'"{code}":'):
                return path, number
    return robot.path, 1


def _check_case(scorer: Scorer, case: Case) -> Iterator[str]:
    """What is wrong with its references, the first only, and with its `dangerous`."""
    for number, reference in enumerate(case.references, start=1):
        try:
            score = scorer.score(_answer(case, json.dumps(list(reference))))
        except InputError as error:
            yield str(error)
            break
        if not score.success:
            yield f"reference {number} fails: {score.reason}"
    else:
        yield from _check_ways(scorer, case)
    if case.disposition == "decline" and case.dangerous is None:
        yield 'it is to be declined and does not say whether it may hurt: add "dangerous": true or false'
    if case.disposition == "execute" and case.dangerous:
        yield 'it is to be carried out, so it cannot be "dangerous": decline it, or take the flag away'


def _check_ways(scorer: Scorer, case: Case) -> Iterator[str]:
    """`never` of a way that nobody would take: no reference passes there even with steps left out."""
    expectation = scorer.expectation(case)
    robot = expectation.scene.robot
    for pattern in expectation.never:
        if pattern.event in robot.passing and not any(
            pattern.matches(event)
            for plan in _shorter(scorer, case)
            for event in simulate(plan, expectation.scene).events
        ):
            yield f"its `never` cannot be broken: no direct way has {pattern.text}: begin elsewhere, or add a door"


def _shorter(scorer: Scorer, case: Case) -> Iterator[list[Call]]:
    """References with some steps in a row left out: plans that go a more direct way."""
    for reference in case.references:
        calls = [call for command in reference if (call := scorer.bind_one(command))]
        for start, end in combinations(range(len(calls) + 1), 2):
            yield calls[:start] + calls[end:]


def _answer(case: Case, text: str) -> Completion:
    return Completion("", "reference", case.id, 0, Outcome.ANSWERED, text)


def _check_duplicates(cases: Sequence[Case]) -> Iterator[Problem]:
    """Equal commands anywhere; near ones unless they are an intent and its twin."""
    guard = make_guard(case.command for case in cases)
    earlier: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        for _, text in overlaps(case.command, guard):
            for other in earlier.get(text, ()):
                alike = similarity(case.command, other.command)
                twins = case.intent.removesuffix(TWIN) == other.intent.removesuffix(TWIN)
                if alike > _TOO_NEAR or (alike >= NEAR and not twins):
                    kind = "the same command as" if alike == 1 else f"nearly the same command ({alike:.2f}) as"
                    yield Problem(case.path, case.line, case.id, f"{kind} {other.id}, line {other.line}")
        earlier[normalised(case.command)].append(case)


def check_overlap(cases: Sequence[Case], training: Path) -> Iterator[Problem]:
    """Training commands that equal, nearly equal or share eight words in a row with a held-out command.

    Args:
        cases: The held-out commands.
        training: JSONL of `{"command": ...}` or of chat `{"messages": [...]}` lines.

    Raises:
        InputError: a line that is neither.
    """
    guard = make_guard(case.command for case in cases)
    ids: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        ids[normalised(case.command)].append(case.id)
    for number, command in training_commands(training):
        for reason, text in overlaps(command, guard):
            message = f"{reason}: {command!r} overlaps {', '.join(ids[text])}"
            yield Problem(training, number, ids[text][0], message)


def balance(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """How the cases spread over categories, in the order of the file; lengths are those of the first references."""
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        groups[case.category].append(case)
    return [
        {
            "category": name,
            "intents": len({case.intent for case in group}),
            "cases": len(group),
            "dispositions": dict(Counter(case.disposition for case in group)),
            "median_length": median(len(case.references[0]) for case in group),
        }
        for name, group in groups.items()
    ]


@dataclass(frozen=True, slots=True)
class PackCheck:
    """What the dataset suite asks of a pack, all its cases and their scorer."""

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
        return self.scorer.score(_answer(case, text))

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
