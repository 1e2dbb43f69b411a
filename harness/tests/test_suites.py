"""`pytest suites/` as a user runs it: real pytest processes over recordings made in the test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.errors import InputError
from harness.suites.baseline import read_baseline
from harness.tests.suite_project import ANSWERS, TALK, Project, Ran, make_project, references, write_answers

FORMAT, HELDOUT = "suites/test_format.py", "suites/test_heldout.py"
BASELINE = "suites/baselines/mine.json"
OWN_SUITE = '''"""No list is longer than this."""


def test_short(judged):
    assert all(score.calls <= 30 for score in judged.scores)
'''


class Story(NamedTuple):
    """One project, and what its runs gave, one after the other."""

    project: Project
    fresh: Ran  # six wrong answers, no baseline
    update: Ran  # the same with --update-baseline
    baseline: bytes  # what that wrote
    again: Ran  # the same answers once more
    later: Ran  # one right now, one newly wrong, one missing, with another system message
    failed: Ran  # --lf after that


def _name(project: Project, suite: str, category: str) -> str:
    return f"test_{suite}[{project.case(category).id}]"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Fifteen commands, one of each category; every kind of wrong answer, each to one of them."""
    project = make_project(tmp_path_factory.mktemp("story"))
    (project.folder / "suites" / "test_short.py").write_text(OWN_SUITE, encoding="utf-8")
    heldout = project.folder / "pack" / "heldout.jsonl"
    lines = heldout.read_text(encoding="utf-8").split("\n")
    hurts = project.case("injection").line - 1  # none of them may hurt: this one may, from here on
    lines[hurts] = json.dumps({**json.loads(lines[hurts]), "dangerous": True})
    heldout.write_text("\n".join(lines), encoding="utf-8")
    right = references(project.cases)
    numbers, chatty = project.case("numbers_units_sign").id, project.case("short_sequence").id
    wrong: dict[str, str | None] = {
        numbers: right[numbers].replace("angle=", "angle=-"),
        chatty: f"{TALK} {right[chatty]}",
        project.case("single_skill").id: '["self.sport_client.Backflip()"]',
        project.case("novel_rooms_objects").id: "\x1b[2J\x00\u202e oops",
        project.case("injection").id: '["self.sport_client.Hello()"]',
        project.case("noisy").id: json.dumps(["self.wait(seconds=1.0)"] * 31),
    }
    project.answer(wrong)
    fresh, update = project.pytest(), project.pytest("--update-baseline")
    baseline, again = (project.folder / BASELINE).read_bytes(), project.pytest()
    changed = {project.case("noisy").id: right[project.case("noisy").id], project.case("injection").id: None}
    project.answer(wrong | changed | {project.case("languages").id: '["self.fly()"]'})
    (project.folder / "pack/prompts/system.md").write_text("Other words.", encoding="utf-8")
    later = project.pytest("-o", "xfail_strict=true")
    return Story(project, fresh, update, baseline, again, later, project.pytest("--lf"))


def test_each_suite_judges_its_own_stage_as_a_test_a_case(story: Story) -> None:
    """Each case is a test in every suite, one's own too; a wrong answer fails where it belongs."""
    expected = {
        "numbers_units_sign": ["heldout"],
        "short_sequence": ["format", "heldout"],
        "single_skill": ["sdk", "heldout"],
        "novel_rooms_objects": ["format", "syntax", "sdk", "heldout"],
        "injection": ["safety", "heldout"],
        "noisy": ["short", "heldout"],
    }
    project, fresh = story.project, story.fresh
    assert fresh.code == 1
    failed = {_name(project, suite, category) for category, suites in expected.items() for suite in suites}
    assert fresh.of("failed") == failed
    suites = ("format", "syntax", "sdk", "safety", "heldout", "dataset", "short")
    wanted = {f"test_{suite}[{case.id}]" for suite in suites for case in project.cases}
    assert wanted - failed <= fresh.of("passed")
    assert fresh.of("error") == fresh.of("xfailed") == set()
    assert fresh.of("skipped") == {"test_reliability[one-sample]", "test_no_command_is_in_the_training_data"}
    assert f"none, so every wrong answer is a failure; --update-baseline writes {BASELINE}" in fresh.output
    hurt = fresh.tests[_name(project, "safety", "injection")]
    assert "acts, where the right thing is to decline" in hurt.message


def test_a_failure_says_what_a_person_and_a_dashboard_need(story: Story) -> None:
    """Command, answer, trace, expectation and label are told, without a Python traceback; JUnit has properties."""
    case, name = story.project.case("numbers_units_sign"), _name(story.project, "heldout", "numbers_units_sign")
    told = story.fresh.tests[name]
    for part in (case.command, "1. self.spin(angle=", "-> turned angle=", "NO ", "for example", case.references[0][0]):
        assert part in told.body
    assert "first failure  value/unit/sign: " in told.body
    assert told.message.startswith("value/unit/sign: ")
    assert "\n" not in told.message
    assert told.body.strip() in story.fresh.output, "the terminal shows the same"
    assert ".py:" not in told.body, "no Python file has a part in it"
    assert told.properties == {
        "suite": "test_heldout",
        "case": case.id,
        "category": case.category,
        "intent": case.intent,
        "model": "recorded:recordings/smollm2-135m+go2.plain.jsonl",
        "first_failure": "value/unit/sign",
    }


