"""The child process that serves the embedded model: llama.cpp, through xllamacpp, behind the HTTP front.

Its standard input is its orders and its lifeline: one line of JSON says what to serve, and the end of input,
however it comes about (the parent leaves, is interrupted, crashes or is killed), ends this process at once. Its
standard output carries one line back: {"port": n} when ready, or {"error": text}. The rest goes to stderr.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TextIO

from harness.models.embedded_http import FrontServer
from harness.models.openai_shape import ApiError, ChatRequest, Finish, Message

# Tokens of prompt and answer together: a prompt with the API card (about 1,300) leaves room for any answer.
_CONTEXT_TOKENS = 4096
_PARENT_POLL_S = 1.0
BUDGET_S = 600.0  # of one answer, so that nobody keeps the others waiting; as long as gonogo itself waits


@dataclass(frozen=True, slots=True)
class Orders:
    """What the parent asks for, as one line of JSON: see `embedded.serve`; `adapters` has the full served names."""

    weights: str
    base: str
    adapters: Mapping[str, str]
    threads: int
    host: str
    port: int


def main() -> None:
    """Serve until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    # The pipe to the parent is for us alone: what native code prints to stdout goes to the log instead.
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    orders = Orders(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    try:
        front = FrontServer(orders.host, orders.port)
    except OSError as error:
        _give_up(answer, f"cannot listen on {orders.host} port {orders.port}: {error.strerror or error}")
    try:
        front.engine = LlamaEngine(orders)
    except (RuntimeError, ValueError, OSError, ImportError) as error:
        _give_up(answer, f"the model could not be loaded: {error}")
    # xllamacpp has put handlers of its own in place of ours, and they would only stop its inner server.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print(json.dumps({"port": front.server_port}), file=answer, flush=True)
    front.serve_forever()


def _end_with_parent(parent: int) -> None:
    """Wait for the end of input, then end at once: there is nothing to save, and native threads may be busy.

    A process forked by the parent can hold the other end of the pipe open beyond its death, so on POSIX the
    parent's id is looked at too: an orphan is given another parent.
    """
    while True:
        if os.name == "posix":
            readable, _, _ = select.select([sys.stdin], [], [], _PARENT_POLL_S)
            if os.getppid() != parent:
                break
            if not readable:
                continue
        if not os.read(sys.stdin.fileno(), 1024):
            break
    os._exit(0)


def _give_up(answer: TextIO, reason: str) -> NoReturn:
    print(json.dumps({"error": reason}), file=answer, flush=True)
    os._exit(1)


class LlamaEngine:
    """llama.cpp with one base model and any number of adapters, chosen anew for each request.

    Every request names a scale for every adapter: the server's own default leaves them switched on.

    Requests take turns. Generated in one batch, the last bits of their scores change now and then, and with them a
    text that should be repeatable; on a CPU a batch is hardly faster either.

    Each model keeps the system message it read last. The prompt cache alone would not do: it keeps whatever two
    prompts have in common, so how much is computed at once, and with it the last bits, would depend on the prompt
    before. A request with an empty message of the user's goes ahead of each, which cuts the prompt at one place.
    """

    def __init__(self, orders: Orders) -> None:
        # Threads that spin while they wait cost a busy machine most of its speed. Read when the library loads.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        import xllamacpp

        self.models = (orders.base, *orders.adapters)
        self.fingerprint = _fingerprint(orders, xllamacpp.__version__)
        self._turn = threading.Lock()
        self._read: dict[str, str] = {}  # model: the system message that its slot holds
        self._server = xllamacpp.Server(_parameters(xllamacpp, orders))

    def complete(self, request: ChatRequest, emit: Callable[[str], bool], gone: Callable[[], bool]) -> Finish | None:
        """Generate one answer; see `harness.models.embedded_http.Engine`."""
        with self._turn:
            if gone():
                return None
            cached = self._read_system_message(request)
            return self._generate(request, emit, cached=cached)

    def _read_system_message(self, request: ChatRequest) -> bool:
        """Leave the slot with the system message and no more of any prompt; False where there is none to keep."""
        first, model = request.messages[0], request.model
        before = self._read.pop(model, None)
        if first.role != "system":
            return False
        changes = {"messages": [first, Message(role="user", content="")], "max_completion_tokens": 1}
        ahead = request.model_copy(update=changes | {"response_format": None})
        with suppress(ApiError):  # the request itself will meet it, and tell
            self._generate(ahead, lambda _text: False, cached=before == first.content)
            self._read[model] = first.content
        return model in self._read

    def _generate(self, request: ChatRequest, emit: Callable[[str], bool], *, cached: bool) -> Finish | None:
        """One answer of llama.cpp's; None where `emit` stopped it."""
        body: dict[str, Any] = {
            **request.sampling,
            "messages": [message.model_dump() for message in request.messages],
            "max_tokens": request.limit,
            "lora": [{"id": i, "scale": float(name == request.model)} for i, name in enumerate(self.models[1:])],
            "id_slot": self.models.index(request.model),
            "cache_prompt": cached,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if request.response_format is not None:
            body["response_format"] = request.response_format
        until = time.monotonic() + BUDGET_S
        reason, usage, stopped = "", None, False
        failure: Exception | None = None

        def take(event: Mapping[str, Any]) -> bool:
            """One event; True makes llama.cpp drop the rest. Never raises: the library would swallow it."""
            nonlocal reason, usage, stopped, failure
            try:
                if "error" in event:
                    failure = _api_error(event["error"])
                if time.monotonic() > until:
                    failure = ApiError(503, f"the answer took more than {BUDGET_S:g} s", code="too_slow")
                usage = event.get("usage", usage)
                for choice in event.get("choices", ()):
                    reason = choice.get("finish_reason") or reason
                    text = choice["delta"].get("content")
                    stopped = bool(text) and emit(text)
            except Exception as error:  # noqa: BLE001 - kept, and raised to the caller
                failure = error
            return stopped or failure is not None

        try:
            self._server.handle_chat_completions(body, take)
        except (ValueError, RuntimeError) as error:  # a response format or template that llama.cpp rejects
            raise ApiError(400, f"the model server rejected the request: {error}") from error
        if failure is not None:
            raise failure
        if stopped:
            return None
        if not reason or usage is None:
            raise ApiError(500, "the generation ended without a reason")
        return Finish(reason, usage)


def _api_error(error: Mapping[str, Any]) -> ApiError:
    """llama.cpp's error in OpenAI's words."""
    if error.get("type") == "exceed_context_size_error":
        message = (
            f"This model's maximum context length is {error.get('n_ctx')} tokens, "
            f"but the messages have {error.get('n_prompt_tokens')} tokens."
        )
        return ApiError(400, message, param="messages", code="context_length_exceeded")
    status = error.get("code")
    return ApiError(status if isinstance(status, int) and 400 <= status < 600 else 500, str(error.get("message")))


def _parameters(xllamacpp: Any, orders: Orders) -> Any:
    """llama.cpp's parameters: everything that could make a text depend on other requests is off."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = orders.weights
    parameters.n_parallel = 1 + len(orders.adapters)  # a slot, and with it a prompt cache, for each model
    parameters.n_ctx = parameters.n_parallel * _CONTEXT_TOKENS
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = orders.threads
    parameters.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path, 1.0) for path in orders.adapters.values()]
    # With flash attention, or one cache for all slots, the last bits of the scores depend on what was asked before.
    parameters.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    parameters.kv_unified = False
    parameters.fit_params = False
    parameters.cache_ram_mib = 0
    parameters.slot_prompt_similarity = 0.0
    # The text as generated, whatever it looks like, and no answer begun by the client.
    parameters.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_NONE
    parameters.prefill_assistant = False
    parameters.verbosity = 2  # errors and warnings
    # xllamacpp also opens an HTTP server of its own, on a free loopback port. It is not used: lock it.
    parameters.api_keys = [os.urandom(16).hex()]
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_threads_http = 1
    parameters.ui = parameters.endpoint_slots = parameters.endpoint_props = False
    return parameters


def _fingerprint(orders: Orders, runtime: str) -> str:
    """Changes whenever a text may: with the weights' size, an adapter's bytes or the runtime."""
    digest = hashlib.sha256(f"{runtime} {Path(orders.weights).stat().st_size}".encode())
    for name, path in orders.adapters.items():
        digest.update(name.encode() + hashlib.sha256(Path(path).read_bytes()).digest())
    return f"fp_{digest.hexdigest()[:12]}"
