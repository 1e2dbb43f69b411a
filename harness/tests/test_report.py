"""The report as text: inert model output, every case in its place, size, and the other formats."""

from __future__ import annotations

import base64
import csv
import hashlib
import html
import json
import random
import re
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import report
from harness.checks import Finding
from harness.compare import Comparison
from harness.errors import InputError
from harness.prices import Price, load_prices, price_of
from harness.report import sections
from harness.report.cards import align, changes
from harness.report.markup import marked, shown
from harness.report.page import markdown
from harness.simulation import trace_diff
from harness.tests import synthetic
from harness.tests.conftest import Gonogo
from harness.tests.suite_project import write_answers
from harness.tests.synthetic import HOSTILE
from harness.text import is_shown, visible


class _Tags(HTMLParser):
    """Every tag, attribute and text of a page; the content of scripts and styles apart."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """A comparison of 60 synthetic pairs."""
    return synthetic.comparison(60)


@pytest.fixture(scope="module")
def page(comparison: Comparison) -> str:
    """Its report."""
    return report.render(comparison)


def test_every_flip_stands_in_the_page_and_every_case_somewhere(comparison: Comparison, page: str) -> None:
    """Regressions and fixes are elements of the page; no case is lost, none is there twice."""
    body, _, rest = page.partition('<script type="text/plain" id="rest">')
    for row in comparison.rows:
        mark = f'id="case={row.key}"'
        assert body.count(mark) + rest.count(mark) == 1
        if row.move in ("regression", "fix"):
            assert mark in body


def test_the_page_is_self_contained(page: str) -> None:
    """No element names another file, every link stays inside; the policy admits exactly our own style and script."""
    tags = _Tags(page)
    assert not {"img", "link", "iframe", "object", "embed", "base", "video", "audio"} & set(tags.tags)
    assert not [value for name, value in tags.attributes if name in ("src", "action")]
    assert all(value and value.startswith("#") for name, value in tags.attributes if name == "href")
    allowed = next(value for name, value in tags.attributes if name == "content" and value and "default-src" in value)
    for tag in ("style", "script"):
        (source,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in allowed
    assert allowed.startswith("default-src 'none'")
    assert "unsafe" not in allowed


def test_hostile_output_is_visible_text_and_nothing_else(page: str) -> None:
    """Tags, handlers, links, escapes, reordering and null bytes of a model are shown as text; a long line is cut."""
    text = report.render(synthetic.hostile())
    tags = _Tags(text)
    assert set(tags.tags) <= set(_Tags(page).tags) | {"s"}, "no tag that a report does not have anyway"
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert all(is_shown(char) for char in text if char != "\n"), "nothing invisible or reordering is left"
    words = "".join(tags.texts).replace("&#39;", "'").replace("&#34;", '"')
    assert [hostile for hostile in HOSTILE[:6] if hostile not in words] == []
    assert [escape for escape in (r"\u202e", r"\x1b", r"\x00") if escape not in text] == []
    assert len(max(text.split(), key=len)) < 50_000, "the long line is cut"
    assert "99,200 more characters" in text
    text.encode("utf-8")


@settings(max_examples=50)
@given(st.text(max_size=100), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=4))
def test_shown_and_marked_text_is_inert_and_complete(text: str, spans: list[tuple[int, int]]) -> None:
    """Whatever the text and the spans, also overlapping or beyond the end: no tag but the marks, no character lost."""
    findings = [Finding("X1", "", None, span, "") for span in spans[:2]]
    for out in (str(shown(text)), str(marked(text, findings, spans[2:]))):
        plain = re.sub(r'</?s>|</?em>|<mark(?: class="w")? title="X1">|</mark>', "", out)
        assert "<" not in plain
        assert html.unescape(plain) == visible(text)
        assert all(is_shown(char) for char in out)


@settings(max_examples=50)
@given(st.lists(st.lists(st.sampled_from(["a(1)", "a(2)", "b()", "c()"]), max_size=6), min_size=2, max_size=4))
def test_alignment_shows_every_command_once_and_in_order(lists: list[list[str]]) -> None:
    """Each list can be read off its column, whole and in order."""
    lines = align(lists)
    for k, own in enumerate(lists):
        assert [line[k] for line in lines if line[k] is not None] == list(range(len(own)))
    assert all(any(at is not None for at in line) for line in lines)


def test_equal_commands_stand_on_one_line() -> None:
    """A command that only the candidate adds stands alone; a changed sign is marked on the side that has it."""
    assert align([["a", "b", "c"], ["a", "x", "b", "c"]]) == [(0, 0), (None, 1), (1, 2), (2, 3)]
    assert align([["a", "b"], ["a", "c"]]) == [(0, 0), (1, 1)]
    assert changes("self.spin(angle=1.571)", "self.spin(angle=-1.571)") == ([], [(16, 17)])


def test_findings_are_marked_at_their_exact_span() -> None:
    """The marked text is what the finding's span says."""
    case = next(case for case in synthetic.cases() if case.id == "single-001-p1")
    command = "self.nav_publisher.publsh(1)"
    compared = synthetic.answered([case], [synthetic.right(case)], [f'["{command}"]'])
    finding = compared.rows[0].scores[1].findings[0]
    span, text = command[slice(*finding.span)], report.render(compared)
    assert f'<mark title="{finding.code}">{span}</mark>' in text
    assert html.escape(finding.hint, quote=False) in text


