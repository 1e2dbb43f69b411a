"""The part of OpenAI's chat format that the embedded endpoint speaks: requests in, replies and errors out.

Covered: text messages, sampling parameters, `response_format`, streaming. Not covered, and told so with a 400
rather than ignored: tools, several choices, log probabilities, images, audio. A parameter that is unknown is
refused too, so that a misspelt one cannot quietly change a comparison.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from harness.files import json_object
from harness.parsed import DEEPEST, out_of_bounds, place_in_words

DEFAULT_MAX_TOKENS = 512  # a small base model may loop for ever: there is always a bound
# Of a response format: llama.cpp compiles it before it generates, in a time that grows with the square of its size.
_MAX_FORMAT, _MAX_COUNT = 10_000, 1000
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength")
_HARMLESS = {"user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key"}
_UNSUPPORTED = {"tools", "tool_choice", "functions", "function_call", "parallel_tool_calls", "logprobs"}
_UNSUPPORTED |= {"top_logprobs", "logit_bias", "modalities", "audio", "prediction", "web_search_options"}
_UNSUPPORTED |= {"reasoning_effort", "verbosity", "cache_prompt"}
_OFF: tuple[Any, ...] = (False, "", "none", [], {})  # an unsupported feature with such a value is not asked for


class ApiError(Exception):
    """An answer other than 200, in OpenAI's shape; `param` is the request's field that is wrong, if one is."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code

    def body(self) -> dict[str, Any]:
        """The JSON object that OpenAI's clients read errors from."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


def _joined(content: Any) -> Any:
    """The text of a list of text parts; anything else as it is, to be refused if it is no text."""
    if not isinstance(content, list):
        return content
    texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
    strings = [text for text in texts if isinstance(text, str)]
    return "".join(strings) if len(strings) == len(content) else content


def _encodable(text: str) -> str:
    text.encode()  # half of a surrogate pair is a ValueError here
    return text


def _known_format(value: dict[str, Any]) -> dict[str, Any] | None:
    """A response format; None for plain text."""
    if value.get("type") not in ("text", "json_object", "json_schema"):
        raise ValueError("it needs a type: text, json_object or json_schema")
    left = _MAX_FORMAT
    waiting: list[Any] = [value]
    while waiting:
        one = waiting.pop()
        left -= 1 + (len(one) if isinstance(one, str) else 0)
        if left < 0:
            raise ValueError(f"it is larger than {_MAX_FORMAT:,} values and characters")
        if isinstance(one, dict):
            waiting += [*one, *one.values()]
            if any(isinstance(one.get(name), int) and one[name] > _MAX_COUNT for name in _COUNTS):
                raise ValueError(f"{', '.join(_COUNTS)} may be at most {_MAX_COUNT}")
        elif isinstance(one, list):
            waiting += one
    return None if value["type"] == "text" else value


class _Strict(BaseModel):
    """Part of a request; its further fields are passed over."""

    model_config = ConfigDict(strict=True, frozen=True)


class Message(_Strict):
    """One message; a developer's is taken as the system's."""

    role: Annotated[
        Literal["system", "developer", "user", "assistant"],
        AfterValidator(lambda role: "system" if role == "developer" else role),
    ]
    content: Annotated[str, BeforeValidator(_joined), AfterValidator(_encodable)]


class StreamOptions(_Strict):
    """What a stream holds besides the text."""

    include_usage: bool | None = None


_Tokens = Annotated[int, Field(ge=1, lt=2**31)]
_Penalty = Annotated[float, Field(ge=-2, le=2)]
_Stop = Annotated[str, Field(min_length=1)]


class ChatRequest(_Strict):
    """A valid chat request, with OpenAI's defaults for what it does not say."""

    model_config = ConfigDict(extra="forbid")

    model: Annotated[str, Field(min_length=1)]
    messages: Annotated[list[Message], Field(min_length=1)]
    n: Literal[1] = 1
    max_tokens: _Tokens = DEFAULT_MAX_TOKENS
    max_completion_tokens: _Tokens | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] = 1.0
    top_p: Annotated[float, Field(ge=0, le=1)] = 1.0
    presence_penalty: _Penalty | None = None
    frequency_penalty: _Penalty | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: Annotated[
        Annotated[list[_Stop], Field(max_length=4)] | None,
        BeforeValidator(lambda value: [value] if value and isinstance(value, str) else value or None),
    ] = None
    response_format: Annotated[dict[str, Any], AfterValidator(_known_format)] | None = None
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()

    @property
    def limit(self) -> int:
        """Completion tokens at most."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def sampling(self) -> dict[str, Any]:
        """The sampling parameters, as llama.cpp names them."""
        names = {"temperature", "top_p", "presence_penalty", "frequency_penalty", "stop"}
        sampling = self.model_dump(include=names, exclude_none=True)
        if self.seed is not None:
            # llama.cpp seeds with 32 bits and takes the all-ones value for "at random".
            sampling["seed"] = self.seed % (2**32 - 1)
        return sampling


def parse_chat_request(body: bytes, models: Collection[str]) -> ChatRequest:
    """Validate the body of a chat request.

    Raises:
        ApiError: 400 for anything malformed or unsupported, 404 for a model that is not served.
    """
    try:
        data = json_object(body)
    except ValueError as error:
        raise ApiError(400, f"the body is {error}", code="invalid_json") from None
    if found := out_of_bounds(data):
        place, fault = found
        if len(place) > DEEPEST:  # llama.cpp walks a response schema recursively
            raise ApiError(400, f"the body is {fault}", code="invalid_json")
        param = place_in_words(place, data) or None
        raise ApiError(400, f"'{param}': {fault}", param=param, code="invalid_value")
    try:
        request = ChatRequest.model_validate({name: value for name, value in data.items() if _counts(name, value)})
    except ValidationError as error:
        raise _refusal(error) from None
    if request.model not in models:
        message = f"The model '{request.model}' does not exist; served here: {', '.join(models)}"
        raise ApiError(404, message, param="model", code="model_not_found")
    return request


def _counts(name: str, value: Any) -> bool:
    """Whether a parameter is to be looked at: null is "not given" throughout OpenAI's format."""
    return value is not None and name not in _HARMLESS and (name not in _UNSUPPORTED or value not in _OFF)


