"""One session of the suites: the model under test, its answers, what each test is given, and what came of the tests."""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Collection, Generator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import evaluation
from harness.cases import Case
from harness.cli import options
from harness.config import Settings, load_settings
from harness.datacheck import PackCheck
from harness.errors import EvidenceError, GonogoError, InputError
from harness.inert import one_line
from harness.models.connect import connect_all
from harness.models.outcomes import Completion
from harness.models.specs import ModelSpec, parse_spec
from harness.pack import PROMPTS, Pack, load_pack
from harness.progress import ProgressBar
from harness.scores import Score, Scorer
from harness.suites.baseline import baseline_path, read_baseline, updated, write_baseline
from harness.suites.judged import Judged, WrongAnswer
from harness.suites.summary import RIGHT, Result, Status, named, table

_RECORDED = "recorded:"
_HASHED = ("cases", "profile", "robot", "system_message")
# Names that pytest gives a meaning of its own: no category becomes a marker of such a name.
_PYTEST_MARKS = frozenset({"skip", "skipif", "xfail", "parametrize", "usefixtures", "filterwarnings"})
# Suite and case id of a test that judges the model: only such a test can be a known failure.
_PLACE = pytest.StashKey[tuple[str, str]]()


class SuiteSession:
    """State of one session, in the one process that runs it or in each of xdist's; a plugin of pytest, for its hooks.

    Attributes:
        suites: As given.

    Args:
        config: pytest's.
        chosen: pytest's options by their long names, with underscores; None where not given.
        pack: Folder or name of the pack.
        suites: Folder of the first suite that was collected; baselines are in `baselines/` there.
        shared: With xdist, where the controller leaves the answers for the workers.

    Raises:
        InputError: an option, the pack, the settings or the baseline cannot be used.
    """

    def __init__(
        self, config: pytest.Config, chosen: Mapping[str, Any], pack: str | Path, suites: Path, shared: Path | None
    ) -> None:
        self.suites = suites
        self._config = config
        self._pack = load_pack(pack)
        self._settings = load_settings(self._pack)
        self._all_cases = self._pack.cases()
        self._plan = _plan(chosen, self._pack, self._settings)
        self._cases = {case.id: case for case in self._plan.cases}
        self._spec = _spec(chosen["model"], self._pack, self._settings)
        made_from = evaluation.provenance(replace(self._plan, cases=tuple(self._all_cases)), [self._spec], [])
        self._hashes = {name: str(made_from[f"{name}_sha256"]) for name in _HASHED}
        self._hashes["decoding"] = str(made_from["decoding"])
        self._scorer = Scorer(self._pack, self._all_cases)
        self._scores: dict[str, tuple[Score, ...]] = {}
        self._shared = shared
        self._worker = hasattr(config, "workerinput")
        self._answers: dict[tuple[str, int], Completion] | None = None
        self._trouble = ""  # why not everything was asked
        self._path = baseline_path(chosen["baseline"] or self._pack.name, suites)
        self._baseline = read_baseline(self._path)
        self._updating = bool(chosen["update_baseline"])
        self._results: list[Result] = []
        self._notes: list[str] = []
        if chosen["baseline"] and self._baseline is None and not self._updating:
            known = ", ".join(sorted(other.stem for other in self._path.parent.glob("*.json"))) or "none"
            hint = f"known here: {known}; --update-baseline writes one"
            raise InputError("there is no such baseline", path=self._path, hint=hint)

    # Before the tests

    def parameters(self, fixture: str) -> list[Any]:
        """One parameter, the id, for each case; with the category as a marker, for -m."""
        if fixture == "judged_repeatedly" and self._plan.samples < 2:
            return [pytest.param("", id="one-sample", marks=pytest.mark.skip(reason="needs --samples 2 or more"))]
        marks: dict[str, list[pytest.MarkDecorator]] = {}
        for category in {case.category for case in self._plan.cases}:
            usable = category.isidentifier() and category[0] != "_" and category not in _PYTEST_MARKS
            if usable:
                self._config.addinivalue_line("markers", f"{category}: held-out commands of this category")
            marks[category] = [getattr(pytest.mark, category)] if usable else []
        return [pytest.param(case.id, id=case.id, marks=marks[case.category]) for case in self._plan.cases]

    def needed(self, session: pytest.Session) -> list[str]:
        """Ids of the cases whose answers the collected tests need."""
        specs = [spec for item in session.items if (spec := getattr(item, "callspec", None))]
        found = {spec.params.get(name) for spec in specs for name in ("judged", "judged_repeatedly")}
        return sorted(found - {None, ""})

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Without xdist: gather the answers that the collected tests need, all at once."""
        gc.freeze()  # thousands of tests stay alive to the end: searching them for garbage takes a second
        option = self._config.option
        broken = session.testsfailed and not option.continue_on_collection_errors
        if not (broken or option.collectonly or option.setupplan or self._worker):
            self.gather(self.needed(session))

    def gather(self, case_ids: Collection[str]) -> None:
        """Ask for the answers to these cases that are not on file; the session ends here if there are none at all."""
        plan = replace(self._plan, cases=tuple(case for case in self._plan.cases if case.id in case_ids))
        try:
            with connect_all([self._spec], self._settings) as connect:
                completions, self._trouble = evaluation.answers_to_be_had(
                    plan, self._spec, self._settings, connect=connect, progress=ProgressBar()
                )
        except GonogoError as error:
            pytest.exit(f"gonogo: {error}", returncode=pytest.ExitCode.USAGE_ERROR)
        if self._trouble:
            if not any(completion.outcome.scored for completion in completions):
                pytest.exit(f"gonogo: {self._trouble}", returncode=pytest.ExitCode.INTERNAL_ERROR)
            self._notes.append(self._trouble)
        self._answers = {(one.case_id, one.sample): one for one in completions}
        if self._shared:
            record = {"trouble": self._trouble, "answers": [one.to_record() for one in completions]}
            self._shared.write_text(json.dumps(record), encoding="utf-8")

    # In a test

    def case(self, node: pytest.Item, case_id: str) -> Case:
        """The case of a test that judges the pack."""
        case = self._cases[case_id]
        node.user_properties += [("suite", _suite(node)), ("case", case.id), ("category", case.category)]
        return case

    def pack_check(self) -> PackCheck:
        """What tests of the pack ask."""
        return PackCheck(self._pack, self._all_cases, self._scorer)

    def judged(self, node: pytest.Item, case_id: str) -> Judged:
        """What a test that judges the model is given; an error where it cannot be judged."""
        case = self.case(node, case_id)
        node.user_properties += [("intent", case.intent), ("model", self._spec.text)]
        node.stash[_PLACE] = (_suite(node), case.id)
        try:
            if case.id not in self._scores:
                self._scores[case.id] = tuple(map(self._scorer.score, self._completions(case)))
            return Judged(case, self._scores[case.id], self._scorer.demand(case).expectation)
        except GonogoError as error:
            raise WrongAnswer(str(error)) from None

    def _completions(self, case: Case) -> Iterator[Completion]:
        """The answers to a case, one a sample.

        Raises:
            EvidenceError: one is missing; with the reason.
        """
        if self._answers is None:
            record = json.loads(self._shared.read_text(encoding="utf-8")) if self._shared else {"answers": []}
            answers = [Completion.from_record(one) for one in record["answers"]]
            self._answers = {(one.case_id, one.sample): one for one in answers}
            self._trouble = record.get("trouble", "")
        for sample in range(self._plan.samples):
            found = self._answers.get((case.id, sample))
            if found is not None and found.outcome.scored:
                yield found
                continue
            which = f" to sample {sample}" if self._plan.samples > 1 else ""
            if found is not None:
                detail = f" ({one_line(found.detail)})" if found.detail else ""
                why = f"{found.outcome.value}{detail}; run again to ask for it"
            elif self._spec.path is not None:
                why = "the recording holds none"
            else:
                why = one_line(self._trouble.split("\n")[0]) or "it was not asked"
            raise EvidenceError(f"no answer of {self._spec.text}{which}: {why}")

    # After a test

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
        place = item.stash.get(_PLACE, None)
        if place is None or call.when != "call" or item.config.option.runxfail:
            return report
        known = self._baseline is not None and self._baseline.knows(*place)
        if report.failed and isinstance(error, (WrongAnswer, AssertionError)) and (known or self._updating):
            report.outcome = "skipped"
            report.wasxfail = "now in the baseline" if self._updating else "known failure"
        elif report.passed and known and not self._updating:
            report.wasxfail = "failed before"
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in one report, for the summary and the baseline."""
        properties = dict(report.user_properties)
        status = _status(report)
        if "suite" in properties and status is not None:
            suite, case_id, category = (str(properties[name]) for name in ("suite", "case", "category"))
            self._results.append(Result(suite, case_id, category, status, of_model="model" in properties))

    # After the tests

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the baseline, where that was asked for; the session fails if it cannot be."""
        if not self._updating or self._worker:
            return
        judged: dict[str, dict[str, bool]] = {}
        for result in self._results:
            if result.of_model:
                ids = judged.setdefault(result.suite, {})
                ids[result.case_id] = result.status in RIGHT and ids.get(result.case_id, True)
        lost = sum(result.status is Status.NO_ANSWER for result in self._results)
        if lost or not judged:
            self._notes.append(f"the baseline is not written: {lost or 'all'} tests had no answer to judge")
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
            return
        try:
            known = {case.id for case in self._all_cases}
            write_baseline(self._path, updated(self._baseline, self._spec.text, self._hashes, judged, known))
        except InputError as error:
            self._notes.append(str(error))
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        else:
            self._notes.append(f"baseline written: {self._shown_path()}")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None, None, None]:
        """The table, below everything that pytest has to say."""
        # For each failure pytest looks through the reports of every setup and teardown for captured output: with
        # thousands of both, minutes. Those without any are not missed.
        silent = terminalreporter.stats.get("", [])
        terminalreporter.stats[""] = [report for report in silent if getattr(report, "sections", None)]
        if not any(argument.startswith("-r") for argument in self._config.invocation_params.args):
            # Hundreds of known failures would bury what is new; `-rx` on the command line lists them.
            terminalreporter.reportchars = terminalreporter.reportchars.replace("x", "")
        yield
        if self._results or self._notes:
            terminalreporter.section("gonogo")
            for line in self._summary():
                terminalreporter.write_line(line)

    def _summary(self) -> Iterator[str]:
        """The lines that end a run."""
        samples = f", {self._plan.samples} samples" if self._plan.samples > 1 else ""
        yield f"model     {self._spec.text}"
        yield f"pack      {self._pack.name}, {self._plan.prompt} prompt{samples}"
        yield f"baseline  {self._about_baseline()}"
        yield ""
        yield from table(self._results)
        newly = named(self._results, Status.NEWLY_PASSING)
        if newly:
            yield f"newly passing: {newly}"
            yield "  --update-baseline makes sure that they stay so"
        yield from self._notes

    def _about_baseline(self) -> str:
        shown = self._shown_path()
        if self._updating:
            return f"{shown}, being written"
        if self._baseline is None:
            return f"none, so every wrong answer is a failure; --update-baseline writes {shown}"
        changed = self._baseline.differs(self._hashes)
        note = f"; made of other {', '.join(changed)}: known failures may be out of date" if changed else ""
        return f"{shown}, written for {self._baseline.model}{note}"

    def _shown_path(self) -> Path:
        """The baseline's path as short as it can be."""
        here, path = Path.cwd(), self._path.absolute()
        return path.relative_to(here) if path.is_relative_to(here) else path


