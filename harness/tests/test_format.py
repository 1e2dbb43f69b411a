"""The format check: what is taken from an answer, what is named, and that nothing is guessed."""

from __future__ import annotations

import ast
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.checks.codes import CODES
from harness.checks.format import extract, locate, source_offset

WAIT = """["self.wait(seconds=1.0)"]"""
WAITS = ("self.wait(seconds=1.0)",)


@pytest.mark.parametrize(
    ("answer", "codes"),
    [
        (WAIT, []),
        (f"\n  {WAIT}\n", []),
        ("""['self.wait(seconds=1.0)']""", []),
        ("""[ 'self.wait(seconds=1.0)' ]""", []),
        ("""["self.wait(" 'seconds=1.0)']""", ["F116"]),
        (f"```python\n{WAIT}\n```", ["F101"]),
        (f"```\n{WAIT}\n```", ["F101"]),
        (f"~~~json\n{WAIT}\n~~~\n", ["F101"]),
        (f"```{WAIT}```", ["F101"]),
        (f"Sure:\n{WAIT}", ["F102"]),
        (f"{WAIT}\nThat is all.", ["F102"]),
        (f"It isn't hard [1]: {WAIT}", ["F102"]),
        (f"commands = {WAIT}", ["F103"]),
        (f"commands: list[str] = {WAIT}", ["F103"]),
        ("""["self.wait(seconds=1.0)",]""", ["F104"]),
        (f"""{{"commands": {WAIT}}}""", ["F105"]),
        ("""["self.wait(seconds=1.0)" # a moment\n]""", ["F106"]),
        (f"Sure:\n```python\ncommands = {WAIT}\n```\nDone.", ["F103", "F101", "F102", "F102"]),
        (f"{WAIT}<|im_end|>", ["F102"]),
    ],
)
def test_wrapping_is_named_and_looked_through(answer: str, codes: list[str]) -> None:
    """The same one command is taken from each, and each wrapping has its own code."""
    extracted = extract(answer)
    assert [f.code for f in extracted.findings] == codes
    if "F116" not in codes:
        assert extracted.commands == WAITS


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("", "F111"),
        (" \n\t ", "F111"),
        ("self.wait(seconds=1.0)", "F110"),
        ("self.follow_waypoints(rooms=['a', 'b'])", "F110"),
        ("I cannot do that.", "F110"),
        (f"{WAIT}\n{WAIT}", "F112"),
        (f"{WAIT}{WAIT}", "F112"),
        (f"First {WAIT}, then ['self.undock()']", "F112"),
        (f"{WAIT} or [self.undock()] or ['self.undock()']", "F112"),
        ("""["self.wait(seconds=1.0)", "self.und""", "F113"),
        ("""["self.wait(seconds=1.0)",""", "F113"),
        ("""["self.wait(seconds=1.0)\"""", "F113"),
        ("[", "F113"),
        ("[self.wait(seconds=1.0)]", "F114"),
        ("""["self.undock()", 3]""", "F114"),
        ("""["self.undock()", None]""", "F114"),
        ("""[f"self.undock()"]""", "F114"),
        ("""[b"self.undock()"]""", "F114"),
        ("""[("self.undock()",)]""", "F114"),
        ("""[["self.undock()"]]""", "F115"),
        ("""["self.undock()", ["self.wait(1)"]]""", "F115"),
        ("""["self.undock()" "self.wait(1)"]""", "F116"),
        ("[]", "F117"),
        ("""["self.wait(1), "self.undock()"]""", "F120"),
        ("""["self.undock()"; "self.wait(1)"]""", "F120"),
        ("""["a" + "b"]""", "F120"),
        (r"""["self.say(text='50\% left')"]""", "F121"),
        ("x" * 70_000, "F118"),
        (json.dumps(["self.undock()"] * 201), "F119"),
    ],
)
def test_what_would_need_a_guess_is_refused(answer: str, code: str) -> None:
    """No commands are taken, and the code names why."""
    extracted = extract(answer)
    assert code in [f.code for f in extracted.findings]
    assert not extracted.commands


