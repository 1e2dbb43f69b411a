"""The tables as files: answers (one row a model, case and sample) and the summary (one row a figure and model)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from harness.compare import Comparison, to_record
from harness.errors import InputError
from harness.report import figures
from harness.table import spreadsheet_safe, table
from harness.text import visible

if TYPE_CHECKING:
    import pandas as pd

    from harness.gate.decide import Decision


def answers(comparison: Comparison) -> pd.DataFrame:
    """Long table, one row an answer: the columns of `harness.score.table`, the command, the move and the text."""
    frame = table(score for row in comparison.rows for score in row.scores)
    frame["command"] = [row.case.command for row in comparison.rows for _ in row.scores]
    frame["move"] = [row.move for row in comparison.rows for _ in row.scores]
    frame["answer"] = [visible(score.text) for row in comparison.rows for score in row.scores]
    return frame


def summary(comparison: Comparison) -> pd.DataFrame:
    """One row for each figure and model: rate and 95% interval, and the paired difference to the base."""
    import pandas as pd

    lines = [("metric", one) for one in figures.by_metric(comparison)]
    lines += [("category", one) for one in figures.by_category(comparison)]
    rows = []
    for kind, figure in lines:
        for k, (model, rate) in enumerate(zip(comparison.models, figure.rates, strict=True)):
            change = figure.differences[k - 1] if k else None
            rows.append(
                {
                    "kind": kind,
                    "name": figure.name,
                    "model": model,
                    "intents": figure.intents,
                    "held": rate.held,
                    "total": rate.total,
                    "rate": rate.share,
                    "rate_low": rate.low,
                    "rate_high": rate.high,
                    "difference": change.estimate if change else None,
                    "difference_low": change.low if change else None,
                    "difference_high": change.high if change else None,
                    "gained": change.gained if change else None,
                    "lost": change.lost if change else None,
                    "method": change.method if change else "",
                }
            )
    return pd.DataFrame(rows).astype({"gained": "Int64", "lost": "Int64"})


def write(comparison: Comparison, path: Path, kind: str) -> list[Path]:
    """Write both tables: `path`, and `<stem>.summary.<suffix>` beside it.

    Args:
        comparison: Of two to five models.
        path: Of the answers.
        kind: `csv` or `parquet`.

    Raises:
        InputError: Parquet without pyarrow.
    """
    beside = path.with_name(f"{path.stem}.summary{path.suffix}")
    for frame, target in ((answers(comparison), path), (summary(comparison), beside)):
        if kind == "csv":
            spreadsheet_safe(frame).to_csv(target, index=False, lineterminator="\n", errors="backslashreplace")
        else:
            _parquet(frame, target)
    return [path, beside]


def _parquet(frame: pd.DataFrame, path: Path) -> None:
    try:
        import pyarrow  # noqa: F401, ICN001  an extra; asked for by name to give one clear error
    except ImportError:
        raise InputError(
            "Parquet needs the package pyarrow", hint="pip install 'gonogo[scale]', or use --format csv"
        ) from None
    frame.to_parquet(path, index=False, engine="pyarrow")


def to_json(comparison: Comparison, gates: Sequence[Decision] = (), files: Sequence[Path] = ()) -> str:
    """What a report shows, as JSON text: the record of the comparison, figures with intervals, verdicts.

    Args:
        comparison: Of two to five models.
        gates: One decision a candidate; none where no gate was run.
        files: Where the reports are.
    """
    from harness.gate.output import to_record as gate_record

    record = to_record(comparison)
    record["figures"] = {
        "confidence": 1 - 2 * figures.ALPHA,
        "metrics": [asdict(one) for one in figures.by_metric(comparison)],
        "categories": [asdict(one) for one in figures.by_category(comparison)],
    }
    record["gates"] = [gate_record(gate) for gate in gates]
    record["files"] = [str(path) for path in files]
    return json.dumps(record, indent=1, ensure_ascii=True, default=str) + "\n"