def _plan(chosen: Mapping[str, Any], pack: Pack, settings: Settings) -> evaluation.Plan:
    """What the model is asked: pytest's options as `gonogo run` takes its own."""
    prompt = chosen["prompt"] or PROMPTS[0]
    if prompt not in PROMPTS:
        raise InputError(f"unknown prompt {prompt!r}", hint=f"one of {', '.join(PROMPTS)}")
    try:
        temperature = None if chosen["temperature"] is None else options.temperature(chosen["temperature"])
    except (ValueError, argparse.ArgumentTypeError):
        wrong = f"--temperature {chosen['temperature']} cannot be used"
        raise InputError(wrong, hint="0 to 2, or `default`") from None
    own = {"prompt": prompt, "temperature": temperature, "runs": Path(chosen["runs"])}
    fixed = {"all": False, "default_all": True, "category": [], "sample_seed": 0, "fresh": False}
    return options.plan(argparse.Namespace(**{**chosen, **own, **fixed}), pack, settings)


def _spec(text: str | None, pack: Pack, settings: Settings) -> ModelSpec:
    """The model under test: where none is named, the pack's `default_model`, or else CANDIDATE_MODEL.

    The pack names a recording relative to itself, and it is called by that name, so that it is the same everywhere.
    """
    default = pack.default_model or settings.candidate_model
    if text or not default.startswith(_RECORDED):
        return parse_spec(text or default, settings, pack.adapters)
    path = pack.root / default.removeprefix(_RECORDED)
    return replace(parse_spec(f"{_RECORDED}{path}", settings, pack.adapters), text=default)


def _suite(node: pytest.Item) -> str:
    """Name of a test function, without its parameters."""
    return str(getattr(node, "originalname", None) or node.name)


def _status(report: pytest.TestReport) -> Status | None:
    """What a report says of a case; None where it says nothing."""
    if report.when != "call":
        return Status.NO_ANSWER if report.when == "setup" and report.failed else None
    known = hasattr(report, "wasxfail")
    if report.passed:
        return Status.NEWLY_PASSING if known else Status.PASSED
    return Status.FAILED if report.failed else Status.KNOWN if known else None
