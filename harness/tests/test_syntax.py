"""The syntax check: one expression in each string, and the exact place where it is none."""

from __future__ import annotations

import ast
import json
import warnings

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.checks import Checked, check_answer
from harness.checks.syntax import _scan, bad_escape, needs_scan
from harness.sdk.profile import find_profile

PROFILE = find_profile("go2")


def check(command: str) -> Checked:
    """One command as an answer."""
    return check_answer(json.dumps([command], ensure_ascii=False), PROFILE)


WRONG: dict[str, list[tuple[str, str | None]]] = {
    "S201": [("", ""), ("  ", "  ")],
    "S202": [
        ("self.wait(seconds 1.0)", "seconds 1.0"), ("self.wait(1))", ")"), ("self..wait(1)", "."),
        ("self.wait(1 2)", "1 2"), (" self.wait(1)", " "), ("self.wait(12abc)", "12a"), ("self.wait(1is)", "1i"),
        ("self.wait(1_)", None), ("self.wait(\\1)", "\\"), ("self.follow_waypoints(['a')", None),
    ],
    "S203": [("self.wait(seconds=1.0", "("), ("self.follow_waypoints(rooms=['a', 'b'", None)],
    "S204": [("self.say(text='hello)", "'hello)"), ('self.say(text="hello)', '"hello)')],
    "S205": [
        ("level = 5", "level = 5"), ("for x in y: self.wait(1)", None), ("def f(): pass", None),
        ("del self", "del self"),
    ],
    "S206": [("self.undock(); self.wait(1)", "self.wait(1)"), ("self.undock();", ";")],
    "S209": [
        (r"self.say(text='50\% left')", r"\%"), (r"self.say(text='\x4')", r"\x"), (r"self.say(text='\777')", r"\7"),
        (r"self.say(text='\N{NO SUCH NAME}')", r"\N"),
    ],
    "S210": [("self.wait(\x001)", "\x00"), ("self.wait(\t1)", "\t"), ("self.say(text='a\x00b')", "\x00")],
    "S211": [("self.wait(1)  # a moment", "# a moment")],
    "S212": [("self.wait(\n1)", "\n"), ("self.say(text='''a\nb''')", "\n")],
    "S208": [("self.wait(" + "(" * 30 + "1" + ")" * 30 + ")", None)],
    "S207": [("self.wait(seconds=" + "1" * 1000 + ")", None)],
}  # fmt: skip


@pytest.mark.parametrize(("code", "command", "part"), [(code, *row) for code in WRONG for row in WRONG[code]])
def test_the_error_and_its_place(code: str, command: str, part: str | None) -> None:
    """Each way to be no expression has its code, at the characters that are wrong."""
    checked = check(command)
    assert not checked.syntax_valid
    finding = checked.findings[0]
    assert finding.code == code
    assert finding.item == 0
    if part is not None:
        assert command[slice(*finding.span)] == part


UNUSUAL = [
    "self.say(text='it\\'s')", 'self.say(text="it\'s (here) # not a comment")', "self.say(text='a [b {c')",
    "self.say(text=r'a')", "self.say(text=u'a')", "self.say(text='''a'b''')",
    "self.say(text='\\x41\\u0042\\101\\N{BULLET}')", "self.wait( seconds = 1.0 ) ", "self.wait(seconds=1_0)",
    "self.wait(seconds=0x0F)", "self.wait(seconds=1e1)", "self.wait(seconds=.5)", "self.wait(seconds=5.)",
    "self.wait(seconds=(1.0))", "self.say(text='2nd 3rd 4x4')", "self.say(text='¿Dónde está la sala? 请稍等')",
    "self.say(text='voil\u00e0\u00a0! 👨\u200d🔧')",
]  # fmt: skip


@pytest.mark.parametrize("command", UNUSUAL)
def test_unusual_but_right_calls_pass(command: str) -> None:
    """What Python reads as a plain call with written-out values has no finding."""
    assert check(command).findings == ()


_PIECES = st.sampled_from(
    [
        "self", ".wait", "(", ")", "[", "]", "{", "}", "'", '"', "'''", "\\", "\\x4", "\\d", "\\N{", "1", "0x", "1is",
        "1e9", "0777", "1_", ",", "=", ":=", "lambda", " ", "f'", "rb'", "#", "\n", "\t", "\x00", "é", "**", "not",
        "if", "else", "for", "in", "await", "yield", ";", ":", "@", "\u202e", "\ud800", "9" * 50, "-", "~", "...",
        "import os", "a", "is", "or",
    ]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=20).map("".join))
def test_the_parser_never_warns_or_fails_unnamed(command: str) -> None:
    """Whatever the scan lets through, Python parses or refuses without a warning; the verdicts agree."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checked = check(command)
    parses = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(command, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        parses = False
    if checked.syntax_valid and not any(f.code[0] == "G" for f in checked.findings):
        assert parses


@given(st.lists(_PIECES, max_size=12).map("".join))
@example("9.wait")
@example("1.if 1 else 2")
def test_a_command_that_needs_no_scan_would_pass_it(command: str) -> None:
    """The quick look decides as the full scan does, where Python's own parser does not object."""
    if not needs_scan(command) and command.strip():
        assert all(f.code in {"S204", "G408"} for f in _scan(command))


@given(st.text(st.sampled_from("\\xuUN{}0178abn'd "), max_size=12))
def test_unknown_escapes_are_exactly_those_python_warns_of(body: str) -> None:
    """A body that Python reads without a word has no bad escape; in one that it warns of or refuses it is found."""
    if len(body) - len(body.rstrip("\\")) & 1:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            ast.literal_eval(f'"{body}"')
            refused = False
        except SyntaxError:
            refused = True
    assert (bad_escape(body, "") >= 0) == refused


def test_a_lone_surrogate_in_code_is_named_as_such() -> None:
    """It is not called too deeply nested, as the parser's own error would have it."""
    checked = check("self.\ud800wait(1)")
    assert not checked.syntax_valid
    assert "surrogate" in checked.findings[-1].message


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("self.say(text=\u201chello\u201d)", "\u201c (U+201C) is a typographic quote"),
        ("self.wait\uff081\uff09", "\uff08 (U+FF08) is no Python bracket"),
        ("self.\uff57ait(1)", "Python reads it as 'w'."),
    ],
)
def test_look_alikes_are_named(command: str, hint: str) -> None:
    """A quote or bracket from a word processor or another script is called what it is."""
    assert hint in check(command).findings[0].hint
