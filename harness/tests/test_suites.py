"""`pytest suites/` as a user runs it: real pytest processes over recordings made in the test."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.cases import Case
from harness.pack import Pack
from harness.tests.suite_project import ANSWERS, TALK, Project, make_project, synthetic_pack, write_answers

FORMAT, HELDOUT, SAFETY, SDK = (f"suites/test_{name}.py" for name in ("format", "heldout", "safety", "sdk"))
BASELINE = "suites/baselines/mine.json"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """A pack with recordings, to cut projects from."""
    return synthetic_pack(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def template(source: Pack, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project, to copy."""
    return make_project(source, tmp_path_factory.mktemp("template") / "mine")


@pytest.fixture
def project(template: Project, tmp_path: Path) -> Project:
    """A project of the test's own; every answer is right."""
    shutil.copytree(template.folder, tmp_path / "mine")
    return Project(tmp_path / "mine")


@pytest.fixture
def case(project: Project) -> Case:
    """The command that turns on the spot."""
    return next(case for case in project.cases if case.references[0][0].startswith("self.spin("))


def _turned_wrong(case: Case) -> str:
    """The reference with the sign of its angle changed."""
    right = json.dumps(list(case.references[0]))
    wrong = right.replace("angle=-", "angle=") if "angle=-" in right else right.replace("angle=", "angle=-")
    assert wrong != right
    return wrong


def test_right_answers_pass_as_a_test_each(project: Project) -> None:
    """Every case is a test of its own in every suite, named by suite and case id, and the run ends green."""
    ran = project.pytest()
    assert ran.code == 0, ran.output
    wanted = {
        f"test_{suite}[{case.id}]"
        for suite in ("format", "syntax", "sdk", "safety", "heldout", "dataset")
        for case in project.cases
    }
    assert wanted <= ran.of("passed")
    assert ran.of("failed") == ran.of("error") == ran.of("xfailed") == set()


def test_a_failure_says_what_a_person_needs(project: Project, case: Case) -> None:
    """Command, answer, trace, expectation and first-failure label are told, and no Python traceback."""
    project.answer({case.id: _turned_wrong(case)})
    ran = project.pytest(HELDOUT)
    name = f"test_heldout[{case.id}]"
    assert ran.code == 1
    assert ran.of("failed") == {name}
    told = ran.bodies[name]
    for part in (case.command, "1. self.spin(angle=", "-> turned angle=", "NO ", "for example", case.references[0][0]):
        assert part in told
    assert "first failure  value/unit/sign: " in told
    assert ran.messages[name].startswith("value/unit/sign: ")
    assert "\n" not in ran.messages[name]
    assert told.strip() in ran.output, "the terminal shows the same"
    assert "Traceback" not in ran.output
    assert ".py:" not in told, "no Python file has a part in it"


def test_findings_are_shown_with_carets(project: Project, case: Case) -> None:
    """A call that no SDK has is underlined in the answer, with its code, in the suite that it is about."""
    project.answer({case.id: '["self.sport_client.Backflip()"]'})
    ran = project.pytest(SDK)
    told = ran.bodies[f"test_sdk[{case.id}]"].splitlines()
    line = next(number for number, text in enumerate(told) if "1. self.sport_client.Backflip()" in text)
    assert told[line + 1].strip() == "^" * len("Backflip")
    assert told[line + 1].index("^") == told[line].index("Backflip")
    assert "gonogo explain A3" in "\n".join(told)


def test_hostile_text_cannot_drive_the_terminal_or_break_junit(project: Project, case: Case) -> None:
    """Control characters of an answer are spelled out in the terminal and in JUnit."""
    project.answer({case.id: "\x1b[2J\x00\u202e oops"})
    ran = project.pytest(FORMAT)
    assert ran.of("failed") == {f"test_format[{case.id}]"}
    assert "\x1b[2J" not in ran.output
    assert "\u202e" not in ran.output
    assert r"\x1b[2J" in ran.output


def test_each_suite_judges_its_own_stage(project: Project, case: Case) -> None:
    """A chatty answer around a right list fails format and heldout, and neither syntax, SDK nor safety."""
    project.answer({case.id: f"{TALK} {json.dumps(list(case.references[0]))}"})
    ran = project.pytest()
    assert ran.of("failed") == {f"test_format[{case.id}]", f"test_heldout[{case.id}]"}


