"""Hosted fine-tuning: upload, create exactly one job, look, cancel, fetch what it made.

Everything but the creation may be repeated, and is, by the client's own retries. The creation is sent once; where its
answer is lost, the provider's list is searched for the run's metadata, and only that decides whether there is a job.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import openai

from harness.errors import EndpointError, InputError
from harness.models.clients import open_client
from harness.models.connect import Endpoint
from harness.models.endpoint import FAILURES, read_failure
from harness.models.outcomes import Outcome
from harness.models.replies import Reply
from harness.models.scrub import scrub
from harness.training.chatfile import ChatFile
from harness.training.runrecord import Keeper, RunRecord

if TYPE_CHECKING:
    from openai.types.fine_tuning import FineTuningJob

RETRIES = 4  # of what may be repeated: 0.5 s doubling to 8 s between them
EVENTS_A_PAGE = 100
# The client's pages fall over an HTML page with an AttributeError.
TROUBLES = (*FAILURES, AttributeError)
MOST_EVENTS = 5_000
MOST_CURVE_BYTES = 20 * 2**20
CLOSED = (
    "hosted fine-tuning is closed to this organisation: OpenAI takes new jobs only from organisations that are still "
    "active there, and from nobody after 2027-01-06\n"
    "  fine-tune on this machine instead: gonogo finetune --provider local TRAIN (the extra `train`)"
)
# After these a creation may or may not have happened; a 4xx says that it has not.
_UNCERTAIN = frozenset({Outcome.TIMEOUT, Outcome.CONNECTION, Outcome.SERVER_ERROR, Outcome.BAD_RESPONSE})


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a job: `level` info, warn or error; `data` has step and losses for metrics."""

    id: str
    created_at: int
    level: str
    message: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hosted:
    """Fine-tuning at one endpoint.

    Attributes:
        client: Its own retries are off; `_again` turns them on.
        settle_s: Seconds for which a job whose creation was not answered is searched for.
        pause_s: Seconds between two searches.
    """

    endpoint: Endpoint
    client: openai.OpenAI
    settle_s: float = 60.0
    pause_s: float = 2.0

    @property
    def _again(self) -> openai.OpenAI:
        return self.client.with_options(max_retries=RETRIES)

    def upload(self, file: ChatFile) -> str:
        """Upload a validated file; its id. A second upload after a lost answer costs nothing.

        Raises:
            EndpointError: it is not taken.
        """
        try:
            made = self._again.files.create(file=(file.path.name, file.data), purpose="fine-tune")
            return _text(made, "id")
        except TROUBLES as error:
            self._trouble("take the training file", error)

    def create(self, keeper: Keeper, order: Mapping[str, Any]) -> FineTuningJob:
        """Create the run's job by one request; where its answer is lost, the job is searched for.

        Args:
            keeper: Its record is written before the request is sent. `find` has shown that there is no job yet.
            order: Arguments of `fine_tuning.jobs.create`, without metadata.

        Raises:
            EndpointError: refused, closed to this organisation, or not known whether it was created.
        """
        record = keeper.record
        keeper.update(sent_at=time.time())
        try:
            job = self.client.fine_tuning.jobs.create(**order, metadata=record.metadata)
            _text(job, "id")
        except TROUBLES as error:
            if isinstance(error, openai.PermissionDeniedError):
                keeper.update(sent_at=0.0)
                raise EndpointError(f"{CLOSED}\n  the endpoint says: {self._reply(error).detail}") from None
            if self._reply(error).outcome not in _UNCERTAIN:
                keeper.update(sent_at=0.0)  # certainly not created
                self._trouble("create the job", error)
            found = self.find(keeper.record)
            if found is not None:
                return found
            self._trouble("say whether it created the job (its list shows none so far)", error)
        return job

    def find(self, record: RunRecord) -> FineTuningJob | None:
        """The job with the run's metadata; searched for while a creation that was sent may not be listed yet."""
        until = record.sent_at + self.settle_s
        while True:
            try:
                for job in self._again.fine_tuning.jobs.list(metadata=record.metadata, limit=100):
                    # An endpoint that does not know the filter lists all jobs.
                    if (job.metadata or {}).items() >= record.metadata.items():
                        return job
            except TROUBLES as error:
                self._trouble("list its fine-tuning jobs", error)
            left = until - time.time()
            if left <= 0:
                return None
            time.sleep(min(left, self.pause_s))

    def look(self, job_id: str) -> FineTuningJob:
        """The job as it stands.

        Raises:
            Exception: any of `TROUBLES`.
        """
        job = self._again.fine_tuning.jobs.retrieve(job_id)
        _text(job, "status")
        return job

    def events(self, job_id: str, known: frozenset[str]) -> list[Event]:
        """Events that are not known yet, oldest first.

        Raises:
            Exception: any of `TROUBLES`.
        """
        fresh: list[Event] = []
        for event in self._again.fine_tuning.jobs.list_events(job_id, limit=EVENTS_A_PAGE):  # newest first
            if event.id in known or len(fresh) == MOST_EVENTS:
                break
            data = event.data if isinstance(event.data, dict) else {}
            message = scrub(str(event.message), self.endpoint.key)
            fresh.append(Event(str(event.id), int(event.created_at or 0), str(event.level), message, data))
        return fresh[::-1]

    def cancel(self, job_id: str) -> FineTuningJob:
        """Cancel a job.

        Raises:
            EndpointError: there is no such job, or it has ended.
        """
        try:
            return self._again.fine_tuning.jobs.cancel(job_id)
        except TROUBLES as error:
            self._trouble(f"cancel the job {job_id}", error)

    def checkpoints(self, job_id: str) -> tuple[dict[str, Any], ...]:
        """Model id, step and metrics of each checkpoint, by step."""
        listed = self._again.fine_tuning.jobs.checkpoints.list(job_id, limit=100)
        found = [
            {
                "model": checkpoint.fine_tuned_model_checkpoint,
                "step": checkpoint.step_number,
                "metrics": {k: v for k, v in checkpoint.metrics.to_dict().items() if v is not None},
            }
            for checkpoint in listed
        ]
        return tuple(sorted(found, key=lambda entry: entry["step"]))

    def curve(self, file_ids: list[str]) -> tuple[dict[str, float], ...]:
        """The training curve of a job's result files, plain CSV or base64."""
        rows: list[dict[str, float]] = []
        for file_id in file_ids:
            rows += read_curve(self._again.files.content(file_id).content)
        return tuple(rows)

    def _reply(self, error: Exception) -> Reply:
        return read_failure(error, self.endpoint)

    def _trouble(self, what: str, error: Exception) -> NoReturn:
        reply = self._reply(error)
        todo = {
            Outcome.BAD_KEY: "check the key",
            Outcome.QUOTA_EXHAUSTED: "add credit or use another key",
            Outcome.UNKNOWN_MODEL: "check the model, the job id and the base_url: not every endpoint fine-tunes",
            Outcome.BAD_REQUEST: "check the model: gpt-4.1 and gpt-4.1-mini can be fine-tuned",
        }.get(reply.outcome, "run the same command again: it looks for the job before it creates one")
        code = getattr(error, "code", None)
        told = f" [{scrub(str(code))}]" if code else ""
        raise EndpointError(f"{self.endpoint.base_url} does not {what}: {reply.detail}{told}\n  {todo}") from None


