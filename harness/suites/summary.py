"""What came of the tests: known failures excused, everything counted, the baseline written, the run summed up."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.errors import InputError
from harness.suites.baseline import Baseline, updated, write_baseline
from harness.suites.judged import WrongAnswer

# Suite and case id of a test that judges the model: only such a test can be a known failure.
PLACE = pytest.StashKey[tuple[str, str]]()

# The suites in the order in which an answer is judged; those of a user's own come after, by name.
_SUITES = ("test_format", "test_syntax", "test_sdk", "test_safety", "test_heldout", "test_reliability", "test_dataset")
_SHOWN = 20  # ids that are named; the rest is counted


class Status(StrEnum):
    """What came of one case in one suite."""

    PASSED = "passed"
    FAILED = "failed"
    KNOWN = "known failures"
    NEWLY_PASSING = "newly passing"
    NO_ANSWER = "no answer"


_RIGHT = (Status.PASSED, Status.NEWLY_PASSING)


class Result(NamedTuple):
    """One test of a suite; `of_model` where it judges the model, not the pack alone."""

    suite: str
    case_id: str
    category: str
    status: Status
    of_model: bool


@dataclass(slots=True)
class Results:
    """Results of one session and the baseline that they are compared with; a plugin of pytest, for its hooks."""

    now: Baseline  # model and hashes of this session
    asked: str  # pack, prompt and samples, for people
    case_ids: frozenset[str]  # of all cases of the pack
    baseline: Baseline | None  # what failed before; None where nothing is known
    path: Path  # of the baseline
    updating: bool  # failures become known instead of counting
    notes: list[str] = field(default_factory=list)  # lines for the end of the run
    _results: list[Result] = field(default_factory=list)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Make a known failure an expected one, and a wrong answer's headline the message of its failure."""
        report = yield
        error = call.excinfo.value if call.excinfo else None
        if isinstance(error, WrongAnswer):
            crash = getattr(report.longrepr, "reprcrash", None)
            if crash is not None:
                crash.message = error.headline  # else the whole body stands in lists and in JUnit's attribute
            if error.label:
                report.user_properties = item.user_properties = [*item.user_properties, ("first_failure", error.label)]
        place = item.stash.get(PLACE, None)
        if place is None or call.when != "call" or item.config.option.runxfail:
            return report
        known = self.baseline is not None and self.baseline.knows(*place)
        if report.failed and isinstance(error, (WrongAnswer, AssertionError)) and (known or self.updating):
            report.outcome = "skipped"
            report.wasxfail = "now in the baseline" if self.updating else "known failure"
        elif report.passed and known and not self.updating:
            report.wasxfail = "failed before"
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in one report, for the summary and the baseline."""
        properties = dict(report.user_properties)
        status = _status(report)
        if "suite" in properties and status is not None:
            suite, case_id, category = (str(properties[name]) for name in ("suite", "case", "category"))
            self._results.append(Result(suite, case_id, category, status, of_model="model" in properties))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the baseline, where that was asked for; the session fails if it cannot be."""
        if not self.updating or hasattr(session.config, "workerinput"):
            return
        lost = sum(result.status is Status.NO_ANSWER for result in self._results)
        judged: dict[str, set[str]] = {}
        failing: dict[str, frozenset[str]] = {}
        for suite in {result.suite for result in self._results if result.of_model}:
            own = [result for result in self._results if result.suite == suite]
            judged[suite] = {result.case_id for result in own}
            failing[suite] = frozenset(result.case_id for result in own if result.status not in _RIGHT)
        none = f"the baseline is not written: {lost or 'all'} tests had no answer to judge"
        problem = none if lost or not judged else ""
        try:
            if not problem:
                now = replace(self.now, failing=failing)
                write_baseline(self.path, updated(self.baseline, now, judged, self.case_ids))
        except InputError as error:
            problem = str(error)
        if problem:
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
        self.notes.append(problem or f"baseline written: {os.path.relpath(self.path)}")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None, None, None]:
        """The table, below everything that pytest has to say."""
        # For each failure pytest looks through the reports of every setup and teardown for captured output: with
        # thousands of both, minutes. Those without any are not missed.
        silent = terminalreporter.stats.get("", [])
        terminalreporter.stats[""] = [report for report in silent if getattr(report, "sections", None)]
        if not any(argument.startswith("-r") for argument in terminalreporter.config.invocation_params.args):
            # Hundreds of known failures would bury what is new; `-rx` on the command line lists them.
            terminalreporter.reportchars = terminalreporter.reportchars.replace("x", "")
        yield
        if self._results or self.notes:
            terminalreporter.section("gonogo")
            for line in self._summary():
                terminalreporter.write_line(line)

    def _summary(self) -> Iterator[str]:
        """The lines that end a run."""
        shown = os.path.relpath(self.path)
        if self.updating:
            about = f"{shown}, being written"
        elif self.baseline is None:
            about = f"none, so every wrong answer is a failure; --update-baseline writes {shown}"
        else:
            about = f"{shown}, written for {self.baseline.model}"
            if changed := self.baseline.differs(self.now.hashes):
                about += f"; made of other {', '.join(changed)}: known failures may be out of date"
        yield from (f"model     {self.now.model}", f"pack      {self.asked}", f"baseline  {about}", "")
        yield from _table(self._results)
        newly = [f"{one.suite}[{one.case_id}]" for one in self._results if one.status is Status.NEWLY_PASSING]
        if newly:
            more = f" and {len(newly) - _SHOWN} more" if len(newly) > _SHOWN else ""
            yield f"newly passing: {', '.join(newly[:_SHOWN])}{more}"
            yield "  --update-baseline makes sure that they stay so"
        yield from self.notes


def _table(results: Sequence[Result]) -> Iterator[str]:
    """Categories down, suites across: how many of how many are right; then the totals by status."""
    found = {result.suite for result in results}
    suites = [suite for suite in _SUITES if suite in found] + sorted(found.difference(_SUITES))
    rows = [*sorted({result.category for result in results}), "all"]
    counts = Counter((row, one.suite, one.status) for one in results for row in (one.category, "all"))

    def share(row: str, suite: str) -> str:
        right = sum(counts[row, suite, status] for status in _RIGHT)
        answered = right + counts[row, suite, Status.FAILED] + counts[row, suite, Status.KNOWN]
        return f"{right}/{answered}" if answered else "-"

    lines = [("", *(suite.removeprefix("test_") for suite in suites))]
    lines += [(row, *(share(row, suite) for suite in suites)) for row in rows]
    lines += [("",) * len(lines[0])]
    for status in Status:
        totals = [counts["all", suite, status] for suite in suites]
        if status is not Status.PASSED and any(totals):
            lines.append((status.value, *map(str, totals)))
    first = max(map(len, (*rows, *Status)))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)][1:]
    for head, *cells in lines:
        line = [head.ljust(first), *(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))]
        yield "  ".join(line).rstrip()


def _status(report: pytest.TestReport) -> Status | None:
    """What a report says of a case; None where it says nothing."""
    if report.when != "call":
        return Status.NO_ANSWER if report.when == "setup" and report.failed else None
    known = hasattr(report, "wasxfail")
    if report.passed:
        return Status.NEWLY_PASSING if known else Status.PASSED
    return Status.FAILED if report.failed else Status.KNOWN if known else None