def _refusal(error: ValidationError) -> ApiError:
    """The first thing that is wrong with a request, naming the parameter as OpenAI does: `messages[0].role`."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if not first["loc"]:
        return ApiError(400, "a parameter's name is not valid Unicode", code="unknown_parameter")
    name, *inside = first["loc"]
    if first["type"] == "extra_forbidden":
        if name in _UNSUPPORTED:
            message, code = f"'{name}' is not supported by this endpoint", "unsupported_parameter"
        else:
            message, code = f"Unknown parameter: '{name}'", "unknown_parameter"
        return ApiError(400, message, param=str(name), code=code)
    param = str(name)
    if name == "messages":
        param += "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in inside[:2])
    return ApiError(400, f"'{param}': {first['msg'].removeprefix('Value error, ')}", param=param, code="invalid_value")


@dataclass(frozen=True, slots=True)
class Finish:
    """How a generation ended, `stop` or `length`, and its tokens as OpenAI's usage object."""

    reason: str
    usage: Mapping[str, Any]


def completion(text: str, finish: Finish) -> dict[str, Any]:
    """The whole answer, not streamed, but for what `chunk` lacks too: id, second of creation, model, fingerprint."""
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish.reason}
    return {"object": "chat.completion", "choices": [choice], "usage": finish.usage}


def chunk(delta: Mapping[str, str] | None, reason: str | None = None, **more: Any) -> dict[str, Any]:
    """One event of a streamed answer; without a delta the one after the last, which holds the usage."""
    choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}] if delta is not None else []
    return {"object": "chat.completion.chunk", "choices": choices, **more}
