"""Scores any number of answers on file, journals, recordings and exports of other tools, in flat memory.

`score_lines` scores some lines at a time, here or on the workers of `harness.scale.cluster`, and gives back a frame of
the long table, of which `kept` keeps a few bytes an answer. Files are named by path or by any address that fsspec knows
(`s3://`, `gs://`, `https://`, ...).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeAlias

import fsspec

from harness.answers import MANIFEST_SUFFIX
from harness.errors import GonogoError, InputError
from harness.files import BLANK, lines_of, numbered
from harness.foreign import read_foreign
from harness.foreign.containers import has_our_columns, is_parquet, parquet
from harness.foreign.found import count_of
from harness.foreign.matching import REPEATS, Unused, at, matched
from harness.models.outcomes import Completion, Outcome
from harness.pack import Pack, load_pack
from harness.score import METRICS, Scorer
from harness.table import COLUMNS, UNREADABLE, frame_of, open_table, row

if TYPE_CHECKING:
    import pandas as pd

Made: TypeAlias = Completion | Unused
LINES = 2_000  # of one step: a fraction of a second of scoring
PARQUET = (".parquet", ".pq")
_KNOWN = (*PARQUET, ".jsonl", ".ndjson", ".json", ".eval")  # of the files of a folder
KEPT = ["model", "case_id", "sample", "outcome", *METRICS]


def score_lines(lines: Sequence[str | Made], model: str, pack: str) -> pd.DataFrame:
    """The long table of some lines of a journal or a recording, or rows of another tool's, one row each, in order.

    Infrastructure outcomes and blank lines give no row. A line that is no answer to a case of the pack gives a row with
    the outcome `unreadable` and the reason, so that one bad line never costs the others.

    A line is JSON, or what `harness.foreign` made of a row; `model` is the name for lines that hold none, `pack` the
    pack's folder.
    """
    scorer = _scorer(pack)
    rows = []
    for line in lines:
        if isinstance(line, str) and not line.strip(BLANK):
            continue
        try:
            completion = _completion(line, model)
            if completion.outcome.scored:
                rows.append(row(scorer.score(completion)))
        except GonogoError:
            raise  # the pack's fault, not the line's
        except Exception as error:  # noqa: BLE001  whatever a line does to us is a finding of that line
            reason = f"{type(error).__name__}: {error}"[:200]
            values = dict.fromkeys(COLUMNS) | {"model": model, "outcome": UNREADABLE, "reason": reason, "sample": 0}
            rows.append(tuple(values[name] for name in COLUMNS))
    return frame_of(rows)


@lru_cache(maxsize=2)
def _scorer(pack: str) -> Scorer:
    found = load_pack(pack)
    return Scorer(found, found.cases())


def _completion(line: str | Made, model: str) -> Completion:
    if isinstance(line, Unused):
        raise ValueError(f"{line.place}: {line.reason}")  # noqa: TRY004  one kind of error for one kind of fault
    if isinstance(line, Completion):
        return line
    record = json.loads(line)
    if isinstance(record, dict) and "case_id" in record:
        return Completion.from_record(record)
    output, sample = record["output"], count_of(record.get("sample", 0))
    if not isinstance(output, str) or sample is None:
        raise TypeError("output must be a string and sample a whole number")
    return Completion("", model, str(record["id"]), sample, Outcome.ANSWERED, output)


def score_here(files: Sequence[str], pack: Pack, table: Path | None = None, lines: int = LINES) -> pd.DataFrame:
    """Score files, of `files_of`, in this process, some lines at a time, so that memory stays flat.

    Returns what `kept` keeps of all rows, in order; the whole table goes to `table`, a .csv or .parquet file.
    """
    import pandas as pd

    commands = {case.id: case.command for case in pack.cases()}
    frames = [kept(frame_of([]))]
    with open_table(table) if table else contextlib.nullcontext(None) as write:
        for file in files:
            with reading(file), fsspec.open(file, "rb") as stream:
                rest = foreign_rows(stream, file, commands)
                if rest is None and (file.endswith(PARQUET) or is_parquet(stream)):
                    groups = range(parquet(stream).num_row_groups)
                    rest = (line for group in groups for line in parquet_group(stream, group))
                elif rest is None:
                    rest = (line.decode("utf-8", "surrogateescape") for _, line in numbered(lines_of(stream, file)))
                while some := list(islice(rest, lines)):
                    frame = score_lines(some, model_of(file), str(pack.root))
                    frames.append(kept(frame))
                    if write:
                        write(frame)
    return pd.concat(frames, ignore_index=True)


def kept(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns `KEPT`, and `reason` where a line was unreadable."""
    return frame[KEPT].assign(reason=frame["reason"].where(frame["outcome"] == UNREADABLE, None))


def foreign_rows(stream: Any, file: str, commands: Mapping[str, str]) -> Iterator[str | Made] | None:
    """The rows of another tool's file as completions, or why they are none; None for a file of ours."""
    if is_parquet(stream) and has_our_columns(stream):
        return None
    found = read_foreign(stream, file)
    if found is None:
        return None
    made = (one for _, one in matched(found, commands, model_of(file)))
    # A copy of an answer is no answer that is lost.
    return (
        replace(one, place=at(file, one.place)) if isinstance(one, Unused) else one
        for one in made
        if not (isinstance(one, Unused) and one.kind == REPEATS)
    )


def parquet_group(stream: Any, group: int) -> list[str]:
    """The rows of one row group as JSON lines."""
    rows = parquet(stream).read_row_group(group).to_pylist()
    return [json.dumps({k: v for k, v in row.items() if v is not None}, default=str) for row in rows]


def model_of(file: str) -> str:
    """Name of the model for lines that hold none: the file's, without its suffix."""
    return PurePosixPath(file.rpartition("://")[2]).stem


def files_of(urls: Sequence[str]) -> list[str]:
    """What files, folders, patterns with `*` and fsspec addresses of these stand for, in the order of the names."""
    return [file for url in urls for file in _files(url)]


def _files(url: str) -> list[str]:
    with reading(url):
        system, path = fsspec.core.url_to_fs(url)
        if not (system.isdir(path) or "*" in path):
            if not system.exists(path):
                raise FileNotFoundError
            if not system.isfile(path):
                raise InputError("not a regular file", path=url, hint="write the answers to a file first")
            return [url]
        names = system.ls(path, detail=False) if system.isdir(path) else system.glob(path)
        if "://" in url:
            names = [system.unstrip_protocol(name) for name in names]
    found = sorted(name for name in names if name.endswith(_KNOWN) and not name.endswith(MANIFEST_SUFFIX))
    if not found:
        raise InputError("there is no file of answers here", path=url, hint=f"files that end in {', '.join(_KNOWN)}")
    return found


@contextlib.contextmanager
def reading(file: str) -> Iterator[None]:
    """Whatever a file system, fsspec or Parquet says of a file, as a message to the user."""
    try:
        yield
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)  # some file systems give the name alone
        reason = "No such file or directory" if missing else error.strerror or str(error) or type(error).__name__
        raise InputError(f"cannot be read: {reason}", path=file, hint="check the path") from None
    except (ImportError, ValueError) as error:  # an unknown protocol; pyarrow.ArrowInvalid is a ValueError
        hint = "check it; an address may need a package of its own, such as s3fs"
        raise InputError(f"cannot be read: {str(error)[:200]}", path=file, hint=hint) from None
