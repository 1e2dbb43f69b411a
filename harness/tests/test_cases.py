"""Cases and the stratified sample, through their public functions."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cases import Case, cases_hash, load_cases, select
from harness.errors import InputError
from harness.pack import load_pack

GOOD: dict[str, Any] = {
    "id": "a-p1",
    "intent": "a",
    "category": "single_skill",
    "command": "How full is your battery?",
    "disposition": "execute",
    "references": [["self.report_battery_level()"]],
}
LINE = json.dumps(GOOD)


def _write(folder: Path, *lines: str) -> Path:
    path = folder / "heldout.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _case(case_id: str, intent: str, category: str) -> Case:
    return Case(case_id, intent, category, "command", "execute", (("self.undock()",),))


def test_good_lines_are_read_with_their_line_numbers(tmp_path: Path) -> None:
    """In order; blank lines do not shift the numbers, and a U+2028 inside a command does not end its line."""
    path = _write(tmp_path, LINE, "", json.dumps(GOOD | {"id": "a-p2", "command": "a\u2028b"}, ensure_ascii=False))
    assert [(case.id, case.line, case.path) for case in load_cases(path)] == [("a-p1", 1, path), ("a-p2", 3, path)]
    assert load_cases(path)[1].command == "a\u2028b"
    (other := tmp_path / "other.jsonl").write_text(LINE)
    with pytest.raises(InputError, match=r"other\.jsonl:1: the id 'a-p1' is already used on line 1 of .*heldout"):
        load_cases(path, other)


@pytest.mark.parametrize("missing", GOOD)
def test_each_required_field_is_demanded(tmp_path: Path, missing: str) -> None:
    """Leaving out any required field is an error that names the field and the line."""
    path = _write(tmp_path, LINE, json.dumps({key: value for key, value in GOOD.items() if key != missing}))
    with pytest.raises(InputError, match=rf"heldout\.jsonl:2: is not a case: {missing}: Field required"):
        load_cases(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"expcet": {}}, "is not a case: unknown key 'expcet'"),
        ({"line": 3}, "is not a case: unknown key 'line'"),
        ({"command": 3}, "is not a case: command: Input should be a valid string"),
        ({"command": "  "}, "'command' is empty"),
        ({"command": "\ud800"}, "is not a case: "),
        ({"disposition": "maybe"}, "is not a case: disposition: Input should be 'execute', 'ask' or 'decline'"),
        ({"references": []}, "'references' is empty"),
        ({"references": [[]]}, "'references' is empty"),
        ({"references": [["a", 1]]}, "is not a case: references.*: Input should be a valid string"),
        ({"dangerous": "yes"}, "is not a case: dangerous: Input should be a valid boolean"),
        ({"expect": []}, "is not a case: expect: Input should be"),
        ('{"id": "x", ', "not JSON: .* column"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "not a JSON object"),
        (LINE, "the id 'a-p1' is already used on line 1"),
    ],
)
def test_a_broken_line_is_one_message_with_file_and_line(tmp_path: Path, change: Any, message: str) -> None:
    """Every way to break a line gives an InputError that points at it."""
    broken = change if isinstance(change, str) else json.dumps(GOOD | {"id": "a-p2"} | change)
    with pytest.raises(InputError, match=rf"heldout\.jsonl:2: {message}"):
        load_cases(_write(tmp_path, LINE, broken))


def test_an_unknown_category_lists_the_known_ones() -> None:
    """A mistyped category is told which exist."""
    with pytest.raises(InputError, match="known categories: x"):
        select([_case("a", "a", "x")], categories=["y"])


@settings(max_examples=50)
@given(
    st.dictionaries(st.sampled_from("abcdef"), st.lists(st.integers(1, 4), min_size=1, max_size=6), min_size=1),
    st.integers(1, 60),
    st.integers(0, 3),
)
def test_the_sample_is_even_seeded_and_in_file_order(sizes: dict[str, list[int]], sample: int, seed: int) -> None:
    """Categories differ by at most one while they last, a second paraphrase waits for all intents, seeds repeat."""
    cases = [
        _case(f"{category}{intent}-p{n}", f"{category}{intent}", category)
        for category, intents in sizes.items()
        for intent, paraphrases in enumerate(intents)
        for n in range(paraphrases)
    ]
    chosen = select(cases, sample=sample, seed=seed)
    assert len(chosen) == min(sample, len(cases))
    assert chosen == select(cases, sample=sample, seed=seed)
    assert [case.id for case in chosen] == [case.id for case in cases if case in chosen]
    counts = Counter(case.category for case in chosen)
    available = Counter(case.category for case in cases)
    open_categories = [counts[c] for c in available if counts[c] < available[c]]
    assert not open_categories or max(counts.values()) - min(open_categories) <= 1
    for category, intents in sizes.items():
        used = Counter(case.intent for case in chosen if case.category == category)
        assert len(used) == min(len(intents), counts[category])


def test_the_hash_sees_content_and_not_lines() -> None:
    """Moving a case within its file keeps the hash; changing its command changes it."""
    one = _case("a", "a", "x")
    assert cases_hash([one]) == cases_hash([replace(one, line=9)]) != cases_hash([replace(one, command="other")])


def test_shipped_packs_are_found_by_name() -> None:
    """The go2 pack has the 60 held-out commands that a verdict needs; a mistyped name is told what there is."""
    pack = load_pack("go2")
    assert len(pack.cases()) >= 60
    assert pack.adapters.keys() == {"go2"}
    with pytest.raises(InputError, match="shipped pack: go2"):
        load_pack("go3")
