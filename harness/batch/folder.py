"""What is on its way, on disk beside the journal: one folder for each batch, written before anything is sent.

    runs/go2.batches/<name>/input.jsonl     the provider's input file; removed when the batch has ended
    runs/go2.batches/<name>/requests.jsonl  [key, case id, sample] a line
    runs/go2.batches/<name>/state.json      what is known of it, replaced whole at each step; it is written last

A folder without a state is no batch: its writer was killed. The name, a random one, is the batch's `gonogo` metadata at
the provider, by which it is found again where the answer to its creation was lost.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import filelock

from harness.errors import InputError
from harness.files import STRICT, lock, read_json, sync, validated, write_whole
from harness.models.parameters import Parameters, body_of
from harness.models.requests import Request
from harness.models.specs import ModelSpec

_STATE = "state.json"


@dataclass(frozen=True, kw_only=True)
class State:
    """What is known of one batch; what is not known yet is empty."""

    __pydantic_config__ = STRICT

    name: str
    model: str  # spec text
    asked: str  # hash of endpoint and decoding
    count: int
    size: int  # bytes of the input file
    planned_at: float  # Unix time
    adapted: tuple[str, ...] = ()  # how the decoding was changed for this model
    api: str = "chat"
    file_id: str = ""  # of the uploaded input file
    sent_at: float = 0.0  # Unix time of the last attempt to create it
    batch_id: str = ""  # the provider's
    ended: str = ""  # final status, once everything of it is in the journal
    rejected: tuple[str, ...] = ()  # parameters that the model does not take, as this batch showed


@dataclass(frozen=True, slots=True)
class Folder:
    """The batches beside one journal; held by one process at a time (`open_folder`)."""

    root: Path

    def path(self, state: State, file: str) -> Path:
        """A file of a batch."""
        return self.root / state.name / file

    def states(self) -> list[State]:
        """Every batch known, oldest first."""
        found = []
        for path in self.root.glob(f"*/{_STATE}"):
            hint = "move the folder of this batch away: its requests are asked again"
            found.append(validated(State, read_json(path, hint=hint), path, "the state of a batch"))
        return sorted(found, key=lambda state: (state.planned_at, state.name))

    def requests(self, state: State) -> dict[str, tuple[str, int]]:
        """Key -> case id and sample of the requests of a batch."""
        with self.path(state, "requests.jsonl").open(encoding="utf-8") as file:
            return {key: (case_id, sample) for key, case_id, sample in map(json.loads, file)}

    def save(self, state: State) -> None:
        """Replace what is known of a batch, in one step; of an ended one the input is dropped."""
        try:
            write_whole(self.path(state, _STATE), json.dumps(asdict(state)), durable=True)
        except OSError as error:  # as it is, it could be taken for trouble of the network
            raise _unwritable(self.root, error) from None
        if state.ended:
            for spent in ("input.jsonl", "results.jsonl"):
                self.path(state, spent).unlink(missing_ok=True)

    def drop(self, state: State) -> None:
        """Forget a batch that was never sent."""
        self.path(state, _STATE).unlink()
        shutil.rmtree(self.root / state.name, ignore_errors=True)


@contextlib.contextmanager
def open_folder(journal: Path) -> Iterator[Folder]:
    """The batches beside a journal, for one process: `runs/go2.jsonl` has `runs/go2.batches/`."""
    root = journal.with_suffix(".batches")
    try:
        with lock(root).acquire(timeout=0):
            root.mkdir(exist_ok=True)
            for folder in root.iterdir():
                if folder.is_dir() and not (folder / _STATE).exists():
                    shutil.rmtree(folder, ignore_errors=True)
            yield Folder(root)
    except filelock.Timeout:
        hint = "wait for it, or stop it first"
        raise InputError("another gonogo is following these batches", path=root, hint=hint) from None
    except OSError as error:
        raise _unwritable(root, error) from None


def _unwritable(root: Path, error: OSError) -> InputError:
    what = f"cannot write the batches: {error.strerror or error}"
    return InputError(what, path=root, hint="choose a folder with space")


def plan_batches(
    folder: Folder,
    keyed: Iterable[tuple[str, Request]],
    spec: ModelSpec,
    asked: str,
    parameters: Parameters,
    *,
    limits: tuple[int, int],
) -> Iterator[State]:
    """Write requests as batches, one after another as they are drawn; each is on disk when it is given.

    The journal key of a request becomes its `custom_id`. `limits` are the requests and bytes of one input file; an
    InputError where one request alone is larger.
    """
    lines = ((key, request, _line(key, spec, request, parameters, limits[1])) for key, request in keyed)
    waiting = next(lines, None)
    while waiting is not None:
        name = secrets.token_hex(16)
        path = folder.root / name
        path.mkdir()
        count = size = 0
        with (path / "input.jsonl").open("wb") as inputs, (path / "requests.jsonl").open("w", encoding="utf-8") as keys:
            while waiting is not None and count < limits[0] and size + len(waiting[2]) <= limits[1]:
                key, request, written = waiting
                inputs.write(written)
                keys.write(json.dumps([key, request.case_id, request.sample]) + "\n")
                count, size = count + 1, size + len(written)
                waiting = next(lines, None)
        for done in (path / "input.jsonl", path / "requests.jsonl", folder.root):
            sync(done)
        state = State(
            name=name,
            model=spec.text,
            asked=asked,
            count=count,
            size=size,
            planned_at=round(time.time(), 3),
            adapted=parameters.adapted,
            api=parameters.api,
        )
        folder.save(state)
        yield state


def _line(key: str, spec: ModelSpec, request: Request, parameters: Parameters, most_bytes: int) -> bytes:
    body = body_of(spec.model, request, parameters)
    call = {"custom_id": key, "method": "POST", "url": f"/v1{parameters.path}", "body": body}
    line = json.dumps(call, separators=(",", ":")).encode() + b"\n"
    if len(line) > most_bytes:
        what = f"the request of case {request.case_id!r} has {len(line)} bytes, a batch file may have {most_bytes}"
        raise InputError(what, hint="shorten the system message")
    return line
