"""Whatever a file or an endpoint holds: an exit code of the table, no traceback, bounded time, nothing lost."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from harness.models.bodies import LARGEST_REPLY, RefusedError, hooks
from harness.models.client import shutdown_of
from harness.models.retry import ATTEMPTS
from harness.tests.hostile.attack import BOUNDARIES, RIGHT, attack, fault_of, laboratory, run
from harness.tests.hostile.faults import in_json, mostly
from harness.tests.loopback import LoopbackServer
from harness.tests.loopback_replies import Fault, Reply, chat_completion

KEY = "sk-of-the-attacked-endpoint"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackServer]:
    """The laboratory."""
    with laboratory(tmp_path_factory.mktemp("hostile") / "lab") as server:
        yield server


@pytest.mark.parametrize("name", BOUNDARIES)
@pytest.mark.usefixtures("lab")
def test_no_file_breaks_what_reads_it(name: str) -> None:
    """Random faults in each kind of file that comes from outside."""
    assert list(attack(name, random.Random(name), 8)) == []  # noqa: S311


@pytest.mark.parametrize("kind", ["reply", "error", "models"])
def test_no_reply_breaks_a_run_or_what_it_kept(lab: LoopbackServer, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random faults in a body: an outcome, then a run that goes on from the journal, in which no key stands."""
    for outcome in ATTEMPTS:
        monkeypatch.setitem(ATTEMPTS, outcome, 1)
    monkeypatch.setenv("ATTACKED", KEY)
    endpoint = f'[endpoints.e]\nbase_url = "{lab.base_url}"\napi_key_env = "ATTACKED"\n'
    Path("keyed.toml").write_text(endpoint, encoding="utf-8")
    right = chat_completion(KEY, RIGHT, finish_reason=f"stop:{KEY}")
    bodies = {
        "reply": right,
        "error": {"error": {"message": f"no {KEY}", "type": "x", "param": None, "code": "y"}},
        "models": {"object": "list", "data": [{"id": "m", "object": "model", "shutdown_date": "2027-01-01"}]},
    }
    rng = random.Random(kind)  # noqa: S311
    said: list[Reply] = []
    monkeypatch.setattr(lab, "_answer", lambda _: Fault("reply", said[-1]))
    monkeypatch.setitem(lab.routes, ("GET", "/v1/models"), lambda _: Fault("reply", said[-1]))
    for number in range(8):
        status = rng.choice([400, 401, 404, 429, 500, 529]) if kind == "error" else 200
        headers = rng.choice([{}, {"Retry-After": "9" * 400}, {"Retry-After": "-5"}, {"x-ratelimit-reset": "9" * 39}])
        said.append(Reply(status, mostly(in_json)(rng, json.dumps(bodies[kind])), headers if kind == "error" else {}))
        ask = f"run e:m --pack toy --limit 1 --config keyed.toml --runs runs-{kind}-{number}"
        asked = run("models e --pack toy" if kind == "models" else ask)
        assert not fault_of(asked), (said[-1].encoded()[:200], asked.said[-500:])
        if kind != "models":
            said.append(Reply(200, right))
            assert run(ask).code == 0
            kept = "".join(path.read_text() for path in Path(f"runs-{kind}-{number}").glob("*"))
            assert KEY not in kept + asked.said


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
