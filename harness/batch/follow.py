"""From requests to answers by batch, and on from wherever an earlier run was stopped.

`fill` returns when the journal holds an answer to every request; whatever reads the journal then finds nothing left to
ask. What is on its way is on disk (`harness.batch.folder`), so that after a SIGKILL at any point the same command goes
on: each batch is created exactly once (`harness.batch.provider`), results are joined by custom_id, which is the journal
key of the request, and only what failed, expired or is missing is asked again, in a batch of its own.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.answers import Journal, read_journal
from harness.ask.collect import Connect, completion_of, trouble
from harness.batch import provider
from harness.batch.folder import Folder, State, open_folder, plan_batches
from harness.batch.provider import BatchOptions
from harness.errors import EndpointError, EvidenceError, InputError
from harness.models.answer_form import as_list
from harness.models.client import open_client
from harness.models.outcomes import Completion, Outcome
from harness.models.parameters import first_parameters, without
from harness.models.replies import Reply
from harness.models.requests import Decoding, Request, request_keys
from harness.models.resources import Resources
from harness.models.specs import ModelSpec

if TYPE_CHECKING:
    from openai.types import Batch

FINAL = frozenset({"completed", "expired", "failed", "cancelled"})
ROUNDS_WITHOUT_PROGRESS = 2  # after which no more is asked in this run
Show = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of one model."""

    spec: ModelSpec
    requests: Sequence[Request]
    decoding: Decoding
    estimate: Callable[[int], str] = "{} requests".format  # what so many cost, shown before anything is sent


def has_batches(spec: ModelSpec) -> bool:
    """True where a spec names a server that may have a batch endpoint."""
    return spec.kind in ("openai", "endpoint")


def fill(
    wanted: Sequence[Wanted], journal: Path, *, connect: Connect, show: Show, options: BatchOptions | None = None
) -> None:
    """Bring answers to all requests into the journal. The batches of all models are under way together.

    Raises:
        InputError: a model has no batch endpoint, a request is too long, or a file cannot be written.
        EndpointError: the endpoint or the key cannot be used; nothing is lost.
        EvidenceError: some answers could not be had; the next run asks for them again.
    """
    without_endpoint = next((one.spec.text for one in wanted if not has_batches(one.spec)), None)
    if without_endpoint is not None:
        raise InputError(f"{without_endpoint} has no batch endpoint", hint="leave out --batch for this model")
    options = options or BatchOptions()
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder(journal))
        models = []
        for one in wanted:
            endpoint = stack.enter_context(connect(one.spec))
            client = stack.enter_context(open_client(endpoint))
            calls = Resources(endpoint, client, options.pause_s, options.settle_s)
            models.append(_ModelBatches(one, journal, folder, calls, options, show))
        while True:
            for model in models:
                model.send()
            if not any(model.under_way for model in models):
                break
            time.sleep(options.look_every_s)
            for model in models:
                model.look()
    complaints = [model.complaint() for model in models if model.missing]
    if complaints:
        raise EvidenceError("\n".join(complaints))


