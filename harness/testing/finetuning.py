"""The fine-tuning routes of the loopback server: create, list, retrieve, cancel, events, checkpoints, result file.

    with LoopbackServer() as server:
        tuning = FineTuning(server, [Course(final="failed", code="exceeded_quota")])   # of the first job
        ...
        assert len(tuning.jobs) == 1

A job moves on as it is looked at: validating_files, queued, running (a training step each look), its final status.
Transport faults are scripted in `server.faults[JOBS]` as for every path: the work is done, the answer is lost.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.testing.files import Files
from harness.testing.loopback import LoopbackServer, Received
from harness.testing.replies import Fault, Reply, status

JOBS = "/v1/fine_tuning/jobs"
_PAGE = 20
_CREATED = 1_790_000_000


@dataclass(frozen=True, slots=True)
class Course:
    """What becomes of one job.

    Attributes:
        final: Its final status.
        steps: Training steps, one a look.
        code, message: Of `error`, for a failed job; without a code the error shows only in the events.
        blocked: The failure comes after training, from the safety evaluation.
        odd_status: A status that no client knows, shown once while running.
        silent_looks: For how many listings after its creation the job is not listed yet.
        encoded: The result file is base64, as the real one may be.
        modelless: Succeeds without naming a model.
    """

    final: str = "succeeded"
    steps: int = 3
    code: str = ""
    message: str = "scripted"
    blocked: bool = False
    odd_status: str = ""
    silent_looks: int = 0
    encoded: bool = False
    modelless: bool = False


class FineTuning:
    """Fine-tuning jobs of one server; joins its routes.

    Args:
        server: Whose routes to join.
        courses: One for each job in order of creation; further ones succeed.
        closed: Refuse every creation, as for an organisation that may not fine-tune.

    Attributes:
        jobs: Job id -> the job object.
        files: The server's files.
    """

    def __init__(self, server: LoopbackServer, courses: Iterable[Course] = (), *, closed: bool = False) -> None:
        self.files = Files(server)
        self.jobs: dict[str, dict[str, Any]] = {}
        self._events: dict[str, list[dict[str, Any]]] = {}
        self._checkpoints: dict[str, list[dict[str, Any]]] = {}
        self._courses = iter(courses)
        self._chosen: dict[str, Course] = {}
        self._hidden: dict[str, int] = {}
        self._closed = closed
        self._server = server
        self._lock = threading.Lock()
        server.routes[("POST", JOBS)] = self._create
        server.routes[("GET", JOBS)] = self._list

    def _create(self, request: Received) -> Reply | Fault:
        body = request.body
        if self._closed:
            return status(403, "fine_tuning_not_available", type="invalid_request_error")
        for field in ("training_file", "validation_file"):
            if body.get(field) is not None and body[field] not in self.files.content:
                return status(400, "invalid_file_id", param=field)
        with self._lock:
            job_id = f"ftjob-{len(self.jobs) + 1}"
            self._chosen[job_id] = course = next(self._courses, Course())
            self._hidden[job_id] = course.silent_looks
            self._events[job_id], self._checkpoints[job_id] = [], []
            self.jobs[job_id] = {
                "id": job_id,
                "object": "fine_tuning.job",
                "created_at": _CREATED + len(self.jobs),
                "model": body["model"],
                "training_file": body["training_file"],
                "validation_file": body.get("validation_file"),
                "method": body.get("method"),
                "hyperparameters": body["method"]["supervised"]["hyperparameters"],
                "metadata": body.get("metadata"),
                "seed": body.get("seed", 0),
                "status": "validating_files",
                "organization_id": "org-loopback",
                "result_files": [],
                "fine_tuned_model": None,
                "trained_tokens": None,
                "error": None,
            }
        routes = self._server.routes
        routes[("GET", f"{JOBS}/{job_id}")] = lambda _: self._look(job_id)
        routes[("POST", f"{JOBS}/{job_id}/cancel")] = lambda _: self._cancel(job_id)
        routes[("GET", f"{JOBS}/{job_id}/events")] = lambda asked: _page(self._events[job_id][::-1], asked)
        routes[("GET", f"{JOBS}/{job_id}/checkpoints")] = lambda asked: _page(self._checkpoints[job_id][::-1], asked)
        self._tell(job_id, "Created fine-tuning job")
        return Reply(200, self.jobs[job_id])

    def _list(self, request: Received) -> Reply:
        with self._lock:
            shown = [job for job in reversed(self.jobs.values()) if self._hidden[job["id"]] <= 0]
            for job_id in self._hidden:
                self._hidden[job_id] -= 1
        wanted = {k[9:-1]: v for k, v in request.query.items() if k.startswith("metadata[")}
        return _page([job for job in shown if wanted.items() <= (job["metadata"] or {}).items()], request)

    def _cancel(self, job_id: str) -> Reply | Fault:
        job = self.jobs[job_id]
        if job["status"] in ("succeeded", "failed", "cancelled"):
            return status(400, "job_already_final", message="the job has ended")
        job["status"] = "cancelled"
        self._tell(job_id, "The job was cancelled", "warn")
        return Reply(200, job)

    def _look(self, job_id: str) -> Reply:
        job, course = self.jobs[job_id], self._chosen[job_id]
        with self._lock:
            done = sum(event["type"] == "metrics" for event in self._events[job_id])
            if job["status"] in ("validating_files", "queued"):
                early = course.final == "failed" and not course.blocked
                job["status"] = {"validating_files": "queued", "queued": "running"}[job["status"]]
                if early and job["status"] == "running":
                    self._fail(job, course)
            elif job["status"] in ("running", course.odd_status):
                if course.odd_status and done == 1 and job["status"] == "running":
                    job["status"] = course.odd_status
                    return Reply(200, job)
                job["status"] = "running"
                if done < course.steps:
                    self._step(job_id, done + 1, course)
                elif course.final == "failed":
                    self._tell(job_id, "Training is over; the model is being evaluated for safety")
                    self._fail(job, course)
                else:
                    self._finish(job, course)
        return Reply(200, job)

    def _step(self, job_id: str, step: int, course: Course) -> None:
        data = {"step": step, "total_steps": course.steps, "train_loss": round(2.0 / step, 3), "valid_loss": 2.5 / step}
        self._tell(job_id, f"Step {step}/{course.steps}: training loss={data['train_loss']}", data=data)

    def _fail(self, job: dict[str, Any], course: Course) -> None:
        job["status"] = "failed"
        if course.code:
            job["error"] = {"code": course.code, "message": course.message, "param": None}
        self._tell(job["id"], course.message, "error")

    def _finish(self, job: dict[str, Any], course: Course) -> None:
        model = f"ft:{job['model']}:loopback::{job['id'][6:]}"
        table = "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n" + "".join(
            f"{step},{2.0 / step:.5f},0.9,{2.5 / step if step % 2 else ''},\n" for step in range(1, course.steps + 1)
        )
        content = base64.b64encode(table.encode()) if course.encoded else table.encode()
        job["result_files"] = [self.files.add("step_metrics.csv", content, "fine-tune-results")["id"]]
        job |= {"status": course.final, "trained_tokens": 1234, "finished_at": _CREATED + 100}
        job["fine_tuned_model"] = None if course.modelless else model
        for step in (course.steps - 1, course.steps):
            self._checkpoints[job["id"]].append(
                {
                    "id": f"ftckpt-{job['id']}-{step}",
                    "object": "fine_tuning.job.checkpoint",
                    "created_at": _CREATED + step,
                    "fine_tuned_model_checkpoint": f"{model}:ckpt-step-{step}" if step < course.steps else model,
                    "fine_tuning_job_id": job["id"],
                    "metrics": {"step": step, "train_loss": round(2.0 / step, 3)},
                    "step_number": step,
                }
            )
        self._tell(job["id"], "The job has successfully completed")

    def _tell(self, job_id: str, message: str, level: str = "info", data: dict[str, Any] | None = None) -> None:
        number = len(self._events[job_id]) + 1
        self._events[job_id].append(
            {
                "id": f"ftevent-{job_id}-{number}",
                "object": "fine_tuning.job.event",
                "created_at": _CREATED + number,
                "level": level,
                "message": message,
                "type": "metrics" if data else "message",
                "data": data or {},
            }
        )


def _page(entries: list[dict[str, Any]], request: Received) -> Reply:
    after, limit = request.query.get("after"), int(request.query.get("limit", _PAGE))
    start = next((i + 1 for i, entry in enumerate(entries) if entry["id"] == after), 0)
    page = entries[start : start + limit]
    return Reply(200, {"object": "list", "data": page, "has_more": start + limit < len(entries)})
