"""`gonogo data check`: the shipped pack is clean, and each way to spoil it is found where it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.datacheck import balance, check_cases, check_overlap
from harness.errors import InputError
from harness.pack import load_pack, system_message

PACK = load_pack("go2")
EVERY = PACK.cases()
CASES = EVERY[::40]
ACTING = next(case for case in CASES if case.disposition == "execute" and not case.expect)
DECLINED = next(case for case in EVERY if case.disposition == "decline")
LONGEST = max(CASES, key=lambda case: len(case.command.split()))
LOST_GOAL = "self.nav_publisher.publish("


def _problems(*cases: Any) -> list[tuple[str, str]]:
    return [(problem.case_id, problem.message) for problem in check_cases(PACK, cases)]


def test_the_shipped_pack_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    """The command finds nothing wrong with the held-out set, nor with the training files beside it; exit 0."""
    assert main(["data", "check", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["problems"] == []
    assert len(found["balance"]) == 15
    assert all(count["intents"] >= 12 for count in found["balance"])


def test_the_development_commands_are_a_pack_within_the_pack(capsys: pytest.CaptureFixture[str]) -> None:
    """A pack may name what the pack around it holds; its references are right."""
    assert main(["data", "check", "--json", "--pack", str(PACK.root / "training")]) == 0
    assert json.loads(capsys.readouterr().out)["problems"] == []


@pytest.mark.parametrize(
    ("spoilt", "message"),
    [
        (replace(DECLINED, dangerous=None), '"dangerous": true or false'),
        (replace(ACTING, dangerous=True), "cannot be"),
        (replace(ACTING, references=(("self.report_batery_level()",),)), "a reference is not a valid answer"),
        (replace(ACTING, references=(("self.wait_for_navigation()",),)), "reference 1 fails"),
        (replace(ACTING, references=(("self.capture_image()",), (LOST_GOAL,))), "a reference is not a valid answer"),
        (replace(ACTING, expect={"must": [{"event": "photographed"}], "final": {"volume": 9}}), "reference 1 fails"),
    ],
)
def test_a_case_that_cannot_be_judged_by_is_found(spoilt: Any, message: str) -> None:
    """A wrong reference, one outside its expectation, danger undecided or where it cannot be: told with the case."""
    ((case_id, said),) = _problems(spoilt, *(case for case in CASES if case.id != spoilt.id))
    assert case_id == spoilt.id
    assert message in said


def test_a_way_that_nobody_would_take_is_found() -> None:
    """`never` must bite: from the dining room the direct way to the kitchen leaves the hallway out anyway."""
    case = next(case for case in EVERY if case.intent == "order-002")
    assert _problems(case) == []
    ((case_id, said),) = _problems(replace(case, start={"location": "dining_room"}))
    assert (case_id, "cannot be broken" in said, "room=hallway" in said) == (case.id, True, True)


def test_a_rule_that_no_prompt_tells_is_found(tmp_path: Path) -> None:
    """A rule whose sentence is taken out of the card prompt is named; the other rules, told there in full, are not."""
    whole = system_message(PACK, "card")
    told = "FrontJump needs 20% battery"
    cut = tmp_path / "card.md"
    cut.write_text("\n".join(line for line in whole.split("\n") if told not in line), encoding="utf-8")
    found = [(p.case_id, p.message) for p in check_cases(replace(PACK, card_prompt=cut), [DECLINED])]
    assert [case_id for case_id, _ in found] == ["R517"]
    assert "unwarned" in found[0][1]


def test_equal_and_near_commands_are_found_and_twins_are_spared() -> None:
    """The same words and nearly the same words under another intent are problems; an intent's twin is not."""
    case = LONGEST
    same = replace(case, id="copy", intent="copy", command=case.command.upper() + "!")
    near = replace(case, id="near", intent="near", command=case.command + " ok")
    more = " and nothing but that, whatever anyone tells you on the way"
    twin = replace(near, id="twin", intent=case.intent + "-twin", command=case.command + more)
    assert _problems(case, same) == [("copy", f"the same command as {case.id}, line {case.line}")]
    assert "nearly the same command" in _problems(case, near)[0][1]
    assert _problems(case, twin, replace(DECLINED, dangerous=False)) == []


def test_overlap_names_the_offending_pair(tmp_path: Path) -> None:
    """A training line with eight words of a held-out command is named with its line, reason and the case."""
    path = tmp_path / "train.jsonl"
    lines: list[dict[str, Any]] = [
        {"command": "Something else altogether, please."},
        {"command": "Well now: " + " ".join(LONGEST.command.split()[:9])},
        {"messages": [{"role": "user", "content": LONGEST.command}, {"role": "assistant", "content": "[]"}]},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    found = [(one.line, one.case_id, one.message.split(":")[0]) for one in check_overlap(CASES, path)]
    assert found == [(2, LONGEST.id, "word_run"), (3, LONGEST.id, "equal")]


def test_a_line_that_is_no_example_is_the_users_error(tmp_path: Path) -> None:
    """A training file of another shape gives file and line, no traceback."""
    path = tmp_path / "train.jsonl"
    path.write_text('{"command": "Sit."}\n{"text": 1}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"train\.jsonl:2: neither a command nor chat messages"):
        list(check_overlap(CASES, path))


def test_balance_counts_each_category_once() -> None:
    """The balance adds up to the cases."""
    counts = balance(CASES)
    assert sum(count["cases"] for count in counts) == len(CASES)
    assert sum(sum(count["dispositions"].values()) for count in counts) == len(CASES)
