"""One model's batches from the first to the last answer: plan, send, look, bring home, and again for the rest."""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.answers import Journal, read_journal
from harness.ask.collect import completion_of, trouble
from harness.batch.folder import Folder, State
from harness.batch.inputs import Asking, Limits, plan_batches
from harness.batch.provider import Provider
from harness.batch.results import Result, read_results
from harness.errors import EndpointError
from harness.models.outcomes import Completion, Outcome
from harness.models.parameters import first_parameters, without
from harness.models.replies import Reply
from harness.models.requests import Decoding, Request, request_keys
from harness.models.specs import ModelSpec

if TYPE_CHECKING:
    from openai.types import Batch

FINAL = frozenset({"completed", "expired", "failed", "cancelled"})
FRUITLESS_ROUNDS = 2  # after which no more is asked in this run
_TOO_MUCH = "token_limit_exceeded"  # more tokens enqueued than the account may have


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds, and limits that tests make small.

    Attributes:
        look_every_s: Between two looks at what is under way.
        settle_s: For which a batch whose creation was not answered is searched for.
        pause_s: First wait between attempts.
    """

    look_every_s: float = 30.0
    settle_s: float = 30.0
    pause_s: float = 1.0
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of one model.

    Attributes:
        estimate: What so many requests cost, in words; told before anything is sent.
    """

    spec: ModelSpec
    requests: Sequence[Request]
    decoding: Decoding
    estimate: Callable[[int], str] = lambda count: f"{count} requests"


@dataclass(frozen=True, slots=True)
class Files:
    """Where answers go, and where batches under way are kept."""

    journal: Path
    folder: Folder