def test_acting_where_it_may_hurt_fails_safety(project: Project) -> None:
    """A harmless call in answer to an injection is no denied call, and yet the robot must do nothing."""
    case = next(
        case for case in project.cases if case.category in ("injection", "unsafe") and case.disposition == "decline"
    )
    project.answer({case.id: '["self.sport_client.Hello()"]'})
    ran = project.pytest(SAFETY)
    assert ran.of("failed") == {f"test_safety[{case.id}]"}
    assert "acts, where the right thing is to decline" in ran.messages[f"test_safety[{case.id}]"]


def test_without_a_baseline_every_wrong_answer_fails(project: Project, case: Case) -> None:
    """Nothing is known to fail, so nothing is excused; the summary says how to write a baseline."""
    project.answer({case.id: TALK})
    ran = project.pytest(HELDOUT)
    assert ran.code == 1
    assert ran.of("failed") == {f"test_heldout[{case.id}]"}
    assert f"none, so every wrong answer is a failure; --update-baseline writes {BASELINE}" in ran.output


def test_a_regression_fails_and_a_known_failure_does_not(project: Project) -> None:
    """What failed when the baseline was written is xfail; what passed then and fails now is the one failure."""
    known, fresh, *_ = project.cases
    project.answer({known.id: TALK})
    assert project.pytest("--update-baseline").code == 0
    again = project.pytest()
    assert again.code == 0
    assert f"test_heldout[{known.id}]" in again.of("xfailed")
    assert again.of("failed") == set()
    project.answer({known.id: TALK, fresh.id: '["self.fly()"]'})
    worse = project.pytest()
    assert worse.code == 1
    assert worse.of("failed") == {f"test_sdk[{fresh.id}]", f"test_heldout[{fresh.id}]"}
    assert worse.of("xfailed") == again.of("xfailed")


def test_a_newly_passing_case_is_reported_and_no_failure(project: Project, case: Case) -> None:
    """A known failure that holds now is named at the end; the run stays green, xfail_strict or not."""
    project.answer({case.id: TALK})
    project.pytest(HELDOUT, "--update-baseline")
    project.answer()
    ran = project.pytest(HELDOUT, "-o", "xfail_strict=true")
    assert ran.code == 0
    assert f"newly passing: test_heldout[{case.id}]" in ran.output
    assert "1 xpassed" in ran.output


def test_runxfail_leaves_the_baseline_out(project: Project, case: Case) -> None:
    """The switch of pytest's own shows known failures as the failures they are."""
    project.answer({case.id: TALK})
    project.pytest(HELDOUT, "--update-baseline")
    assert project.pytest(HELDOUT, "--runxfail").of("failed") == {f"test_heldout[{case.id}]"}


def test_the_baseline_is_small_sorted_and_stable(project: Project) -> None:
    """Only what fails is in it, in order, with hashes; writing it again changes no byte."""
    ids = [case.id for case in project.cases]
    project.answer(dict.fromkeys(ids[5:2:-1], TALK))
    project.pytest("--update-baseline")
    first = (project.folder / BASELINE).read_bytes()
    record = json.loads(first)
    assert record["failing"]["test_heldout"] == sorted(ids[3:6])
    assert record["failing"]["test_safety"] == []
    assert "test_dataset" not in record["failing"], "the pack's own tests are never excused"
    assert {"cases", "profile", "robot", "system_message", "decoding"} == set(record["hashes"])
    project.pytest("--update-baseline")
    assert (project.folder / BASELINE).read_bytes() == first


def test_a_part_updates_its_part_of_the_baseline(project: Project) -> None:
    """After -k only the chosen cases change; the other known failures stay known."""
    one, other, *_ = project.cases
    project.answer({one.id: TALK, other.id: TALK})
    project.pytest(HELDOUT, "--update-baseline")
    project.answer()
    project.pytest(HELDOUT, "--update-baseline", "-k", one.id)
    assert json.loads((project.folder / BASELINE).read_text())["failing"]["test_heldout"] == [other.id]


def test_a_part_cannot_update_a_baseline_of_another_prompt(project: Project, case: Case) -> None:
    """With another system message a part of the cases is refused, and the file stays; a run says what changed."""
    project.answer({case.id: TALK})
    project.pytest(HELDOUT, "--update-baseline")
    before = (project.folder / BASELINE).read_bytes()
    (project.folder / "pack/prompts/system.md").write_text("Other words.", encoding="utf-8")
    refused = project.pytest(HELDOUT, "--update-baseline", "-k", case.id)
    assert refused.code == 1
    assert "the baseline is not written: system_message changed" in refused.output
    assert (project.folder / BASELINE).read_bytes() == before
    assert "made of other system_message" in project.pytest(HELDOUT).output
    assert project.pytest(HELDOUT, "--update-baseline").code == 0


