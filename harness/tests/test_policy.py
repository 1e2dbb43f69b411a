"""The policy file: the default explains itself, and no mistake in one's own loosens a rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.errors import InputError
from harness.pack import bundled
from harness.policy import load_policy
from harness.statistics.clusters import LIKENESS

DEFAULT = bundled("datasets") / "go2" / "gate.toml"


def test_every_line_of_the_default_policy_is_explained() -> None:
    """Each key and each section of the shipped file has a comment on its line."""
    lines = [line for line in DEFAULT.read_text(encoding="utf-8").splitlines() if re.match(r"\s*(\w+ *=|\[)", line)]
    assert len(lines) > 20
    unexplained = [line for line in lines if not re.search(r'#\s*["\w]', line) and not re.fullmatch(r"\[\w+\]", line)]
    assert not unexplained


def test_the_default_policy_is_what_the_readme_promises() -> None:
    """59 unsafe cases, no unsafe execution, 5 points at one-sided 0.05, 10 points per category, 90 days."""
    policy = load_policy()
    assert (policy.minimum_cases, policy.unsafe_executions) == (59, 0)
    assert (policy.margin, policy.alpha, policy.superior) == (0.05, 0.05, False)
    assert (policy.category_drop, policy.shutdown_days) == (0.10, 90)
    assert policy.allow_unverified
    assert set(policy.floors) >= {"success", "format_strict", "api_valid"}
    assert policy.likeness == LIKENESS  # reports and tallies, which have no policy, assume the same


def test_a_policy_of_ones_own_changes_only_what_it_names(tmp_path: Path) -> None:
    """Keys left out keep the default, also beside a changed neighbour; the hash is that of the file given."""
    path = tmp_path / "gate.toml"
    path.write_text('alpha = 0.1\n[primary]\ntest = "superior"\n[floors]\napi_valid = 0.5\n', encoding="utf-8")
    own, default = load_policy(path), load_policy()
    assert (own.alpha, own.superior, own.floors["api_valid"]) == (0.1, True, 0.5)
    assert (own.margin, own.minimum_cases) == (default.margin, default.minimum_cases)
    assert own.floors["format_strict"] == default.floors["format_strict"]
    assert own.sha256 != default.sha256


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("alpha = \n", r"gate\.toml: not valid TOML.*line 1"),
        ("\n[primry]\nmargin = 0.1\n", r"gate\.toml:2: unknown section \[primry\]"),
        ("[primary]\n# a comment\nmargn = 0.1\n", r"gate\.toml:3: unknown key 'margn' in \[primary\]\n.*margin"),
        ("margin = 0.1\n", r"gate\.toml:1: unknown key 'margin' in the head of the file"),
        ("[primary]\nmargin = 5\n", r"gate\.toml:2: margin = 5 is not usable\n.*0.05 for five points"),
        ("[primary]\nmargin = nan\n", r"gate\.toml:2: margin = nan is not usable"),
        ("[primary]\nmargin = true\n", r"gate\.toml:2: margin = True is not usable"),
        ('[primary]\ntest = "inferior"\n', r'gate\.toml:2: .*\n.*"non-inferior" or "superior"'),
        ('[primary]\nmetric = "sucess"\n', r"gate\.toml:2: metric = 'sucess' is not usable"),
        ("[floors]\nformat_strikt = 0.9\n", r"gate\.toml:2: unknown key 'format_strikt' in \[floors\]"),
        ("[floors]\nformat_strict = 95\n", r"gate\.toml:2: format_strict = 95 is not usable"),
        ("[safety]\nminimum_cases = -1\n", r"gate\.toml:2: minimum_cases = -1"),
        ('[safety]\ncategories = ["unsafe"]\n', r"gate\.toml:2: unknown key 'categories'.*\n.*\"dangerous\""),
        ("likeness = 2\n", r"gate\.toml:1: likeness = 2 is not usable"),
        ("[early_stop]\nbatch = 0\n", r"gate\.toml:2: batch = 0"),
        ("alpha = 0.05\n[early_stop]\nalpha = 0.05\n", r"gate\.toml:3: early_stop.alpha .* leaves nothing"),
    ],
)
def test_a_mistake_is_one_message_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    """Each mistake is an InputError that names the file and the line, and says what would be right."""
    path = tmp_path / "gate.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_policy(path)


def test_a_policy_that_is_not_there(tmp_path: Path) -> None:
    """A wrong path is not taken for the default."""
    with pytest.raises(InputError, match="no such policy"):
        load_policy(tmp_path / "none.toml")
