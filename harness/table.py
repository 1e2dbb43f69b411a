"""The long table of scores, one row an answer, as a pandas frame: sums, reliability, differences, CSV and Parquet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, BinaryIO

from harness.cases import DISPOSITIONS, Case
from harness.errors import EvidenceError, InputError
from harness.files import whole_file
from harness.score import METRICS, Score

if TYPE_CHECKING:
    import pandas as pd

    from harness.statistics.paired import Pairs
    from harness.statistics.sign_flips import Bounds

# Columns of the long table, in order.
COLUMNS = (
    *("model", "case_id", "intent", "category", "sample", "outcome"),
    *METRICS,
    *("calls", "unknown_calls", "wanted", "disposition", "did", "exact_match", "ast_match", "first_failure", "reason"),
    *("prompt_tokens", "completion_tokens", "latency_s"),
)
DID = (*DISPOSITIONS, "nothing")  # what an answer does; nothing where no list could be read
UNREADABLE = "unreadable"  # outcome of a line that is no answer

_FLAGS = (*METRICS, "exact_match", "ast_match")
_INTEGERS = ("sample", "calls", "unknown_calls", "prompt_tokens", "completion_tokens")
_TYPES = {**dict.fromkeys(_FLAGS, "boolean"), **dict.fromkeys(_INTEGERS, "Int64"), "latency_s": "Float64"}

# A spreadsheet takes a cell that starts with one of these for a formula (OWASP, "CSV Injection"), also in full width
# and behind spaces.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  these are the ones


# A score as a row of the long table.
row: Callable[[Score], tuple[Any, ...]] = attrgetter(*COLUMNS)


def frame_of(rows: Iterable[Sequence[Any]]) -> pd.DataFrame:
    """Rows with the columns `COLUMNS` as a frame; latency in seconds, None where a value is not known."""
    import pandas as pd

    encodable = [tuple(map(_encodable, row)) for row in rows]
    return pd.DataFrame(encodable, columns=list(COLUMNS), dtype=object).astype(_TYPES)


def _encodable(value: Any) -> Any:
    """Text with halves of surrogate pairs spelled out: neither pandas' text nor Parquet can hold them."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def table(scores: Iterable[Score]) -> pd.DataFrame:
    """The long table of these scores."""
    return frame_of(map(row, scores))


def totals(frame: pd.DataFrame) -> pd.DataFrame:
    """By model, in order of appearance, how often each metric was met, and `answers`: how many there are."""
    readable = frame[frame["outcome"] != UNREADABLE]
    groups = readable.groupby("model", sort=False)
    sums = groups[list(METRICS)].sum().astype("int64")
    sums.insert(0, "answers", groups.size())
    return sums


def counted(scores: Sequence[Score]) -> dict[str, int]:
    """The same of one model's scores, without pandas, which takes half a second to import."""
    return {"answers": len(scores), **{metric: sum(score.passed(metric) for score in scores) for metric in METRICS}}


def reliability(scores: Iterable[Score]) -> tuple[float, float]:
    """Two shares of one model's answers, with equally many samples of each case.

    Returns:
        pass^k, the share of cases whose samples all succeed; and the mean over intents of the success rate of the
        intent's worst paraphrase.
    """
    passed: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for score in scores:
        passed[score.intent, score.case_id].append(score.success)
    worst: dict[str, float] = {}
    for (intent, _), samples in passed.items():
        worst[intent] = min(worst.get(intent, 1.0), fmean(samples))
    return fmean(map(all, passed.values())), fmean(worst.values())


