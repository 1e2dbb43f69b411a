"""The format check: what is taken from an answer, what is named, and that nothing is guessed."""

from __future__ import annotations

import ast
import json
import warnings

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from harness.checks import check_answer
from harness.checks.codes import known_codes
from harness.checks.format import extract
from harness.checks.sarif import offsets
from harness.checks.syntax import ESCAPE
from harness.tests.lamp import LAMP

CODES = known_codes()
WAIT = """["self.wait(seconds=1.0)"]"""
FEW = settings(max_examples=40)


WRAPPED = {
    "": [
        WAIT, f"\n  {WAIT}\n", """['self.wait(seconds=1.0)']""", """[ 'self.wait(seconds=1.0)' ]""",
        """["self.wait(seconds=1.0)",]""", f"({WAIT})", """[("self.wait(seconds=1.0)")]""",
        f"# a plan\n{WAIT}  # done", """["self.wait(seconds=1.0)" # a moment\n]""",
    ],
    "F101": [f"```python\n{WAIT}\n```", f"```\n{WAIT}\n```", f"~~~json\n{WAIT}\n~~~\n", f"```{WAIT}```"],
    "F102": [f"Sure:\n{WAIT}", f"{WAIT}\nThat is all.", f"It isn't hard [1]: {WAIT}", f"{WAIT}<|im_end|>"],
    "F103": [f"commands = {WAIT}", f"commands: list[str] = {WAIT}"],
    "F105": [f"""{{"commands": {WAIT}}}"""],
    "F103 F101 F102 F102": [f"Sure:\n```python\ncommands = {WAIT}\n```\nDone."],
}  # fmt: skip


@pytest.mark.parametrize(("codes", "answer"), [(codes, answer) for codes in WRAPPED for answer in WRAPPED[codes]])
def test_wrapping_is_named_and_looked_through(codes: str, answer: str) -> None:
    """The same one command is taken from each, and each wrapping has its own code."""
    extracted = extract(answer)
    assert " ".join(f.code for f in extracted.findings) == codes
    assert extracted.commands == ("self.wait(seconds=1.0)",)


REFUSED = {
    "F111": ["", " \n\t "],
    "F110": ["self.wait(seconds=1.0)", "self.follow_waypoints(rooms=['a', 'b'])", "I cannot do that."],
    "F112": [
        f"{WAIT}\n{WAIT}", f"{WAIT}{WAIT}", f"First {WAIT}, then ['self.undock()']",
        f"{WAIT} or [self.undock()] or ['self.undock()']",
    ],
    "F113": [
        """["self.wait(seconds=1.0)", "self.und""", """["self.wait(seconds=1.0)",""",
        """["self.wait(seconds=1.0)\"""", "[",
    ],
    "F114": [
        "[self.wait(seconds=1.0)]", """["self.undock()", 3]""", """["self.undock()", None]""",
        """[f"self.undock()"]""", """[b"self.undock()"]""", """[("self.undock()",)]""",
    ],
    "F115": ["""[["self.undock()"]]""", """["self.undock()", ["self.wait(1)"]]"""],
    "F116": ["""["self.undock()" "self.wait(1)", """],
    "F117": ["[]"],
    "F120": ["""["self.wait(1), "self.undock()"]""", """["self.undock()"; "self.wait(1)"]""", """["a" + "b"]"""],
    "F121": [r"""["self.say(text='50\% left')"]"""],
    "F118": ["x" * 70_000],
    "F119": [json.dumps(["self.undock()"] * 201)],
}  # fmt: skip


@pytest.mark.parametrize(("code", "answer"), [(code, answer) for code in REFUSED for answer in REFUSED[code]])
def test_what_would_need_a_guess_is_refused(code: str, answer: str) -> None:
    """No commands are taken, and the code names why."""
    extracted = extract(answer)
    assert code in [f.code for f in extracted.findings]
    assert not extracted.commands


def test_json_escapes_are_read_as_json_and_named() -> None:
    """A surrogate pair or an escaped slash, which JSON knows and Python does not, is F105 and not garbage."""
    extracted = extract(r"""["self.say(text='\ud83d\ude00 a\/b')"]""")
    assert extracted.commands == ("self.say(text='😀 a/b')",)
    assert [f.code for f in extracted.findings] == ["F105"]


