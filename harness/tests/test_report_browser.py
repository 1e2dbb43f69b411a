"""The report in a real browser, from disk: console, network, filters, links, keys, accessibility, paper, sizes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import report
from harness.compare import Comparison
from harness.tests import synthetic

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest.importorskip("playwright", reason="playwright of the dev extra is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")

Open = Callable[..., "Page"]
# As root in a container there is no sandbox; everything that would reach for the network by itself is off.
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-sync", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
)
SIZES = {"desktop": (1280, 860), "tablet": (820, 1100), "phone": (390, 844)}


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """A comparison of 60 synthetic pairs: more flips than one screen holds."""
    return synthetic.comparison(60)


@pytest.fixture(scope="module")
def file(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its report on disk."""
    path = tmp_path_factory.mktemp("report") / "r.html"
    report.write_all(comparison, path)
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One headless Chromium for all tests here."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens a file; afterwards nothing may have been logged, asked for or shown as a dialog."""
    said: list[str] = []
    asked: list[str] = []
    contexts = []

    def opened(path: Path, fragment: str = "", **options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri() + fragment)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in asked if not url.startswith("file:")] == []
    assert len(asked) == len(contexts), "the page itself and nothing else"


def _count(page: Page) -> int:
    return int(page.inner_text("#count").split()[0])


def _focused(page: Page) -> str:
    found: str = page.evaluate("document.activeElement.closest('details.k')?.id ?? ''")
    return found


def test_filters_agree_with_a_count_in_python(open_page: Open, file: Path, comparison: Comparison) -> None:
    """From disk; flip, category, first failure and text, alone and together, list what they should."""
    page = open_page(file)
    assert comparison.candidate in page.title()
    flips = sum(row.move != "both pass" for row in comparison.rows)
    assert page.inner_text("#count") == f"{flips} of {len(comparison.rows)} cases"
    for value, move in (("0", "regression"), ("1", "fix"), ("2", "both fail"), ("3", "both pass")):
        page.select_option("#by-move", value)
        assert _count(page) == sum(row.move == move for row in comparison.rows)
    page.select_option("#by-move", "all")
    category = comparison.rows[0].case.category
    page.select_option("#by-category", label=category.replace("_", " "))
    own = [row for row in comparison.rows if row.case.category == category]
    assert _count(page) == len(own)
    label = next(score.first_failure for row in own for score in row.scores if score.first_failure)
    page.select_option("#by-label", label=label)
    assert _count(page) == sum(any(s.first_failure == label for s in row.scores) for row in own)
    page.click("button[type=reset]")
    page.select_option("#by-move", "all")
    page.fill("#q", comparison.rows[5].key.upper())
    assert comparison.rows[5].case.command in (page.text_content("#cards") or "")
    page.fill("#q", "no such words at all")
    assert _count(page) == 0
    assert page.text_content("#cards") == ""


def test_cases_that_are_not_in_the_page_yet_are_found_and_listed(
    open_page: Open, file: Path, comparison: Comparison
) -> None:
    """Cases where both pass become nodes only when shown; searching finds their words, and "show more" lists all."""
    page = open_page(file)
    row = next(row for row in comparison.rows if row.move == "both pass")
    page.select_option("#by-move", "3")
    page.fill("#q", row.case.command)
    assert _count(page) >= 1
    assert page.locator(f'[id="case={row.key}"]').count() == 1
    page.fill("#q", "")
    page.select_option("#by-move", "all")
    while page.locator("#more").is_visible():
        page.click("#more")
    assert page.locator("#cards details.k").count() == _count(page) == len(comparison.rows)


def test_a_link_opens_its_case(open_page: Open, file: Path, comparison: Comparison) -> None:
    """#case= opens and focuses a case, whatever filter hides it; links to the same intent work too."""
    row = next(row for row in comparison.rows if row.move == "both pass")
    page = open_page(file, f"#case={row.key}")
    card = page.locator(f'[id="case={row.key}"]')
    assert card.get_attribute("open") is not None
    assert _focused(page) == f"case={row.key}"
    page.select_option("#by-move", "all")
    link = page.locator("details.k[open] a[href^='#case=']").first
    target = link.get_attribute("href") or ""
    link.click()
    page.wait_for_function("key => document.activeElement.closest('details.k')?.id === key", arg=target[1:])