def test_findings_are_shown_with_carets(story: Story) -> None:
    """A call that no SDK has is underlined in the answer, with its code, in the suite that it is about."""
    told = story.fresh.tests[_name(story.project, "sdk", "single_skill")].body.splitlines()
    line = next(number for number, text in enumerate(told) if "1. self.sport_client.Backflip()" in text)
    assert told[line + 1].strip() == "^" * len("Backflip")
    assert told[line + 1].index("^") == told[line].index("Backflip")
    assert "gonogo explain A3" in "\n".join(told)


def test_hostile_text_cannot_drive_the_terminal_or_break_junit(story: Story) -> None:
    """Control characters of an answer are spelled out in the terminal and in JUnit."""
    assert "\x1b[2J" not in story.fresh.output
    assert "\u202e" not in story.fresh.output
    assert r"\x1b[2J" in story.fresh.output
    assert r"\x1b[2J" in story.fresh.tests[_name(story.project, "format", "novel_rooms_objects")].body


def test_the_summary_counts_by_suite_and_category(story: Story) -> None:
    """The last thing before pytest's own last line is a table whose figures are those of the run."""
    lines = story.fresh.output.splitlines()
    head = next(line.split() for line in lines if line.split()[:2] == ["format", "syntax"])
    total, category = (
        dict(zip(head, next(line.split()[1:] for line in lines if line.startswith(f"{name} ")), strict=True))
        for name in ("all", "short_sequence")
    )
    count = len(story.project.cases)
    assert total["format"] == f"{count - 2}/{count}"
    assert total["heldout"] == f"{count - 6}/{count}"
    assert total["dataset"] == f"{count}/{count}"
    assert category["heldout"] == "0/1"
    assert lines.index(next(line for line in lines if line.startswith("all "))) > len(lines) - 6


def test_the_baseline_is_small_and_sorted_and_makes_failures_known(story: Story) -> None:
    """Only what fails is in it, in order, with hashes; then just these are expected failures, and all is green."""
    assert (story.update.code, story.again.code) == (0, 0)
    record = json.loads(story.baseline)
    failing = {suite: [f"{suite}[{case_id}]" for case_id in ids] for suite, ids in record["failing"].items()}
    assert failing["test_heldout"] == sorted(name for name in story.fresh.of("failed") if "heldout" in name)
    assert {name for names in failing.values() for name in names} == story.fresh.of("failed")
    assert "test_dataset" not in failing, "the pack's own tests are never excused"
    assert set(record["hashes"]) == {"cases", "profile", "robot", "system_message", "decoding"}
    assert story.again.of("xfailed") == story.fresh.of("failed")
    assert story.again.of("failed") == set()


def test_a_regression_and_a_missing_answer_stand_out_and_a_newly_passing_case_is_no_failure(story: Story) -> None:
    """What passed before fails, no answer is an error, newly passing cases are named; `--lf` runs what was red."""
    project, later = story.project, story.later
    assert later.code == 1
    assert later.of("failed") == {_name(project, suite, "languages") for suite in ("sdk", "heldout")}
    suites = ("format", "syntax", "sdk", "safety", "heldout", "short")
    assert later.of("error") == {_name(project, suite, "injection") for suite in suites}
    missing = later.tests[_name(project, "heldout", "injection")]
    assert "the recording holds none" in missing.body
    gone = {_name(project, *where) for where in (("short", "noisy"), ("heldout", "noisy"))}
    lost = {_name(project, *where) for where in (("safety", "injection"), ("heldout", "injection"))}
    assert later.of("xfailed") == story.again.of("xfailed") - gone - lost
    assert f"newly passing: {_name(project, 'heldout', 'noisy')}" in later.output
    assert "2 xpassed" in later.output
    assert "made of other system_message: known failures may be out of date" in later.output
    assert set(story.failed.tests) == later.of("failed") | later.of("error")


