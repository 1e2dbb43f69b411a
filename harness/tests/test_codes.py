"""The table of finding codes against the checks: every example true, every code registered, no robot named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import harness.checks
from harness.checks import check_answer
from harness.checks.codes import STAGES, Code, explain, known_codes
from harness.tests.lamp import LAMP

FOLDER = Path(harness.checks.__file__).parent
CODES = known_codes()

# Examples that are too long to show, in full.
IN_FULL = {
    "F118": "a" * 70_000,
    "F119": "[" + ", ".join(['"self.lamp.on()"'] * 300) + "]",
    "S207": f"""["self.say(text='{"a" * 1200}')"]""",
    "S208": f"""["self.wait(seconds={"(" * 30}1.0{")" * 30})"]""",
}


@pytest.mark.parametrize("code", CODES.values(), ids=CODES.keys())
def test_the_wrong_example_has_the_code_and_the_right_one_has_none(code: Code) -> None:
    """Each example is checked as an answer; strict-only codes leave the list readable, the others of format do not."""
    wrong = check_answer(IN_FULL.get(code.code, code.wrong), LAMP)
    assert code.code in [f.code for f in wrong.findings]
    assert check_answer(code.right, LAMP).findings == ()
    if code.stage == "format":
        assert not wrong.format_strict
        assert bool(wrong.commands) == code.strict_only


def test_every_code_in_the_source_is_registered_and_the_other_way_round() -> None:
    """No finding can carry a code without an entry, and no entry is without a check."""
    used: set[str] = set()
    for path in FOLDER.glob("*.py"):
        used |= set(re.findall(r"""["<]([FSAG][1-4][0-9]{2})[">]""", path.read_text(encoding="utf-8")))
    assert used == set(CODES)


def test_every_entry_is_explained_in_characters_that_show() -> None:
    """Stage, text and both examples."""
    for code in CODES.values():
        text = explain(code)
        assert text.startswith(f"{code.code} {code.title} [{STAGES[code.code[0]]}]")
        assert code.why in text
        assert "wrong:" in text
        assert "right:" in text
        assert text.replace("\n", "").isprintable()


def test_hints_speak_of_the_calls_of_the_profile() -> None:
    """No list: an allowed call as an example. An empty one: the calls that ask and decline."""
    (none,) = check_answer("I will do it.", LAMP).findings
    assert none.hint == """Answer with only a list of strings: ["self.lamp.on()"]"""
    (empty,) = check_answer("[]", LAMP).findings
    assert empty.hint == "To refuse or to ask, the list holds self.ask_operator(...) or self.decline(...)."