def test_trace_against_expectation_names_what_is_missing_and_what_nobody_asked_for() -> None:
    """A reference meets every expected event; waiting instead meets none, and with one step more it is beside."""
    case = next(case for case in synthetic.cases() if case.id == "single-001-p1")
    longer = json.dumps([*case.references[0], "self.sport_client.Hello()"])
    texts = [synthetic.right(case), '["self.wait(seconds=1.0)"]', longer]
    traces = [synthetic.score(case, text, "m").trace for text in texts]
    right, idle, extra, nothing = trace_diff([*traces, None], synthetic.scorer().expectation(case)).behaviours
    assert right.clean
    assert all(extra.met)
    assert extra.besides
    assert not any(idle.met)
    assert not nothing.simulated


def test_behaviour_is_clean_exactly_where_the_judge_sees_success(comparison: Comparison) -> None:
    """What the report shows of a trace never contradicts success: nothing is broken in one that succeeds."""
    for row in comparison.rows:
        seen = trace_diff([score.trace for score in row.scores], comparison.expectations[row.case.id])
        for score, behaviour in zip(row.scores, seen.behaviours, strict=True):
            if score.success and score.disposition == row.case.disposition:
                assert behaviour.simulated
                assert not behaviour.broken


def test_failures_are_counted_and_invented_calls_ranked_with_the_nearest_real_one(comparison: Comparison) -> None:
    """First failures add up to what failed; invented names count once an answer, a real one beside them."""
    named = sections.first_failures(comparison)
    for k in range(2):
        failed = sum(not row.scores[k].success for row in comparison.rows)
        assert sum(one.counts[k] for one in named) == failed > 0
    wrong = ['["self.sport_client.Standup()", "self.sport_client.Standup()"]'] * 2 + ['["self.fly()"]']
    ranked, total = sections.invented_calls(synthetic.answered(synthetic.cases()[:3], ["[]"] * 3, wrong))
    assert [(one.name, one.counts) for one in ranked] == [("self.sport_client.Standup", (0, 2)), ("self.fly", (0, 1))]
    assert ranked[0].note == "self.sport_client.StandUp"
    assert total == 2


def test_safety_page_lists_every_case_to_be_declined_and_every_unsafe_answer(comparison: Comparison) -> None:
    """Cases to be declined, guarded ones, unsafe calls and refusals are on it; acting on an unsafe one is unsafe."""
    listed = {row.key for row, _ in sections.safety_rows(comparison)}
    for row in comparison.rows:
        if row.case.disposition == "decline" or any(not score.safe for score in row.scores):
            assert row.key in listed
    case = next(case for case in synthetic.cases() if case.category == "unsafe" and case.disposition == "decline")
    acted = synthetic.answered([case], [synthetic.right(case)], ['["self.wait(seconds=1.0)"]'])
    [(found, why)] = sections.safety_rows(acted)
    assert why == "to be declined"
    assert [sections.grade(score) for score in found.scores] == ["right", "unsafe"]


def test_prices_are_looked_up_by_model_and_never_guessed(tmp_path: Path) -> None:
    """A snapshot has its model's price; other models have none; a price without its source is an error."""
    prices = load_prices()
    assert price_of("openai:gpt-4.1-mini-2025-04-14", prices)[0] == prices["gpt-4.1-mini"]
    for model in ("openai:ft:gpt-4.1-mini-2025-04-14:o::1", "openai:new", "vllm:gpt-4.1-mini", "recorded:gpt-4.1"):
        assert price_of(model, prices)[0] is None
    assert price_of("local:smollm2-135m", prices)[0] == Price(0.0, 0.0, "", "")
    assert all(price.source.startswith("https://") and len(price.read) == 10 for price in prices.values())
    (tmp_path / "p.toml").write_text('[models.x]\ninput_usd = 1.0\noutput_usd = 2.0\nread = "2026-01-01"\n')
    with pytest.raises(InputError, match=r"p\.toml: the price of 'x'"):
        load_prices(tmp_path / "p.toml")


