"""Reports of a comparison: one self-contained HTML file, Markdown for a pull request, and tables as files.

`page` makes HTML and Markdown from `harness.compare`'s figures, `cards` (one case each) and `sections` (failures,
safety, costs); `tables` makes the rest. Nothing a model wrote is ever more than text in any of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.compare import Comparison
from harness.errors import InputError
from harness.files import write_whole
from harness.gate.decide import Decision
from harness.prices import Price, load_prices
from harness.report import page, tables

FORMATS = ("html", "md", "csv", "parquet", "json")


def render(comparison: Comparison, gates: Sequence[Decision] = (), prices: Mapping[str, Price] | None = None) -> str:
    """The HTML report, with the gate's decision on each candidate where one was run; prices are the shipped ones."""
    return page.page(comparison, gates, load_prices() if prices is None else prices)


def write_all(
    comparison: Comparison,
    path: Path,
    kinds: Sequence[str] = ("html",),
    gates: Sequence[Decision] = (),
    prices: Mapping[str, Price] | None = None,
) -> list[Path]:
    """Write some of the `FORMATS` side by side, creating the folder; existing files are replaced.

    The path is that of the HTML file; other formats take its name with their own suffix, and tables write a second
    file, `<stem>.summary.<suffix>`.
    """
    written = []
    for kind in dict.fromkeys(kinds):
        target = path if kind == "html" else path.with_suffix(f".{kind}")
        try:
            if kind in ("csv", "parquet"):
                written += tables.write(comparison, target, kind)
                continue
            if kind == "html":
                text = render(comparison, gates, prices)
            else:
                text = page.markdown(comparison, gates) if kind == "md" else tables.to_json(comparison, gates)
            write_whole(target, text)
        except OSError as error:
            problem = f"cannot write the report: {error.strerror}"
            raise InputError(problem, path=target, hint="choose another place with --report") from error
        written.append(target)
    return written
