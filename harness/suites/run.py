"""One session of the suites: what becomes a test, where its answers come from, and what each test is given."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.cases import Case
from harness.errors import GonogoError, InputError
from harness.pack import PACK_FILE
from harness.scores import Scorer
from harness.suites import sharing
from harness.suites.answers import Answers, Gathered, gather, load, save
from harness.suites.baseline import baseline_path
from harness.suites.judged import Judged, WrongAnswer
from harness.suites.ledger import PLACE, Ledger
from harness.suites.options import OPTIONS, PACK_INI, dest
from harness.suites.pack_check import PackCheck
from harness.suites.subject import Subject, load_subject

# Names that pytest gives a meaning of its own: no category becomes a marker of such a name.
_PYTEST_MARKS = frozenset({"skip", "skipif", "xfail", "parametrize", "usefixtures", "filterwarnings"})


@dataclass(slots=True)
class Run:
    """State of one session, in the one process that runs it or in each of xdist's.

    Attributes:
        config: pytest's.
        suites: Folder of the first suite that was collected; baselines are in `baselines/` there.
        subject: The model under test.
        ledger: What came of the tests.

    Raises:
        InputError: an option, the pack, the settings or the baseline cannot be used.
    """

    config: pytest.Config
    suites: Path
    subject: Subject = field(init=False)
    ledger: Ledger = field(init=False)
    _cases: dict[str, Case] = field(init=False)
    _all_cases: list[Case] = field(init=False)
    _scorer: Scorer = field(init=False)
    _answers: Answers | None = None

    def __post_init__(self) -> None:
        chosen = {dest(name): self.config.getoption(name) for name in OPTIONS}
        self.subject = load_subject(chosen, self._pack())
        self._cases = self.subject.cases()
        self._all_cases = self.subject.plan.pack.cases()
        self._scorer = Scorer(self.subject.plan.pack, self._all_cases)
        path = baseline_path(chosen["baseline"] or self.subject.plan.pack.name, self.suites)
        self.ledger = Ledger(self.subject, path, updating=bool(chosen["update_baseline"]))
        if chosen["baseline"] and self.ledger.baseline is None and not self.ledger.updating:
            known = sorted(other.stem for other in path.parent.glob("*.json"))
            raise InputError(
                "there is no such baseline",
                path=path,
                hint=f"known here: {', '.join(known) or 'none'}; --update-baseline writes one",
            )

    def _pack(self) -> str | Path:
        """The pack by option, or by the ini-file relative to it."""
        given = self.config.getoption("--pack")
        if given:
            return str(given)
        named = str(self.config.getini(PACK_INI))
        beside = (self.config.inipath.parent if self.config.inipath else self.config.rootpath) / named
        return beside if (beside / PACK_FILE).is_file() else named

    # Before the tests

    def parameters(self, fixture: str) -> list[Any]:
        """One parameter, the id, for each case; with the category as a marker, for -m."""
        if fixture == "judged_repeatedly" and self.subject.plan.samples < 2:
            return [pytest.param("", id="one-sample", marks=pytest.mark.skip(reason="needs --samples 2 or more"))]
        marks: dict[str, Sequence[pytest.MarkDecorator]] = {}
        for category in {case.category for case in self._cases.values()}:
            usable = category.isidentifier() and category[0] != "_" and category not in _PYTEST_MARKS
            if usable:
                self.config.addinivalue_line("markers", f"{category}: held-out commands of this category")
            marks[category] = [getattr(pytest.mark, category)] if usable else []
        return [pytest.param(case.id, id=case.id, marks=marks[case.category]) for case in self._cases.values()]

    def needed(self, items: Iterable[pytest.Item]) -> frozenset[str]:
        """Ids of the cases whose answers these tests need."""
        found = set()
        for item in items:
            params = getattr(item, "callspec", None) and item.callspec.params  # type: ignore[attr-defined]
            found |= {params[name] for name in ("judged", "judged_repeatedly") if params and params.get(name)}
        return frozenset(found)

    def gather(self, case_ids: Collection[str], share: Path | None = None) -> None:
        """Gather the answers to these cases; the session ends here if there is none.

        Args:
            case_ids: What is needed.
            share: Where to leave them for workers.
        """
        try:
            gathered = gather(self.subject, case_ids)
            if share is not None:
                save(gathered, share)
            elif case_ids:
                self._answers = Answers(self.subject, gathered, self._scorer)
        except GonogoError as error:
            pytest.exit(f"gonogo: {error}", returncode=pytest.ExitCode.USAGE_ERROR)
        if gathered.trouble:
            if not any(completion.outcome.scored for completion in gathered.completions):
                pytest.exit(f"gonogo: {gathered.trouble}", returncode=pytest.ExitCode.INTERNAL_ERROR)
            self.ledger.notes.append(gathered.trouble)

    # In a test

    def case(self, node: pytest.Item, case_id: str) -> Case:
        """The case of a test that judges the pack."""
        case = self._cases[case_id]
        node.user_properties += [("suite", _suite(node)), ("case", case.id), ("category", case.category)]
        return case

    def pack_check(self) -> PackCheck:
        """What tests of the pack ask."""
        return PackCheck(self.subject.plan.pack, self._all_cases, self._scorer)

    def judged(self, node: pytest.Item, case_id: str) -> Judged:
        """What a test that judges the model is given; an error where it cannot be judged."""
        case = self.case(node, case_id)
        node.user_properties += [("intent", case.intent), ("model", self.subject.spec.text)]
        node.stash[PLACE] = (_suite(node), case.id)
        try:
            answers = self._answers_here()
            missing = answers.missing(case)
            if not missing:
                return Judged(case, answers.scores(case), answers.demand(case).expectation)
        except GonogoError as error:
            missing = str(error)
        raise WrongAnswer(missing)

    def _answers_here(self) -> Answers:
        if self._answers is None:
            meeting = sharing.worker_meeting(self.config)
            gathered = load(meeting.answers) if meeting is not None else Gathered([])
            self._answers = Answers(self.subject, gathered, self._scorer)
        return self._answers


def _suite(node: pytest.Item) -> str:
    """Name of a test function, without its parameters."""
    return str(getattr(node, "originalname", None) or node.name)
