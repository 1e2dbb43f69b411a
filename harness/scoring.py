"""Scores many answers on file: journals or recordings, in partitions, on all cores, in flat memory.

`score_lines` is the one scoring function: it turns lines into rows of the long table, wherever it runs. `score_part`
is the one task of every engine: read a partition, score it, write its table, give back its tally.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from harness.errors import GonogoError
from harness.files import BLANK
from harness.models.outcomes import Completion, Outcome
from harness.pack import load_pack
from harness.partitions import Part, read
from harness.scores import COLUMNS, Scorer, row
from harness.tally import Tally

Row = tuple[Any, ...]
_LARGEST = 2**63 - 1  # what a column of a table holds


def score_lines(lines: Sequence[str], model: str, pack: str) -> list[Row]:
    """Rows (columns `harness.scores.COLUMNS`) of one partition.

    Args:
        lines: JSON lines of a journal or a recording. Infrastructure outcomes give no row.
        model: Name of the model for lines that do not hold one.
        pack: Folder of the pack.

    Returns:
        One row a line, in order. A line that is no answer to a case of the pack gives a row with the outcome
        `unreadable` and the reason, so that one bad line never costs the others.

    Raises:
        InputError: the pack cannot be used.
    """
    scorer, _ = _scorer(pack)
    rows = []
    for line in lines:
        if not line.strip(BLANK):
            continue
        try:
            completion = _completion(line, model)
            if completion.outcome.scored:
                rows.append(row(scorer.score(completion)))
        except GonogoError:
            raise  # the pack's fault, not the line's
        except Exception as error:  # noqa: BLE001  whatever a line does to us is a finding of that line
            rows.append(_unreadable(model, f"{type(error).__name__}: {error}"[:200]))
    return rows


def score_part(part: Part, pack: str) -> tuple[list[Row], Tally]:
    """Rows of one partition and what they add up to.

    Raises:
        InputError: the partition cannot be read, or the pack cannot be used.
    """
    rows = score_lines(read(part), part.model, pack)
    tally = Tally()
    tally.add(rows, _scorer(pack)[1])
    return rows, tally


def score_parts(parts: Sequence[Part], pack: str, workers: int | None = None) -> Iterator[tuple[list[Row], Tally]]:
    """Rows and tally of each partition, in order, by processes of this machine.

    Args:
        parts: From `harness.partitions.partition`.
        pack: Folder of the pack.
        workers: Processes; by default one for each core. 1 works in this process.

    Raises:
        InputError: as `score_part`.
    """
    workers = min(workers or os.cpu_count() or 1, len(parts))
    if workers <= 1:
        yield from (score_part(part, pack) for part in parts)
        return
    # spawn: the same on every platform, and no copied threads or locks.
    with multiprocessing.get_context("spawn").Pool(workers, initializer=_ignore_interrupt) as pool:
        # A bounded window of partitions in flight keeps memory flat however long the files are.
        waiting: list[Any] = []
        for part in parts:
            waiting.append(pool.apply_async(score_part, (part, pack)))
            if len(waiting) > 2 * workers:
                yield waiting.pop(0).get()
        for result in waiting:
            yield result.get()


def _ignore_interrupt() -> None:
    """Ctrl-C reaches the whole group: the parent answers it, the workers are ended by the pool."""
    import signal  # noqa: PLC0415  only in workers

    signal.signal(signal.SIGINT, signal.SIG_IGN)


@lru_cache(maxsize=2)
def _scorer(pack: str) -> tuple[Scorer, dict[str, int]]:
    """The pack's scorer, and the number of each case."""
    found = load_pack(pack)
    cases = found.cases()
    return Scorer(found, cases), {case.id: number for number, case in enumerate(cases)}


def _completion(line: str, model: str) -> Completion:
    record = json.loads(line)
    if isinstance(record, dict) and "case_id" in record:
        completion = Completion.from_record(record)
    else:
        output, sample = record["output"], record.get("sample", 0)
        if not isinstance(output, str) or not isinstance(sample, int) or isinstance(sample, bool):
            raise TypeError("output must be a string and sample a whole number")
        completion = Completion("", model, str(record["id"]), sample, Outcome.ANSWERED, output)
    for number in (completion.sample, completion.prompt_tokens, completion.completion_tokens, completion.latency_s):
        if number is not None and not -_LARGEST <= number <= _LARGEST:
            raise ValueError("a number is too large for a table")
    return completion


def _unreadable(model: str, reason: str) -> Row:
    values = dict.fromkeys(COLUMNS) | {"model": model, "outcome": "unreadable", "reason": reason, "sample": 0}
    return tuple(values[name] for name in COLUMNS)
