"""Collect answers: read the journal, ask for what is missing, append each completion as it arrives.

Run the same command again after a crash, a kill or Ctrl-C and only what had not arrived is asked. The model's own
outcomes (answered, truncated, filtered, refused) stand; infrastructure outcomes are asked again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness.errors import EndpointError
from harness.journal import Journal, read_journal
from harness.models.outcomes import Completion, Outcome
from harness.models.requests import Decoding, Request, request_keys
from harness.models.specs import OPENAI_URL_VARIABLE, ModelSpec

if TYPE_CHECKING:
    from harness.config import Settings
    from harness.models.client import Client
    from harness.models.connect import Endpoint
    from harness.models.replies import Reply
    from harness.models.retry import ConcurrencyLimit

__all__ = ["Decoding", "NoProgress", "Progress", "Request", "collect"]

FAILURES_IN_A_ROW = 8  # with no reply of the model among them, after retries: the endpoint is down, stop

_Pending = Iterator[tuple[int, str, Request]]


class Progress(Protocol):
    """What is told of a running collection. `harness.progress` shows it as a bar."""

    def note(self, line: str) -> None:
        """Something that the user should know of this collection, in one line."""

    def begin(self, model: str, total: int, kept: int) -> None:
        """`total` answers are wanted of `model`, `kept` of them are on file."""

    def advance(self, completion: Completion) -> None:
        """One more completion has arrived and is in the journal; it may have an infrastructure outcome."""

    def end(self) -> None:
        """The collection is over, also after an error or Ctrl-C."""


class NoProgress:
    """Tells nobody."""

    def note(self, line: str) -> None:
        """Nothing."""

    def begin(self, model: str, total: int, kept: int) -> None:
        """Nothing."""

    def advance(self, completion: Completion) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""


Connect = Callable[[ModelSpec], "AbstractContextManager[Endpoint]"]


def collect(
    requests: Sequence[Request],
    spec: ModelSpec,
    decoding: Decoding,
    journal: Path,
    *,
    settings: Settings | None = None,
    connect: Connect | None = None,
    progress: Progress | None = None,
    known_cases: Collection[str] | None = None,
    since: float = 0.0,
) -> list[Completion]:
    """Completions for all requests, in their order.

    Args:
        requests: What to ask; case id and sample together are unique.
        spec: The model. Of a recording the answers are read, nothing is asked and no journal is written.
        decoding: Sampling parameters.
        journal: JSONL file to read and append to; several models and processes may share it.
        settings: Where the endpoint's key is; needed for models that have one.
        connect: Opens the endpoint, by default `harness.models.connect.connect`. Called only if something is
            missing, so a complete journal needs no network, no key and no embedded server.
        progress: Told of each arrival, on the calling thread.
        known_cases: Ids that a recording may hold beside those asked for: all of the pack's. Others are an error.
        since: Unix time: answers on file from before are asked anew, and the new ones are used from then on. They stay
            in the file.

    Returns:
        One completion for each request. Some may have infrastructure outcomes: check `outcome.scored`.

    Raises:
        InputError: the journal cannot be read or written.
        EndpointError: every further request would fail too (bad key, unknown model, quota, unreachable).
        EvidenceError: a recording lacks cases.
        KeyboardInterrupt: on Ctrl-C, when all that had arrived is in the journal.
    """
    wanted = tuple(requests)
    if len({(request.case_id, request.sample) for request in wanted}) < len(wanted):
        raise ValueError("case id and sample must be unique among the requests")
    progress = progress or NoProgress()
    if spec.kind == "recorded":
        from harness.models.recorded import load_recording

        assert spec.path is not None, "parse_spec sets the path of a recording"
        return load_recording(spec.path, spec.text, wanted, known_cases)
    keys = request_keys(wanted, spec, decoding)
    places = {(request.case_id, request.sample) for request in wanted}
    elsewhere: dict[tuple[str, int], str] = {}

    def notice(one: Completion) -> None:
        place = (one.case_id, one.sample)
        if one.outcome.scored and one.model == spec.text and one.base_url != spec.address and place in places:
            elsewhere[place] = one.base_url

    found = read_journal(journal, frozenset(keys), since=since, notice=notice)
    kept = {key: completion for key, completion in found.items() if completion.outcome.scored}
    results = [kept.get(key) for key in keys]
    missing = [(i, key, request) for i, (key, request) in enumerate(zip(keys, wanted, strict=True)) if not results[i]]
    unused = [at for _, _, r in missing if (at := elsewhere.get((r.case_id, r.sample))) is not None]
    if spec.kind == "openai" and spec.address:
        progress.note(f"{spec.text}: asked at {spec.address}, which {OPENAI_URL_VARIABLE} names")
    if unused:
        progress.note(_from_elsewhere(spec, unused))
    progress.begin(spec.text, len(wanted), len(wanted) - len(missing))
    try:
        if missing:
            with Journal(journal, expected=len(missing)) as file:
                run = _Run(spec, decoding, file, progress, results, fresh=since > 0)
                _ask(run, missing, connect or _default_connect(settings))
    finally:
        progress.end()
    return [completion for completion in results if completion is not None]


def _from_elsewhere(spec: ModelSpec, addresses: Sequence[str]) -> str:
    """That there are answers on file which look like those wanted and are not used."""
    where = ", ".join(sorted({address or "an address that was not noted" for address in addresses}))
    return (
        f"{spec.text}: {len(addresses)} answers on file came from {where}, not from {spec.address or spec.base_url}: "
        "asked anew"
    )


def _default_connect(settings: Settings | None) -> Connect:
    from harness.models.connect import connect

    return lambda spec: connect(spec, settings)


def _ask(run: _Run, missing: list[tuple[int, str, Request]], connect: Connect) -> None:
    with connect(run.spec) as endpoint:
        # asyncio.run turns Ctrl-C into a cancellation of the main task: in-flight requests are dropped at once.
        asyncio.run(_ask_all(run, endpoint, missing))


async def _ask_all(run: _Run, endpoint: Endpoint, missing: list[tuple[int, str, Request]]) -> None:
    from harness.models.client import Client
    from harness.models.retry import ConcurrencyLimit

    pace = ConcurrencyLimit(endpoint.settings.concurrency, endpoint.settings.requests_per_minute)
    pending = iter(missing)
    try:
        async with Client(endpoint, run.decoding) as client, asyncio.TaskGroup() as group:
            # A bounded number of workers draws from one iterator: memory stays flat however much is asked.
            for _ in range(min(endpoint.settings.concurrency, len(missing))):
                group.create_task(run.work(client, pace, pending))
    except BaseExceptionGroup as failures:
        first = failures.exceptions[0]
        # Said only now: a reply on its way when the first worker gave up has been kept meanwhile.
        raise run.stopped(first) if isinstance(first, _HopelessError) else first from None


class _HopelessError(Exception):
    """There is no use in going on after this completion."""

    def __init__(self, completion: Completion) -> None:
        super().__init__(completion.outcome)
        self.completion = completion


@dataclass
class _Run:
    """State of one collection: where completions go and how many requests failed in a row."""

    spec: ModelSpec
    decoding: Decoding
    journal: Journal
    progress: Progress
    results: list[Completion | None]
    fresh: bool
    failed_in_a_row: int = 0

    async def work(self, client: Client, pace: ConcurrencyLimit, pending: _Pending) -> None:
        """Ask for one after another until none is left."""
        from harness.models.retry import ask_with_retries

        for index, key, request in pending:
            reply, attempts = await ask_with_retries(client, pace, request)
            completion = replace(_completion(key, self.spec, request, reply, attempts), fresh=self.fresh)
            self.journal.append(completion)
            self.results[index] = completion
            self.progress.advance(completion)
            self._stop_if_hopeless(completion, proven=client.proven)

    def _stop_if_hopeless(self, completion: Completion, *, proven: bool) -> None:
        outcome = completion.outcome
        self.failed_in_a_row = 0 if outcome.scored else self.failed_in_a_row + 1
        unreachable = outcome is Outcome.CONNECTION and not proven
        if outcome.fatal or unreachable or self.failed_in_a_row >= FAILURES_IN_A_ROW:
            raise _HopelessError(completion)

    def stopped(self, error: _HopelessError) -> EndpointError:
        """What the user is told once all workers have ended."""
        arrived = sum(1 for result in self.results if result is not None and result.outcome.scored)
        return EndpointError(trouble(self.spec, error.completion, arrived, len(self.results)))


def _completion(key: str, spec: ModelSpec, request: Request, reply: Reply, attempts: int) -> Completion:
    return Completion(
        key=key,
        model=spec.text,
        case_id=request.case_id,
        sample=request.sample,
        outcome=reply.outcome,
        text=reply.text,
        detail=reply.detail,
        finish_reason=reply.finish_reason,
        served_model=reply.served_model,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        latency_s=round(reply.latency_s, 4),
        attempts=attempts,
        adapted=reply.adapted,
        at=round(time.time(), 3),
        base_url=spec.address,
        raw=reply.raw,
        reasoning_tokens=reply.reasoning_tokens,
    )


def trouble(spec: ModelSpec, completion: Completion, arrived: int, total: int) -> str:
    """Why asking stops, and what to do about it.

    Args:
        spec: The model.
        completion: The one after which there is no use in going on.
        arrived: Scored answers that are kept.
        total: Answers wanted.
    """
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
    }.get(completion.outcome, ("keeps failing", "try again later"))
    detail = f" ({completion.detail})" if completion.detail else ""
    return (
        f"the endpoint of {spec.text} {what}{detail}\n"
        f"  {todo}; {arrived} of {total} answers are kept, run the same command to go on"
    )