class _ModelBatches:
    """One model's requests on their way."""

    def __init__(  # noqa: PLR0917  what following is made of
        self, wanted: Wanted, journal: Path, folder: Folder, calls: Resources, options: BatchOptions, show: Show
    ) -> None:
        self._wanted, self._spec = wanted, wanted.spec
        self._journal, self._folder, self._calls, self._show_line = journal, folder, calls, show
        asked = [self._spec.base_url, self._spec.model, wanted.decoding.to_record()]
        asked += [self._spec.asked_as] if self._spec.asked_as else []
        self._asked = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        self._parameters = first_parameters(wanted.decoding, calls.endpoint.settings)
        self._limits = (options.most_requests, options.most_bytes)
        self._most_open: int | None = None
        self._failed: dict[str, Completion] = {}
        self._rejected: set[str] = set()  # requests that would be rejected again as they stand
        self._rounds, self._without_progress, self._cancelled, self._learnt = 0, 0, False, True
        self._shown = ""

        earlier = self._sent_earlier()
        keys = request_keys(tuple(wanted.requests), self._spec, wanted.decoding)
        sent = {key for _, places in earlier for key in places}
        found = read_journal(journal, sent.union(keys))
        scored = {key for key, completion in found.items() if completion.outcome.scored}
        # What is not answered yet
        self.missing = {key: r for key, r in zip(keys, wanted.requests, strict=True) if key not in scored}
        self._owed = sent - scored - self.missing.keys()  # paid for by another command: kept when it arrives
        self._total = len(keys)
        self._missing_before = len(self.missing)
        self.under_way: dict[str, State] = {}  # planned or sent, and not ended
        for state, places in earlier:
            if not places.keys().isdisjoint(self.missing):
                self.under_way[state.name] = state
            elif scored.issuperset(places):  # all of it was in the journal before a kill
                folder.save(replace(state, ended="completed"))

    def _sent_earlier(self) -> list[tuple[State, dict[str, tuple[str, int]]]]:
        """Batches of this model that an earlier run sent; plans that it never sent are dropped."""
        found = []
        for state in self._folder.states():
            if state.model != self._spec.text or state.asked != self._asked:
                continue
            for name in state.rejected:
                self._parameters = without(self._parameters, name)
            if not state.sent_at:
                self._folder.drop(state)
            elif not state.ended:
                found.append((state, self._folder.requests(state)))
        return found

    def _show(self, line: str) -> None:
        self._show_line(f"{self._spec.text}: {line}")

    def _save(self, state: State) -> State:
        self._folder.save(state)
        self.under_way[state.name] = state
        return state

    def send(self) -> None:
        """Finish what a killed run left half sent, then send what is missing and not on its way."""
        for state in list(self.under_way.values()):
            if not state.batch_id:
                self._submit(state)
        if self._cancelled or (self._rounds and self.under_way):
            return  # what failed is asked again when the others have ended
        on_their_way = {key for state in self.under_way.values() for key in self._folder.requests(state)}
        rest = [(k, r) for k, r in self.missing.items() if k not in on_their_way and k not in self._rejected]
        if not rest:
            return
        progress = self._learnt or len(self.missing) < self._missing_before
        self._without_progress = 0 if progress else self._without_progress + 1
        self._learnt, self._missing_before = False, len(self.missing)
        if self._without_progress >= ROUNDS_WITHOUT_PROGRESS:
            return
        self._show(("again: " if self._rounds else "") + self._wanted.estimate(len(rest)))
        self._rounds += 1
        plans = plan_batches(self._folder, rest, self._spec, self._asked, self._parameters, limits=self._limits)
        for state in itertools.islice(plans, self._most_open):
            self._submit(state)

    def _submit(self, state: State) -> None:
        """Upload and create one batch, each step written down before the next."""
        self.under_way[state.name] = state
        if state.sent_at:
            found = provider.find(self._calls, state, state.sent_at)
            if found is not None:
                self._save(replace(state, batch_id=found.id))
                return
        if not state.file_id:
            file_id = provider.upload(self._calls, self._folder.path(state, "input.jsonl"), state.name)
            state = self._save(replace(state, file_id=file_id))
        batch = provider.create(self._calls, state, lambda: self._save(replace(state, sent_at=time.time())))
        self._save(replace(self.under_way[state.name], batch_id=batch.id))
        self._show(f"batch {batch.id}: {state.count} requests, {state.size / 1e6:.1f} MB sent")

    def look(self) -> None:
        """See how the batches are, and take in those that have ended."""
        seen = []
        for state in list(self.under_way.values()):
            batch = provider.look_at(self._calls, state.batch_id)
            counts = batch.request_counts
            seen.append(f"{batch.id} {batch.status} {counts.completed + counts.failed if counts else 0}/{state.count}")
            # A completed batch has at least one file; one without is not quite ready.
            if batch.status in FINAL and (batch.status != "completed" or batch.output_file_id or batch.error_file_id):
                self._take_in(state, batch)
        line = ", ".join(seen)
        if line and line != self._shown:
            self._shown = line
            self._show(line)

    def _take_in(self, state: State, batch: Batch) -> None:
        """Everything of an ended batch into the journal; what it lacks stays missing."""
        places = self._folder.requests(state)
        waiting = {key for key in places if key in self.missing or key in self._owed}
        before, refused = len(self.missing), set[str]()
        fatal: Reply | None = None
        with Journal(self._journal, expected=len(waiting)) as journal:
            for key, reply in self._replies(state, batch, waiting):
                completion = completion_of(reply, key, self._spec, places[key], adapted=state.adapted)
                journal.append(completion)
                self._owed.discard(key)
                if reply.outcome.scored:
                    self.missing.pop(key, None)
                    continue
                self._failed[key] = completion
                if reply.refused:  # by name: it is asked again in another way
                    refused.update(reply.refused)
                elif reply.outcome.fatal:
                    fatal = reply
                elif reply.outcome is Outcome.BAD_REQUEST:
                    self._rejected.add(key)
        for name in sorted(refused):
            adapted = without(self._parameters, name)
            self._learnt = self._learnt or adapted is not self._parameters
            self._parameters = adapted
        self._save(replace(state, ended=batch.status, rejected=tuple(sorted(refused))))
        del self.under_way[state.name]
        gained = before - len(self.missing)
        self._show(f"batch {batch.id} {batch.status}: {gained} answers, {state.count - gained} without")
        self._cancelled = self._cancelled or batch.status == "cancelled"
        if fatal is not None:
            arrived = self._total - len(self.missing)
            raise EndpointError(trouble(self._spec, fatal.outcome, fatal.detail, arrived, self._total))
        if batch.status == "failed":
            self._make_smaller(state, batch)

    def _replies(self, state: State, batch: Batch, waiting: set[str]) -> Iterator[tuple[str, Reply]]:
        """One reply to each request that is waited for; a batch that never ran has none."""
        for key, reply in provider.results(self._calls, batch, self._folder.path(state, "results.jsonl")):
            if key in waiting:  # else not ours, or a second time: the first stands
                waiting.discard(key)
                yield key, as_list(reply, self._wanted.decoding.answer_form)
        if batch.status != "failed":
            absent = Reply(Outcome.BAD_RESPONSE, detail=f"batch {batch.id} {batch.status} without this request")
            yield from ((key, absent) for key in waiting)

    def _make_smaller(self, state: State, batch: Batch) -> None:
        """After a batch that never ran: fewer at once, or smaller ones, if it was more than the account may enqueue."""
        errors = (batch.errors.data or []) if batch.errors else []
        too_much = "token_limit_exceeded" in {error.code for error in errors}
        if too_much and self.under_way:
            self._most_open = len(self.under_way)
        elif too_much and state.count > 1:
            self._most_open, self._limits = 1, (state.count // 2, self._limits[1])
        else:
            said = "; ".join(f"{error.code or ''} {error.message or ''}".strip() for error in errors[:3])
            raise EndpointError(
                f"the batch {batch.id} of {self._spec.text} was refused: {said or 'no reason given'}\n"
                "  fix what it says and run the same command: everything that arrived is kept"
            )
        self._learnt = True

    def complaint(self) -> str:
        """Why answers are missing at the end, in words."""
        lost = [self._failed[key] for key in self.missing if key in self._failed]
        why = "the batch was cancelled" if self._cancelled else f"{lost[0].outcome}: {lost[0].detail}" if lost else "?"
        return (
            f"INVALID: {len(self.missing)} of {self._total} answers of {self._spec.text} could not be had by batch "
            f"({why})\n  what arrived is kept; run the same command again to ask for the rest"
        )
