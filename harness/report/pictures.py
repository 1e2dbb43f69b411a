"""Pictures of a report, for a README. Run: python -m harness.report.pictures REPORT.html FOLDER.

Needs Chromium on this machine and the `dev` extra (playwright, which drives it; no browser is downloaded). Written:
desktop, tablet and phone size, light and dark, of the sections worth showing.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.errors import GonogoError, InputError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# As root in a container there is no sandbox; everything that would reach for the network by itself is off.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
SIZES = {"desktop": (1280, 860), "tablet": (820, 1100), "phone": (390, 844)}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SECTIONS = {"desktop": ("top", "moved", "flips", "safety"), "tablet": ("top",), "phone": ("top", "flips")}


def find_browser() -> str | None:
    """The path of an installed Chromium, None where there is none."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser with a fresh profile.

    Raises:
        InputError: Chromium or playwright is not installed.
    """
    path = find_browser()
    if path is None:
        raise InputError("there is no Chromium here", hint="on Debian: apt-get install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise InputError("playwright is not installed", hint="pip install 'gonogo[dev]'") from None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def take(report: Path, folder: Path) -> list[Path]:
    """Take all pictures.

    Args:
        report: The HTML file.
        folder: Where the pictures go, as `<section>-<size>-<scheme>.png`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    with chromium() as browser:
        for size, (width, height) in SIZES.items():
            for scheme in SCHEMES:
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                page.goto(report.resolve().as_uri())
                for section in SECTIONS[size]:
                    to = (
                        "scrollTo(0, 0)"
                        if section == "top"
                        else f"document.getElementById('{section}').scrollIntoView()"
                    )
                    page.evaluate(to)
                    page.wait_for_timeout(100)  # milliseconds; cards that come into view are laid out then
                    path = folder / f"{section}-{size}-{scheme}.png"
                    page.screenshot(path=path)
                    taken.append(path)
                page.close()
    return taken


def main() -> int:
    """Take the pictures and name them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    try:
        taken = take(args.report, args.folder)
    except GonogoError as error:
        print(error, file=sys.stderr)  # noqa: T201  a command line prints
        return error.exit_code
    print("\n".join(map(str, taken)))  # noqa: T201  the same
    return 0


if __name__ == "__main__":
    sys.exit(main())
