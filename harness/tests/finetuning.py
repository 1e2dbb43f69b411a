"""The fine-tuning routes of the loopback server: create, list, retrieve, cancel, events.

A job moves on at each look: validating_files, queued, running (`steps` looks), its final status. Transport faults are
scripted in `server.faults[JOBS]` as for every path: the work is done, the answer is lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.tests.loopback import LoopbackServer, Received
from harness.tests.loopback_files import Files
from harness.tests.loopback_replies import Fault, Reply, status

JOBS = "/v1/fine_tuning/jobs"


@dataclass(frozen=True, slots=True)
class Course:
    """What becomes of one job."""

    final: str = "succeeded"
    steps: int = 2  # looks at which it is running
    code: str = ""  # of `error`, for a failed job; without one the message shows only in the events
    message: str = "scripted"
    odd_status: str = ""  # one that no client knows, shown once while running
    silent_looks: int = 0  # listings after its creation in which it is not listed yet
    modelless: bool = False  # succeeds without naming a model


class FineTuning:
    """Fine-tuning jobs of one server, by id, and its files; `closed` refuses every creation. Joins its routes."""

    def __init__(self, server: LoopbackServer, courses: Iterable[Course] = (), *, closed: bool = False) -> None:
        self.files = Files(server)
        self.jobs: dict[str, dict[str, Any]] = {}
        self._courses = iter(courses)
        self._hidden: dict[str, int] = {}
        self._closed = closed
        self._server = server
        server.routes[("POST", JOBS)] = self._create
        server.routes[("GET", JOBS)] = self._list

    def _create(self, request: Received) -> Reply | Fault:
        body = request.body
        if self._closed:
            return status(403, "fine_tuning_not_available", type="invalid_request_error")
        if any(body.get(field, "file-1") not in self.files.content for field in ("training_file", "validation_file")):
            return status(400, "invalid_file_id", param="training_file")
        job_id, course = f"ftjob-{len(self.jobs) + 1}", next(self._courses, Course())
        self._hidden[job_id] = course.silent_looks
        asked = {name: body.get(name) for name in ("model", "training_file", "validation_file", "metadata", "seed")}
        made = {"id": job_id, "object": "fine_tuning.job", "created_at": 1_790_000_000, "status": "validating_files"}
        job = self.jobs[job_id] = {**asked, **made, "fine_tuned_model": None, "trained_tokens": None, "error": None}
        way = iter(["queued", *["running"] * course.steps, *filter(None, [course.odd_status]), course.final])
        routes = self._server.routes
        routes[("GET", f"{JOBS}/{job_id}")] = lambda _: self._look(job, course, next(way, job["status"]))
        routes[("POST", f"{JOBS}/{job_id}/cancel")] = lambda _: self._cancel(job)
        event = {"id": "ftevent-1", "object": "fine_tuning.job.event", "created_at": 1, "level": "error"}
        events = [event | {"message": course.message}] if course.final == "failed" else []
        routes[("GET", f"{JOBS}/{job_id}/events")] = lambda _: Reply(200, _page(events))
        return Reply(200, job)

    def _list(self, request: Received) -> Reply:
        shown = [job for job in reversed(self.jobs.values()) if self._hidden[job["id"]] <= 0]
        self._hidden = {job_id: looks - 1 for job_id, looks in self._hidden.items()}
        wanted = {k[9:-1]: v for k, v in request.query.items() if k.startswith("metadata[")}
        return Reply(200, _page([job for job in shown if wanted.items() <= (job["metadata"] or {}).items()]))

    @staticmethod
    def _cancel(job: dict[str, Any]) -> Reply | Fault:
        if job["status"] in ("succeeded", "failed", "cancelled"):
            return status(400, "job_already_final", message="the job has ended")
        job["status"] = "cancelled"
        return Reply(200, job)

    @staticmethod
    def _look(job: dict[str, Any], course: Course, following: str) -> Reply:
        if job["status"] != "cancelled":
            job["status"] = following
        if job["status"] == "failed" and course.code:
            job["error"] = {"code": course.code, "message": course.message, "param": None}
        if job["status"] == "succeeded":
            job["trained_tokens"] = 1234
            job["fine_tuned_model"] = None if course.modelless else f"ft:{job['model']}:loopback::{job['id'][6:]}"
        return Reply(200, job)


def _page(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {"object": "list", "data": entries, "has_more": False}
