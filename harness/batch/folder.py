"""What is on its way, on disk: one folder for each batch, written before anything is sent.

    runs/go2.batches/<name>/state.json       what is known of the batch, replaced whole at each step
    runs/go2.batches/<name>/requests.jsonl   [key, case id, sample] a line
    runs/go2.batches/<name>/input.jsonl      the provider's input file; removed when the batch has ended

A batch folder appears by one rename, complete. Its name, a random one, is the batch's `gonogo` metadata at the
provider, by which it is found again where the answer to its creation was lost.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from harness.errors import InputError

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class State:
    """What is known of one batch.

    Attributes:
        name: Of the folder and of the metadata entry.
        model: Spec text.
        asked: Hash of endpoint and decoding.
        count: Requests in it.
        size: Bytes of the input file.
        planned_at: Unix time, seconds.
        adapted: How the decoding was changed for this model.
        file_id: Of the uploaded input file; empty before the upload was confirmed.
        sent_at: Unix time of the last attempt to create it, 0 before the first.
        batch_id: The provider's; empty until it is known.
        ended: Final status, once everything of it is in the journal; empty before.
        api: `chat` or `responses`.
        rejected: Parameters that the model does not take, as this batch showed.
    """

    name: str
    model: str
    asked: str
    count: int
    size: int
    planned_at: float
    adapted: tuple[str, ...] = ()
    file_id: str = ""
    sent_at: float = 0.0
    batch_id: str = ""
    ended: str = ""
    rejected: tuple[str, ...] = ()
    api: str = "chat"


@dataclass(frozen=True, slots=True)
class Folder:
    """The batches beside one journal; held by one process at a time (`open_folder`)."""

    root: Path

    def states(self) -> list[State]:
        """Every batch known, oldest first.

        Raises:
            InputError: a state cannot be read.
        """
        found = [_read_state(path) for path in self.root.glob("*/state.json") if not path.parent.name.startswith(".")]
        return sorted(found, key=lambda state: (state.planned_at, state.name))

    def input_path(self, state: State) -> Path:
        """The provider's input file."""
        return self.root / state.name / "input.jsonl"

    def scratch_path(self, state: State) -> Path:
        """Where a result file may be kept while it is read."""
        return self.root / state.name / "results.jsonl"

    def requests(self, state: State) -> dict[str, tuple[str, int]]:
        """Key -> case id and sample of the requests of a batch."""
        with (self.root / state.name / "requests.jsonl").open(encoding="utf-8") as file:
            return {key: (case_id, sample) for key, case_id, sample in map(json.loads, file)}

    @contextlib.contextmanager
    def plan(self, name: str) -> Iterator[Path]:
        """A folder to fill with `input.jsonl` and `requests.jsonl`; `commit` makes it a batch."""
        scratch = self.root / f".{name}"
        scratch.mkdir()
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def commit(self, scratch: Path, state: State) -> None:
        """Make a filled folder a batch, in one step."""
        (scratch / "state.json").write_text(json.dumps(asdict(state)), encoding="utf-8")
        for path in scratch.iterdir():
            _sync(path)
        scratch.rename(self.root / state.name)
        _sync(self.root)

    def drop(self, state: State) -> None:
        """Forget a batch that was never sent."""
        (self.root / state.name / "state.json").unlink()
        shutil.rmtree(self.root / state.name, ignore_errors=True)

    def save(self, state: State) -> None:
        """Replace what is known of a batch, in one step; of an ended one the input is dropped."""
        path = self.root / state.name / "state.json"
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(state)), encoding="utf-8")
        _sync(fresh)
        fresh.replace(path)
        if state.ended:
            for spent in (self.input_path(state), self.scratch_path(state)):
                spent.unlink(missing_ok=True)


@contextlib.contextmanager
def open_folder(journal: Path) -> Iterator[Folder]:
    """The batches beside a journal: `runs/go2.jsonl` has `runs/go2.batches/`.

    Raises:
        InputError: the folder cannot be written, or another process is at work on it.
    """
    root = journal.with_suffix(".batches")
    try:
        root.mkdir(parents=True, exist_ok=True)
        with (root / ".lock").open("w", encoding="utf-8") as lock:
            if fcntl is not None:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise InputError(
                        "another gonogo is following these batches", path=root, hint="wait for it, or stop it first"
                    ) from None
            for torn in root.glob(".*/"):  # its writer was killed before the rename
                shutil.rmtree(torn, ignore_errors=True)
            yield Folder(root)
    except OSError as error:
        raise InputError(
            f"cannot write the batches: {error.strerror or error}", path=root, hint="choose a folder with space"
        ) from None


def _read_state(path: Path) -> State:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        state = State(**raw)
        return replace(state, adapted=tuple(state.adapted), rejected=tuple(state.rejected))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"the state of a batch cannot be read: {error}",
            path=path,
            hint="move the folder of this batch away: its requests are asked again",
        ) from None


def _sync(path: Path) -> None:
    """Onto the disk: a batch that was paid for must not be forgotten. Not every file system can."""
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