def test_a_baseline_is_updated_in_part_and_never_across_prompts_or_without_answers(tmp_path: Path) -> None:
    """With -k only the chosen cases change; answers that miss, and another system message, leave the file as it was."""
    project = make_project(tmp_path)
    path = project.folder / BASELINE
    one, other, third, *_ = project.cases
    project.answer({one.id: TALK, other.id: TALK, third.id: None})
    refused = project.pytest(HELDOUT, "--update-baseline")
    assert refused.code == 1
    assert "the baseline is not written: 1 tests had no answer" in refused.output
    assert not path.exists()
    project.answer({one.id: TALK, other.id: TALK})
    project.pytest(HELDOUT, "--update-baseline")
    assert project.pytest(HELDOUT, "--runxfail").of("failed") == {f"test_heldout[{x.id}]" for x in (one, other)}
    project.answer({})
    project.pytest(HELDOUT, "--update-baseline", "-k", one.id)
    before = path.read_bytes()
    assert json.loads(before)["failing"]["test_heldout"] == [other.id]
    (project.folder / "pack/prompts/system.md").write_text("Other words.", encoding="utf-8")
    refused = project.pytest(HELDOUT, "--update-baseline", "-k", one.id)
    assert refused.code == 1
    assert "the baseline is not written: system_message changed" in refused.output
    assert path.read_bytes() == before
    assert project.pytest(HELDOUT, "--update-baseline").code == 0


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that no test changes for the next one but by its answers."""
    return make_project(tmp_path_factory.mktemp("project"))


def test_choosing_by_m_and_x(project: Project) -> None:
    """-m chooses by category, -x stops at the first failure."""
    project.answer({case.id: TALK for case in project.cases})
    ran = project.pytest("-m", "noisy or languages", "-x", "--strict-markers", HELDOUT)
    first = next(case for case in project.cases if case.category in ("noisy", "languages"))
    assert set(ran.tests) == {f"test_heldout[{first.id}]"}


def test_samples_most_for_heldout_all_for_reliability(project: Project) -> None:
    """Of three samples one wrong leaves heldout right and reliability wrong; two wrong fail both."""
    once, twice, *_ = project.cases
    wrong = {once.id: 1, twice.id: 2}
    lines = [
        {"id": case_id, "sample": sample, "output": TALK if sample < wrong.get(case_id, 0) else right}
        for case_id, right in references(project.cases).items()
        for sample in range(3)
    ]
    (project.folder / ANSWERS).write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    ran = project.pytest("--repeat", "3", HELDOUT, "suites/test_reliability.py")
    reliability = {f"test_reliability[{case.id}]" for case in (once, twice)}
    assert ran.of("failed") == reliability | {f"test_heldout[{twice.id}]"}
    assert "(sample 0; 2 of 3 samples fail)" in ran.tests[f"test_heldout[{twice.id}]"].message


def test_the_dataset_suite_catches_a_wrong_reference_and_training_on_the_commands(tmp_path: Path) -> None:
    """A wrong reference fails, --update-baseline or not; a held-out command in training data is found."""
    project = make_project(tmp_path)
    path = project.folder / "pack" / "heldout.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    lines[0]["references"].append(["self.sport_client.Hello()", "self.wait(seconds=3.0)"])
    lines[0]["expect"] = {"must": [{"event": "arrived", "room": "kitchen"}]}
    carried_out = [number for number, line in enumerate(lines) if number and line["disposition"] == "execute"]
    lines[carried_out[0]]["command"] = "Do as I say"  # short: found as a whole; a long one by a part
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    wrong, short = project.cases[0], project.cases[carried_out[0]]
    long = max(project.cases, key=lambda case: len(case.command.split()))
    assert len(short.command.split()) < 8 < len(long.command.split())
    (project.folder / "pack" / "training").mkdir()
    commands = [short.command.upper(), f"Please: {long.command} Thank you!"]
    text = "".join(json.dumps({"command": command}) + "\n" for command in commands)
    (project.folder / "pack" / "training" / "train.jsonl").write_text(text, encoding="utf-8")
    ran = project.pytest("suites/test_dataset.py", "--update-baseline")
    assert ran.of("failed") == {f"test_dataset[{wrong.id}]", "test_no_command_is_in_the_training_data"}
    assert "a reference fails" in ran.tests[f"test_dataset[{wrong.id}]"].body
    assert {short.id, long.id} <= {case.id for case in project.cases if f"'{case.id}'" in ran.output}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([HELDOUT, "--temperature", "9"], "--temperature 9 cannot be used"),
        ([], "check the path in 'recorded:nothing.jsonl'"),
        ([HELDOUT], "1: no case has the id 'no-such-case'"),
    ],
)
def test_a_mistake_is_said_once_without_a_traceback(project: Project, arguments: list[str], said: str) -> None:
    """An option, a model for all suites, or a recording of another pack: one message, nothing is judged."""
    write_answers(project.folder / ANSWERS, {"no-such-case": "[]"})
    ran = project.pytest(*arguments or ("--model", "recorded:nothing.jsonl"))
    assert ran.code not in (0, 1)
    assert ran.output.count(said) == 1
    assert arguments or "the same trouble as test_dataset" in ran.output
    assert "Traceback" not in ran.output
    assert "harness/" not in ran.output.replace("harness/suites/plugin.py", ""), "no source line is shown"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no such baseline\n  known here: other; --update-baseline writes one"),
        ("{", "1: is not JSON"),
        ('{"model": "m", "hashes": {"cases": 1}, "failing": {}}', "is not a baseline: hashes.cases"),
    ],
)
def test_a_baseline_that_cannot_be_read(tmp_path: Path, text: str | None, said: str) -> None:
    """One that is asked for by name and is not there, or not JSON, or not of this form, is a message with its path."""
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    if text is not None:
        (tmp_path / "mine.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=f"mine.json:( |){said}"):
        read_baseline(tmp_path / "mine.json", required=True)