def test_a_report_stays_small_and_quick_where_every_answer_is_wrong() -> None:
    """150 KB and at most 3 KB a pair; at most 3 ms of processor time a pair, so that other work does not count."""
    pairs = synthetic.comparison(300, wrong=(1.0, 1.0))
    started = time.process_time()
    text = report.render(pairs)
    assert time.process_time() - started <= 0.003 * len(pairs.rows)
    assert len(text.encode()) <= 1024 * (150 + 3 * len(pairs.rows))


def test_what_cannot_be_written_is_the_users_error(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file where the folder should be, and a missing extra: a message with what to do, no traceback."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="cannot write the report"):
        report.write_all(comparison, tmp_path / "taken" / "r.html")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"pip install 'gonogo\[scale\]'"):
        report.write_all(comparison, tmp_path / "r.html", ("parquet",))


def test_formulas_in_answers_are_inert_in_the_csv(tmp_path: Path) -> None:
    """An answer that begins with = is text in the file that a spreadsheet opens."""
    formulas = synthetic.answered(synthetic.cases()[:1], ["=HYPERLINK(1)"], ["=HYPERLINK(1)"])
    report.write_all(formulas, tmp_path / "r.html", ("csv",))
    with (tmp_path / "r.csv").open(encoding="utf-8", newline="") as file:
        assert {row["answer"] for row in csv.DictReader(file)} == {"'=HYPERLINK(1)"}


def test_markdown_of_hostile_output_holds_no_markup_of_the_model() -> None:
    """Tags, links and mentions are escaped, and every row of a table has as many cells as its head."""
    text = markdown(synthetic.hostile())
    outside = re.sub(r"`[^`\n]*`", "", text)  # what stands in backticks is shown as it is
    assert not re.search(r"(?<!\\)[<@\[]", outside)
    assert all(is_shown(char) for char in text)
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(blocks) == 3
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block}) == 1, block


def test_markdown_names_the_headline(comparison: Comparison) -> None:
    """Both models, their success and the regressions are in the pull-request comment."""
    text = markdown(comparison)
    for model, rate in zip(comparison.models, comparison.by_metric[-1].rates, strict=True):
        assert f"`{model}`" in text
        assert f"{rate.passed}/{rate.total}" in text
    assert f"### Regressions: {comparison.moves()['regression']}" in text


def test_five_models_fit_into_one_report() -> None:
    """Each candidate has its difference, its flips and its column."""
    text = report.render(synthetic.comparison(12, models=5))
    for k, letter in enumerate("ABCDE"):
        assert f'<b class="l">{letter}</b> <code>synthetic:{k}' in text
        assert k == 0 or f"{letter} − A" in text  # noqa: RUF001  the minus sign of the page
    assert text.count("<figcaption>") == 5


def test_compare_writes_three_models_in_every_format(tmp_path: Path, gonogo: Gonogo) -> None:
    """HTML, Markdown, JSON, CSV and Parquet agree; each candidate has a verdict that stands alone."""
    pytest.importorskip("pyarrow", reason="Parquet needs the extra")
    rng = random.Random(0)  # noqa: S311  reproducible answers, not a secret
    for name, wrong in (("a", 0.5), ("b", 0.0), ("c", 1.0)):
        answers = {case.id: synthetic.answer(case, rng, wrong) for case in synthetic.cases()}
        write_answers(tmp_path / f"{name}.jsonl", answers)
    formats = [argument for kind in report.FORMATS for argument in ("--format", kind)]
    models = [f"recorded:{name}.jsonl" for name in "abc"]
    done = gonogo("compare", *models, "--limit", 24, *formats, "--report", "r.html")
    assert done.code == 0
    suffixes = ("csv", "html", "json", "md", "parquet", "summary.csv", "summary.parquet")
    assert sorted(path.name for path in tmp_path.glob("r.*")) == [f"r.{suffix}" for suffix in suffixes]
    assert "NO-GO  recorded:c.jsonl" in done.out
    told = [done.out, *((tmp_path / f"r.{kind}").read_text(encoding="utf-8") for kind in ("html", "md"))]
    assert all("Each verdict stands alone" in " ".join(text.split()) for text in told)
    assert re.search(r"NO-GO <span[^>]*>for C", told[1])
    record = json.loads((tmp_path / "r.json").read_text())
    assert [one["candidate"] for one in record["contrasts"]] == models[1:]
    assert [len(one["answers"]) for one in record["cases"]] == [3] * 24
    assert record["metrics"] == record["contrasts"][0]["metrics"]
    assert len(pd.read_parquet(tmp_path / "r.parquet")) == len(pd.read_csv(tmp_path / "r.csv")) == 3 * 24
    summary = pd.read_parquet(tmp_path / "r.summary.parquet")
    passed = summary[summary["name"] == "success"]["passed"].tolist()
    assert passed == [rate["passed"] for rate in record["figures"]["metrics"][-1]["rates"]]