def difference(
    frame: pd.DataFrame, cases: Sequence[Case], base: str, candidate: str, alpha: float = 0.05
) -> tuple[Pairs, Bounds]:
    """The paired difference in success, clustered by intent; of repeated answers the first counts.

    Args:
        frame: With at least `model`, `case_id`, `sample` and `success`.
        cases: Of the pack.
        base: The model in use, as rows name it.
        candidate: The model that may replace it.
        alpha: Error on each side.

    Raises:
        EvidenceError: an answer of one model has no counterpart, or there is none.
    """
    from harness.statistics.paired import difference as paired_difference
    from harness.statistics.paired import pair_up

    place = ["sample", "case_id"]
    first = frame.drop_duplicates(["model", *place])
    sides = [first[first["model"] == model].set_index(place)["success"] for model in (base, candidate)]
    unpaired = len(sides[0].index.symmetric_difference(sides[1].index))
    if unpaired or sides[0].empty:
        raise EvidenceError(
            f"the comparison is INVALID: {unpaired or 'all'} answers of {base} and {candidate} have no counterpart\n"
            "  a comparison is paired: score journals that hold the same cases and samples of both"
        )
    position = {case.id: number for number, case in enumerate(cases)}
    both = sorted(sides[0].index, key=lambda key: (key[0], position[key[1]]))
    intents = [cases[position[case_id]].intent for _, case_id in both]
    before, after = ([bool(success) for success in side.reindex(both)] for side in sides)
    pairs = pair_up(before, after, intents)
    return pairs, paired_difference(pairs, alpha)


Write = Callable[["pd.DataFrame"], None]


@contextmanager
def open_table(path: Path) -> Iterator[Write]:
    """A function that appends frames to a new table; the suffix, .csv or .parquet, decides the format.

    The file appears under its name when it is whole: an interrupted run leaves an older one as it was.

    Raises:
        InputError: another suffix, a folder that cannot be written, or Parquet without pyarrow.
    """
    writers = {".csv": _csv, ".parquet": _parquet}
    if path.suffix not in writers:
        raise InputError(f"a table is a .csv or .parquet file, not {path.name!r}", hint="change the suffix")
    try:
        with whole_file(path) as file, writers[path.suffix](file) as write:
            yield write
    except OSError as error:
        raise InputError(f"cannot write the table: {error.strerror}", path=path, hint="choose another folder") from None


def harmless_cell(value: Any) -> Any:
    """A value for CSV: text that a spreadsheet would run as a formula gets an apostrophe in front.

    >>> harmless_cell("=1+1"), harmless_cell("plain"), harmless_cell(-1)
    ("'=1+1", 'plain', -1)
    """
    return "'" + value if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA) else value


def spreadsheet_safe(frame: pd.DataFrame) -> pd.DataFrame:
    """The same frame with an apostrophe before every text cell that a spreadsheet could take for a formula."""
    texts = [name for name in frame.columns if frame[name].dtype.kind not in "biuf"]
    return frame.assign(**{name: frame[name].map(harmless_cell) for name in texts})


@contextmanager
def _csv(file: BinaryIO) -> Iterator[Write]:
    file.write((",".join(COLUMNS) + "\n").encode())

    def write(frame: pd.DataFrame) -> None:
        text: str = spreadsheet_safe(frame).to_csv(index=False, header=False, lineterminator="\n")
        file.write(text.encode(errors="backslashreplace"))

    yield write


@contextmanager
def _parquet(file: BinaryIO) -> Iterator[Write]:
    pa, pq = pyarrow()
    kinds = {"boolean": pa.bool_(), "Int64": pa.int64(), "Float64": pa.float64()}
    schema = pa.schema([(name, kinds.get(_TYPES.get(name, ""), pa.string())) for name in COLUMNS])
    with pq.ParquetWriter(file, schema) as writer:
        yield lambda frame: writer.write_table(pa.Table.from_pandas(frame, schema, preserve_index=False))


def write_parquet(frame: pd.DataFrame, file: BinaryIO) -> None:
    """Write a frame of the long table as one Parquet file, into an open one.

    Raises:
        InputError: without pyarrow.
    """
    with _parquet(file) as write:
        write(frame)


def pyarrow() -> tuple[Any, Any]:
    """The modules `pyarrow` and `pyarrow.parquet`.

    Raises:
        InputError: they are not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise InputError("Parquet needs the package pyarrow", hint="pip install 'gonogo[scale]', or use CSV") from None
    return pa, pq
