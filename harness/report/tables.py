"""The tables as files: answers (one row a model, case and sample) and the summary (one row a figure and model)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.compare import ALPHA, Comparison, Figure
from harness.files import whole_file
from harness.gate.decide import Decision
from harness.gate.output import to_record
from harness.score import Score
from harness.simulation.trace import describe_event
from harness.table import pyarrow, spreadsheet_safe, table
from harness.text import visible

if TYPE_CHECKING:
    import pandas as pd


def answers(comparison: Comparison) -> pd.DataFrame:
    """Long table, one row an answer: the columns of `harness.table`, the command, the move and the text."""
    frame = table(score for row in comparison.rows for score in row.scores)
    frame["command"] = [row.case.command for row in comparison.rows for _ in row.scores]
    frame["move"] = [row.move for row in comparison.rows for _ in row.scores]
    frame["answer"] = [visible(score.text) for row in comparison.rows for score in row.scores]
    return frame


def summary(comparison: Comparison) -> pd.DataFrame:
    """One row for each figure and model: rate and interval, and the paired difference to the base."""
    import pandas as pd

    figures = [("metric", one) for one in comparison.by_metric] + [("category", one) for one in comparison.by_category]
    rows = []
    for kind, figure in figures:
        for k, (model, rate) in enumerate(zip(comparison.models, figure.rates, strict=True)):
            row = {
                "kind": kind,
                "name": figure.name,
                "model": model,
                "intents": figure.intents,
                "passed": rate.passed,
                "total": rate.total,
                "rate": rate.share,
                "rate_low": rate.low,
                "rate_high": rate.high,
            }
            if k:
                change = asdict(figure.differences[k - 1])
                row |= {"difference": change.pop("estimate"), "difference_low": change.pop("low")}
                row |= {"difference_high": change.pop("high"), **change}
            rows.append(row)
    return pd.DataFrame(rows).astype({"gained": "Int64", "lost": "Int64"}).fillna({"method": ""})


def write(comparison: Comparison, path: Path, kind: str) -> list[Path]:
    """Write both tables: `path`, and `<stem>.summary.<suffix>` beside it; a kind is `csv` or `parquet`."""
    if kind == "parquet":
        pyarrow()
    beside = path.with_name(f"{path.stem}.summary{path.suffix}")
    for frame, target in ((answers(comparison), path), (summary(comparison), beside)):
        with whole_file(target) as file:
            if kind == "csv":
                spreadsheet_safe(frame).to_csv(file, index=False, lineterminator="\n", errors="backslashreplace")
            else:
                frame.to_parquet(file, index=False, engine="pyarrow")
    return [path, beside]


def to_json(comparison: Comparison, gates: Sequence[Decision] = (), files: Sequence[Path] = ()) -> str:
    """What a report shows, as JSON text: every answer, figures with intervals, verdicts.

    `metrics`, `categories` and `moves` are those of the first candidate; `contrasts` holds them for each.
    """
    contrasts = [
        {
            "base": comparison.base,
            "candidate": comparison.models[k],
            "metrics": [_contrast(one, k) for one in comparison.by_metric],
            "categories": [_contrast(one, k) for one in comparison.by_category],
            "moves": comparison.moves(k),
        }
        for k in range(1, len(comparison.models))
    ]
    record = {
        **contrasts[0],
        "models": list(comparison.models),
        "contrasts": contrasts,
        "cases": [
            {
                "id": row.case.id,
                "sample": row.sample,
                "intent": row.case.intent,
                "category": row.case.category,
                "command": row.case.command,
                "move": row.move,
                "answers": [_answer(score) for score in row.scores],
            }
            for row in comparison.rows
        ],
        "provenance": dict(comparison.provenance),
        "figures": {
            "confidence": 1 - 2 * ALPHA,
            "metrics": [asdict(one) for one in comparison.by_metric],
            "categories": [asdict(one) for one in comparison.by_category],
        },
        "gates": [to_record(gate) for gate in gates],
        "files": [str(path) for path in files],
    }
    return json.dumps(record, indent=1, ensure_ascii=True, default=str) + "\n"


def _contrast(figure: Figure, candidate: int) -> dict[str, object]:
    """A figure as counts of base and candidate."""
    base, new, change = figure.rates[0], figure.rates[candidate], figure.differences[candidate - 1]
    return {
        "name": figure.name,
        "base": base.passed,
        "candidate": new.passed,
        "total": base.total,
        "gained": change.gained,
        "lost": change.lost,
    }


def _answer(score: Score) -> dict[str, Any]:
    """A score as JSON values; its trace as lines, so that what a field means stands beside its value."""
    record = {name: getattr(score, name) for name in score.__dataclass_fields__ if name not in ("findings", "trace")}
    record["findings"] = [asdict(finding) for finding in score.findings]
    record["trace"] = None if score.trace is None else [describe_event(event) for event in score.trace.events]
    return record
