"""The part of OpenAI's chat format that the embedded endpoint speaks: requests in, replies and errors out.

Covered: text messages, sampling parameters, `response_format`, streaming. Not covered, and told so with a 400
rather than ignored: tools, several choices, log probabilities, images, audio. A parameter that is unknown is
refused too, so that a misspelt one cannot quietly change a comparison.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_MAX_TOKENS = 512  # a small base model may loop for ever: there is always a bound
_MAX_DEPTH = 64  # of the request's JSON; llama.cpp walks a response schema recursively
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_HARMLESS = {"user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key"}
_UNSUPPORTED = {"tools", "tool_choice", "functions", "function_call", "parallel_tool_calls", "logprobs"}
_UNSUPPORTED |= {"top_logprobs", "logit_bias", "modalities", "audio", "prediction", "web_search_options"}
_UNSUPPORTED |= {"reasoning_effort", "verbosity", "cache_prompt"}
_KNOWN = {"model", "messages", "max_tokens", "max_completion_tokens", "n", "temperature", "top_p", "seed", "stop"}
_KNOWN |= {"response_format", "presence_penalty", "frequency_penalty", "stream", "stream_options"}


class ApiError(Exception):
    """An answer other than 200, in OpenAI's shape.

    Args:
        status: HTTP status.
        message: What is wrong, for a person.
        param: The request's field that is wrong, if one is.
        code: Machine-readable reason, such as `model_not_found`.
        kind: OpenAI's `type`; derived from the status by default.
    """

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None, kind: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code
        self.kind = kind or ("server_error" if status >= 500 else "invalid_request_error")

    def body(self) -> dict[str, Any]:
        """The JSON object that OpenAI's clients read errors from."""
        return {
            "error": {"message": str(self), "type": self.kind, "param": self.param, "code": self.code},
        }


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A validated chat request.

    Attributes:
        model: One of the models served.
        messages: Each with `role` (system, user or assistant) and `content`.
        max_tokens: Completion tokens at most, at least 1.
        sampling: `temperature` and `top_p`, and where given `seed`, `stop` and penalties, as llama.cpp names them.
        response_format: As sent, or None.
        stream: Whether the answer is wanted as server-sent events.
        include_usage: Whether the stream ends with a usage chunk.
    """

    model: str
    messages: tuple[Mapping[str, str], ...]
    max_tokens: int
    sampling: Mapping[str, Any]
    response_format: Mapping[str, Any] | None
    stream: bool
    include_usage: bool


@dataclass(frozen=True, slots=True)
class Finish:
    """How a generation ended: `stop` or `length`; and its tokens. Cached ones of the prompt were not computed again."""

    reason: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0

    def usage(self) -> dict[str, Any]:
        """OpenAI's usage object."""
        total = self.prompt_tokens + self.completion_tokens
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": total,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
        }


def parse_chat_request(body: bytes, models: Collection[str]) -> ChatRequest:
    """Validate the body of a chat request.

    Raises:
        ApiError: 400 for anything malformed or unsupported, 404 for a model that is not served.
    """
    data = _json_object(body)
    _refuse_unsupported(data)
    model = data.get("model")
    if not isinstance(model, str) or not model:
        raise ApiError(400, "you must provide a model parameter", param="model")
    if model not in models:
        served = ", ".join(models)
        raise ApiError(
            404,
            f"The model '{model}' does not exist; served here: {served}",
            param="model",
            code="model_not_found",
        )
    limit = data.get("max_completion_tokens", data.get("max_tokens"))
    options = data.get("stream_options") or {}
    return ChatRequest(
        model=model,
        messages=_messages(data.get("messages")),
        max_tokens=DEFAULT_MAX_TOKENS if limit is None else int(_number("max_tokens", limit, 1, 2**31 - 1, whole=True)),
        sampling=_sampling(data),
        response_format=_response_format(data.get("response_format")),
        stream=_flag("stream", data.get("stream")),
        include_usage=isinstance(options, dict) and _flag("stream_options", options.get("include_usage")),
    )


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"the body is not valid JSON: {error}", code="invalid_json") from None
    if not isinstance(data, dict):
        raise ApiError(400, "the body must be a JSON object", code="invalid_json")
    if _deeper_than(data, _MAX_DEPTH):
        raise ApiError(400, f"the body is nested deeper than {_MAX_DEPTH} levels", code="invalid_json")
    # JSON null means "not given" throughout OpenAI's format.
    return {name: value for name, value in data.items() if value is not None}


def _deeper_than(value: Any, depth: int) -> bool:
    """Whether `value` nests lists and objects more than `depth` deep; looks level by level, never recursing."""
    level = [value]
    for _ in range(depth):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return any(isinstance(value, dict | list) for value in level)


