"""Opens the endpoint that a spec names: starts the embedded server for `local`, finds the key for the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.errors import InputError
from harness.models.specs import ModelSpec

if TYPE_CHECKING:
    from harness.config import Settings
    from harness.models.embedded import Served


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible endpoint, ready to be asked.

    Attributes:
        base_url: Such as `http://127.0.0.1:8080/v1`.
        model: Model id to send.
        key: API key; never shown.
        concurrency: Requests in flight at most.
        fixed_concurrency: True where the server answers in turns, so that there is nothing to adapt.
        timeout_s: Seconds that one attempt may take from sending to the last byte.
        own_organization: False keeps OPENAI_ORG_ID and OPENAI_PROJECT_ID from servers that are not OpenAI's.
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
    key = "unused"  # the client insists on one
    if spec.api_key_env:
        secret = settings.secret(spec.api_key_env) if settings is not None else None
        if not secret:
            raise InputError(
                f"{spec.text} needs an API key, and {spec.api_key_env} is not set",
                hint=f"export {spec.api_key_env}=..., or write {spec.api_key_env}=... into .env in this folder",
            )
        key = secret.strip()
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise InputError(
                f"{spec.api_key_env} cannot be sent: it holds spaces, line ends or letters beyond ASCII",
                hint="copy the key again",
            )
    yield Endpoint(spec.base_url, spec.model, key, concurrency=spec.concurrency, own_organization=spec.kind == "openai")


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
