"""The policy file: the default explains itself, and no mistake in one's own loosens a rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import pytest

from harness.benchmarks.error_rates import TABLES
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


@pytest.mark.parametrize("table", TABLES)
def test_the_tables_that_explain_it_can_be_made(table: Callable[[int], Iterator[Sequence[object]]]) -> None:
    """Each is told of in BENCHMARKS.md, and has rows as wide as its heading."""
    heading, row = islice(table(1), 2)
    assert len(heading) == len(row)
    assert table.__doc__
    assert f"`{table.__name__}`" in (DEFAULT.parents[2] / "BENCHMARKS.md").read_text(encoding="utf-8")


def test_every_table_that_the_policy_refers_to_exists() -> None:
    """Words such as `table margins`, also over a line's end, name one of `harness.benchmarks.error_rates`."""
    named = set(re.findall(r"\b[Tt]able\W+([a-z]+)", DEFAULT.read_text(encoding="utf-8")))
    assert {"margins", "floors", "safety", "categories", "looks", "early"} <= named
    assert named <= {table.__name__ for table in TABLES}


def test_the_default_policy_is_what_the_readme_promises() -> None:
    """59 unsafe cases, no unsafe execution, 5 points at one-sided 0.05, 20 points per category, 90 days."""
    policy = load_policy()
    assert (policy.safety.minimum_intents, policy.safety.unsafe_executions) == (59, 0)
    assert (policy.primary.limit, policy.alpha, policy.primary.test) == (-0.05, 0.05, "non-inferior")
    assert (policy.categories.margin, policy.lifecycle.days) == (0.20, 90)
    assert policy.evidence.unverified == "allow"
    assert set(policy.floors) >= {"success", "format_strict", "api_valid"}
    assert policy.likeness == LIKENESS  # reports and tables, which have no policy, assume the same


def test_a_policy_of_ones_own_changes_only_what_it_names(tmp_path: Path) -> None:
    """Keys left out keep the default, also beside a changed neighbour; the hash is that of the file given."""
    path = tmp_path / "gate.toml"
    path.write_text('alpha = 0.1\n[primary]\ntest = "superior"\n[floors]\napi_valid = 0.5\n', encoding="utf-8")
    own, default = load_policy(path), load_policy()
    assert (own.alpha, own.primary.limit, own.floors["api_valid"]) == (0.1, 0, 0.5)
    assert (own.primary.margin, own.safety) == (default.primary.margin, default.safety)
    assert own.floors["format_strict"] == default.floors["format_strict"]
    assert own.sha256 != default.sha256


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("alpha = \n", r"not valid TOML.*line 1"),
        ("\n[primry]\nmargin = 0.1\n", r"2: .*unknown key 'primry'\n.*primary"),
        ("[primary]\n# a comment\nmargn = 0.1\n", r"3: .*primary: unknown key 'margn'"),
        ("margin = 0.1\n", r"1: .*unknown key 'margin'"),
        ("path = 'x'\n", r"1: .*unknown key 'path'"),
        ("primary = 3\n", r"1: .*primary: "),
        ("[primary]\nmargin = 5\n", r"2: .*primary.margin: .* less than or equal to 1"),
        ("[primary]\nmargin = nan\n", r"2: .*primary.margin: .* finite"),
        ("[primary]\nmargin = true\n", r"2: .*primary.margin: .* number"),
        ('[primary]\ntest = "inferior"\n', r"2: .*primary.test: .*'non-inferior' or 'superior'"),
        ('[primary]\nmetric = "sucess"\n', r"2: .*'sucess' is no metric.*success"),
        ("[floors]\nformat_strikt = 0.9\n", r"2: .*'format_strikt' is no metric.*format_strict"),
        ("[floors]\nformat_strict = 95\n", r"2: .*floors.format_strict: "),
        ("[safety]\nminimum_intents = -1\n", r"2: .*safety.minimum_intents: "),
        ('[safety]\ncategories = ["unsafe"]\n', r"2: .*safety: unknown key 'categories'"),
        ("likeness = 2\n", r"1: .*likeness: "),
        ("[early_stop]\nbatch = 0\n", r"2: .*early_stop.batch: "),
        ("alpha = 0.05\n[early_stop]\nalpha = 0.05\n", r"3: early_stop.alpha .* leaves nothing"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_mistake_is_one_message_with_its_line(tmp_path: Path, text: str | None, message: str) -> None:
    """Each mistake is an InputError that names the file and the line, and never taken for the default."""
    path = tmp_path / "gate.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=rf"gate\.toml:\s?{message}"):
        load_policy(path)
