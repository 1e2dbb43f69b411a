"""Journals and recordings cut into partitions that a process can read by itself: JSONL by bytes, Parquet by groups.

A JSONL partition holds the lines that begin in its range of bytes, so that every line is in exactly one, whatever the
cuts. Addresses with `://` are opened by fsspec (`s3://`, `gs://`, `abfs://`, `hdfs://`, `http://`, ...); a folder or
a pattern stands for the files in it, in the order of their names.
"""

from __future__ import annotations

import glob
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from harness.errors import InputError
from harness.files import numbered

BYTES_PER_PARTITION = 2_000_000  # some thousand answers: a second or so of scoring
_PARQUET = (".parquet", ".pq")
_KNOWN = (*_PARQUET, ".jsonl", ".ndjson", ".json")


@dataclass(frozen=True, slots=True)
class Part:
    """One partition.

    Attributes:
        url: File or address.
        model: Name of the model for lines that do not hold one.
        start: First byte, or first row group.
        stop: Where the next partition starts.
    """

    url: str
    model: str
    start: int
    stop: int


def partition(urls: Sequence[str], size: int = BYTES_PER_PARTITION) -> list[Part]:
    """Partitions of all files, in order.

    Args:
        urls: Files, folders, patterns with `*`, or fsspec addresses of these.
        size: Bytes of a JSONL partition, about.

    Raises:
        InputError: a file cannot be read, a folder holds none, or a package that an address needs is missing.
    """
    parts = []
    for url in (file for given in urls for file in _files(given)):
        model = PurePosixPath(url.rpartition("://")[2]).stem
        if url.endswith(_PARQUET):
            with _reading(url), _parquet(url) as file:
                parts += [Part(url, model, group, group + 1) for group in range(file.num_row_groups)]
        else:
            total = _size(url)
            parts += [Part(url, model, start, min(start + size, total)) for start in range(0, total, size)]
    return parts


def read(part: Part) -> list[str]:
    """The JSON lines of a partition, without blank ones. Bytes that are no UTF-8 stay in as surrogates.

    Raises:
        InputError: the file cannot be read.
    """
    with _reading(part.url):
        if part.url.endswith(_PARQUET):
            with _parquet(part.url) as file:
                rows = file.read_row_groups(list(range(part.start, part.stop))).to_pylist()
            return [json.dumps({k: v for k, v in row.items() if v is not None}, default=str) for row in rows]
        lines = numbered(_lines(part), start=part.start == 0)
        return [line.decode("utf-8", "surrogateescape") for _, line in lines]


def _lines(part: Part) -> Iterator[bytes]:
    with open_url(part.url) as file:
        at = part.start
        if at:  # the line that is under way at the cut belongs to the partition before
            file.seek(at - 1)
            at += len(file.readline()) - 1
        while at < part.stop:
            line = file.readline()
            if not line:
                return
            at += len(line)
            yield line


def open_url(url: str, mode: str = "rb") -> BinaryIO:
    """A binary file, local or by fsspec.

    Raises:
        OSError: it cannot be opened.
        InputError: fsspec, or the package that it wants for this kind of address, is missing.
    """
    if "://" not in url:
        return Path(url).open(mode)  # type: ignore[return-value]  # binary modes only
    opened: BinaryIO = filesystem(url).open(url, mode)
    return opened


def filesystem(url: str) -> Any:
    """The fsspec file system of an address.

    Raises:
        InputError: fsspec, or the package that it wants for this kind of address, is missing.
    """
    try:
        import fsspec  # noqa: PLC0415  an extra

        return fsspec.core.url_to_fs(url)[0]
    except (ImportError, ValueError) as error:
        raise InputError(
            f"this address cannot be opened: {error}",
            path=url,
            hint="pip install 'gonogo[scale]', and the package of this kind of storage, such as s3fs",
        ) from None


def _files(given: str) -> list[str]:
    """What a folder or pattern stands for; a file stands for itself."""
    if "://" not in given:
        is_folder, found = Path(given).is_dir(), glob.glob(given)  # noqa: PTH207  patterns may be absolute
        names = [str(path) for path in Path(given).iterdir()] if is_folder else found if "*" in given else None
    else:
        with _reading(given):
            system = filesystem(given)
            is_folder = system.isdir(given)
            names = system.ls(given, detail=False) if is_folder else system.glob(given) if "*" in given else None
            names = None if names is None else [system.unstrip_protocol(name) for name in names]
    if names is None:
        return [given]
    files = sorted(name for name in names if name.endswith(_KNOWN))
    if not files:
        raise InputError("there is no file of answers here", path=given, hint=f"files that end in {', '.join(_KNOWN)}")
    return files


def _size(url: str) -> int:
    with _reading(url):
        if "://" in url:
            return int(filesystem(url).size(url))
        path = Path(url)
        if path.exists() and not path.is_file():
            raise InputError("not a regular file", path=url, hint="write the answers to a file first")
        return path.stat().st_size


@contextmanager
def _parquet(url: str) -> Iterator[Any]:
    try:
        import pyarrow.parquet as pq  # noqa: PLC0415  an extra
    except ImportError:
        raise InputError("Parquet needs the package pyarrow", path=url, hint="pip install 'gonogo[scale]'") from None
    with open_url(url) as file:
        yield pq.ParquetFile(file)


@contextmanager
def _reading(url: str) -> Iterator[None]:
    """Whatever a file system or Parquet says of a file, as a message to the user."""
    try:
        yield
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)  # some file systems give the name alone
        reason = "No such file or directory" if missing else error.strerror or str(error) or type(error).__name__
        raise InputError(f"cannot be read: {reason}", path=url, hint="check the path") from None
    except ValueError as error:  # pyarrow.ArrowInvalid is one
        raise InputError(f"not a Parquet file: {str(error)[:200]}", path=url, hint="check the file") from None