def test_missing_answers_are_errors_and_not_failures(project: Project) -> None:
    """A recording that lacks a case gives an error there, judges the others, and cannot become a baseline."""
    missing, wrong, *_ = project.cases
    project.answer({missing.id: None, wrong.id: TALK})
    ran = project.pytest(HELDOUT)
    assert ran.code == 1
    assert ran.of("error") == {f"test_heldout[{missing.id}]"}
    assert ran.of("failed") == {f"test_heldout[{wrong.id}]"}
    assert "the recording holds none" in ran.bodies[f"test_heldout[{missing.id}]"]
    update = project.pytest(HELDOUT, "--update-baseline")
    assert update.code == 1
    assert "the baseline is not written: 1 tests had no answer" in update.output
    assert not (project.folder / BASELINE).exists()


def test_a_missing_answer_is_an_error_also_where_the_case_is_a_known_failure(project: Project, case: Case) -> None:
    """A baseline excuses wrong answers, never absent ones."""
    project.answer({case.id: TALK})
    project.pytest(HELDOUT, "--update-baseline")
    project.answer({case.id: None})
    ran = project.pytest(HELDOUT)
    assert ran.code == 1
    assert ran.of("error") == {f"test_heldout[{case.id}]"}


def test_junit_carries_what_a_dashboard_needs(project: Project, case: Case) -> None:
    """Each test case has suite, case, category, intent, model and the first failure as properties."""
    project.answer({case.id: _turned_wrong(case)})
    found = project.pytest(HELDOUT).properties[f"test_heldout[{case.id}]"]
    assert found == {
        "suite": "test_heldout",
        "case": case.id,
        "category": case.category,
        "intent": case.intent,
        "model": "recorded:recordings/smollm2-135m+go2.plain.jsonl",
        "first_failure": "value/unit/sign",
    }


def test_the_summary_counts_by_suite_and_category(project: Project, case: Case) -> None:
    """The last thing before pytest's own last line is a table whose figures are those of the run."""
    project.answer({case.id: TALK})
    ran = project.pytest()
    lines = ran.output.splitlines()
    head = next(line.split() for line in lines if line.split()[:2] == ["format", "syntax"])
    total, category = (
        dict(zip(head, next(line.split()[1:] for line in lines if line.startswith(f"{name} ")), strict=True))
        for name in ("all", case.category)
    )
    count = len(project.cases)
    assert total["format"] == total["heldout"] == f"{count - 1}/{count}"
    assert total["safety"] == total["dataset"] == f"{count}/{count}"
    assert category["heldout"] == "0/1"
    assert lines.index(next(line for line in lines if line.startswith("all "))) > len(lines) - 6


def test_choosing_by_k_m_and_x(project: Project, case: Case) -> None:
    """-k chooses by case id, -m by category, -x stops at the first failure."""
    assert set(project.pytest("-k", f"heldout and {case.id}").outcomes) == {f"test_heldout[{case.id}]"}
    marked = project.pytest("-m", case.category, "--strict-markers", HELDOUT)
    assert marked.of("passed") == {f"test_heldout[{one.id}]" for one in project.cases if one.category == case.category}
    project.answer({one.id: TALK for one in project.cases})
    assert len(project.pytest("-x", HELDOUT).outcomes) == 1


def test_lf_runs_the_failures_again(project: Project, case: Case) -> None:
    """--lf after a failure runs that case alone, and is green once its answer is right."""
    project.answer({case.id: TALK})
    project.pytest(HELDOUT)
    project.answer()
    ran = project.pytest("--lf", HELDOUT)
    assert (ran.code, set(ran.outcomes)) == (0, {f"test_heldout[{case.id}]"})


def test_samples_most_for_heldout_all_for_reliability(project: Project) -> None:
    """Of three samples one wrong leaves heldout right and reliability wrong; two wrong fail both."""
    once, twice, *_ = project.cases
    answers = {case.id: json.dumps(list(case.references[0])) for case in project.cases}
    lines = [
        {"id": case_id, "sample": sample, "output": text}
        for case_id, right in answers.items()
        for sample, text in enumerate(
            (TALK, right, right) if case_id == once.id else (TALK, TALK, right) if case_id == twice.id else (right,) * 3
        )
    ]
    (project.folder / ANSWERS).write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    ran = project.pytest("--samples", "3", HELDOUT, "suites/test_reliability.py")
    assert ran.of("failed") == {
        f"test_reliability[{once.id}]",
        f"test_heldout[{twice.id}]",
        f"test_reliability[{twice.id}]",
    }
    assert "(sample 0; 2 of 3 samples fail)" in ran.messages[f"test_heldout[{twice.id}]"]


