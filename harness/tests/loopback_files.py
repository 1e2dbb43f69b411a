"""The files routes of the loopback server, upload and content. Batches and fine-tuning use them."""

from __future__ import annotations

import threading
from email import policy
from email.parser import BytesParser
from typing import Any

from harness.tests.loopback import LoopbackServer, Received
from harness.tests.loopback_replies import Fault, Reply, status

FILES = "/v1/files"


class Files:
    """Uploaded and made files of one server; joins its routes.

    Attributes:
        objects: File id -> the file object as the endpoint shows it.
        content: File id -> its bytes.
    """

    def __init__(self, server: LoopbackServer) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.content: dict[str, bytes] = {}
        self._server = server
        self._lock = threading.Lock()
        server.routes[("POST", FILES)] = self._create

    def add(self, name: str, content: bytes, purpose: str) -> dict[str, Any]:
        """Keep a file and answer for it; the file object."""
        with self._lock:
            file_id = f"file-{len(self.objects) + 1}"
            made = {"id": file_id, "object": "file", "bytes": len(content), "created_at": 1_700_000_000}
            made |= {"filename": name, "purpose": purpose, "status": "processed"}
            self.objects[file_id], self.content[file_id] = made, content
        reply = Reply(200, content, content_type="application/octet-stream")
        self._server.routes[("GET", f"{FILES}/{file_id}/content")] = lambda _: reply
        return made

    def _create(self, request: Received) -> Reply | Fault:
        if not isinstance(request.body, bytes):
            return status(400, "invalid_type", param="file", message="send multipart/form-data")
        head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode("latin-1")
        form = BytesParser(policy=policy.HTTP).parsebytes(head + request.body)
        parts = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
        if not {"file", "purpose"} <= set(parts):
            return status(400, "missing_required_parameter", param="file", message="file and purpose are needed")
        content = parts["file"].get_payload(decode=True)
        assert isinstance(content, bytes), "one part, not several"
        name = str(parts["file"].get_filename())
        return Reply(200, self.add(name, content, str(parts["purpose"].get_content()).strip()))
