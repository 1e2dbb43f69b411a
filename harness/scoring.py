"""Scores many answers on file: journals or recordings, in partitions of lines, on all cores, in flat memory.

`score_lines` is the one scoring function: it turns lines into rows of the long table, wherever it runs.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.models.outcomes import Completion, Outcome
from harness.pack import load_pack
from harness.scores import COLUMNS, Scorer, row

LINES_PER_PARTITION = 2_000

Row = tuple[Any, ...]


def score_lines(lines: Sequence[str], model: str, pack: str) -> list[Row]:
    """Rows (columns `harness.scores.COLUMNS`) of one partition.

    Args:
        lines: JSON lines of a journal or a recording. Infrastructure outcomes give no row.
        model: Name of the model for lines that do not hold one.
        pack: Folder of the pack.

    Returns:
        One row a line, in order. A line that is no answer to a case of the pack gives a row with the outcome
        `unreadable` and the reason, so that one bad line never costs the others.
    """
    scorer = _scorer(pack)
    rows = []
    for line in lines:
        if not line.strip():
            continue
        try:
            completion = _completion(line, model)
            if completion.outcome.scored:
                rows.append(row(scorer.score(completion)))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            rows.append(_unreadable(model, f"{type(error).__name__}: {error}"[:200]))
    return rows


def score_files(paths: Sequence[Path], pack: Path, workers: int | None = None) -> Iterator[list[Row]]:
    """Rows of all files, partition after partition, in the order of the lines.

    Args:
        paths: Journals or recordings.
        pack: Folder of the pack.
        workers: Processes; by default one for each core. 1 works in this process.

    Raises:
        InputError: a file cannot be read.
    """
    workers = workers or os.cpu_count() or 1
    partitions = ((lines, model, str(pack)) for lines, model in _partitions(paths))
    if workers == 1:
        yield from itertools.starmap(score_lines, partitions)
        return
    # spawn: the same on every platform, and no copied threads or locks.
    with multiprocessing.get_context("spawn").Pool(workers, initializer=_ignore_interrupt) as pool:
        # A bounded window of partitions in flight keeps memory flat however long the files are.
        waiting: list[Any] = []
        for partition in partitions:
            waiting.append(pool.apply_async(score_lines, partition))
            if len(waiting) > 2 * workers:
                yield waiting.pop(0).get()
        for result in waiting:
            yield result.get()


def _ignore_interrupt() -> None:
    """Ctrl-C reaches the whole group: the parent answers it, the workers are ended by the pool."""
    import signal  # noqa: PLC0415  only in workers

    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _partitions(paths: Iterable[Path]) -> Iterator[tuple[list[str], str]]:
    for path in paths:
        try:
            with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as file:
                while lines := list(itertools.islice(file, LINES_PER_PARTITION)):
                    yield lines, path.stem
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", path=path, hint="check the path") from None


@lru_cache(maxsize=2)
def _scorer(pack: str) -> Scorer:
    found = load_pack(pack)
    return Scorer(found, found.cases())


def _completion(line: str, model: str) -> Completion:
    record = json.loads(line)
    if isinstance(record, dict) and "case_id" in record:
        return Completion.from_record(record)
    output = record["output"]
    if not isinstance(output, str):
        raise TypeError("output must be a string")
    return Completion("", model, str(record["id"]), int(record.get("sample", 0)), Outcome.ANSWERED, output)


def _unreadable(model: str, reason: str) -> Row:
    values = dict.fromkeys(COLUMNS) | {"model": model, "outcome": "unreadable", "reason": reason, "sample": 0}
    return tuple(values[name] for name in COLUMNS)