@FEW
@given(st.lists(st.text(max_size=60), min_size=1, max_size=8))
def test_any_list_of_strings_is_read_as_python_reads_it(items: list[str]) -> None:
    """`repr` and JSON of any strings give the very strings back, without a finding."""
    for text in (repr(items), json.dumps(items, ensure_ascii=False)):
        extracted = extract(text)
        assert extracted.commands == tuple(items)
        assert extracted.findings == ()


@FEW
@given(st.lists(st.text(st.characters(codec="ascii"), max_size=20), min_size=1, max_size=5), st.data())
def test_any_cut_is_named_and_takes_nothing(items: list[str], data: st.DataObject) -> None:
    """However a list is cut short, it is F113 and no commands are taken."""
    text = repr(items)
    cut = text[: data.draw(st.integers(1, len(text) - 1))]
    extracted = extract(cut)
    assert extracted.commands is None
    assert "F113" in [f.code for f in extracted.findings]


def test_truncation_says_how_much_was_complete() -> None:
    """The number of complete commands before the break."""
    (finding,) = extract("""["self.undock()", "self.wait(1)", "self.rep""").findings
    assert "2 complete items" in finding.message


_LITERAL = st.one_of(
    st.text(max_size=12).map(repr),
    st.text(max_size=12).map(json.dumps),
    st.text(st.sampled_from("ab '\n\u00e9"), max_size=8).map(lambda body: f'"""{body}"""'),
    st.text(st.sampled_from("ab.\\d"), max_size=8).map(lambda body: f"r'{body}.'"),
    st.just("'a\\\nb'"),
    st.just("'''a\r\nb'''"),
)


def read_by_python(text: str) -> list[str] | None:
    """The list of strings that `ast.literal_eval` reads without a warning; None for anything else."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            value = ast.literal_eval(text.strip(" \t\n\r\f"))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
    return value if isinstance(value, list) and value and all(isinstance(item, str) for item in value) else None


_PIECES = st.sampled_from(
    [
        "[", "]", "(", ")", ",", '"', "'", "\\", "#", "# x\n", "\n", " ", "\t", "\f", "\r", "\\\n", "\u00a0", "\u202f",
        "\u3000", "\u2003", "\u2028", "\x85", "\x0b", "\x1c", "\x1f", "\ufeff", "\x00", "\ud800", "\\x4", "\\u0041",
        "\\ud83d", "\\N{BULLET}", "\\N{no}", "\\/", "\\d", "\\777", "r", "u", "b", "f", "'''", '"""', '"a"', "'b'",
        "r'c\\d'", "f'{x}'", "b'x'", "1", "*", "+", "x", "{", "}", "None", " for x in y", "``", "\u201c", "\uff3b",
        "self.on()", "é",
    ]
)  # fmt: skip
_AROUND = st.lists(
    st.sampled_from(["", " ", "\n", "\f", "\u00a0", "\u2028", "\x1c", "(", ")", "# x\n", ","]), max_size=3
)


@st.composite
def almost_lists(draw: st.DrawFn) -> str:
    """A list of strings in any spelling, with a few pieces put in or characters left out."""
    items = draw(st.lists(_LITERAL | st.text(max_size=6).map(repr), max_size=4))
    gaps = [draw(st.sampled_from([", ", ",", ",\n  ", ",\u00a0", ", # x\n", " ", ",,"])) for _ in items]
    text = "".join(item + gap for item, gap in zip(items, gaps, strict=True))
    text = "".join(draw(_AROUND)) + "[" + (text[:-2] if draw(st.booleans()) else text) + "]" + "".join(draw(_AROUND))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(_PIECES | st.just("")) + text[at + draw(st.integers(0, 1)) :]
    return text


