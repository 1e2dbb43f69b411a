"""Collecting answers in this process, or in one of its own for tests that kill, interrupt or starve it.

Such a process is forked from a server that has imported everything once; it is a real one, with signals of its own.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.answers import read_journal
from harness.ask.collect import collect
from harness.batch.follow import Wanted, fill
from harness.batch.provider import BatchOptions
from harness.config import EndpointSettings
from harness.errors import GonogoError
from harness.models.connect import Endpoint
from harness.models.outcomes import Completion
from harness.models.requests import Decoding, Request, request_keys
from harness.models.specs import ModelSpec

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

Way = Callable[..., object]
CONCURRENCY = 8
SPEC = ModelSpec("lab:m", "endpoint", "m", settings=EndpointSettings("", concurrency=CONCURRENCY))
QUICK = BatchOptions(look_every_s=0.01, settle_s=0.15, pause_s=0.01, most_requests=8)
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["harness.tests.collecting", "pytest"])


def requests(first: int, last: int) -> list[Request]:
    """One request for each number; the question is the number."""
    return [Request(f"case-{n}", 0, ({"role": "user", "content": f"{n}"},)) for n in range(first, last)]


def opener(base_url: str, timeout_s: float = 60.0) -> Callable[[ModelSpec], AbstractContextManager[Endpoint]]:
    """A `connect` to a loopback server."""

    @contextmanager
    def connect(spec: ModelSpec) -> Iterator[Endpoint]:
        yield Endpoint(base_url, spec.model, settings=replace(spec.settings, timeout_s=timeout_s))

    return connect


def collect_from(base_url: str, journal: Path, first: int, last: int) -> list[Completion]:
    """Collect the answers to these numbers."""
    return collect(requests(first, last), SPEC, Decoding(), journal, connect=opener(base_url))


def fill_from(base_url: str, journal: Path, first: int, last: int, options: BatchOptions = QUICK) -> list[str]:
    """Bring the answers to these numbers into the journal by batch; the lines that were shown."""
    shown: list[str] = []
    wanted = Wanted(SPEC, requests(first, last), Decoding())
    fill([wanted], journal, connect=opener(base_url), show=shown.append, options=options)
    return shown


def on_file(journal: Path, first: int, last: int) -> list[Completion]:
    """What a journal holds for these numbers, in order; one that is missing is an error."""
    keys = request_keys(tuple(requests(first, last)), SPEC, Decoding())
    found = read_journal(journal, set(keys))
    return [found[key] for key in keys]


def start(
    way: Way, base_url: str, journal: Path, *numbers: int, file_size_limit: int | None = None
) -> ForkServerProcess:
    """`collect_from` or `fill_from` in a process, on a disk with so much left; stderr goes to `journal.stderr`."""
    process = _PROCESSES.Process(target=_run, args=(way, base_url, journal, numbers, file_size_limit))
    process.start()
    return process


def ended(process: ForkServerProcess, seconds: float = 60) -> int:
    """The exit code, once it has ended; minus the signal if one killed it."""
    process.join(seconds)
    assert process.exitcode is not None, "it goes on"
    return process.exitcode


def _run(way: Way, base_url: str, journal: Path, numbers: Sequence[int], file_size_limit: int | None) -> None:
    os.dup2(os.open(journal.with_suffix(".stderr"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
    if file_size_limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size_limit, file_size_limit))
    try:
        way(base_url, journal, *numbers)
    except GonogoError as error:
        print(error, file=sys.stderr)  # noqa: T201  as the command line does
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
