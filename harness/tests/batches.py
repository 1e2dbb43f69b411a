"""The batch routes of the loopback server: create, list, retrieve; its routes answer each request.

    with LoopbackServer(answer=...) as server:
        batches = Batches(server, [Course(expired=3)])   # the first batch expires with three requests left
        ...

A batch is worked on as it is looked at: validating, in_progress, finalizing, then its final status. Results come in an
order of their own, as the real ones do. What goes wrong with the n-th batch is its `Course`.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.tests.loopback import LoopbackServer, Received
from harness.tests.loopback_files import Files
from harness.tests.loopback_replies import Fault, Reply, status

BATCHES = "/v1/batches"


@dataclass(frozen=True, slots=True)
class Course:
    """What becomes of one batch."""

    final: str = "completed"
    expired: int = 0  # of its last requests: these are in the error file as expired
    missing: int = 0  # of its first requests: no file mentions these
    torn: bool = False  # the output file is cut in the middle of its last line
    error: str = ""  # code of the whole batch, for `final="failed"`
    silent_looks: int = 0  # listings after its creation in which it is not listed yet


class Batches:
    """Batches of one server, a course for each in order of creation; joins its routes."""

    def __init__(self, server: LoopbackServer, courses: Iterable[Course] = ()) -> None:
        self.files = Files(server)
        self.objects: dict[str, dict[str, Any]] = {}  # by id
        self.inputs: dict[str, list[dict[str, Any]]] = {}  # id -> requests of the input file
        self._courses = iter(courses)
        self._chosen: dict[str, Course] = {}
        self._hidden: dict[str, int] = {}
        self._server = server
        self._lock = threading.Lock()
        server.routes[("POST", BATCHES)] = self._create
        server.routes[("GET", BATCHES)] = self._list

    def requests(self) -> list[str]:
        """The custom_id of every request of every batch."""
        return [line["custom_id"] for lines in self.inputs.values() for line in lines]

    def _create(self, request: Received) -> Reply | Fault:
        body = request.body
        content = self.files.content.get(body["input_file_id"])
        if content is None or self.files.objects[body["input_file_id"]]["purpose"] != "batch":
            return status(400, "invalid_file", message="no such input file")
        if any(json.loads(line)["url"] != body["endpoint"] for line in content.splitlines()):
            return status(400, "mismatched_endpoint", message="a line names another endpoint than the batch")
        with self._lock:
            batch_id = f"batch_{len(self.objects) + 1}"
            self.inputs[batch_id] = [json.loads(line) for line in content.splitlines()]
            self._chosen[batch_id] = course = next(self._courses, Course())
            self._hidden[batch_id] = course.silent_looks
            self.objects[batch_id] = {
                "id": batch_id,
                "object": "batch",
                "endpoint": body["endpoint"],
                "input_file_id": body["input_file_id"],
                "completion_window": body["completion_window"],
                "status": "validating",
                "created_at": int(time.time()),
                "metadata": body.get("metadata"),
                "request_counts": {"total": len(self.inputs[batch_id]), "completed": 0, "failed": 0},
            }
        self._server.routes[("GET", f"{BATCHES}/{batch_id}")] = lambda _: self._look(batch_id)
        return Reply(200, self.objects[batch_id])

    def _list(self, request: Received) -> Reply:
        with self._lock:
            shown = [one for one in reversed(self.objects.values()) if self._hidden[one["id"]] <= 0]
            for batch_id in self._hidden:
                self._hidden[batch_id] -= 1
        after, limit = request.query.get("after"), int(request.query.get("limit", 20))
        start = next((i + 1 for i, one in enumerate(shown) if one["id"] == after), 0)
        page = shown[start : start + limit]
        return Reply(200, {"object": "list", "data": page, "has_more": start + limit < len(shown)})

    def _look(self, batch_id: str) -> Reply:
        batch, course = self.objects[batch_id], self._chosen[batch_id]
        with self._lock:
            if course.final == "failed":
                error = {"code": course.error, "message": "scripted", "line": None, "param": None}
                counts = {"total": 0, "completed": 0, "failed": 0}
                batch |= {"status": "failed", "errors": {"object": "list", "data": [error]}, "request_counts": counts}
                return Reply(200, batch)
            steps = {"validating": "in_progress", "in_progress": "finalizing", "finalizing": course.final}
            batch["status"] = steps.get(batch["status"], batch["status"])
            if batch["status"] == course.final and "output_file_id" not in batch:
                self._finish(batch, course)
        return Reply(200, batch)

    def _finish(self, batch: dict[str, Any], course: Course) -> None:
        lines = self.inputs[batch["id"]]
        done = lines[course.missing : len(lines) - course.expired]
        late = lines[len(lines) - course.expired :]
        results = [(line, self._answer(line)) for line in done]
        random.Random(batch["id"]).shuffle(results)  # noqa: S311  repeatable, no secret
        good = [_line(line, reply) for line, reply in results if reply.status == 200]
        bad = [_line(line, reply) for line, reply in results if reply.status != 200]
        code = "batch_cancelled" if course.final == "cancelled" else "batch_expired"
        gone = {"code": code, "message": "This request could not be executed before the completion window expired."}
        bad += [_line(line, None, gone) for line in late]
        output = b"".join(good)
        if course.torn and good:
            output = output[: -len(good[-1]) // 2]
        batch["output_file_id"] = self.files.add("output.jsonl", output, "batch_output")["id"] if good else None
        batch["error_file_id"] = self.files.add("error.jsonl", b"".join(bad), "batch_output")["id"] if bad else None
        batch["request_counts"] = {"total": len(lines), "completed": len(good), "failed": len(bad)}

    def _answer(self, line: dict[str, Any]) -> Reply:
        made = self._server.routes[("POST", line["url"])](Received("POST", line["url"], {}, line["body"], {}))
        if isinstance(made, Fault):
            assert made.reply is not None, "a batch has no transport to fail"
            return made.reply
        return made


def _line(line: dict[str, Any], reply: Reply | None, error: object = None) -> bytes:
    response = reply and {"status_code": reply.status, "request_id": "req", "body": reply.body}
    made = {"id": "batch_req", "custom_id": line["custom_id"], "response": response, "error": error}
    return json.dumps(made).encode() + b"\n"
