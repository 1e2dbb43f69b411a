"""Collect answers: read the journal, ask for what is missing, append each completion as it arrives.

Run the same command again after a crash, a kill or Ctrl-C and only what had not arrived is asked. The model's own
outcomes (answered, truncated, filtered, refused) stand; infrastructure outcomes are asked again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.answers import Journal, read_journal
from harness.ask.progress import Progress
from harness.errors import EndpointError
from harness.models.outcomes import Completion, Outcome
from harness.models.requests import Decoding, Request, request_keys
from harness.models.specs import OPENAI_URL_VARIABLE, ModelSpec

if TYPE_CHECKING:
    from harness.models.client import Client
    from harness.models.connect import Endpoint
    from harness.models.replies import Reply

FAILURES_IN_A_ROW = 8  # with no reply of the model among them, after retries: the endpoint is down, stop
Connect = Callable[[ModelSpec], "AbstractContextManager[Endpoint]"]


def collect(
    requests: Sequence[Request],
    spec: ModelSpec,
    decoding: Decoding,
    journal: Path,
    *,
    connect: Connect,
    progress: Progress | None = None,
    known_cases: Collection[str] | None = None,
    since: float = 0.0,
    complete: bool = True,
) -> list[Completion]:
    """Completions for all requests, in their order. Some may have infrastructure outcomes: check `outcome.scored`.

    Args:
        requests: What to ask; case id and sample together are unique.
        spec: The model. Of a recording the answers are read, nothing is asked and no journal is written.
        decoding: Sampling parameters.
        journal: JSONL file to read and append to; several models and processes may share it.
        connect: Opens the endpoint. Called only if something is missing, so a complete journal needs no network, no
            key and no embedded server.
        progress: Hears of each arrival, on the calling thread.
        known_cases: Ids that a recording may hold beside those asked for, with their commands: all of the pack's.
            Others are an error.
        since: Unix time: answers on file from before are asked anew, and the new ones are used from then on. They stay
            in the file.
        complete: A recording must hold all that is asked for; otherwise what it lacks is left out.

    Raises:
        InputError: the journal cannot be read or written.
        EndpointError: every further request would fail too (bad key, unknown model, quota, unreachable).
        EvidenceError: a recording lacks cases.
        KeyboardInterrupt: on Ctrl-C, when all that had arrived is in the journal.
    """
    if len({(request.case_id, request.sample) for request in requests}) < len(requests):
        raise ValueError("case id and sample must be unique among the requests")
    progress = progress or Progress()
    if spec.kind == "recorded":
        from harness.models.recorded import load_recording

        assert spec.path is not None, "parse_spec sets the path of a recording"
        return load_recording(spec.path, spec.text, requests, known_cases, complete=complete, notice=progress.note)
    keys = request_keys(tuple(requests), spec, decoding)
    elsewhere: dict[tuple[str, int], str] = {}  # where answers of this model came from that have another address

    def notice(one: Completion) -> None:
        if one.outcome.scored and one.model == spec.text and one.base_url != spec.address:
            elsewhere[one.case_id, one.sample] = one.base_url

    found = read_journal(journal, frozenset(keys), since=since, notice=notice)
    kept = {key: completion for key, completion in found.items() if completion.outcome.scored}
    missing = [(key, request) for key, request in zip(keys, requests, strict=True) if key not in kept]
    if spec.kind == "openai" and spec.address:
        progress.note(f"{spec.text}: asked at {spec.address}, which {OPENAI_URL_VARIABLE} names")
    unused = [elsewhere[place] for _, one in missing if (place := (one.case_id, one.sample)) in elsewhere]
    if unused:
        where = ", ".join(sorted({address or "an address that was not noted" for address in unused}))
        here = spec.address or spec.base_url
        progress.note(f"{spec.text}: {len(unused)} answers on file came from {where}, not from {here}: asked anew")
    progress.begin(spec.text, len(requests), len(kept))
    try:
        if missing:
            with Journal(journal, expected=len(missing)) as file, connect(spec) as endpoint:

                def keep(key: str, request: Request, reply: Reply, attempts: int) -> None:
                    place = (request.case_id, request.sample)
                    completion = completion_of(reply, key, spec, place, attempts=attempts, fresh=since > 0)
                    file.append(completion)
                    kept[key] = completion
                    progress.advance(completion)

                # asyncio.run turns Ctrl-C into a cancellation of the main task: requests in flight are dropped at once.
                asyncio.run(_ask_all(endpoint, decoding, missing, keep))
    except _FatalEndpointError as hopeless:
        # Counted only now: a reply on its way when the first worker gave up has been kept meanwhile.
        arrived = sum(completion.outcome.scored for completion in kept.values())
        reply = hopeless.reply
        raise EndpointError(trouble(spec, reply.outcome, reply.detail, arrived, len(requests))) from None
    finally:
        progress.end()
    return in_place(kept, keys, requests)


def in_place(kept: Mapping[str, Completion], keys: Sequence[str], requests: Sequence[Request]) -> list[Completion]:
    """What is kept, in the order of the requests, each with the case and sample of its key, whatever its row says."""
    pairs = zip(keys, requests, strict=True)
    return [replace(kept[key], case_id=one.case_id, sample=one.sample) for key, one in pairs if key in kept]


class _FatalEndpointError(Exception):
    """There is no use in going on after this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.outcome)
        self.reply = reply