def _refuse_unsupported(data: Mapping[str, Any]) -> None:
    """Refuse what would change the answer; an unsupported feature switched off is no request for it."""
    for name, value in data.items():
        if name in _UNSUPPORTED and value and value != "none":
            raise ApiError(400, f"'{name}' is not supported by this endpoint", param=name, code="unsupported_parameter")
        if name not in _KNOWN | _UNSUPPORTED | _HARMLESS:
            raise ApiError(400, f"Unknown parameter: '{name}'", param=name, code="unknown_parameter")
    if data.get("n", 1) != 1:
        raise ApiError(400, "only n=1 is supported by this endpoint", param="n", code="unsupported_value")


def _messages(value: Any) -> tuple[Mapping[str, str], ...]:
    if not isinstance(value, list) or not value:
        raise ApiError(400, "'messages' must be a list with at least one message", param="messages")
    return tuple(_message(item, f"messages[{number}]") for number, item in enumerate(value))


def _message(item: Any, where: str) -> Mapping[str, str]:
    if not isinstance(item, dict) or item.get("role") not in _ROLES:
        raise ApiError(400, f"{where} needs a role, one of {', '.join(_ROLES)}", param=f"{where}.role")
    content = item.get("content")
    if isinstance(content, list):
        content = _joined_parts(content)
    if not isinstance(content, str):
        raise ApiError(400, f"{where} needs text as its content", param=f"{where}.content")
    try:
        content.encode()
    except UnicodeEncodeError as error:
        raise ApiError(400, f"{where} is not valid Unicode: {error.reason}", param=f"{where}.content") from None
    return {"role": _ROLES[item["role"]], "content": content}


def _joined_parts(parts: list[Any]) -> str | None:
    """The text of a content list, or None where a part is anything but text."""
    texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    strings = [text for text in texts if isinstance(text, str)]
    return "".join(strings) if len(strings) == len(parts) else None


def _sampling(data: Mapping[str, Any]) -> dict[str, Any]:
    """Sampling parameters under llama.cpp's names, with OpenAI's defaults for temperature and top_p."""
    sampling: dict[str, Any] = {
        "temperature": _number("temperature", data.get("temperature", 1.0), 0, 2),
        "top_p": _number("top_p", data.get("top_p", 1.0), 0, 1),
    }
    for name in ("presence_penalty", "frequency_penalty"):
        if name in data:
            sampling[name] = _number(name, data[name], -2, 2)
    if "seed" in data:
        # llama.cpp seeds with 32 bits and takes the all-ones value for "at random".
        sampling["seed"] = int(_number("seed", data["seed"], -(2**63), 2**63 - 1, whole=True)) % (2**32 - 1)
    if stop := data.get("stop"):
        stops = [stop] if isinstance(stop, str) else stop
        if not isinstance(stops, list) or len(stops) > 4 or not all(isinstance(s, str) and s for s in stops):
            raise ApiError(400, "'stop' must be a string or a list of at most 4 strings", param="stop")
        sampling["stop"] = stops
    return sampling


def _number(name: str, value: Any, low: float, high: float, *, whole: bool = False) -> float:
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        noun = "an integer" if whole else "a number"
        raise ApiError(400, f"'{name}' must be {noun} from {low} to {high}", param=name, code="invalid_value")
    return value


def _flag(name: str, value: Any) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    raise ApiError(400, f"'{name}' must be true or false", param=name, code="invalid_value")


def _response_format(value: Any) -> Mapping[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or value.get("type") not in {"text", "json_object", "json_schema"}:
        raise ApiError(400, "'response_format' needs a type: text, json_object or json_schema", param="response_format")
    return None if value["type"] == "text" else value


def models_body(models: Collection[str], created: int) -> dict[str, Any]:
    """The list that `GET /v1/models` answers; `created` in seconds since 1970."""
    return {"object": "list", "data": [model_body(name, created) for name in models]}


def model_body(name: str, created: int) -> dict[str, Any]:
    """One entry of that list."""
    return {"id": name, "object": "model", "created": created, "owned_by": "gonogo"}


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every part of one answer repeats: its id, its second of creation, the model and its fingerprint."""

    completion_id: str
    created: int
    model: str
    fingerprint: str

    def completion(self, text: str, finish: Finish) -> dict[str, Any]:
        """The whole answer, not streamed."""
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish.reason}
        return self._with("chat.completion", [choice]) | {"usage": finish.usage()}

    def chunk(self, delta: Mapping[str, str], reason: str | None = None) -> dict[str, Any]:
        """One event of a streamed answer."""
        choice = {"index": 0, "delta": dict(delta), "logprobs": None, "finish_reason": reason}
        return self._with("chat.completion.chunk", [choice])

    def usage_chunk(self, finish: Finish) -> dict[str, Any]:
        """The event after the last, for a client that asked for the usage."""
        return self._with("chat.completion.chunk", []) | {"usage": finish.usage()}

    def _with(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.completion_id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.fingerprint,
            "choices": choices,
        }
