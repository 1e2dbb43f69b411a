"""`gonogo finetune --provider openai`: price, confirm, upload, create exactly one job, follow it to its model.

The creation is sent once, after the run's record says so; where its answer is lost, the provider's list decides whether
there is a job. A run is named by a hash of what is asked for: the same command finds its record, or else its job.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai
from pydantic import BaseModel, ValidationError
from tenacity import Retrying, retry_if_result, wait_fixed

from harness.config import Settings
from harness.errors import EndpointError, InputError
from harness.files import os_errors, read_json, validated, write_whole
from harness.models.client import open_client
from harness.models.connect import connect
from harness.models.resources import LOOKS, TROUBLES, UNCERTAIN, Resources
from harness.models.specs import arm_of, parse_spec
from harness.pack import Pack
from harness.prices import load_training_price
from harness.text import redacted_line
from harness.training.chatfile import ChatFile, read_pair
from harness.training.console import confirm_cost, lock, show, tell

if TYPE_CHECKING:
    from openai.types.fine_tuning import FineTuningJob

IN_VAIN = ("failed", "cancelled")
FINAL = ("succeeded", *IN_VAIN)  # every other status, known or not, is not final
CREATE = "create the job"
CLOSED = """hosted fine-tuning is closed to this organisation, and from 2027-01-06 to all
  fine-tune on this machine instead: gonogo finetune --provider local TRAIN (the extra `train`)"""


class Record(BaseModel):
    """What is known of one run: never a key."""

    asked: dict[str, Any]  # endpoint, model, hyperparameters, seed, suffix; hash, length and tokens of each file
    cost_usd: float | None = None
    sent_at: float = 0.0  # Unix time at which the creation was sent; 0 before
    job: str = ""
    status: str = ""
    fine_tuned_model: str | None = None
    trained_tokens: int | None = None
    error: str = ""


@dataclass(slots=True)
class HostedRun:
    """One run at one endpoint, and the file that holds its record."""

    calls: Resources
    path: Path
    metadata: dict[str, str]  # what the job carries and is looked up by
    record: Record

    def update(self, **changes: Any) -> None:
        """Change the record and replace its file, whole or not at all: a paid job must not be forgotten.

        Raises:
            EndpointError: the endpoint told what no record can hold; the last one stays.
        """
        try:
            self.record = Record.model_validate(self.record.model_dump() | changes)
        except ValidationError as error:
            first = error.errors()[0]
            told = f"the job's {first['loc'][0]} cannot be used: {first['msg']}"
            raise EndpointError(f"{self.calls.endpoint.base_url}: {told}") from None
        with os_errors(self.path, "cannot be written", "choose --runs"):
            write_whole(self.path, self.record.model_dump_json(indent=1) + "\n", durable=True)

    def upload(self, file: ChatFile) -> str:
        """Upload a checked file; its id. A second upload after a lost answer costs nothing."""
        sent, files = (file.path.name, file.data), self.calls.client.files
        send = partial(files.create, file=sent, purpose="fine-tune")
        return self.calls.repeat("take the file", send, needs="id").id

    def find(self) -> FineTuningJob | None:
        """The run's job, unless it ended in vain; searched for while one that was sent may not be listed yet."""

        def look() -> FineTuningJob | None:
            listed = self.calls.client.fine_tuning.jobs.list(metadata=self.metadata, limit=100)
            # An endpoint that does not know the filter lists all jobs.
            ours = (job for job in listed if (job.metadata or {}).items() >= self.metadata.items())
            return next((job for job in ours if job.status not in IN_VAIN), None)

        return self.calls.search("list its fine-tuning jobs", look, self.record.sent_at)

    def create(self, order: dict[str, Any]) -> FineTuningJob:
        """Create the job by one request; where its answer is lost, the job is searched for."""

        def send() -> FineTuningJob:
            self.update(sent_at=time.time())
            try:
                return self.calls.client.fine_tuning.jobs.create(**order, metadata=self.metadata)
            except TROUBLES as error:
                if self.calls.outcome(error) not in UNCERTAIN:
                    self.update(sent_at=0.0)  # certainly not created
                if isinstance(error, openai.PermissionDeniedError):
                    raise self.calls.trouble(CREATE, error, CLOSED) from None
                raise

        return self.calls.create(CREATE, send, self.find, attempts=1)

    def follow(self, poll_s: float) -> None:
        """Look at the job until it is final, the record written at each look; an error if it brought no model."""
        jobs, key = self.calls.client.fine_tuning.jobs, self.calls.endpoint.key

        def look() -> str:
            what = f"tell of the job {self.record.job}, which goes on there"
            job = self.calls.repeat(what, partial(jobs.retrieve, self.record.job), needs="id", attempts=LOOKS)
            if job.status != self.record.status:
                tell(f"{job.id}: {redacted_line(str(job.status))}")
            code, message = (getattr(job.error, name, "") for name in ("code", "message"))
            error = f"{code}: {message}" if code else ""
            told = {name: getattr(job, name, None) for name in ("fine_tuned_model", "trained_tokens")}
            self.update(**told, status=str(job.status), error=redacted_line(error, key))
            return self.record.status

        Retrying(retry=retry_if_result(lambda status: status not in FINAL), wait=wait_fixed(poll_s))(look)
        run = self.record
        if run.status == "succeeded" and run.fine_tuned_model:
            return
        # Some failures are told in the events alone; newest first.
        page = self.calls.repeat("tell its events", partial(jobs.list_events, run.job, limit=50))
        events = [str(event.message) for event in reversed(page.data) if event.level in ("warn", "error")]
        said = [run.error, *(redacted_line(event, key) for event in events)]
        told = "\n  ".join([f"the job {run.job} ended without a model: {run.status}", *filter(None, said)])
        if run.error.startswith("invalid_"):  # the files, or their number of examples
            raise InputError(told, hint="correct the file and run the command again")
        raise EndpointError(f"{told}\n  run the command again to try anew")