def test_one_sample_leaves_reliability_out(project: Project) -> None:
    """With one sample there is nothing to tell, and the run says so once."""
    ran = project.pytest("suites/test_reliability.py")
    assert ran.code == 0
    assert ran.of("skipped") == {"test_reliability[one-sample]"}


def test_the_dataset_suite_catches_a_wrong_reference(project: Project, case: Case) -> None:
    """A pack whose reference does not do what is expected fails for that case, also with --update-baseline."""
    path = project.folder / "pack" / "heldout.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        if line["id"] == case.id:
            line["references"].append(["self.sport_client.Hello()", "self.wait(seconds=3.0)"])
            line["expect"] = {"must": [{"event": "arrived", "room": "kitchen"}]}
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    ran = project.pytest("suites/test_dataset.py", "--update-baseline")
    assert ran.of("failed") == {f"test_dataset[{case.id}]"}
    assert "a reference fails" in ran.bodies[f"test_dataset[{case.id}]"]


def test_the_dataset_suite_catches_training_on_the_commands(project: Project) -> None:
    """A held-out command in the pack's training data is found: a short one as it is, a long one quoted."""
    lengths = sorted(project.cases, key=lambda case: len(case.command.split()))
    short, long = lengths[0], lengths[-1]
    assert len(short.command.split()) < 8 < len(long.command.split())
    (project.folder / "pack" / "training").mkdir()
    commands = [short.command.upper(), f"Please: {long.command} Thank you!"]
    text = "".join(json.dumps({"command": command}) + "\n" for command in commands)
    (project.folder / "pack" / "training" / "train.jsonl").write_text(text, encoding="utf-8")
    ran = project.pytest("suites/test_dataset.py")
    assert ran.of("failed") == {"test_no_command_is_in_the_training_data"}
    assert {short.id, long.id} <= {case.id for case in project.cases if f"'{case.id}'" in ran.output}


def test_a_suite_of_ones_own_is_judged_alike(project: Project, case: Case) -> None:
    """A new file with a plain assert becomes a test for each case, and its failures can become known."""
    (project.folder / "suites" / "test_short.py").write_text(
        '"""No list is longer than this."""\n\n\ndef test_short(judged):\n'
        "    assert all(score.calls <= 30 for score in judged.scores)\n",
        encoding="utf-8",
    )
    project.answer({case.id: json.dumps(["self.wait(seconds=1.0)"] * 31)})
    ran = project.pytest("suites/test_short.py")
    assert ran.of("failed") == {f"test_short[{case.id}]"}
    project.pytest("suites/test_short.py", "--update-baseline")
    assert project.pytest("suites/test_short.py").of("xfailed") == {f"test_short[{case.id}]"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "recorded:nothing.jsonl"], "there is no such recording"),
        (["--model", "openai:gpt-4.1"], "OPENAI_API_KEY is not set"),
        (["--pack", "nowhere"], "there is no pack 'nowhere'"),
        (["--baseline", "nothing"], "there is no such baseline"),
        (["--samples", "0"], "--samples 0 asks nothing"),
        (["--prompt", "long"], "unknown prompt 'long'"),
        (["--temperature", "9"], "--temperature 9 cannot be used"),
    ],
)
def test_a_mistake_is_a_message_and_no_traceback(project: Project, arguments: list[str], said: str) -> None:
    """What cannot be used is said in one message, and nothing is judged."""
    ran = project.pytest(HELDOUT, *arguments)
    assert ran.code not in (0, 1)
    assert said in ran.output
    assert "Traceback" not in ran.output
    assert "harness/" not in ran.output.replace("harness/suites/plugin.py", ""), "no source line is shown"


def test_what_concerns_all_suites_is_said_once(project: Project) -> None:
    """A model that cannot be had is one whole message, however many suites would want it."""
    ran = project.pytest("--model", "recorded:nothing.jsonl")
    assert ran.output.count("check the path in 'recorded:nothing.jsonl'") == 1
    assert "the same trouble as test_dataset" in ran.output


def test_a_recording_of_another_pack_is_an_error(project: Project) -> None:
    """An id that no case has ends the session with file and line."""
    write_answers(project.folder / ANSWERS, {"no-such-case": "[]"})
    ran = project.pytest(HELDOUT)
    assert ran.code not in (0, 1)
    assert "1: no case has the id 'no-such-case'" in ran.output
