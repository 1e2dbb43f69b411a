"""Whatever a file or an endpoint holds: an exit code of the table, no traceback, bounded time, nothing lost."""

from __future__ import annotations

import asyncio
import gzip
import random
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest

from harness.models.bodies import LARGEST_REPLY, RefusedError, hooks
from harness.models.client import shutdown_of
from harness.tests.hostile.attack import BOUNDARIES, attack, laboratory


@pytest.fixture(scope="module", autouse=True)
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The laboratory."""
    with laboratory(tmp_path_factory.mktemp("hostile") / "lab"):
        yield


@pytest.mark.parametrize("name", BOUNDARIES)
def test_nothing_from_outside_breaks_what_reads_it(name: str) -> None:
    """Random faults in each kind of file and reply: a code of the table, bounded time, no key, and it goes on."""
    draws = 8 if isinstance(BOUNDARIES[name].command, str) else 60  # a command line costs more than a reader alone
    assert list(attack(name, random.Random(name), draws)) == []  # noqa: S311


@pytest.mark.parametrize("packed", [False, True])
def test_a_body_without_end_is_bounded_in_memory(packed: bool) -> None:
    """Of 256 MB, packed or not, at most the bound is taken, in pieces; the rest is never unpacked."""
    piece = b"x" * 2**20
    sent = gzip.compress(piece * 256) if packed else b""

    async def endless() -> AsyncIterator[bytes]:
        for number in range(256):
            yield sent[number * 2**12 : (number + 1) * 2**12] if packed else piece

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-encoding": "gzip"} if packed else {}, content=endless())

    async def ask() -> None:
        bounds: Any = hooks(60, asynchronous=True)
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer), event_hooks=bounds) as client:
            await client.get("http://h/v1")

    tracemalloc.start()
    with pytest.raises(RefusedError, match="more than 4 MB"):
        asyncio.run(ask())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * LARGEST_REPLY


@pytest.mark.parametrize(
    ("stated", "read"),
    [
        (None, "None"),
        ("2027-01-31", "2027-01-31"),
        ("2027-01-31T10:00:00Z", "2027-01-31"),
        (1801353600, "2027-01-31"),
        ("1801353600000", "2027-01-31"),
        ("soon", "soon"),
        (1e300, "1e+300"),
        ([], "[]"),
    ],
)
def test_an_end_is_read_in_every_form_and_told_where_it_is_none(stated: object, read: str) -> None:
    """Dates, dates with a time, Unix seconds and milliseconds; anything else stays as text, which is undecided."""
    assert str(shutdown_of(stated)) == read
