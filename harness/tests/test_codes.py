"""The table of finding codes against the checks: every example true, every code registered, the page in step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import harness.checks
from harness.checks import check_answer
from harness.checks.codes import CODES, Code
from harness.checks.page import explain, page
from harness.sdk.profile import find_profile

PROFILE = find_profile("go2")
FOLDER = Path(harness.checks.__file__).parent


@pytest.mark.parametrize("code", CODES.values(), ids=CODES.keys())
def test_the_wrong_example_has_the_code_and_the_right_one_has_none(code: Code) -> None:
    """Each example is checked as an answer; strict-only codes leave the list readable, the others of format do not."""
    wrong = check_answer(code.wrong_answer, PROFILE)
    assert code.code in [f.code for f in wrong.findings]
    assert check_answer(code.right, PROFILE).findings == ()
    if code.stage == "format":
        assert not wrong.format_strict
        assert bool(wrong.commands) == code.strict_only


def test_every_code_in_the_source_is_registered_and_the_other_way_round() -> None:
    """No finding can carry a code without an entry, and no entry is without a check."""
    used: set[str] = set()
    for path in FOLDER.glob("*.py"):
        if path.name not in {"codes.py", "page.py"}:
            used |= set(re.findall(r'"([FSAG][1-4][0-9]{2})"', path.read_text(encoding="utf-8")))
    assert used == set(CODES)


def test_the_page_is_the_one_that_the_code_makes() -> None:
    """CODES.md is regenerated with `python -m harness.checks.page > harness/checks/CODES.md`."""
    assert (FOLDER / "CODES.md").read_text(encoding="utf-8") == page()


def test_every_entry_stands_on_the_page_with_both_examples() -> None:
    """The page lists all codes."""
    text = page()
    for code in CODES.values():
        assert f"### {code.code} {code.name}" in text
        assert "wrong:" in explain(code)
        assert "right:" in explain(code)
    assert text.isascii() or not any(c in text for c in "\u202e\x1b\x00")
