"""Opens the endpoint that a spec names: starts the embedded server for `local`, finds the key and proxy for others.

A proxy of the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY) is used as it is everywhere else, with two
exceptions: this machine's own servers are never asked through one, and one that cannot be used is an error of one
line before anything is sent. Nothing heavy is imported here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit
from urllib.request import getproxies, proxy_bypass

from harness.config import EndpointSettings, http_address
from harness.errors import EndpointError, InputError
from harness.models.specs import SECRET, ModelSpec, read_key

if TYPE_CHECKING:
    from harness.config import Settings


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible endpoint, ready to be asked.

    Attributes:
        base_url: Such as `http://127.0.0.1:8080/v1`, without a query.
        settings: How the server wants to be asked; its headers and query as they are sent, secrets and all.
        own_organization: False keeps OPENAI_ORG_ID and OPENAI_PROJECT_ID from servers that are not OpenAI's.
        azure: It has Azure's addresses and takes the key in Azure's own header.
    """

    base_url: str
    model: str
    key: str = field(default="unused", repr=False)  # the client insists on one
    settings: EndpointSettings = field(default=EndpointSettings("", concurrency=64), repr=False)
    own_organization: bool = False
    azure: bool = False

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not stand in any message: the key, and headers and query fields whose names say so."""
        named = [*self.settings.headers.items(), *self.settings.query.items()]
        return (self.key, *(value for name, value in named if SECRET.search(name)))


@contextmanager
def connect(spec: ModelSpec, settings: Settings | None = None) -> Iterator[Endpoint]:
    """Endpoint of a spec, for as long as the context lasts.

    Raises:
        InputError: the key is not set, or the spec is a recording, which nobody serves.
    """
    with connect_all([spec], settings) as open_endpoint, open_endpoint(spec) as endpoint:
        yield endpoint


@contextmanager
def connect_all(
    specs: Sequence[ModelSpec], settings: Settings | None
) -> Iterator[Callable[[ModelSpec], AbstractContextManager[Endpoint]]]:
    """A `connect` for several models, in which the local ones share one embedded server, started at the first use."""
    adapters = {spec.model.partition("+")[2]: spec.adapter for spec in specs if spec.adapter is not None}
    local_urls: list[str] = []
    with ExitStack() as stack:

        @contextmanager
        def open_endpoint(spec: ModelSpec) -> Iterator[Endpoint]:
            if spec.kind == "recorded":
                raise InputError(f"{spec.text} is a recording: nothing can be asked of it", hint="name a model instead")
            if spec.kind != "local":
                yield _remote_endpoint(spec, settings)
                return
            if not local_urls:
                from harness.models.embedded import serve

                local_urls.append(stack.enter_context(serve(adapters=adapters)).base_url)
            # One request is answered, one waits: the server is never idle. A busy machine gives a few tokens a second.
            yield Endpoint(local_urls[0], spec.model, settings=EndpointSettings("", concurrency=2, timeout_s=600.0))

        yield open_endpoint


def _remote_endpoint(spec: ModelSpec, settings: Settings | None) -> Endpoint:
    url = urlsplit(spec.base_url)
    path = url.path.rstrip("/")
    # Azure's newer API, whose path ends in v1, is asked as any other.
    azure = "/openai/deployments/" in path or (spec.settings.kind == "azure" and "/v1" not in path)
    if azure and "/openai" not in path:
        path += "/openai"  # the client puts the deployment, named as the model, behind it
    headers = {
        name: read_key(value[1:], spec.text, settings) if value.startswith("$") else value
        for name, value in spec.settings.headers.items()
    }
    return Endpoint(
        url._replace(path=path, query="", fragment="").geturl(),
        spec.model,
        read_key(spec.api_key_env, spec.text, settings) if spec.api_key_env else "unused",
        replace(spec.settings, headers=headers, query=dict(parse_qsl(url.query))),
        own_organization=spec.kind == "openai" and not spec.address,
        azure=azure,
    )


def proxy_for(base_url: str) -> str | None:
    """The environment's proxy for an address, None where it is asked directly.

    Raises:
        EndpointError: it is a SOCKS proxy or no address at all.
    """
    if is_loopback(base_url):
        return None
    url = urlsplit(base_url)
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(url.netloc.rpartition("@")[2]):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if http_address(proxy) is None:
        raise EndpointError(
            f"{url.scheme}://{url.hostname} cannot be asked: the proxy {shown_proxy(proxy)} of the environment is "
            "not an http proxy\n"
            f"  set {url.scheme.upper()}_PROXY to an http:// proxy, or NO_PROXY={url.hostname} to ask without one"
        )
    return proxy


def shown_proxy(proxy: str) -> str:
    """A proxy as it may be shown: without user name and password."""
    scheme, _, rest = proxy.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def is_loopback(base_url: str) -> bool:
    """True for this machine's own addresses."""
    host = urlsplit(base_url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified
