"""Opens the endpoint that a spec names: starts the embedded server for `local`, finds the key for the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from harness.errors import InputError
from harness.models.endpoint_settings import EndpointSettings
from harness.models.specs import SECRET, ModelSpec

if TYPE_CHECKING:
    from harness.config import Settings
    from harness.models.embedded import Served


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible endpoint, ready to be asked.

    Attributes:
        base_url: Such as `http://127.0.0.1:8080/v1`, without a query.
        model: Model id to send.
        key: API key; never shown.
        concurrency: Requests in flight at most.
        fixed_concurrency: True where the server answers in turns, so that there is nothing to adapt.
        timeout_s: Seconds that one attempt may take from sending to the last byte.
        own_organization: False keeps OPENAI_ORG_ID and OPENAI_PROJECT_ID from servers that are not OpenAI's.
        headers: Sent with each request.
        query: Sent behind each path.
        settings: How the server wants to be asked.
        azure: It has Azure's addresses and takes the key in Azure's own header.
        strict: Validate replies against OpenAI's schema: for tests of our own servers.
    """

    base_url: str
    model: str
    key: str = field(default="unused", repr=False)
    concurrency: int = 64
    fixed_concurrency: bool = False
    timeout_s: float = 120.0
    own_organization: bool = False
    strict: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    settings: EndpointSettings = field(default_factory=lambda: EndpointSettings(""), repr=False)
    azure: bool = False

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not stand in any message: the key, and headers and query fields whose names say so."""
        named = [*self.headers.items(), *self.query.items()]
        return (self.key, *(value for name, value in named if SECRET.search(name)))


@contextmanager
def connect(spec: ModelSpec, settings: Settings | None = None) -> Iterator[Endpoint]:
    """Endpoint of a spec, for as long as the context lasts.

    Raises:
        InputError: the key is not set, or the spec is a recording, which nobody serves.
    """
    if spec.kind == "recorded":
        raise InputError(f"{spec.text} is a recording: nothing can be asked of it", hint="name a model instead")
    if spec.kind == "local":
        from harness.models.embedded import serve

        with serve(adapters={} if spec.adapter is None else {spec.model.partition("+")[2]: spec.adapter}) as served:
            yield _local_endpoint(spec, served)
        return
    yield _remote_endpoint(spec, settings)


def _remote_endpoint(spec: ModelSpec, settings: Settings | None) -> Endpoint:
    wanted = spec.settings or EndpointSettings(spec.base_url)
    url = urlsplit(spec.base_url)
    path = url.path.rstrip("/")
    # Azure's newer API, whose path ends in v1, is asked as any other.
    azure = "/openai/deployments/" in path or (wanted.kind == "azure" and "/v1" not in path)
    if azure and "/openai" not in path:
        path += "/openai"  # the client puts the deployment, named as the model, behind it
    return Endpoint(
        url._replace(path=path, query="", fragment="").geturl(),
        spec.model,
        _secret(spec.api_key_env, spec.text, settings) if spec.api_key_env else "unused",  # the client insists on one
        concurrency=spec.concurrency,
        timeout_s=wanted.timeout_s,
        own_organization=spec.kind == "openai" and not spec.address,
        headers={
            name: _secret(value[1:], spec.text, settings) if value.startswith("$") else value
            for name, value in wanted.headers.items()
        },
        query=dict(parse_qsl(url.query)),
        settings=wanted,
        azure=azure,
    )


def _secret(variable: str, text: str, settings: Settings | None) -> str:
    """The value of a variable that holds a key.

    Raises:
        InputError: it is not set, or cannot be sent in a header.
    """
    secret = (settings.secret(variable) if settings is not None else None) or ""
    if not secret:
        raise InputError(
            f"{text} needs an API key, and {variable} is not set",
            hint=f"export {variable}=..., or write {variable}=... into .env in this folder",
        )
    key = secret.strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise InputError(
            f"{variable} cannot be sent: it holds spaces, line ends or letters beyond ASCII",
            hint="copy the key again",
        )
    return key


def _local_endpoint(spec: ModelSpec, served: Served) -> Endpoint:
    return Endpoint(
        served.base_url,
        spec.model,
        concurrency=2,  # one is answered, one waits: the server is never idle
        fixed_concurrency=True,
        timeout_s=600.0,  # a busy two-core machine gives a few tokens a second
    )


@contextmanager
def connect_all(
    specs: Sequence[ModelSpec], settings: Settings
) -> Iterator[Callable[[ModelSpec], AbstractContextManager[Endpoint]]]:
    """A `connect` for several models, in which the local ones share one embedded server, started at the first use."""
    adapters = {spec.model.partition("+")[2]: spec.adapter for spec in specs if spec.adapter is not None}
    with ExitStack() as stack:
        served: list[Served] = []

        @contextmanager
        def open_endpoint(spec: ModelSpec) -> Iterator[Endpoint]:
            if spec.kind != "local":
                with connect(spec, settings) as endpoint:
                    yield endpoint
                return
            if not served:
                from harness.models.embedded import serve

                served.append(stack.enter_context(serve(adapters=adapters)))
            yield _local_endpoint(spec, served[0])

        yield open_endpoint
