"""Packs: what a pack file must hold, and that a mistake in it is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import InputError
from harness.pack import load_pack

PACK = """[pack]
name = "mine"
robot = "robot"
heldout = ["heldout.jsonl"]
profile = "profile.json"
task_prompt = "task.md"
system_prompt = "system.md"
card_prompt = "card.md"
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PACK.replace('profile = "profile.json"\n', ""), ":1: is not a pack file: pack.profile"),
        (PACK + 'asks = "ask"\n', "'asks' and 'declines' are the robot module's to say"),
        (PACK.replace('"robot"', "3"), ":3: is not a pack file: pack.robot"),
        (PACK + 'scene = "x"\n', ":9: is not a pack file: pack: unknown key 'scene'"),
        (PACK + "[packs]\n", ":9: is not a pack file: unknown key 'packs'"),
        (PACK.replace('["heldout.jsonl"]', '"heldout.jsonl"'), ":4: is not a pack file: pack.heldout"),
        ("name = 1", "is not a pack file: "),
        ("[pack", "not valid TOML"),
        ("a = " + "[" * 100_000, "not valid TOML"),
        ("a = " + "9" * 5_000, "not valid TOML"),
    ],
)
def test_a_mistake_in_a_pack_file_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    """A key missing, unknown or of another type; no TOML; nested or long beyond what Python reads."""
    (tmp_path / "gonogo.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_pack(tmp_path)
    assert said in str(caught.value)


def test_paths_are_resolved_and_what_is_optional_may_be_left_out(tmp_path: Path) -> None:
    """Each path stands under the pack's folder; scenes, adapters, teacher and default model need not be there."""
    (tmp_path / "gonogo.toml").write_text(PACK + '[pack.adapters]\nmine = "a.gguf"\n', encoding="utf-8")
    pack = load_pack(tmp_path)
    assert pack.profile == tmp_path / "profile.json"
    assert pack.heldout == (tmp_path / "heldout.jsonl",)
    assert pack.adapters == {"mine": tmp_path / "a.gguf"}
    assert (pack.scenes, pack.teacher, pack.default_model) == (None, None, "")


def test_a_pack_that_is_not_there_names_those_that_are() -> None:
    """The shipped packs are in the hint."""
    with pytest.raises(InputError, match=r"go2, .*toy"):
        load_pack("nowhere")