def test_truncation_says_how_much_was_complete() -> None:
    """A cut-off list is named as such, with the number of complete commands before the break."""
    (finding,) = extract("""["self.undock()", "self.wait(1)", "self.rep""").findings
    assert finding.code == "F113"
    assert "2 complete items" in finding.message


def test_json_escapes_are_read_as_json_and_named() -> None:
    """A surrogate pair or an escaped slash, which JSON knows and Python does not, is F105 and not garbage."""
    extracted = extract(r"""["self.say(text='\ud83d\ude00 a\/b')"]""")
    assert extracted.commands == ("self.say(text='😀 a/b')",)
    assert [f.code for f in extracted.findings] == ["F105"]


@given(st.lists(st.text(max_size=60), min_size=1, max_size=8))
def test_any_list_of_strings_is_read_as_python_reads_it(items: list[str]) -> None:
    """`repr` and JSON of any strings give the very strings back, without a finding."""
    for text in (repr(items), json.dumps(items, ensure_ascii=False)):
        extracted = extract(text)
        assert extracted.commands == tuple(items)
        assert extracted.findings == ()


@given(st.lists(st.text(st.characters(codec="ascii"), max_size=20), min_size=1, max_size=5), st.data())
def test_any_cut_is_named_and_takes_nothing(items: list[str], data: st.DataObject) -> None:
    """However a list is cut short, it is F113 and no commands are taken."""
    text = repr(items)
    cut = text[: data.draw(st.integers(1, len(text) - 1))]
    extracted = extract(cut)
    assert extracted.commands is None
    assert "F113" in [f.code for f in extracted.findings]


_NOISE = st.lists(
    st.sampled_from(
        ["[", "]", '"', "'", "```", "\n", ",", "(", ")", "=", "a", "self.x()", "\\", "{", "}", ":", "#", " "]
    ),
    max_size=25,
).map("".join)


@given(_NOISE)
def test_a_list_is_taken_only_where_python_agrees(text: str) -> None:
    """Whenever an answer counts as strict, Python's own reader gives the same list of strings."""
    extracted = extract(text)
    if extracted.commands and not extracted.findings:
        assert ast.literal_eval(text.strip()) == list(extracted.commands)
    if extracted.commands is None:
        assert extracted.findings
        assert any(not CODES[f.code].strict_only for f in extracted.findings)


@given(_NOISE)
def test_the_fast_and_the_slow_reader_agree(text: str) -> None:
    """Reading by json first changes nothing but the time it takes."""
    fast, slow = extract(text), locate(text)
    assert (fast.commands, fast.findings) == (slow.commands, slow.findings)


@given(st.lists(st.text(max_size=20), min_size=1, max_size=4), st.data())
def test_every_character_of_an_item_is_found_in_the_answer(items: list[str], data: st.DataObject) -> None:
    """Offsets inside a command map to where that character is written, escapes counted as written."""
    text = "Here: " + repr(items)
    extracted = locate(text)
    index = data.draw(st.integers(0, len(items) - 1))
    item = items[index]
    if not item:
        return
    at = data.draw(st.integers(0, len(item) - 1))
    start = source_offset(text, extracted.item_starts[index], at)
    end = source_offset(text, extracted.item_starts[index], at + 1)
    quote = '"' if text[extracted.item_starts[index] - 1] == '"' else "'"
    assert ast.literal_eval(quote + text[start:end] + quote) == item[at]


@given(st.text(max_size=200))
def test_spans_lie_inside_the_answer(text: str) -> None:
    """Every format finding points into the answer."""
    for finding in extract(text).findings:
        assert finding.item is None
        assert 0 <= finding.span[0] <= finding.span[1] <= len(text)
