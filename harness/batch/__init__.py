"""Answers by the provider's batch endpoint: half the price, within 24 hours, into the same journal.

    fill([Wanted(spec, requests, decoding)], Path("runs/go2.jsonl"), connect=..., tell=print)

`fill` returns when the journal holds an answer to every request; whatever reads the journal then finds nothing left
to ask. What is on its way is kept in `<journal>.batches/` (`harness.batch.folder`), so that after a SIGKILL at any
point the same command goes on: each batch is created exactly once (`harness.batch.provider`), results are joined by
custom_id, which is the journal key of the request (`harness.batch.results`), and only what failed, expired or is
missing is asked again, in a batch of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from harness.answers import Connect
from harness.batch.folder import open_folder
from harness.batch.follow import Files, Model, Timing, Wanted
from harness.batch.provider import Provider
from harness.errors import EvidenceError, InputError
from harness.models.client import open_client
from harness.models.specs import ModelSpec

__all__ = ["Timing", "Wanted", "fill", "has_batches"]


def has_batches(spec: ModelSpec) -> bool:
    """True where a spec names a server that may have a batch endpoint."""
    return spec.kind in ("openai", "endpoint")


def fill(
    wanted: Sequence[Wanted],
    journal: Path,
    *,
    connect: Connect,
    tell: Callable[[str], None],
    timing: Timing | None = None,
) -> None:
    """Bring answers to all requests into the journal. The batches of all models are under way together.

    Args:
        wanted: What is wanted of each model.
        journal: JSONL file to read and append to, as of `harness.answers.collect`.
        connect: Opens an endpoint.
        tell: Told of progress, a line each time.
        timing: How often to look.

    Raises:
        InputError: a model has no batch endpoint, a request is too long, or a file cannot be written.
        EndpointError: the endpoint or the key cannot be used; nothing is lost.
        EvidenceError: some answers could not be had; the next run asks for them again.
    """
    without = next((one.spec for one in wanted if not has_batches(one.spec)), None)
    if without is not None:
        raise InputError(f"{without.text} has no batch endpoint", hint="leave out --batch for this model")
    timing = timing or Timing()
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder(journal))
        models = []
        for one in wanted:
            endpoint = stack.enter_context(connect(one.spec))
            client = stack.enter_context(open_client(endpoint))
            provider = Provider(endpoint, client, timing.settle_s, timing.pause_s)
            models.append(Model(one, Files(journal, folder), provider, tell, timing))
        while True:
            for model in models:
                model.send()
            if not any(model.open_batches for model in models):
                break
            time.sleep(timing.look_every_s)
            for model in models:
                model.look()
    lost = [model for model in models if model.missing]
    if lost:
        raise EvidenceError("\n".join(model.complaint() for model in lost))
