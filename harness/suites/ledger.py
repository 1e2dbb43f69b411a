"""What came of the tests: known failures excused, everything counted, the baseline written, the run summed up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.errors import InputError
from harness.suites import summary
from harness.suites.baseline import Baseline, read_baseline, updated, write_baseline
from harness.suites.judged import WrongAnswer
from harness.suites.subject import Subject
from harness.suites.summary import Result, Status

# Suite and case id of a test that judges the model: only such a test can be a known failure.
PLACE = pytest.StashKey[tuple[str, str]]()


@dataclass(slots=True)
class Ledger:
    """Results of one session, and the baseline that they are held against.

    Attributes:
        subject: The model under test.
        path: Of the baseline.
        updating: Failures become known instead of counting.
        baseline: What failed before; None where nothing is known.
        notes: Lines for the end of the run.

    Raises:
        InputError: the baseline cannot be used.
    """

    subject: Subject
    path: Path
    updating: bool
    baseline: Baseline | None = field(init=False)
    notes: list[str] = field(default_factory=list)
    _results: list[Result] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.baseline = read_baseline(self.path)

    def adjust(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
        """Make a known failure an expected one, and a wrong answer's headline the message of its failure."""
        error = call.excinfo.value if call.excinfo else None
        if isinstance(error, WrongAnswer):
            crash = getattr(report.longrepr, "reprcrash", None)
            if crash is not None:
                crash.message = error.headline  # else the whole body stands in lists and in JUnit's attribute
            if error.label:
                report.user_properties = item.user_properties = [*item.user_properties, ("first_failure", error.label)]
        place = item.stash.get(PLACE, None)
        if place is None or call.when != "call" or item.config.option.runxfail:
            return
        if report.failed and isinstance(error, (WrongAnswer, AssertionError)):
            if self.updating or (self.baseline is not None and self.baseline.knows(*place)):
                report.outcome = "skipped"
                report.wasxfail = "now in the baseline" if self.updating else "known failure"
        elif report.passed and not self.updating and self.baseline is not None and self.baseline.knows(*place):
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

    def finish(self, session: pytest.Session) -> None:
        """Write the baseline, where that was asked for; the session fails if it cannot be."""
        if not self.updating:
            return
        judged: dict[str, set[str]] = {}
        for result in self._results:
            if result.of_model:
                judged.setdefault(result.suite, set()).add(result.case_id)
        lost = sum(result.status is Status.NO_ANSWER for result in self._results)
        if lost or not judged:
            self.notes.append(f"the baseline is not written: {lost or 'all'} tests had no answer to judge")
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
            return
        try:
            known = [case.id for case in self.subject.plan.pack.cases()]
            new = summary.new_baseline(self._results, self.subject.spec.text, self.subject.hashes)
            write_baseline(self.path, updated(self.baseline, new, judged, known))
        except InputError as error:
            self.notes.append(str(error))
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        else:
            self.notes.append(f"baseline written: {self._shown_path()}")

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
        yield from self.notes

    def _about_baseline(self) -> str:
        shown = self._shown_path()
        if self.updating:
            return f"{shown}, being written"
        if self.baseline is None:
            return f"none, so every wrong answer is a failure; --update-baseline writes {shown}"
        changed = self.baseline.differs(self.subject.hashes)
        note = f"; made of other {', '.join(changed)}: known failures may be out of date" if changed else ""
        return f"{shown}, written for {self.baseline.model}{note}"

    def _shown_path(self) -> Path:
        """The baseline's path as short as it can be."""
        here = Path.cwd()
        path = self.path.absolute()
        return path.relative_to(here) if path.is_relative_to(here) else path

    @property
    def judged_any(self) -> bool:
        """Whether there is anything to sum up."""
        return bool(self._results or self.notes)


def _status(report: pytest.TestReport) -> Status | None:
    if report.when == "setup":
        return Status.NO_ANSWER if report.failed else None
    known = hasattr(report, "wasxfail")
    if report.passed:
        return Status.NEWLY_PASSING if known else Status.PASSED
    return Status.FAILED if report.failed else Status.KNOWN if known else None
