"""Text generation by llama.cpp, through xllamacpp: one base model, and adapters switched for each request."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness.models.openai_shape import ApiError, ChatRequest, Finish

# Tokens of prompt and answer together: a prompt with the API card (about 1,300) leaves room for any answer.
CONTEXT_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class Orders:
    """What the parent asks for.

    Attributes:
        weights: The base model's GGUF.
        base: Name that the base model is served under.
        adapters: LoRA GGUF files by the full name they are served under.
        threads: CPU threads for generation.
        host: Address to listen on.
        port: Port, or 0 for a free one.
    """

    weights: str
    base: str
    adapters: Mapping[str, str]
    threads: int
    host: str
    port: int

    def line(self) -> str:
        """The line of JSON that `main` reads."""
        return json.dumps(asdict(self)) + "\n"


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

    def complete(self, request: ChatRequest, emit: Callable[[str], bool]) -> Finish | None:
        """Generate one answer; see `harness.models.embedded_http.Engine`."""
        generation = _Generation(emit)
        try:
            with self._turn:
                cached = self._read_system_message(request)
                self._server.handle_chat_completions(self._body(request, cached=cached), generation.take)
        except (ValueError, RuntimeError) as error:  # a response format or template that llama.cpp rejects
            raise ApiError(400, f"the model server rejected the request: {error}") from error
        return generation.result()

    def _read_system_message(self, request: ChatRequest) -> bool:
        """Leave the slot with the system message and no more of any prompt; False where there is none to keep."""
        first, model = request.messages[0], request.model
        before = self._read.pop(model, None)
        if first["role"] != "system":
            return False
        ahead = replace(request, messages=(first, {"role": "user", "content": ""}), max_tokens=1, response_format=None)
        generation = _Generation(lambda _text: False)
        self._server.handle_chat_completions(self._body(ahead, cached=before == first["content"]), generation.take)
        with suppress(ApiError):  # the request itself will meet it, and tell
            generation.result()
            self._read[model] = first["content"]
        return model in self._read

    def _body(self, request: ChatRequest, *, cached: bool) -> dict[str, Any]:
        body: dict[str, Any] = {
            **request.sampling,
            "messages": [dict(message) for message in request.messages],
            "max_tokens": request.max_tokens,
            "lora": [{"id": i, "scale": float(name == request.model)} for i, name in enumerate(self.models[1:])],
            "id_slot": self.models.index(request.model),
            "cache_prompt": cached,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if request.response_format is not None:
            body["response_format"] = dict(request.response_format)
        return body


class _Generation:
    """Collects what llama.cpp calls back with while it generates one answer."""

    def __init__(self, emit: Callable[[str], bool]) -> None:
        self._emit = emit
        self._reason: str | None = None
        self._usage: Mapping[str, Any] | None = None
        self._failure: BaseException | None = None
        self._stopped = False

    def take(self, chunk: Mapping[str, Any]) -> bool:
        """One event; True makes llama.cpp drop the rest. Never raises: the library would swallow it."""
        try:
            self._stopped = self._read(chunk)
        except Exception as error:  # noqa: BLE001 - kept, and raised by `result`
            self._failure = error
            self._stopped = True
        return self._stopped

    def _read(self, chunk: Mapping[str, Any]) -> bool:
        if "error" in chunk:
            raise _api_error(chunk["error"])
        self._usage = chunk.get("usage", self._usage)
        for choice in chunk.get("choices", ()):
            self._reason = choice.get("finish_reason") or self._reason
            if (text := choice["delta"].get("content")) and self._emit(text):
                return True
        return False

    def result(self) -> Finish | None:
        """How it ended, or None where `emit` stopped it."""
        if self._failure is not None:
            raise self._failure
        if self._stopped:
            return None
        if self._reason is None or self._usage is None:
            raise ApiError(500, "the generation ended without a reason")
        cached = self._usage["prompt_tokens_details"]["cached_tokens"]
        return Finish(self._reason, self._usage["prompt_tokens"], self._usage["completion_tokens"], cached)


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
    parameters.n_ctx = parameters.n_parallel * CONTEXT_TOKENS
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
