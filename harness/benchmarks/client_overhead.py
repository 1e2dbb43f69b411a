"""What collecting answers costs beside a bare client: CPU per sample at 64 concurrent, journal on.

Run: python -m harness.benchmarks.client_overhead [--samples 1000] [--rounds 5] [--json]

Three ways to get the same samples from the same server, which runs in a process of its own: `collect` with
retries, pacing and journal; a bare loop over `openai.AsyncOpenAI` with the aiohttp transport; and raw aiohttp, the
floor. They take turns in one process; ratios are medians over the rounds, since the machine's speed varies.
`collect` can cost less than the bare loop because it posts plain dicts, where `chat.completions.create` walks
through the body once more (see `harness.models.client`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import aiohttp
import openai

from harness.ask.collect import collect
from harness.benchmarks.fast_server import fast_server
from harness.config import EndpointSettings
from harness.models.connect import Endpoint
from harness.models.requests import Decoding, Request
from harness.models.specs import ModelSpec

CONCURRENT = 64
LIMIT = 1.2  # ours over the bare loop
SYSTEM = "You are a specialised robotics SDK translator. Answer only with a Python list of command strings. " * 4

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam

Way = Callable[[str, list[Request]], None]


def make_requests(samples: int) -> list[Request]:
    """That many requests of an ordinary length, all different."""
    system = {"role": "system", "content": SYSTEM}
    return [
        Request(f"case-{i}", 0, (system, {"role": "user", "content": f"Robot {i}, go to the kitchen and come back."}))
        for i in range(samples)
    ]


def ours(base_url: str, requests: list[Request]) -> None:
    """The whole way: keys, client, retries, pacing, journal."""

    @contextmanager
    def connect(spec: ModelSpec) -> Iterator[Endpoint]:
        yield Endpoint(base_url, spec.model, settings=EndpointSettings("", concurrency=CONCURRENT))

    spec = ModelSpec("bench:bench", "endpoint", "bench")
    with tempfile.TemporaryDirectory() as folder:
        completions = collect(requests, spec, Decoding(), Path(folder) / "journal.jsonl", connect=connect)
    if sum(completion.outcome.scored for completion in completions) < len(requests):
        raise SystemExit("not every request was answered: the figures would mean nothing")


def bare(base_url: str, requests: list[Request]) -> None:
    """What a user writes first: 64 workers around `chat.completions.create`."""

    async def run() -> None:
        pending = iter(requests)
        texts = []

        async def work(client: openai.AsyncOpenAI) -> None:
            for request in pending:
                reply = await client.chat.completions.create(
                    model="bench",
                    messages=cast("list[ChatCompletionMessageParam]", request.messages),
                    temperature=0.0,
                    max_tokens=384,
                    seed=0,
                )
                texts.append(reply.choices[0].message.content)

        async with openai.AsyncOpenAI(
            api_key="unused", base_url=base_url, http_client=openai.DefaultAioHttpClient()
        ) as client:
            await asyncio.gather(*(work(client) for _ in range(CONCURRENT)))

    asyncio.run(run())


def raw(base_url: str, requests: list[Request]) -> None:
    """No client at all: JSON over aiohttp."""

    async def run() -> None:
        pending = iter(requests)
        texts = []

        async def work(session: aiohttp.ClientSession) -> None:
            for request in pending:
                body = {
                    "model": "bench",
                    "messages": request.messages,
                    "temperature": 0.0,
                    "max_tokens": 384,
                    "seed": 0,
                }
                async with session.post(f"{base_url}/chat/completions", json=body) as reply:
                    texts.append((await reply.json())["choices"][0]["message"]["content"])

        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(work(session) for _ in range(CONCURRENT)))

    asyncio.run(run())


WAYS: dict[str, Way] = {"gonogo collect": ours, "bare openai + aiohttp": bare, "raw aiohttp": raw}


def measure(samples: int, rounds: int) -> dict[str, list[float]]:
    """CPU milliseconds per sample of each way, a figure for each round. One unmeasured round warms up."""
    requests = make_requests(samples)
    figures: dict[str, list[float]] = {name: [] for name in WAYS}
    with fast_server() as base_url:
        for way in WAYS.values():
            way(base_url, requests[: 4 * CONCURRENT])
        for number in range(rounds):
            # Turn the order too: whoever runs first meets another state of the machine.
            for name in list(WAYS)[:: 1 if number % 2 == 0 else -1]:
                before = time.process_time()
                WAYS[name](base_url, requests)
                figures[name].append((time.process_time() - before) / samples * 1000)
    return figures


def main() -> int:
    """Print the figures; exit 1 where ours costs more than 1.2 times the bare loop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    figures = measure(args.samples, args.rounds)
    bare_figures = figures["bare openai + aiohttp"]
    ratios = {
        name: statistics.median(a / b for a, b in zip(values, bare_figures, strict=True))
        for name, values in figures.items()
    }
    medians = {name: statistics.median(values) for name, values in figures.items()}
    within = ratios["gonogo collect"] <= LIMIT
    if args.json:
        print(json.dumps({"cpu_ms_per_sample": medians, "ratio_to_bare": ratios, "limit": LIMIT, "within": within}))
    else:
        print(f"{args.samples} samples at {CONCURRENT} concurrent, median of {args.rounds} rounds in turns")
        for name in WAYS:
            print(f"  {name:<22} {medians[name]:6.2f} ms CPU per sample   {ratios[name]:.2f} x bare")
        print(f"  {'within' if within else 'ABOVE'} the limit of {LIMIT} x bare")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
