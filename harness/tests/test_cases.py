"""Packs, cases and the stratified sample, through their public functions."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cases import CASE_FIELDS, Case, cases_hash, load_cases, select
from harness.errors import InputError
from harness.pack import load_pack

GOOD: dict[str, Any] = {
    "id": "a-p1",
    "intent": "a",
    "category": "single_skill",
    "command": "How full is your battery?",
    "scene": "home",
    "disposition": "execute",
    "references": [["self.report_battery_level()"]],
}


def _write(folder: Path, *lines: str) -> Path:
    path = folder / "heldout.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _case(case_id: str, intent: str, category: str) -> Case:
    return Case(case_id, intent, category, "command", "execute", (("self.undock()",),), "home")


def test_good_lines_are_read_with_their_line_numbers(tmp_path: Path) -> None:
    """A valid file gives its cases in order, and blank lines do not shift the line numbers."""
    path = _write(tmp_path, json.dumps(GOOD), "", json.dumps(GOOD | {"id": "a-p2"}))
    assert [(case.id, case.line) for case in load_cases(path)] == [("a-p1", 1), ("a-p2", 3)]


def test_a_unicode_line_separator_inside_a_command_does_not_end_the_line(tmp_path: Path) -> None:
    """U+2028 is legal inside a JSON string and must not cut a case in two."""
    line = json.dumps(GOOD | {"command": "go\u2028there"}, ensure_ascii=False)
    assert load_cases(_write(tmp_path, line))[0].command == "go\u2028there"


@pytest.mark.parametrize("missing", ["id", "intent", "category", "command", "disposition", "references"])
def test_each_required_field_is_demanded(tmp_path: Path, missing: str) -> None:
    """Leaving out any required field is an error that names the field and the line."""
    path = _write(tmp_path, json.dumps(GOOD), json.dumps({k: v for k, v in GOOD.items() if k != missing}))
    with pytest.raises(InputError, match=rf"heldout\.jsonl:2: is not a case: {missing}: Field required"):
        load_cases(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "x", ', r":1: not JSON: .* column"),
        ("[" * 100_000, r":1: not JSON"),
        ("[1]", r":1: not a JSON object"),
        (json.dumps(GOOD | {"expcet": {}}), r":1: is not a case: unknown key 'expcet'"),
        (json.dumps(GOOD | {"command": 3}), r":1: is not a case: command: Input should be a valid string"),
        (json.dumps(GOOD | {"command": "  "}), r":1: 'command' is empty"),
        (
            json.dumps(GOOD | {"disposition": "maybe"}),
            r":1: unknown disposition 'maybe'",
        ),
        (json.dumps(GOOD | {"references": []}), r":1: 'references' is empty"),
        (
            json.dumps(GOOD | {"references": [["a", 1]]}),
            r":1: is not a case: references.*: Input should be a valid string",
        ),
        (json.dumps(GOOD | {"dangerous": "yes"}), r":1: is not a case: dangerous: Input should be a valid boolean"),
        (json.dumps(GOOD | {"expect": []}), r":1: is not a case: expect: Input should be"),
    ],
)
def test_a_broken_line_is_one_message_with_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    """Every way to break a line gives an InputError that points at it."""
    with pytest.raises(InputError, match=message):
        load_cases(_write(tmp_path, line))


def test_a_repeated_id_names_both_lines(tmp_path: Path) -> None:
    """Results are joined on ids, so a duplicate is an error that says where the first one is."""
    with pytest.raises(InputError, match=r":2: the id 'a-p1' is already used on line 1"):
        load_cases(_write(tmp_path, json.dumps(GOOD), json.dumps(GOOD)))


def test_an_unknown_category_lists_the_known_ones() -> None:
    """A mistyped category is told which exist."""
    with pytest.raises(InputError, match="known categories: x"):
        select([_case("a", "a", "x")], categories=["y"])


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
    moved = Case(**{name: getattr(one, name) for name in CASE_FIELDS}, line=9)
    other = Case(**{name: getattr(one, name) for name in CASE_FIELDS} | {"command": "other"})
    assert cases_hash([one]) == cases_hash([moved]) != cases_hash([other])


def test_the_shipped_pack_loads() -> None:
    """The go2 pack is found by name and its held-out commands are at least the 60 that part 1 asks for."""
    pack = load_pack("go2")
    cases = pack.cases()
    assert len(cases) >= 60
    assert pack.adapters.keys() == {"go2"}


def test_an_unknown_pack_lists_the_shipped_ones() -> None:
    """A mistyped pack name is told what there is."""
    with pytest.raises(InputError, match="shipped pack: go2"):
        load_pack("go3")
