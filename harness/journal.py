"""The append-only JSONL journal of completions: what has been paid for is never lost and never asked again.

Each record is one line, written by one `write` on an O_APPEND descriptor under an exclusive `flock`, so that any
number of processes may share a journal, whatever the length of a line. A SIGKILL costs at most the line being
written; the torn rest is cut off by the next append of any process. Records are not synced one by one: a killed
process loses nothing (the kernel has the bytes), a power cut may cost the last seconds before the final sync.
Where `fcntl` is missing (Windows) one process at a time may use a journal.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.errors import InputError
from harness.files import json_object, numbered
from harness.models.outcomes import Completion

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

BYTES_PER_RECORD = 4096  # of disk wanted free for each answer still to come; typical records take 600
_PROBE = b"\0" * 65536
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def read_journal(
    path: Path,
    wanted: Collection[str],
    *,
    since: float = 0.0,
    notice: Callable[[Completion], None] = lambda _: None,
) -> dict[str, Completion]:
    """Completions on file whose key is wanted.

    The first scored one of a key wins, so that what was reported once stays so, unless one was asked anew since; where
    none is scored, the last.

    A torn last line is passed over: its writer was killed, and the next append removes it.

    Args:
        path: The file; nothing is found where there is none.
        wanted: Keys.
        since: Unix time: what arrived before is passed over.
        notice: Told of every completion on file, whatever its key.

    Raises:
        InputError: a line other than the last is not a record, or the file cannot be read.
    """
    found: dict[str, Completion] = {}
    try:
        with path.open("rb") as file:
            for number, line in numbered(line for line in file if line.endswith(b"\n")):
                try:
                    completion = Completion.from_record(json_object(line))
                except ValueError as error:
                    raise InputError(
                        f"not a journal record: {str(error)[:120]}",
                        path=path,
                        line=number,
                        hint="delete this line (its answer is asked again), or move the file away",
                    ) from None
                notice(completion)
                if completion.key not in wanted or completion.at < since:
                    continue
                known = found.get(completion.key)
                anew = completion.fresh and completion.outcome.scored
                if known is None or not known.outcome.scored or anew:
                    found[completion.key] = completion
    except FileNotFoundError:
        pass
    except OSError as error:
        raise InputError(f"cannot read the journal: {error.strerror}", path=path, hint="check the path") from None
    return found


class Journal:
    """An open journal, for appending. A context manager.

    Args:
        path: The file; it and its folder are made if missing.
        expected: Number of records to come, for the check of free space.

    Raises:
        InputError: the folder or file cannot be written, or the disk is full. Raised before anything is asked.
    """

    def __init__(self, path: Path, expected: int = 0) -> None:
        self.path = path
        self._fd = -1
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _probe(path, expected * BYTES_PER_RECORD + len(_PROBE))
            self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        except OSError as error:
            raise _unwritable(path, error) from None

    def append(self, completion: Completion) -> None:
        """Write one record, whole or not at all.

        Raises:
            InputError: it cannot be written, for instance because the disk is full. The journal stays intact.
        """
        line = json.dumps(completion.to_record(), separators=(",", ":")).encode() + b"\n"
        try:
            with _locked(self._fd):
                _append_whole(self._fd, line)
        except OSError as error:
            raise _unwritable(self.path, error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd >= 0:
            # Not every file can be synced (a pipe, some network mounts); the records are written all the same.
            with contextlib.suppress(OSError):
                os.fsync(self._fd)
            os.close(self._fd)
            self._fd = -1


def _append_whole(fd: int, line: bytes) -> None:
    size = os.fstat(fd).st_size
    if size and os.pread(fd, 1, size - 1) != b"\n":
        size = _cut_torn_line(fd, size)
    try:
        written = os.write(fd, line)
        while written < len(line):  # a disk that fills up takes a part, then fails
            written += os.write(fd, line[written:])
    except BaseException:
        # Also on Ctrl-C between two parts of a line: leave whole lines only.
        os.ftruncate(fd, size)
        raise


def _cut_torn_line(fd: int, size: int) -> int:
    """Remove what follows the last line end, left by a writer that was killed; returns the new size."""
    end = size
    while end:
        start = max(0, end - len(_PROBE))
        newline = os.pread(fd, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    os.ftruncate(fd, end)
    return end


@contextlib.contextmanager
def _locked(fd: int) -> Iterator[None]:
    if fcntl is None:
        yield
        return
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)


def _probe(path: Path, needed: int) -> None:
    """Fail where `needed` bytes are not free, or none can be written: quotas and full disks may show only then."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file")
    if shutil.disk_usage(path.parent).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    probe = path.with_name(f".{path.name}.{os.getpid()}.probe")
    try:
        probe.write_bytes(_PROBE)
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> InputError:
    hint = (
        "free some space and run the same command: what had arrived is kept"
        if error.errno in _NO_SPACE
        else "choose a folder that can be written"
    )
    return InputError(f"cannot write the journal: {error.strerror or error}", path=path, hint=hint)
