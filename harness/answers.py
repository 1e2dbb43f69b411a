"""Answers on disk: the append-only journal, so that nothing paid for is lost or asked again; and recordings.

Each record is one line, written by one `write` on an O_APPEND descriptor under an exclusive lock, so that any number of
processes may share a journal, whatever the length of a line. A SIGKILL costs at most the line being written; the next
append of any process cuts the torn rest off. Records are not synced one by one: a killed process loses nothing (the
kernel has the bytes), a power cut may cost the last seconds before the final sync.

The lock is `flock` on the journal itself: 1 microsecond a record. filelock takes 150, and where another process writes
it looks again only after 50 ms, in which the event loop stands still. Without `fcntl` (Windows) one process at a time
may use a journal.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import Self

from harness.errors import InputError
from harness.files import LONGEST_LINE, json_object, lines_of, numbered, open_file, os_errors, write_whole
from harness.models.outcomes import Completion

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

BYTES_PER_RECORD = 4096  # of disk wanted free for each answer still to come; typical records take 600
MANIFEST_SUFFIX = ".manifest.json"
_BLOCK = 65536
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def read_journal(
    path: Path,
    wanted: Collection[str],
    *,
    since: float = 0.0,
    notice: Callable[[Completion], None] = lambda _: None,
) -> dict[str, Completion]:
    """Completions on file whose key is wanted.

    The first scored one of a key stands, so that what was reported once stays so, unless one was asked anew since;
    where none is scored, the last. A torn last line is passed over; one that lacks its newline alone is read.

    Args:
        path: The file; nothing is found where there is none.
        wanted: Keys.
        since: Unix time: what arrived before is passed over.
        notice: Called with every completion on file, whatever its key.

    Raises:
        InputError: a line other than the last is not a record, or the file cannot be read.
    """
    found: dict[str, Completion] = {}
    if not path.exists():
        return found
    with os_errors(path, "cannot read the journal", "check the path"), open_file(path) as file:
        for number, line in numbered(one for one in lines_of(file, path) if one.endswith(b"\n") or _is_record(one)):
            try:
                completion = Completion.from_record(json_object(line))
            except ValueError as error:
                what = f"not a journal record: {str(error)[:120]}"
                hint = "delete this line (its answer is asked again), or move the file away"
                raise InputError(what, path=path, line=number, hint=hint) from None
            notice(completion)
            if completion.key not in wanted or completion.at < since:
                continue
            known = found.get(completion.key)
            anew = completion.fresh and completion.outcome.scored
            if known is None or not known.outcome.scored or anew:
                found[completion.key] = completion
    return found


def _is_record(line: bytes) -> bool:
    try:
        Completion.from_record(json_object(line))
    except ValueError:
        return False
    return True


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
        with _writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _require_space(path, expected * BYTES_PER_RECORD + _BLOCK)
            # Answers may be private: what is made here only its owner reads.
            self._file = FileIO(path, "a+", opener=lambda name, flags: os.open(name, flags, 0o600))

    def append(self, completion: Completion) -> None:
        """Write one record, whole or not at all; an InputError says why not, such as that the disk is full."""
        line = json.dumps(completion.to_record(), separators=(",", ":")).encode() + b"\n"
        with _writing(self.path), contextlib.ExitStack() as stack:
            if fcntl is not None:
                fcntl.flock(self._file, fcntl.LOCK_EX)
                stack.callback(fcntl.flock, self._file, fcntl.LOCK_UN)
            _append_whole(self._file, line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Not every file can be synced (a pipe, some network mounts); the records are written all the same.
        with contextlib.suppress(OSError):
            os.fsync(self._file.fileno())
        self._file.close()


def _append_whole(file: FileIO, line: bytes) -> None:
    """Write a line after the last whole one, which may lack its newline; what else a killed writer left is cut off."""
    size = end = file.seek(0, os.SEEK_END)
    block = 1
    while end:
        start = max(0, end - block)
        file.seek(start)
        last = file.read(end - start).rfind(b"\n")
        end = start + last + 1
        if last >= 0:
            break
        block = _BLOCK
    if end < size:
        file.seek(end)
        if _is_record(file.read(LONGEST_LINE)):
            end, line = size, b"\n" + line
        file.truncate(end)
    try:
        written = file.write(line)
        while written < len(line):  # a disk that fills up takes a part, then fails
            written += file.write(line[written:])
    except BaseException:
        file.truncate(end)  # also on Ctrl-C between two parts: only whole lines stay
        raise


def _require_space(path: Path, needed: int) -> None:
    """Fail where `needed` bytes are not free, or none can be written: quotas and full disks may show only then."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file")
    if shutil.disk_usage(path.parent).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    probe = path.with_name(f".{path.name}.{os.getpid()}.probe")
    try:
        probe.write_bytes(bytes(_BLOCK))
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        again = "free some space and run the same command: what had arrived is kept"
        hint = again if error.errno in _NO_SPACE else "choose a folder that can be written"
        raise InputError(f"cannot write the journal: {error.strerror or error}", path=path, hint=hint) from None


def write_recording(path: Path, completions: Sequence[Completion], manifest: Mapping[str, object]) -> None:
    """Write answers to a file that a later comparison can use when the model itself is gone.

    It is replaced if it exists. The manifest, what they were made from, goes beside it as `<path>.manifest.json`; the
    hash of the recording itself is added, so that a changed line is found. Completions are scored ones only.
    """
    body = "".join(json.dumps(completion.to_record()) + "\n" for completion in completions).encode()
    stated = {**manifest, "recording_sha256": hashlib.sha256(body).hexdigest()}
    with os_errors(path, "cannot write the recording", "choose a folder that can be written"):
        write_whole(path, body)
        write_whole(path.with_name(path.name + MANIFEST_SUFFIX), json.dumps(stated, indent=1) + "\n")