def test_keys_move_through_the_list(open_page: Open, file: Path) -> None:
    """The keys j and k, and the arrows on a case, go to the next and the previous one; / searches, Escape clears."""
    page = open_page(file)
    order: list[str] = page.evaluate("[...document.querySelectorAll('#cards details.k')].map(one => one.id)")
    page.keyboard.press("j")
    assert _focused(page) == order[0]
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    assert _focused(page) == order[2]
    assert page.evaluate("decodeURIComponent(location.hash)") == "#" + order[2]
    page.keyboard.press("k")
    assert _focused(page) == order[1]
    page.keyboard.press("/")
    page.keyboard.type("jk")
    assert page.input_value("#q") == "jk"
    page.keyboard.press("Escape")
    assert page.input_value("#q") == ""


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    open_page: Open, tmp_path: Path, size: str, scheme: str
) -> None:
    """No violation of WCAG 2.2 A and AA or of axe's best practices, with cases open; no scrolling sideways."""
    path = tmp_path / "r.html"
    report.write_all(synthetic.comparison(10), path)
    width, height = SIZES[size]
    page = open_page(path, viewport={"width": width, "height": height}, color_scheme=scheme)
    page.evaluate(
        "document.querySelectorAll('details').forEach((one, i) => {"
        " one.style.contentVisibility = 'visible'; one.open = i < 8; })"
    )
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']})"
    )
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found["violations"]] == []
    assert len(found["passes"]) > 30
    for width, height in SIZES.values():
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_javascript_everything_but_filtering_can_be_read(
    open_page: Open, file: Path, comparison: Comparison
) -> None:
    """Verdict, plots, tables and every flip are there, open or to be opened by hand; the filter is not."""
    page = open_page(file, java_script_enabled=False)
    page.emulate_media(media="print")  # on the screen, what is not in view counts as not rendered
    text = page.inner_text("body")
    assert "No gate was run" in text
    assert "Regressions: right before, wrong now" in text
    for row in comparison.rows:
        if row.move in ("regression", "fix"):
            assert " ".join(row.case.command.split()) in " ".join(text.split())
    assert page.locator("svg[role=img]").count() >= 2 * (7 + len(comparison.categories)) + 2
    assert not page.locator("#filter").is_visible()
    row = next(row for row in comparison.rows if row.move == "fix")
    page.locator(f'[id="case={row.key}"] summary').click()
    assert page.locator(f'[id="case={row.key}"] table').first.is_visible()


def test_hostile_output_does_nothing_and_is_seen(open_page: Open, tmp_path: Path) -> None:
    """With every case open no script of a model has run, no element of it exists, and its text is on the screen."""
    path = tmp_path / "r.html"
    report.write_all(synthetic.hostile(), path)
    page = open_page(path)
    page.select_option("#by-move", "all")
    page.emulate_media(media="print")  # on the screen, what is not in view counts as not rendered
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.evaluate("window.pwned") is None
    assert page.locator("main img, main svg[onload], main a[href^='javascript']").count() == 0
    text = page.inner_text("#cards")
    assert [one for one in synthetic.HOSTILE[:5] if one not in text] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_policy_stops_a_script_that_is_not_ours(browser: Browser, file: Path) -> None:
    """Were markup of a model ever to get through, its script would still not run."""
    page = browser.new_page()
    page.goto(file.as_uri())
    page.evaluate(
        "() => { const one = document.createElement('script'); one.textContent = 'window.pwned = 1';"
        " document.body.append(one); document.body.insertAdjacentHTML('beforeend',"
        ' \'<img src="data:image/png;base64,AAAA" onerror="window.pwned = 2">\'); }'
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.pwned") is None
    page.close()


def test_the_copy_button_copies_the_provenance(open_page: Open, file: Path, comparison: Comparison) -> None:
    """What it copies can be pasted, and is the JSON of the provenance."""
    page = open_page(file)
    page.locator("#provenance summary").click()
    page.click("#copy")
    page.wait_for_function("document.getElementById('copied').textContent === 'Copied'")
    page.focus("#q")
    page.keyboard.press("Control+V")
    assert str(comparison.provenance["command"]) in page.input_value("#q")


def test_on_paper_every_flip_is_open(open_page: Open, file: Path, comparison: Comparison) -> None:
    """Printing opens every regression and fix and leaves the controls out; afterwards the list is as it was."""
    page = open_page(file)
    before = page.inner_text("#count")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    flips = sum(row.move in ("regression", "fix") for row in comparison.rows)
    assert page.locator("#cards details.k[open]").count() == flips
    assert not page.locator("#filter").is_visible()
    assert not page.locator("nav").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert page.inner_text("#count") == before
    assert len(page.pdf(format="A4")) > 10_000