def open_hosted(endpoint: Endpoint, *, settle_s: float = 60.0, pause_s: float = 2.0) -> Hosted:
    """Fine-tuning at an endpoint; the client is not to be shared between threads."""
    return Hosted(endpoint, open_client(endpoint), settle_s, pause_s)


def read_curve(content: bytes) -> list[dict[str, float]]:
    """Rows of a result file: `step,train_loss,...` as CSV, or the same in base64; cells that are empty are left out.

    Raises:
        InputError: neither.
    """
    if len(content) > MOST_CURVE_BYTES:
        raise InputError(f"the result file has {len(content):,} bytes")
    text = content.decode("utf-8", "replace")
    if not text.lstrip("\ufeff").startswith("step"):
        try:
            text = base64.b64decode(content, validate=False).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            text = ""
    if not text.lstrip("\ufeff").startswith("step"):
        raise InputError("the result file is no table of steps, neither plain nor in base64")
    rows = []
    for row in csv.DictReader(io.StringIO(text.lstrip("\ufeff"))):
        numbers = {name: _number(cell) for name, cell in row.items() if isinstance(name, str)}
        rows.append({name: value for name, value in numbers.items() if value is not None})
    return [row for row in rows if "step" in row]


def _number(cell: object) -> float | None:
    try:
        value = float(str(cell))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _text(made: object, field: str) -> str:
    """A field that must be there; ValueError where another kind of server answers."""
    value = getattr(made, field, None)
    if not isinstance(value, str) or not value:
        raise ValueError(f"no {field!r} in the reply")
    return value