async def _ask_all(
    endpoint: Endpoint,
    decoding: Decoding,
    missing: Sequence[tuple[str, Request]],
    keep: Callable[[str, Request, Reply, int], None],
) -> None:
    from harness.models.client import Client
    from harness.models.retry import ConcurrencyLimit, ask_with_retries

    limit = ConcurrencyLimit(endpoint.settings.concurrency, endpoint.settings.requests_per_minute)
    pending = iter(missing)
    failed_in_a_row = 0

    async def work(client: Client) -> None:
        nonlocal failed_in_a_row
        for key, request in pending:
            reply, attempts = await ask_with_retries(client, limit, request)
            keep(key, request, reply, attempts)
            failed_in_a_row = 0 if reply.outcome.scored else failed_in_a_row + 1
            unreachable = reply.outcome is Outcome.CONNECTION and not client.proven
            if reply.outcome.fatal or unreachable or failed_in_a_row >= FAILURES_IN_A_ROW:
                raise _FatalEndpointError(reply)

    try:
        async with Client(endpoint, decoding) as client, asyncio.TaskGroup() as group:
            # A bounded number of workers draws from one iterator: memory stays flat however much is asked.
            for _ in range(min(endpoint.settings.concurrency, len(missing))):
                group.create_task(work(client))
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


def completion_of(
    reply: Reply,
    key: str,
    spec: ModelSpec,
    place: tuple[str, int],
    *,
    attempts: int = 1,
    fresh: bool = False,
    adapted: tuple[str, ...] = (),
) -> Completion:
    """The record of a reply that has just arrived; its place is case id and sample.

    `adapted` is how all requests had been changed for this model, beside what the reply itself says.
    """
    taken = reply.shared() | {"latency_s": round(reply.latency_s, 4), "adapted": (*adapted, *reply.adapted)}
    at = round(time.time(), 3)
    return Completion(key, spec.text, *place, attempts=attempts, at=at, base_url=spec.address, fresh=fresh, **taken)


def trouble(spec: ModelSpec, outcome: Outcome, detail: str, arrived: int, total: int) -> str:
    """Why asking stops after a reply of this outcome, and what to do; `arrived` of `total` answers are kept."""
    what, todo = {
        Outcome.BAD_KEY: ("rejects the key", f"check {spec.api_key_env or 'the key'} in the environment or .env"),
        Outcome.UNKNOWN_MODEL: (
            f"does not offer the model {spec.model!r} to this key",
            "check the name (`gonogo models` lists what is offered) and the base_url",
        ),
        Outcome.QUOTA_EXHAUSTED: ("has no quota left for this key", "add credit or use another key"),
        Outcome.CONNECTION: ("cannot be reached", "check that it runs, its base_url and the network"),
        Outcome.RATE_LIMITED: ("keeps limiting the rate", "wait, or set `requests_per_minute` of the endpoint"),
        Outcome.TIMEOUT: ("gives no whole reply in time", "raise `timeout_s` of the endpoint, or try again later"),
        Outcome.BAD_RESPONSE: ("does not answer as an OpenAI-compatible endpoint", "check its base_url"),
        Outcome.BAD_REQUEST: ("rejects the requests", "check the decoding, the prompt and the endpoint's settings"),
    }.get(outcome, ("keeps failing", "try again later"))
    return (
        f"the endpoint of {spec.text} {what}{f' ({detail})' if detail else ''}\n"
        f"  {todo}; {arrived} of {total} answers are kept, run the same command to go on"
    )
