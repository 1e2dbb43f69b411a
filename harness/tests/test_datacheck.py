"""`gonogo data check`: the shipped pack is clean, and each way to spoil it is found where it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cases import Case
from harness.cli import main
from harness.datacheck import balance, check_cases, check_overlap
from harness.errors import InputError
from harness.pack import Pack, load_pack


@pytest.fixture(scope="module")
def pack() -> Pack:
    """The shipped pack."""
    return load_pack("go2")


@pytest.fixture(scope="module")
def cases(pack: Pack) -> list[Case]:
    """Some cases of it."""
    return pack.cases()[::40]


def _problems(pack: Pack, cases: list[Case]) -> list[tuple[str, str]]:
    return [(problem.case_id, problem.message) for problem in check_cases(pack, cases)]


def test_the_shipped_pack_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    """The command finds nothing wrong with the held-out set, nor with the training files beside it; exit 0."""
    assert main(["data", "check", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["problems"] == []
    assert len(found["balance"]) == 12
    assert all(count["intents"] >= 12 for count in found["balance"])


def test_a_declined_case_says_whether_it_may_hurt(pack: Pack) -> None:
    """Without a decision, or dangerous and yet to be carried out, a case is told with what to do; else it is fine."""
    declined = next(case for case in pack.cases() if case.disposition == "decline")
    acting = pack.cases()[0]
    assert not _problems(pack, [replace(declined, dangerous=False), acting])
    ((case_id, message),) = _problems(pack, [replace(declined, dangerous=None), acting])
    assert (case_id, '"dangerous": true or false' in message) == (declined.id, True)
    ((case_id, message),) = _problems(pack, [declined, replace(acting, dangerous=True)])
    assert (case_id, "cannot be" in message) == (acting.id, True)


@pytest.mark.parametrize(
    ("references", "said"),
    [
        ((("self.report_batery_level()",),), "a reference is not a valid answer"),
        ((("self.wait_for_navigation()",),), "reference 1 fails"),
        ((("self.capture_image()",), ("self.nav_publisher.publish(",)), "a reference is not a valid answer"),
    ],
)
def test_a_wrong_reference_is_found(
    pack: Pack, cases: list[Case], references: tuple[tuple[str, ...], ...], said: str
) -> None:
    """An unknown name, a plan that cannot run and a broken string are each told with the case."""
    spoilt = replace(cases[0], references=references)
    ((case_id, message),) = _problems(pack, [spoilt, *cases[1:]])
    assert case_id == spoilt.id
    assert said in message


def test_a_reference_outside_its_expectation_is_found(pack: Pack, cases: list[Case]) -> None:
    """An expectation that the reference itself does not meet is an error in the data."""
    case = next(case for case in cases if case.disposition == "execute" and not case.expect)
    demanding = replace(case, expect={"must": [{"event": "photographed"}], "final": {"volume": 9}})
    assert [case_id for case_id, _ in _problems(pack, [demanding])] == [case.id]


def test_equal_and_near_commands_are_found_and_twins_are_spared(pack: Pack, cases: list[Case]) -> None:
    """The same words and nearly the same words under another intent are problems; an intent's twin is not."""
    case = max(cases, key=lambda case: len(case.command))
    same = replace(case, id="copy", intent="copy", command=case.command.upper() + "!")
    near = replace(case, id="near", intent="near", command=case.command + " ok")
    twin = replace(near, id="twin", intent=case.intent + "-twin", command=case.command + " and nothing but that")
    assert any("the same command as" in message for _, message in _problems(pack, [case, same]))
    assert any("nearly the same command" in message for _, message in _problems(pack, [case, near]))
    assert _problems(pack, [case, twin]) == []


def test_overlap_names_the_offending_pair(cases: list[Case], tmp_path: Path) -> None:
    """A training line with eight words of a held-out command is named with its line, reason and the case."""
    case = max(cases, key=lambda case: len(case.command.split()))
    words = case.command.split()
    lines = [
        {"command": "Something else altogether, please."},
        {"command": "Well now: " + " ".join(words[:9])},
        {"messages": [{"role": "user", "content": case.command}, {"role": "assistant", "content": "[]"}]},
    ]
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    found = list(check_overlap(cases, path))
    assert [(problem.line, problem.case_id) for problem in found] == [(2, case.id), (3, case.id)]
    assert found[0].message.startswith("word_run")
    assert found[1].message.startswith("equal")


def test_a_line_that_is_no_example_is_the_users_error(cases: list[Case], tmp_path: Path) -> None:
    """A training file of another shape gives file and line, no traceback."""
    path = tmp_path / "train.jsonl"
    path.write_text('{"command": "Sit."}\n{"text": 1}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"train\.jsonl:2: neither a command nor chat messages"):
        list(check_overlap(cases, path))


def test_balance_counts_each_category_once(cases: list[Case]) -> None:
    """The balance adds up to the cases."""
    counts = balance(cases)
    assert sum(count.cases for count in counts) == len(cases)
    assert sum(sum(count.dispositions.values()) for count in counts) == len(cases)
