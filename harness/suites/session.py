"""One session of the suites: the model under test, its answers, and what each test is given."""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.ask.arm import Arm, answers_to_be_had, provenance
from harness.ask.progress import ProgressBar
from harness.cases import Case
from harness.cli import options
from harness.config import Settings, load_settings
from harness.datacheck import PackCheck
from harness.errors import EvidenceError, GonogoError, InputError
from harness.models.connect import connect_all
from harness.models.outcomes import Completion
from harness.pack import Pack, load_pack
from harness.score import Score, Scorer
from harness.suites.baseline import Baseline, baseline_path, read_baseline
from harness.suites.judged import Judged, WrongAnswer
from harness.suites.summary import PLACE, Results
from harness.text import one_line

_RECORDED = "recorded:"
_HASHED = ("cases", "profile", "robot", "system_message")
# Names that pytest gives a meaning of its own: no category becomes a marker of such a name.
_PYTEST_MARKS = frozenset({"skip", "skipif", "xfail", "parametrize", "usefixtures", "filterwarnings"})


class SuiteSession:
    """State of one session, in the one process that runs it or in each of xdist's; a plugin of pytest, for its hook.

    Args:
        config: pytest's.
        chosen: pytest's options by their long names, with underscores; None where not given.
        pack: Folder or name of the pack.
        suites: Folder of the first suite that was collected.
        shared: With xdist, the file in which the controller leaves the answers for the workers.
    """

    def __init__(
        self, config: pytest.Config, chosen: Mapping[str, Any], pack: str | Path, suites: Path, shared: Path | None
    ) -> None:
        self.suites, self._config, self._shared = suites, config, shared
        self._pack = load_pack(pack)
        self._settings = load_settings(self._pack)
        self._all_cases = self._pack.cases()
        self._arm = _arm(chosen, self._pack, self._settings)
        self._spec = self._arm.spec
        self._cases = {case.id: case for case in self._arm.cases}
        self._scorer = Scorer(self._pack, self._all_cases)
        self._scores: dict[str, tuple[Score, ...]] = {}
        self._answers: dict[tuple[str, int], Completion] = {}
        self._trouble = ""  # why not everything was asked
        made_from = provenance([replace(self._arm, cases=tuple(self._all_cases))], [])
        hashes = {name: str(made_from[f"{name}_sha256"]) for name in _HASHED}
        samples = f", {self._arm.samples} samples" if self._arm.samples > 1 else ""
        path = baseline_path(chosen["baseline"] or self._pack.name, suites)
        self.results = Results(
            now=Baseline(self._spec.text, hashes | {"decoding": str(made_from["decoding"])}),
            asked=f"{self._pack.name}, {self._arm.prompt} prompt{samples}",
            case_ids=frozenset(case.id for case in self._all_cases),
            baseline=read_baseline(path, required=bool(chosen["baseline"]) and not chosen["update_baseline"]),
            path=path,
            updating=chosen["update_baseline"],
        )

    # Before the tests

    def parameters(self, fixture: str) -> list[Any]:
        """One parameter, the id, for each case; with the category as a marker, for -m."""
        if fixture == "judged_repeatedly" and self._arm.samples < 2:
            return [pytest.param("", id="one-sample", marks=pytest.mark.skip(reason="needs --repeat 2 or more"))]
        marks: dict[str, list[pytest.MarkDecorator]] = {}
        for category in {case.category for case in self._arm.cases}:
            usable = category.isidentifier() and category[0] != "_" and category not in _PYTEST_MARKS
            if usable:
                self._config.addinivalue_line("markers", f"{category}: held-out commands of this category")
            marks[category] = [getattr(pytest.mark, category)] if usable else []
        return [pytest.param(case.id, id=case.id, marks=marks[case.category]) for case in self._arm.cases]

    def needed(self, session: pytest.Session) -> frozenset[str]:
        """Ids of the cases whose answers the collected tests need."""
        specs = [spec for item in session.items if (spec := getattr(item, "callspec", None))]
        found = {spec.params.get(name) for spec in specs for name in ("judged", "judged_repeatedly")}
        return frozenset(found - {None, ""})

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Without xdist: gather the answers that the collected tests need, all at once."""
        gc.freeze()  # thousands of tests stay alive to the end: searching them for garbage takes a second
        option = self._config.option
        broken = session.testsfailed and not option.continue_on_collection_errors
        if not (broken or option.collectonly or option.setupplan or hasattr(self._config, "workerinput")):
            self.gather(self.needed(session))

    def gather(self, case_ids: frozenset[str]) -> None:
        """Ask for the answers to these cases that are not on file; the session ends here if there are none at all."""
        arm = replace(self._arm, cases=tuple(case for case in self._arm.cases if case.id in case_ids))
        try:
            with connect_all([self._spec], self._settings) as connect:
                completions, trouble = answers_to_be_had(arm, connect, ProgressBar())
        except GonogoError as error:
            pytest.exit(f"gonogo: {error}", returncode=pytest.ExitCode.USAGE_ERROR)
        if trouble:
            if not any(completion.outcome.scored for completion in completions):
                pytest.exit(f"gonogo: {trouble}", returncode=pytest.ExitCode.INTERNAL_ERROR)
            self.results.notes.append(trouble)
        self._keep(completions, trouble)
        if self._shared:
            record = {"trouble": trouble, "answers": [one.to_record() for one in completions]}
            self._shared.write_text(json.dumps(record), encoding="utf-8")

    def _keep(self, completions: Iterable[Completion], trouble: str) -> None:
        self._answers = {(one.case_id, one.sample): one for one in completions}
        self._trouble = trouble

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
        node.user_properties += [("intent", case.intent), ("model", self._arm.name)]
        node.stash[PLACE] = (_suite(node), case.id)
        try:
            if case.id not in self._scores:
                self._scores[case.id] = tuple(map(self._scorer.score, self._completions(case)))
            return Judged(case, self._scores[case.id], self._scorer.expectation(case))
        except GonogoError as error:
            raise WrongAnswer(str(error)) from None

    def _completions(self, case: Case) -> Iterator[Completion]:
        """The answers to a case, one a sample; an EvidenceError says why one is missing."""
        if self._shared and not self._answers:
            record = json.loads(self._shared.read_text(encoding="utf-8"))
            self._keep(map(Completion.from_record, record["answers"]), record["trouble"])
        for sample in range(self._arm.samples):
            found = self._answers.get((case.id, sample))
            if found is not None and found.outcome.scored:
                yield found
                continue
            if found is not None:
                detail = f" ({one_line(found.detail)})" if found.detail else ""
                why = f"{found.outcome.value}{detail}; run again to ask for it"
            else:
                absent = "the recording holds none" if self._spec.path else "it was not asked"
                why = one_line(self._trouble.split("\n")[0]) or absent
            which = f" to sample {sample}" if self._arm.samples > 1 else ""
            raise EvidenceError(f"no answer of {self._arm.name}{which}: {why}")


def _arm(chosen: Mapping[str, Any], pack: Pack, settings: Settings) -> Arm:
    """The model under test and what it is asked: pytest's options as `gonogo run` takes its own.

    Where no model is named it is the pack's `default_model`, or else CANDIDATE_MODEL. The pack names a recording
    relative to itself, and it is called by that name, so that it is the same everywhere.
    """
    text = chosen["temperature"]
    try:
        temperature = None if text is None else options.temperature(text)
    except (ValueError, argparse.ArgumentTypeError):
        raise InputError(f"--temperature {text} cannot be used", hint="0 to 2, or `default`") from None
    own = {"temperature": temperature, "runs": Path(chosen["runs"])}
    fixed = {"all": False, "default_all": True, "category": [], "limit_seed": 0, "fresh": False}
    args = argparse.Namespace(**{**chosen, **own, **fixed})
    model = named = chosen["model"] or pack.default_model or settings.candidate_model
    if not chosen["model"] and named.startswith(_RECORDED):
        path = pack.root / named.removeprefix(_RECORDED)
        if not path.resolve().is_relative_to(pack.root.resolve()):
            raise InputError(f"the default_model {named!r} is outside the pack's folder", path=pack.root)
        model = f"{_RECORDED}{path}"
    (arm,) = options.arms(args, [model], pack, settings)
    return arm if model == named else replace(arm, spec=replace(arm.spec, text=named), label=named)


def _suite(node: pytest.Item) -> str:
    """Name of a test function, without its parameters."""
    return str(getattr(node, "originalname", None) or node.name)
