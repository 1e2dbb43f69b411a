"""A collection as a process of its own, for tests that kill, interrupt or starve it.

python -m harness.tests.collecting BASE_URL JOURNAL FIRST LAST [FILE_SIZE_LIMIT]
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from harness.answers import Decoding, Request, collect
from harness.config import EndpointSettings
from harness.errors import GonogoError
from harness.models.connect import Endpoint
from harness.models.outcomes import Completion
from harness.models.specs import ModelSpec

CONCURRENCY = 8
SPEC = ModelSpec("lab:m", "endpoint", "m", settings=EndpointSettings("", concurrency=CONCURRENCY))


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


def main() -> int:
    """Exit codes as of the command line."""
    base_url, journal, first, last, *limit = sys.argv[1:]
    if limit:  # stands for a disk with that much left
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit[0]), int(limit[0])))
    try:
        collect_from(base_url, Path(journal), int(first), int(last))
    except GonogoError as error:
        print(error, file=sys.stderr)  # noqa: T201  as the command line does
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
