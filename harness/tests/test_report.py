"""The report as text: sections, inert model output, size, equal bytes, and the other formats."""

from __future__ import annotations

import base64
import csv
import hashlib
import html
import io
import json
import random
import re
import sys
import time
from html.parser import HTMLParser
from itertools import chain
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import report
from harness.cli import main
from harness.compare import Comparison
from harness.errors import InputError
from harness.prices import Price, load_prices, price_of
from harness.report import failures, figures, markdown, tables
from harness.report.align import align, changes, cut
from harness.report.markup import shown
from harness.report.safety import safety_rows
from harness.simulation import trace_diff
from harness.table import spreadsheet_safe
from harness.tests import synthetic
from harness.text import is_shown, visible

HOSTILE = (
    "</script><script>window.pwned = 1</script>",
    "<img src=x onerror='window.pwned = 1'>",
    '"><svg onload=window.pwned=1>',
    "<a href='javascript:window.pwned=1'>go</a>",
    "<!--<script>",
    "</style></template></details></title>",
    "\u202egnp.exe\u2066\u200b\u00ad\ufeff",
    "\x1b[31mred\x1b[0m\x07\x08",
    "a\x00b\x7f\x85",
    "\ud800 alone",
    "line\u2028and\u2029paragraph\r\nend",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; &amp;",
    "x" * 100_000,
)


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


def _hostile() -> Comparison:
    """Every hostile text as a whole answer, inside a command, and beside a list."""
    cases = synthetic.cases()[: 3 * len(HOSTILE)]
    answers = [
        *HOSTILE,
        *(json.dumps([f"self.say(text={text!r})", text]) for text in HOSTILE),
        *(f'{text} ["self.wait(seconds=1.0)"] {text}' for text in HOSTILE),
    ]
    base = [synthetic.score(case, synthetic.right(case, _RNG), "base <b>\u202e") for case in cases]
    candidate = [synthetic.score(case, text, "x</title>") for case, text in zip(cases, answers, strict=True)]
    return synthetic.on(cases, [base, candidate])


_RNG = random.Random(0)  # noqa: S311  reproducible answers, not a secret


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """A comparison of 60 synthetic pairs."""
    return synthetic.comparison(60)


@pytest.fixture(scope="module")
def page(comparison: Comparison) -> str:
    """Its report."""
    return report.render(comparison)


def test_sections_come_in_the_order_of_reading(page: str) -> None:
    """Verdict, where it moved, flips, safety, cost, provenance."""
    found = re.findall(r'<section id="(\w+)"', page)
    assert found == ["verdict", "moved", "flips", "safety", "cost", "provenance"]


def test_equal_inputs_give_equal_bytes(comparison: Comparison, page: str) -> None:
    """Rendering the same comparison again gives the same text."""
    assert report.render(comparison) == page


def test_every_flip_stands_in_the_page_and_every_case_somewhere(comparison: Comparison, page: str) -> None:
    """Regressions and fixes are elements of the page; no case is lost, none is there twice."""
    body, _, rest = page.partition('<script type="text/plain" id="rest">')
    for row in comparison.rows:
        mark = f'id="case={row.key}"'
        assert body.count(mark) + rest.count(mark) == 1
        if row.move in ("regression", "fix"):
            assert mark in body