def run_hosted(args: argparse.Namespace, pack: Pack, settings: Settings) -> int:
    """Run one command line; 0 if it ends with a model, or with the cancellation asked for."""
    spec = parse_spec(arm_of(args.model, settings).model, settings, pack.adapters)
    if spec.kind not in ("openai", "endpoint"):
        raise InputError(f"{spec.text} cannot be tuned by a provider", hint="use --provider local for an open model")
    files = [] if args.cancel else [file for file in read_pair(args.train, args.validation) if file]
    with connect(spec, settings) as endpoint, open_client(endpoint) as client:
        calls = Resources(endpoint, client)
        if args.cancel:
            try:
                show(f"{args.cancel}: {client.fine_tuning.jobs.cancel(args.cancel).status}")
            except TROUBLES as error:
                raise calls.trouble(f"cancel the job {args.cancel}", error) from None
            return 0
        train, validation = [*(file.summary() for file in files), None][:2]
        asked = {name: getattr(args, name) for name in ("epochs", "batch_size", "learning_rate", "seed", "suffix")}
        asked |= {"endpoint": endpoint.base_url, "model": spec.model, "train": train, "validation": validation}
        name = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
        path = args.runs / "finetune" / f"{name}.json"
        with lock(path):
            run = HostedRun(calls, path, {"run": name}, _on_file(path, Record(asked=asked)))
            if not run.record.job:
                _start(args, run, spec.model, files)
            tell(f"job {run.record.job}; record: {path}")
            try:
                run.follow(args.poll)
            except KeyboardInterrupt:
                end = f"--provider openai --model {spec.text} --cancel {run.record.job}"
                tell(f"\nthe job goes on there: the same command follows it, `gonogo finetune {end}` ends it")
                raise
            show(f"tuned model: {spec.text.partition(':')[0]}:{run.record.fine_tuned_model}")
            show(f"billed tokens: {run.record.trained_tokens or 'not told'}\nrun record: {path}")
    return 0


def _on_file(path: Path, new: Record) -> Record:
    """The run's record so far; a fresh one after a failure."""
    if not path.exists():
        return new
    hint = "move it away; the provider's job is found by its metadata"
    record = validated(Record, read_json(path, hint=hint), path, "a run record")
    return new if record.status in IN_VAIN else record


def _start(args: argparse.Namespace, run: HostedRun, model: str, files: list[ChatFile]) -> None:
    """Confirm the cost, upload, create the job; or find the one that an earlier, interrupted start created."""
    job = run.find()
    if job is None:
        train = files[0]
        price, tokens = load_training_price(model, args.prices), train.tokens * args.epochs
        cost = None if price is None else tokens * price.usd / 1e6
        dollars = f"about ${cost:.2f} (${price.usd:g} a million, read {price.read})" if price else "price unknown"
        size = f"{len(train.examples):,} examples, about {train.tokens:,} tokens, {args.epochs} epochs"
        confirm_cost(f"{model}: {size}: {tokens:,} tokens: {dollars}", free=False, yes=args.yes)
        run.update(cost_usd=cost)
        numbers = {"n_epochs": args.epochs, "batch_size": args.batch_size}
        numbers["learning_rate_multiplier"] = args.learning_rate
        ids = dict(zip(("training_file", "validation_file"), map(run.upload, files), strict=False))
        order = {"model": model, "seed": args.seed, "suffix": args.suffix, **ids}
        order["method"] = {"type": "supervised", "supervised": {"hyperparameters": _given(numbers)}}
        job = run.create(_given(order))
    run.update(job=job.id, status=str(job.status))


def _given(order: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in order.items() if value is not None}
