"""Hostile answers: a finding each, in bounded time and memory, and never an exception or a warning."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.checks import Checked, Checker, check_answer
from harness.checks.answer_file import Answer
from harness.checks.sarif import sarif
from harness.sdk.profile import find_profile

PROFILE = find_profile("go2")
LETTERS = "x" * 900


def in_list(command: str) -> str:
    """An answer of one command, written as it is."""
    return json.dumps([command], ensure_ascii=False)


HOSTILE = {
    "megabytes of prose": "lorem ipsum " * 400_000,
    "megabytes of list": in_list("self.undock()")[:-1] + ', "self.undock()"' * 300_000 + "]",
    "one huge string": in_list("self.say(text='" + "a" * 3_000_000 + "')"),
    "ten thousand round brackets": "(" * 10_000,
    "ten thousand square brackets": "[" * 10_000,
    "brackets closed": "[" * 10_000 + "]" * 10_000,
    "braces": "{" * 10_000,
    "brackets in a command": in_list("self.wait(" + "(" * 450 + "1" + ")" * 450 + ")"),
    "lists in a command": in_list("self.follow_waypoints(" + "[" * 450 + "]" * 450 + ")"),
    "deep attribute chain": in_list("self" + ".a" * 480 + "()"),
    "deep call chain": in_list("self.a" + "()" * 480),
    "deep subscripts": in_list("self.a" + "[0]" * 320),
    "unary chain": in_list("self.wait(" + "-" * 950 + "1)"),
    "not chain": in_list("not " * 240 + "self"),
    "lambda chain": in_list("lambda:" * 130 + "1"),
    "if chain": in_list("1 if 1 else " * 80 + "1"),
    "await chain": in_list("await " * 160 + "self"),
    "operator chain": in_list("1" + "+1" * 480),
    "comparison chain": in_list("1" + "<1" * 480),
    "null bytes": "\x00" * 1000,
    "null byte in a command": in_list("self.undock()\x00"),
    "null byte in a string": in_list("self.say(text='a\x00b')"),
    "escaped null byte": in_list("self.say(text='a\\x00b')"),
    "lone surrogates": in_list("self.say(text='\ud800\udfff')"),
    "lone surrogate as a name": in_list("self.\udc80()"),
    "escaped surrogate": r"""["self.say(text='\ud800')"]""",
    "surrogates around the list": "\ud800" + in_list("self.undock()") + "\udfff",
    "power tower": in_list("self.wait(seconds=9**9**9**9)"),
    "huge integer": in_list("self.wait(seconds=" + "9" * 950 + ")"),
    "huge hex integer": in_list("self.wait(seconds=0x" + "f" * 950 + ")"),
    "over the digits limit": "[" + "9" * 5000 + "]",
    "huge exponent": in_list("self.wait(seconds=1e999999)"),
    "huge shift": in_list("self.wait(seconds=1<<99999999999)"),
    "huge repetition": in_list("self.say(text='a'*99999999999)"),
    "bidirectional controls": in_list("self.say(text='\u202e\u2066\u200f')"),
    "bidirectional controls in code": in_list("self.\u202ewait(1)"),
    "ANSI escapes": in_list("self.say(text='\x1b[2J\x1b]0;owned\x07')"),
    "ANSI escapes around": "\x1b[2J" + in_list("self.undock()"),
    "unclosed quotes": "'\"" * 20_000,
    "backslashes": "\\" * 60_000,
    "backslashes in a list": '["' + "\\" * 60_001 + '"]',
    "quotes in a list": "[" + "'" * 60_000,
    "triple quotes": "['''" + "'" * 50_000,
    "brackets around the list": "(" * 20_000 + '["self.undock()"]' + ")" * 20_000,
    "brackets around an item": "[" + "(" * 20_000 + '"self.undock()"' + ")" * 20_000 + "]",
    "strings side by side": "[" + '"self.undock()" ' * 4_000 + "]",
    "unusual spaces": '["self.undock()"' + "\u00a0" * 60_000 + "]",
    "surrogates in strings": "['" + "\ud800" * 60_000 + "']",
    "every escape": '["' + r"\N{BULLET}" * 6_000 + '"]',
    "hashes": "[" + "#\n" * 30_000,
    "commas": "[" + "," * 60_000 + "]",
    "code fences": "```\n" * 15_000,
    "json objects": '{"a":' * 10_000,
    "assignments": "a = " * 15_000 + "[",
    "almost lists": "['a' " * 10_000,
    "lists that are arguments": "f(['a']" * 8_000,
    "spaces": " " * 65_000 + "[",
    "spaces in a list": "['a'" + " " * 60_000 + "x]",
    "name characters": in_list("self." + LETTERS + "()"),
    "many keywords": in_list("self.wait(" + ",".join(f"a{i}=1" for i in range(140)) + ")"),
    "many stars": in_list("self.wait(" + "*a," * 300 + ")"),
    "f-string nest": in_list("self.say(text=f'{f\"{1}\"}')"),
    "byte order mark": "\ufeff" + in_list("self.undock()"),
    "unicode line ends": in_list("self.say(text='a\u2028b')"),
    "unknown character name": in_list(r"self.say(text='\N{" + "A" * 900 + "}')"),
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_finding_each_in_bounded_time_and_memory(answer: str) -> None:
    """Every one is found wrong, takes at most a quarter of a second of CPU and little memory beside itself."""
    checker = Checker(PROFILE, cache_size=0)
    start = time.process_time()
    checked = checker.answer(answer)
    spent = time.process_time() - start
    assert checked.findings
    assert spent < 0.25, f"{spent:.2f} s"
    tracemalloc.start()
    checker.answer(answer)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000 + 2 * len(answer), f"{peak} bytes"
    for finding in checked.findings:
        assert len(finding.message) < 400
        assert finding.message.isprintable(), finding.message
        assert finding.hint.isprintable(), finding.hint


@pytest.mark.parametrize(
    ("size", "commands", "limit"),
    [
        (4096, (f"self.say(text='{i}{'a' * 50_000}')" for i in range(60)), 300_000),
        (4096, (f"self.undock({','.join(f'a{i}_{k}=1' for k in range(70))})" for i in range(60)), 300_000),
        (100, (f"self.wait(seconds={i}.5)" for i in range(1000)), 200_000),
    ],
    ids=["huge", "many findings", "many"],
)
def test_the_cache_keeps_neither_what_is_large_nor_without_end(size: int, commands: Iterator[str], limit: int) -> None:
    """All of them kept would be more than the limit, in bytes."""
    checker = Checker(PROFILE, cache_size=size)
    tracemalloc.start()
    for command in commands:
        checker.command(command)
    left = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert left < limit, f"{left} bytes"


@pytest.mark.parametrize("keyword", ["a=1,", "*a,", "a=eval(1),", "b=1is,"])
def test_what_is_wrong_without_end_stays_cheap(keyword: str) -> None:
    """64 kB of faults: at most 500 findings, also as SARIF, in at most two seconds of CPU."""
    command = f"self.undock({keyword * (900 // len(keyword))})"
    text = json.dumps([command] * (64_000 // len(command)), indent=0)
    start = time.process_time()
    checked = Checker(PROFILE, cache_size=0).answer(text)
    results = sarif("answer.txt", [(Answer(text), checked)])["runs"][0]["results"]
    assert time.process_time() - start < 2
    assert len(checked.findings) == len(results) <= 500
    assert checked.findings


def test_an_unsafe_command_is_kept_among_any_number_of_faults() -> None:
    """What is unsafe is not pushed out by five hundred other findings before it, and the flags count all."""
    noise = "self.undock(" + ",".join(f"a{i}=1" for i in range(100)) + ")"
    checked = check_answer(json.dumps([noise] * 20 + ["self.sport_client.FrontFlip()"]), PROFILE)
    assert len(checked.findings) == 500
    assert checked.findings[-1].code == "G401"
    assert not checked.safe
    assert spans_fit(checked, "")


def test_a_full_cache_is_emptied() -> None:
    """Two thousand commands of eight findings, a kilobyte each, are more than it keeps; the last one is kept."""
    checker = Checker(PROFILE)
    commands = [f"self.undock({','.join(f'a{number}_{k}=1' for k in range(8))})" for number in range(2000)]
    results = [checker.command(command) for command in commands]
    assert checker.command(commands[-1]) is results[-1]
    assert checker.command(commands[0]) is not results[0]


def test_all_of_them_through_the_command_line(tmp_path: Path) -> None:
    """One process checks the whole collection as a JSONL: exit code 1, no traceback, nothing that drives a terminal."""
    file = tmp_path / "hostile.jsonl"
    rows = [json.dumps({"id": name, "output": text}) for name, text in HOSTILE.items()]
    file.write_text("\n".join(rows), encoding="utf-8")
    command = [sys.executable, "-W", "error", "-m", "harness", "check", str(file)]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert done.returncode == 1
    assert b"Traceback" not in done.stdout + done.stderr
    assert b"\x1b" not in done.stdout + done.stderr
    out = done.stdout.decode("utf-8")
    for name in HOSTILE:
        assert f"#{name}:" in out


def agrees(checked: Checked) -> bool:
    """Whether the flags and the findings tell the same story."""
    codes = [f.code for f in checked.findings]
    bound = checked.calls is not None
    return (
        checked.api_valid == bound
        and (not bound or checked.syntax_valid)
        and (not checked.syntax_valid or checked.format_valid)
        and (not checked.format_strict or checked.format_valid)
        and checked.format_strict == (not any(c[0] == "F" for c in codes))
        and (bound or bool(codes))
        and checked.safe == (not any(c[0] == "G" for c in codes))
    )


def spans_fit(checked: Checked, text: str) -> bool:
    """Whether every span lies in the command or answer it points into."""
    return all(
        0 <= f.span[0] <= f.span[1] <= len(text if f.item is None else (checked.commands or ())[f.item])
        for f in checked.findings
    )


_TEXT = st.text(st.characters(), max_size=80)
_LISTS = st.lists(_TEXT, max_size=6).flatmap(lambda texts: st.sampled_from([repr(texts), json.dumps(texts)]))


@given(st.text(st.characters(), max_size=300) | _LISTS)
def test_any_text_is_an_answer(text: str) -> None:
    """Arbitrary text, surrogates included, also as strings of a well-formed list, goes through the whole pipeline."""
    checked = check_answer(text, PROFILE)
    assert agrees(checked)
    assert spans_fit(checked, text)


_NAMES = st.sampled_from(["self", "self.wait", "self.sport_client.Move", "self.say", "eval", "os", "x", "self.__a__"])
_ATOMS = st.sampled_from(
    ["1", "-1", "1.5", "True", "None", "'a'", "b'a'", "1e999", "1j", "...", "self", "x", "'a' 'b'", "f'{x}'", "[]"]
)
_FORMS = st.sampled_from(
    [
        "({})",
        "[{}]",
        "{}.a",
        "{}[0]",
        "(lambda: {})",
        "[{} for x in y]",
        "{{{0}: {0}}}",
        "*{}",
        "(y := {})",
        "not {}",
        "-{}",
    ]
)
_EXPRESSIONS = st.recursive(
    _ATOMS | _NAMES,
    lambda inner: st.one_of(
        st.tuples(_NAMES | inner, st.lists(inner, max_size=3)).map(lambda p: f"{p[0]}({', '.join(p[1])})"),
        st.tuples(_NAMES, st.sampled_from(["seconds", "text", "x"]), inner).map(lambda p: f"{p[0]}({p[1]}={p[2]})"),
        st.tuples(_FORMS, inner).map(lambda p: p[0].format(p[1])),
        st.tuples(inner, st.sampled_from(["+", "**", "<", " and ", " if 1 else ", ", "]), inner).map("".join),
    ),
    max_leaves=8,
)


@given(_EXPRESSIONS)
def test_any_expression_is_a_command(command: str) -> None:
    """Arbitrary expressions go through the whole pipeline; what binds holds nothing that computes."""
    text = json.dumps([command])
    checked = check_answer(text, PROFILE)
    assert agrees(checked)
    assert spans_fit(checked, text)
    if checked.api_valid:
        assert not any(word in command for word in ("lambda", "for ", ":=", "not ", "**", "<", "eval", "os", "f'"))