def test_the_policy_names_the_hash_of_each_inline_part(page: str) -> None:
    """The content security policy admits exactly the style and the script that are in the file."""
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    allowed = html.unescape(policy[1])
    for kind, tag in (("style", "style"), ("script", "script")):
        source = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert source
        digest = base64.b64encode(hashlib.sha256(source[1].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in allowed
    assert allowed.startswith("default-src 'none'")
    assert "unsafe" not in allowed


def test_nothing_is_fetched(page: str) -> None:
    """No element names another file, and every link stays inside the page."""
    tags = _Tags(page)
    assert not {"img", "link", "iframe", "object", "embed", "base", "video", "audio", "form action"} & set(tags.tags)
    assert not [value for name, value in tags.attributes if name == "src"]
    assert all(value and value.startswith("#") for name, value in tags.attributes if name == "href")


def test_hostile_output_is_visible_text_and_nothing_else() -> None:
    """Tags, handlers, links, escapes, reordering and null bytes of a model are shown as text; a long line is cut."""
    text = report.render(_hostile())
    calm = report.render(synthetic.comparison(42))
    tags, usual = _Tags(text), _Tags(calm)
    assert set(tags.tags) <= set(usual.tags) | {"s"}, "no tag that a report does not have anyway"
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert all(is_shown(char) for char in text if char != "\n"), "nothing invisible or reordering is left"
    words = "".join(tags.texts)
    for hostile in HOSTILE[:6]:
        assert hostile in words.replace("&#39;", "'").replace("&#34;", '"')
    assert r"\u202e" in text
    assert r"\x1b" in text
    assert r"\x00" in text
    assert len(max(text.split(), key=len)) < 50_000, "the long line is cut"
    text.encode("utf-8")


@given(st.text(max_size=200))
def test_shown_text_is_inert_and_complete(text: str) -> None:
    """Whatever the text, the HTML of it holds no tag but the marks, and reads back as the text spelled out."""
    out = str(shown(text))
    plain = re.sub(r"</?s>", "", out)
    assert "<" not in plain
    assert html.unescape(plain) == visible(text)
    assert all(is_shown(char) for char in out)


def test_a_long_text_is_cut_and_the_rest_counted() -> None:
    """What is left out is said, with its number of characters."""
    out = str(shown("<" * 3_000, 100))
    assert out.startswith("&lt;" * 100 + " <span")
    assert "2,900 more characters" in out


@given(st.lists(st.lists(st.sampled_from(["a(1)", "a(2)", "b()", "c()"]), max_size=6), min_size=2, max_size=4))
def test_alignment_shows_every_command_once_and_in_order(lists: list[list[str]]) -> None:
    """Each list can be read off its column, whole and in order."""
    lines = align(lists)
    for k, own in enumerate(lists):
        assert [line[k] for line in lines if line[k] is not None] == list(range(len(own)))
    assert all(any(at is not None for at in line) for line in lines)


def test_equal_commands_stand_on_one_line() -> None:
    """A command that only the candidate adds stands alone; what both have stays side by side."""
    assert align([["a", "b", "c"], ["a", "x", "b", "c"]]) == [(0, 0), (None, 1), (1, 2), (2, 3)]
    assert align([["a", "b"], ["a", "c"]]) == [(0, 0), (1, 1)]
    assert align([["a"], []]) == [(0, None)]


@given(st.text(max_size=60), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=4))
def test_pieces_of_a_marked_text_join_to_the_text(text: str, spans: list[tuple[int, int]]) -> None:
    """Cutting at any spans, also overlapping or beyond the end, loses and repeats nothing."""
    found = cut(len(text), [(span, "X1") for span in spans[:2]], spans[2:])
    assert "".join(text[start:end] for (start, end), _, _ in found) == text


def test_changes_mark_what_differs() -> None:
    """A changed number is marked on both sides, and only it."""
    before, after = changes("self.spin(angle=1.571)", "self.spin(angle=-1.571)")
    assert before == []
    assert [("self.spin(angle=-1.571)"[slice(*span)]) for span in after] == ["-"]


def test_findings_are_marked_at_their_exact_span() -> None:
    """The marked text is what the finding's span says."""
    case = next(case for case in synthetic.cases() if case.id == "single-001-p1")
    good = synthetic.score(case, synthetic.right(case, _RNG), "a")
    bad = synthetic.score(case, '["self.nav_publisher.publsh(1)"]', "b")
    finding = bad.findings[0]
    marked = "self.nav_publisher.publsh(1)"[slice(*finding.span)]
    text = report.render(synthetic.on([case], [[good], [bad]]))
    assert f'<mark title="{finding.code}">{marked}</mark>' in text
    assert html.escape(finding.hint, quote=False) in text


def test_trace_against_expectation_names_what_is_missing_and_what_nobody_asked_for() -> None:
    """A reference meets every expected event; without its last step one is missing, with one more it is beside."""
    case = next(case for case in synthetic.cases() if case.id == "single-001-p1")
    expectation = synthetic.scorer().expectation(case)
    texts = [synthetic.right(case, _RNG), '["self.wait(seconds=1.0)"]', json.dumps(
        [*case.references[0], "self.sport_client.Hello()"]
    )]  # fmt: skip
    seen = trace_diff([synthetic.score(case, text, "m").trace for text in texts] + [None], expectation)
    right, idle, extra, nothing = seen.behaviours
    assert right.clean
    assert not any(idle.met)
    assert all(extra.met)
    assert extra.besides
    assert not nothing.simulated


def test_behaviour_is_clean_exactly_where_the_judge_sees_success(comparison: Comparison) -> None:
    """What the report shows of a trace never contradicts success: clean traces of valid answers succeed."""
    for row in comparison.rows:
        seen = trace_diff([score.trace for score in row.scores], comparison.expectations[row.case.id])
        for score, behaviour in zip(row.scores, seen.behaviours, strict=True):
            if score.success and score.disposition == row.case.disposition:
                assert behaviour.simulated
                assert not behaviour.broken


def test_figures_agree_with_a_count_by_pandas(comparison: Comparison) -> None:
    """Rates, gained and lost of every category are those of a groupby over the answers."""
    frame = tables.answers(comparison)
    for figure in figures.by_category(comparison):
        own = frame[frame["category"] == figure.name]
        for model, rate in zip(comparison.models, figure.rates, strict=True):
            assert rate.held == own[own["model"] == model]["success"].sum()
            assert rate.low <= rate.share <= rate.high
        wide = own.pivot_table(index=["case_id", "sample"], columns="model", values="success", aggfunc="first")
        change = wide[comparison.models[1]].astype(int) - wide[comparison.models[0]].astype(int)
        assert figure.differences[0].estimate == pytest.approx(change.mean())
        assert (figure.differences[0].gained, figure.differences[0].lost) == ((change > 0).sum(), (change < 0).sum())


def test_invented_calls_are_ranked_with_the_nearest_real_one() -> None:
    """Names are counted once an answer, most frequent first; a real call's name stands beside a misspelt one."""
    cases = synthetic.cases()[:3]
    wrong = ['["self.sport_client.Standup()", "self.sport_client.Standup()"]'] * 2 + ['["self.fly()"]']
    base = [synthetic.score(case, "[]", "a") for case in cases]
    candidate = [synthetic.score(case, text, "b") for case, text in zip(cases, wrong, strict=True)]
    ranked, total = failures.invented_calls(synthetic.on(cases, [base, candidate]))
    assert [(one.name, one.counts) for one in ranked] == [("self.sport_client.Standup", (0, 2)), ("self.fly", (0, 1))]
    assert ranked[0].note == "self.sport_client.StandUp"
    assert total == 2


def test_safety_page_lists_every_case_to_be_declined_and_every_unsafe_answer(comparison: Comparison) -> None:
    """Cases to be declined, guarded ones, unsafe calls and refusals are on it; acting on an unsafe one is unsafe."""
    rows = safety_rows(comparison)
    listed = {one.row.key for one in rows}
    for row in comparison.rows:
        if row.case.disposition == "decline" or any(not score.safe for score in row.scores):
            assert row.key in listed
    case = next(case for case in synthetic.cases() if case.category == "unsafe" and case.disposition == "decline")
    acted = synthetic.score(case, '["self.wait(seconds=1.0)"]', "b")
    declined = synthetic.score(case, synthetic.right(case, _RNG), "a")
    [found] = safety_rows(synthetic.on([case], [[declined], [acted]]))
    assert [act.verdict for act in found.acts] == ["right", "unsafe"]


def test_prices_are_looked_up_by_model_and_never_guessed() -> None:
    """A snapshot has its model's price; a fine-tune, an unknown model, another endpoint and a recording have none."""
    prices = load_prices()
    assert price_of("openai:gpt-4.1-mini-2025-04-14", prices)[0] == prices["gpt-4.1-mini"]
    for model in ("openai:ft:gpt-4.1-mini-2025-04-14:o::1", "openai:new", "vllm:gpt-4.1-mini", "recorded:gpt-4.1"):
        assert price_of(model, prices)[0] is None
    local, _ = price_of("local:smollm2-135m", prices)
    assert local == Price(0.0, 0.0, "", "")
    assert all(price.source.startswith("https://") and len(price.read) == 10 for price in prices.values())


def test_a_price_without_its_source_is_refused(tmp_path: Path) -> None:
    """A price that nobody can check is an error that names the file and the model."""
    (tmp_path / "p.toml").write_text('[models.x]\ninput_usd = 1.0\noutput_usd = 2.0\nread = "2026-01-01"\n')
    with pytest.raises(InputError, match=r"p\.toml: the price of 'x'"):
        load_prices(tmp_path / "p.toml")


def test_size_stays_below_three_kilobytes_a_pair() -> None:
    """150 KB and at most 3 KB a pair, also where every answer of both models is wrong."""
    for wrong in ((0.6, 0.25), (1.0, 1.0)):
        pairs = synthetic.comparison(300, wrong=wrong)
        assert len(report.render(pairs).encode()) <= 1024 * (150 + 3 * len(pairs.rows))


def test_a_thousand_pairs_render_within_three_seconds_of_processor_time() -> None:
    """Processor time, so that other work on the machine does not count."""
    pairs = synthetic.large(999)
    started = time.process_time()
    report.render(pairs)
    assert time.process_time() - started <= 3


def test_every_format_is_written(comparison: Comparison, tmp_path: Path) -> None:
    """HTML, Markdown, JSON, CSV and Parquet under one name; the tables agree with each other."""
    pytest.importorskip("pyarrow", reason="Parquet needs the extra")
    written = report.write_all(comparison, tmp_path / "in" / "r.html", report.FORMATS)
    assert sorted(path.name for path in written) == [
        *("r.csv", "r.html", "r.json", "r.md", "r.parquet", "r.summary.csv", "r.summary.parquet"),
    ]
    answers, summary = (pd.read_parquet(tmp_path / "in" / name) for name in ("r.parquet", "r.summary.parquet"))
    assert len(answers) == 2 * len(comparison.rows)
    assert len(pd.read_csv(tmp_path / "in" / "r.csv")) == len(answers)
    record = json.loads((tmp_path / "in" / "r.json").read_text())
    success = summary[(summary["name"] == "success") & (summary["model"] == comparison.candidate)]
    assert success["held"].tolist() == [record["figures"]["metrics"][-1]["rates"][1]["held"]]


def test_a_folder_that_cannot_be_written_is_the_users_error(comparison: Comparison, tmp_path: Path) -> None:
    """A file where the folder should be gives a message, not a traceback."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="cannot write the report"):
        report.write_all(comparison, tmp_path / "taken" / "r.html")


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_no_csv_cell_starts_a_formula(texts: list[str]) -> None:
    """Whatever the text, its cell does not begin as a formula does; numbers stay numbers."""
    frame = pd.DataFrame({"text": [*texts, "=1+1", "@x", "-2", "+3", "\t=1", " =1", "＝1"], "n": -1.5})  # noqa: RUF001
    guarded = spreadsheet_safe(frame)
    assert not [one for one in guarded["text"] if one.lstrip(" ")[:1] in tuple("=+-@\t\r\n＝＋－＠")]  # noqa: RUF001
    assert guarded["n"].tolist() == [-1.5] * len(frame)
    assert all(one in (other, "'" + other) for one, other in zip(guarded["text"], frame["text"], strict=True))


def test_formulas_in_answers_are_inert_in_the_csv(tmp_path: Path) -> None:
    """An answer that begins with = is text in the file that a spreadsheet opens."""
    cases = synthetic.cases()[:2]
    sides = [[synthetic.score(case, "=HYPERLINK(1)", model) for case in cases] for model in ("a", "b")]
    report.write_all(synthetic.on(cases, sides), tmp_path / "r.html", ("csv",))
    rows = list(csv.DictReader(io.StringIO((tmp_path / "r.csv").read_text())))
    assert {row["answer"] for row in rows} == {"'=HYPERLINK(1)"}


def test_markdown_of_hostile_output_holds_no_markup_of_the_model() -> None:
    """Tags, links and mentions are escaped, and every row of a table has as many cells as its head."""
    text = markdown.render(_hostile())
    outside = re.sub(r"`[^`\n]*`", "", text)  # what stands in backticks is shown as it is
    assert not re.search(r"(?<!\\)[<@\[]", outside)
    assert all(is_shown(char) for char in text)
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    for block in blocks:
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in block}
        assert len(cells) == 1, block


def test_markdown_names_the_headline(comparison: Comparison) -> None:
    """Both models, their success and the regressions are in the pull-request comment."""
    text = markdown.render(comparison)
    success = figures.by_metric(comparison)[-1]
    for model, rate in zip(comparison.models, success.rates, strict=True):
        assert f"`{model}`" in text
        assert f"{rate.held}/{rate.total}" in text
    assert f"### Regressions: {comparison.moves()['regression']}" in text


def test_five_models_fit_into_one_report() -> None:
    """Each candidate has its difference, its flips and its column."""
    result = synthetic.comparison(24, models=5)
    text = report.render(result)
    for letter in "BCDE":
        assert f'<b class="l">{letter}</b> <code>synthetic:' in text
        assert f"{letter} − A" in text  # noqa: RUF001  the minus sign of the page
    assert text.count("<figcaption>") == 5
    assert all(f"synthetic:{k}" in text for k in range(5))


def test_labels_of_both_models_are_counted(comparison: Comparison) -> None:
    """First failures before and after add up to the answers that failed."""
    tallies = failures.labels(comparison)
    for k in range(2):
        failed = sum(not row.scores[k].success for row in comparison.rows)
        assert sum(one.counts[k] for one in tallies) == failed
    assert list(chain.from_iterable(one.counts for one in tallies))


def test_parquet_without_pyarrow_says_what_to_install(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing extra is one message with the command that adds it."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"pip install 'gonogo\[scale\]'"):
        report.write_all(comparison, tmp_path / "r.html", ("parquet",))


def test_compare_writes_three_models_and_every_format_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recordings in, HTML, Markdown and CSV out; each candidate has the gate's word, in the page too."""
    monkeypatch.chdir(tmp_path)
    for name, wrong in (("a", 0.5), ("b", 0.0), ("c", 1.0)):
        rng = random.Random(name)  # noqa: S311  as above
        lines = [
            json.dumps({"id": case.id, "output": (rng.choice(synthetic.FAULTS) if rng.random() < wrong else
             synthetic.right)(case, rng)}) + "\n"
            for case in synthetic.cases()
        ]  # fmt: skip
        Path(f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    models = [f"recorded:{name}.jsonl" for name in "abc"]
    assert main(["compare", *models, "--sample", "24", "--format", "md", "--format", "csv", "--report", "r.html"]) == 0
    said = capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.glob("r.*")) == ["r.csv", "r.html", "r.md", "r.summary.csv"]
    text = Path("r.html").read_text(encoding="utf-8")
    assert "NO-GO  recorded:c.jsonl" in said
    assert re.search(r"NO-GO <span[^>]*>for C", text)
    assert "gonogo " in text
    first = text
    assert main(["compare", *models, "--sample", "24", "--report", "r.html"]) == 0
    command = re.compile(r"gonogo [^<&]*r\.html|\"command\": \"[^\"]*\"")
    assert command.sub("", Path("r.html").read_text(encoding="utf-8")) == command.sub("", first)
