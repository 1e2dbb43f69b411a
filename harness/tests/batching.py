"""Batches as a process of their own, for tests that kill it.

python -m harness.tests.batching BASE_URL JOURNAL FIRST LAST
"""

from __future__ import annotations

import sys
from pathlib import Path

from harness.batch.follow import Wanted, fill
from harness.batch.provider import BatchOptions
from harness.errors import GonogoError
from harness.models.requests import Decoding
from harness.tests.collecting import SPEC, opener, requests

QUICK = BatchOptions(look_every_s=0.01, settle_s=0.15, pause_s=0.01, most_requests=8)


def fill_from(base_url: str, journal: Path, first: int, last: int, options: BatchOptions = QUICK) -> list[str]:
    """Bring the answers to these numbers into the journal; what was shown."""
    shown: list[str] = []
    wanted = Wanted(SPEC, requests(first, last), Decoding())
    fill([wanted], journal, connect=opener(base_url), show=shown.append, options=options)
    return shown


def main() -> int:
    """Exit codes as of the command line."""
    base_url, journal, first, last = sys.argv[1:]
    try:
        fill_from(base_url, Path(journal), int(first), int(last))
    except GonogoError as error:
        print(error, file=sys.stderr)  # noqa: T201  as the command line does
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