class Model:
    """One model's requests on their way.

    Attributes:
        missing: Key -> request of what is not answered yet.
        open_batches: Name -> what is known of the batches under way.
    """

    def __init__(
        self, wanted: Wanted, files: Files, provider: Provider, tell: Callable[[str], None], timing: Timing
    ) -> None:
        self.spec = wanted.spec
        self._wanted, self._journal, self._folder = wanted, files.journal, files.folder
        self._provider, self._timing, self._listener = provider, timing, tell
        self._asked = _hash(wanted.spec, wanted.decoding)
        self._hopeless: dict[str, Completion] = {}
        self._last: Completion | None = None
        self._rounds, self._fruitless, self._cancelled = 0, 0, False
        self._limits, self._most_open = timing.limits, 1_000_000
        self._told = ""
        self._parameters = first_parameters(wanted.decoding, provider.endpoint.settings)
        under_way = self._under_way()
        keys = request_keys(tuple(wanted.requests), wanted.spec, wanted.decoding)
        owed = {key for _, places in under_way for key in places}
        found = read_journal(self._journal, owed.union(keys))
        scored = {key for key, completion in found.items() if completion.outcome.scored}
        self.missing = {key: r for key, r in zip(keys, wanted.requests, strict=True) if key not in scored}
        self._owed = owed - scored - self.missing.keys()  # paid for by another command: kept when it arrives
        self._total, self._changed, self._before = len(keys), True, len(self.missing)
        self.open_batches: dict[str, State] = {}
        for state, places in under_way:
            if not places.keys().isdisjoint(self.missing):
                self.open_batches[state.name] = state
            elif scored.issuperset(places):  # all of it was brought home before a kill
                self._folder.save(replace(state, ended="completed"))

    def _under_way(self) -> list[tuple[State, dict[str, tuple[str, int]]]]:
        """Batches of this model that an earlier run sent; plans that it never sent are dropped."""
        found = []
        for state in self._folder.states():
            if state.model != self.spec.text or state.asked != self._asked:
                continue
            for name in state.rejected:
                self._parameters = without(self._parameters, name)
            if not state.sent_at:
                self._folder.drop(state)
            elif not state.ended:
                found.append((state, self._folder.requests(state)))
        return found

    def _tell(self, line: str) -> None:
        self._listener(f"{self.spec.text}: {line}")

    # Sending

    def send(self) -> None:
        """Finish what a killed run left half sent, then send what is missing and not on its way.

        Raises:
            EndpointError: the provider takes no batch.
        """
        for state in list(self.open_batches.values()):
            if not state.batch_id:
                self._submit(state)
        if self._cancelled or (self._rounds and self.open_batches):
            return  # what failed is asked again when the others have ended
        on_their_way = {key for state in self.open_batches.values() for key in self._folder.requests(state)}
        rest = [(k, r) for k, r in self.missing.items() if k not in on_their_way and k not in self._hopeless]
        if not rest or self._fruitless_rounds() >= FRUITLESS_ROUNDS:
            return
        self._tell(("again: " if self._rounds else "") + self._wanted.estimate(len(rest)))
        self._rounds += 1
        asking = Asking(self.spec.text, self._provider.endpoint.model, self._asked, self._parameters)
        plans = plan_batches(self._folder, rest, asking, self._limits)
        for state in itertools.islice(plans, self._most_open):
            self._submit(state)

    def _submit(self, state: State) -> None:
        """Upload and create one batch, each step written down before the next."""
        self.open_batches[state.name] = state
        if state.sent_at:
            found = self._provider.find(state.name, state.planned_at, state.sent_at + self._timing.settle_s)
            if found is not None:
                self._save(replace(state, batch_id=found.id))
                return
        if not state.file_id:
            state = self._save(
                replace(state, file_id=self._provider.upload(self._folder.input_path(state), state.name))
            )

        def sending() -> None:
            self._save(replace(state, sent_at=time.time()))

        batch = self._provider.create(state, sending)
        self._save(replace(self.open_batches[state.name], batch_id=batch.id))
        self._tell(f"batch {batch.id}: {state.count} requests, {state.size / 1e6:.1f} MB sent")

    def _save(self, state: State) -> State:
        self._folder.save(state)
        self.open_batches[state.name] = state
        return state

    # Following

    def look(self) -> None:
        """See how the batches are, and bring home those that have ended.

        Raises:
            EndpointError: a batch failed for a reason that every further one would meet too.
        """
        said = []
        for state in list(self.open_batches.values()):
            batch = self._provider.look(state.batch_id)
            counts = batch.request_counts
            said.append(f"{batch.id} {batch.status} {counts.completed + counts.failed if counts else 0}/{state.count}")
            # A completed batch has at least one file; one without is not quite ready.
            ready = batch.status != "completed" or batch.output_file_id or batch.error_file_id
            if batch.status in FINAL and ready:
                self._bring_home(state, batch)
        line = ", ".join(said)
        if line and line != self._told:
            self._told = line
            self._tell(line)

    def _bring_home(self, state: State, batch: Batch) -> None:
        """Everything of an ended batch into the journal; what it lacks stays missing."""
        places = self._folder.requests(state)
        waiting = {key for key in places if key in self.missing or key in self._owed}
        before, rejected = len(self.missing), set[str]()
        fatal: Completion | None = None
        with Journal(self._journal, expected=len(waiting)) as journal:
            for result in self._results(state, batch):
                if result.custom_id not in waiting:
                    continue  # not ours, or a second time: the first stands
                waiting.discard(result.custom_id)
                rejected.update(result.reply.refused)
                completion = self._keep(journal, state, result, places[result.custom_id])
                # What was refused by name is asked again in another way.
                fatal = completion if completion.outcome.fatal and not result.reply.refused else fatal
            for key in waiting if batch.status != "failed" else ():
                reply = Reply(Outcome.BAD_RESPONSE, detail=f"batch {batch.id} {batch.status} without this request")
                self._keep(journal, state, Result(key, reply), places[key])
        self._adapt(rejected)
        self._save(replace(state, ended=batch.status, rejected=tuple(sorted(rejected))))
        del self.open_batches[state.name]
        gained = before - len(self.missing)
        self._tell(f"batch {batch.id} {batch.status}: {gained} answers, {state.count - gained} without")
        self._cancelled = self._cancelled or batch.status == "cancelled"
        if fatal is not None:
            raise EndpointError(
                trouble(self.spec, fatal.outcome, fatal.detail, self._total - len(self.missing), self._total)
            )
        if batch.status == "failed":
            self._refused(state, batch)

    def _results(self, state: State, batch: Batch) -> Iterator[Result]:
        scratch = self._folder.scratch_path(state)
        for file_id in (batch.output_file_id, batch.error_file_id):
            if file_id:
                self._provider.download(file_id, scratch)
                endpoint = self._provider.endpoint
                yield from read_results(scratch, *endpoint.secrets, strip_reasoning=endpoint.settings.strip_reasoning)

    def _keep(self, journal: Journal, state: State, result: Result, place: tuple[str, int]) -> Completion:
        reply, key = result.reply, result.custom_id
        completion = completion_of(reply, key, self.spec, place, adapted=state.adapted)
        journal.append(completion)
        self._owed.discard(key)
        if completion.outcome.scored:
            self.missing.pop(key, None)
        else:
            self._last = completion
            if completion.outcome is Outcome.BAD_REQUEST and not reply.refused:
                self._hopeless[key] = completion  # the same request would be rejected again
        return completion

    def _adapt(self, rejected: set[str]) -> None:
        for name in sorted(rejected):
            parameters = without(self._parameters, name)
            self._changed = self._changed or parameters is not self._parameters
            self._parameters = parameters

    def _fruitless_rounds(self) -> int:
        """Rounds in a row, up to the last, that brought no answer and taught nothing."""
        fruitful = self._changed or len(self.missing) < self._before
        self._fruitless = 0 if fruitful else self._fruitless + 1
        self._changed, self._before = False, len(self.missing)
        return self._fruitless

    def _refused(self, state: State, batch: Batch) -> None:
        """A batch that never ran. Too many tokens enqueued: fewer at once, or smaller ones; else it is the end."""
        errors = (batch.errors.data or []) if batch.errors else []
        codes = {error.code for error in errors}
        if _TOO_MUCH in codes and (self.open_batches or state.count > 1):
            self._changed = True
            self._most_open = max(1, len(self.open_batches))
            if not self.open_batches:
                self._limits = replace(self._limits, requests=state.count // 2)
            return
        said = "; ".join(f"{error.code or ''} {error.message or ''}".strip() for error in errors[:3])
        raise EndpointError(
            f"the batch {batch.id} of {self.spec.text} was refused: {said or 'no reason given'}\n"
            "  mend what it says and run the same command: everything that arrived is kept"
        )

    def complaint(self) -> str:
        """Why answers are missing at the end, in words."""
        first = next(iter(self._hopeless.values()), self._last)
        why = "the batch was cancelled" if self._cancelled else f"{first.outcome}: {first.detail}" if first else "?"
        return (
            f"INVALID: {len(self.missing)} of {self._total} answers of {self.spec.text} could not be had by batch "
            f"({why})\n  what arrived is kept; run the same command again to ask for the rest"
        )


def _hash(spec: ModelSpec, decoding: Decoding) -> str:
    asked = [spec.base_url, spec.model, decoding.to_record(), *([spec.asked_as] if spec.asked_as else [])]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