@settings(max_examples=250)
@example("['\\é']")  # before what is not ASCII Python keeps the backslash, without a warning
@given(almost_lists() | st.lists(_PIECES, max_size=12).map(lambda pieces: f"[{''.join(pieces)}]"))
def test_strict_is_exactly_what_python_reads_as_a_list_of_strings(text: str) -> None:
    """Nothing else is strict, all of it is, and the commands are the very strings that Python gives.

    The quick way to read an answer gives what the slow one gives; without commands some finding says why.
    """
    expected = read_by_python(text)
    checked = check_answer(text, LAMP)
    assert checked.format_strict == (expected is not None)
    if expected is not None:
        assert checked.commands == tuple(expected)
    quick, slow = extract(text), extract(text, places=True)
    assert (quick.commands, quick.findings) == (slow.commands, slow.findings)
    if quick.commands is None:
        assert any(not CODES[f.code].strict_only for f in quick.findings)


SPACES = ["\u00a0", "\u202f", "\u3000", "\u2003", "\u2028", "\u0085", "\x0b", "\x1c", "\x1d", "\x1e", "\x1f", "\u1680"]


@pytest.mark.parametrize("space", SPACES, ids=[f"U+{ord(space):04X}" for space in SPACES])
def test_space_that_python_does_not_take_is_a_finding_at_its_place(space: str) -> None:
    """Between the items or around the list: not strict, the character named; the commands are still taken."""
    parts = ["", '["self.lamp.on()",', '"self.wait(1.0)"', "]", ""]
    for place in range(1, len(parts)):
        text = "".join(parts[:place]) + space + "".join(parts[place:])
        checked = check_answer(text, LAMP)
        assert not checked.format_strict
        assert checked.commands == ("self.lamp.on()", "self.wait(1.0)")
        (finding,) = checked.findings
        assert (finding.code, text[slice(*finding.span)]) == ("F107", space)
        assert f"{space!a}" in finding.message


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("[\u201cself.lamp.on()\u201d]", "F114", "\u201c (U+201C) is a typographic quote: write straight ones"),
        ("[\u00abself.lamp.on()\u00bb]", "F114", "\xab (U+00AB) is a typographic quote"),
        ("Here: [\u2018self.lamp.on()\u2019]", "F110", "\u2018 (U+2018) is a typographic quote"),
        ('\uff3b"self.lamp.on()"\uff3d', "F110", "\uff3b (U+FF3B) is no Python bracket: write [ ]"),
        ('["self.lamp.on()"\uff0c "self.wait(1.0)"]', "F120", "\uff0c (U+FF0C) is no Python comma: write ,"),
    ],
)
def test_look_alikes_are_named(text: str, code: str, hint: str) -> None:
    """Quotes, brackets and commas of word processors and other scripts are called what they are."""
    (finding,) = check_answer(text, LAMP).findings
    assert finding.code == code
    assert hint in finding.hint


def test_strings_that_python_joins_are_one_item_and_a_finding() -> None:
    """The list is one of strings, as Python says; a missing comma is named at the item, and nothing is bound."""
    checked = check_answer("""["self.wait(" 'seconds=1.0)', "self.lamp.on()"]""", LAMP)
    assert checked.format_strict
    assert checked.commands == ("self.wait(seconds=1.0)", "self.lamp.on()")
    assert [(f.code, f.item) for f in checked.findings] == [("A324", 0)]
    assert checked.calls is None


@FEW
@given(st.lists(st.lists(_LITERAL, min_size=1, max_size=3).map(" ".join), min_size=1, max_size=4), st.data())
def test_every_character_of_an_item_is_found_in_the_answer(written: list[str], data: st.DataObject) -> None:
    """Each character of a command is written where it is said to be: escapes, raw and joined strings, line ends."""
    text = f"Here: [{', '.join(written)}]"
    extracted = extract(text, places=True)
    assume(extracted.commands is not None and not any(f.code == "F105" for f in extracted.findings))
    assert extracted.commands is not None
    index = data.draw(st.integers(0, len(written) - 1))
    item, places = extracted.commands[index], offsets(text, extracted.literals[index])
    assert len(places) == len(item) + 1
    assert places == sorted(places)
    for character, place in zip(item, places[:-1], strict=True):
        if text[place] not in "\\\r":
            assert text[place] == character
        elif escape := ESCAPE.match(text, place):  # in a raw string the backslash stands for itself
            assert character in {ast.literal_eval(f"'{escape.group()}'"), "\\"}
