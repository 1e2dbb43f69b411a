"""One session of the suites: parameters, answers, what counts as a failure, and the end of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.cases import Case
from harness.errors import GonogoError, InputError
from harness.pack import PACK_FILE
from harness.scores import Scorer
from harness.suites import sharing, summary
from harness.suites.answers import Answers, Gathered, gather, load, save
from harness.suites.baseline import Baseline, baseline_path, read_baseline, updated, write_baseline
from harness.suites.judged import Judged, WrongAnswer
from harness.suites.options import OPTIONS, PACK_INI, dest
from harness.suites.pack_check import PackCheck
from harness.suites.subject import Subject, load_subject
from harness.suites.summary import Result, Status

# Names that pytest gives a meaning of its own: no category becomes a marker of such a name.
_PYTEST_MARKS = frozenset({"skip", "skipif", "xfail", "parametrize", "usefixtures", "filterwarnings"})
_PLACE = pytest.StashKey[tuple[str, str]]()  # suite and case id of a test that judges the model


@dataclass(slots=True)
class Run:
    """State of one session, in the one process that runs it or in each of xdist's.

    Attributes:
        config: pytest's.
        suites: Folder of the first suite that was collected; baselines are in `baselines/` there.
    """

    config: pytest.Config
    suites: Path
    subject: Subject = field(init=False)
    _cases: dict[str, Case] = field(init=False)
    _all_cases: list[Case] = field(init=False)
    _scorer: Scorer = field(init=False)
    _baseline_path: Path = field(init=False)
    _baseline: Baseline | None = field(init=False)
    _updating: bool = field(init=False)
    _answers: Answers | None = None
    _results: list[Result] = field(default_factory=list)
    _notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        chosen = {dest(name): self.config.getoption(name) for name in OPTIONS}
        self.subject = load_subject(chosen, self._pack())
        self._cases = self.subject.cases()
        self._all_cases = self.subject.plan.pack.cases()
        self._scorer = Scorer(self.subject.plan.pack, self._all_cases)
        self._updating = bool(chosen["update_baseline"])
        self._baseline_path = baseline_path(chosen["baseline"] or self.subject.plan.pack.name, self.suites)
        self._baseline = read_baseline(self._baseline_path)
        if chosen["baseline"] and self._baseline is None and not self._updating:
            known = sorted(path.stem for path in self._baseline_path.parent.glob("*.json"))
            raise InputError(
                "there is no such baseline",
                path=self._baseline_path,
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
            self._notes.append(gathered.trouble)

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
        node.stash[_PLACE] = (_suite(node), case.id)
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

    # After a test

    def adjust(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
        """Make a known failure an expected one, and a wrong answer's headline the message of its failure."""
        error = call.excinfo.value if call.excinfo else None
        if isinstance(error, WrongAnswer):
            crash = getattr(report.longrepr, "reprcrash", None)
            if crash is not None:
                crash.message = error.headline  # else the whole body stands in lists and in JUnit's attribute
            if error.label:
                report.user_properties = item.user_properties = [*item.user_properties, ("first_failure", error.label)]
        place = item.stash.get(_PLACE, None)
        if place is None or call.when != "call" or self.config.option.runxfail:
            return
        if report.failed and isinstance(error, (WrongAnswer, AssertionError)):
            if self._updating or (self._baseline is not None and self._baseline.knows(*place)):
                report.outcome = "skipped"
                report.wasxfail = "now in the baseline" if self._updating else "known failure"
        elif report.passed and not self._updating and self._baseline is not None and self._baseline.knows(*place):
            report.wasxfail = "failed before"

    def count(self, report: pytest.TestReport) -> None:
        """Take in one report, for the summary and the baseline."""
        properties = dict(report.user_properties)
        if "suite" not in properties or report.when == "teardown":
            return
        status = _status(report)
        if status is not None:
            suite, case_id, category = (str(properties[name]) for name in ("suite", "case", "category"))
            self._results.append(Result(suite, case_id, category, status, of_model="model" in properties))

    # At the end

    def finish(self, session: pytest.Session) -> None:
        """Write the baseline, where that was asked for; the session fails if it cannot be."""
        if not self._updating:
            return
        judged: dict[str, set[str]] = {}
        for result in self._results:
            if result.of_model:
                judged.setdefault(result.suite, set()).add(result.case_id)
        lost = sum(result.status is Status.NO_ANSWER for result in self._results)
        if lost or not judged:
            self._notes.append(f"the baseline is not written: {lost or 'all'} tests had no answer to judge")
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
            return
        try:
            known = [case.id for case in self._all_cases]
            new = summary.new_baseline(self._results, self.subject.spec.text, self.subject.hashes)
            write_baseline(self._baseline_path, updated(self._baseline, new, judged, known))
        except InputError as error:
            self._notes.append(str(error))
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        else:
            self._notes.append(f"baseline written: {self._shown_path()}")

    def report(self) -> Iterator[str]:
        """The lines that end a run."""
        plan, spec = self.subject.plan, self.subject.spec
        samples = f", {plan.samples} samples" if plan.samples > 1 else ""
        yield f"model     {spec.text}"
        yield f"pack      {plan.pack.name}, {plan.prompt} prompt{samples}"
        yield f"baseline  {self._about_baseline()}"
        yield ""
        yield from summary.table(self._results)
        if any(result.status is Status.NEWLY_PASSING for result in self._results):
            yield f"newly passing: {summary.named(self._results, Status.NEWLY_PASSING)}"
            yield "  --update-baseline makes sure that they stay so"
        yield from self._notes

    def _about_baseline(self) -> str:
        shown = self._shown_path()
        if self._updating:
            return f"{shown}, being written"
        if self._baseline is None:
            return f"none, so every wrong answer is a failure; --update-baseline writes {shown}"
        changed = self._baseline.differs(self.subject.hashes)
        note = f"; made of other {', '.join(changed)}: known failures may be out of date" if changed else ""
        return f"{shown}, written for {self._baseline.model}{note}"

    def _shown_path(self) -> Path:
        """The baseline's path as short as it can be."""
        here = Path.cwd()
        path = self._baseline_path.absolute()
        return path.relative_to(here) if path.is_relative_to(here) else path

    @property
    def judged_any(self) -> bool:
        """Whether there is anything to sum up."""
        return bool(self._results or self._notes)


def _suite(node: pytest.Item) -> str:
    """Name of a test function, without its parameters."""
    return str(getattr(node, "originalname", None) or node.name)


def _status(report: pytest.TestReport) -> Status | None:
    if report.when == "setup":
        return Status.NO_ANSWER if report.failed else None
    known = hasattr(report, "wasxfail")
    if report.passed:
        return Status.NEWLY_PASSING if known else Status.PASSED
    return Status.FAILED if report.failed else Status.KNOWN if known else None
