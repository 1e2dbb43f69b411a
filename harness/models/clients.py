"""The one place that builds HTTP clients, so that proxies, certificates and retries are the same for every request.

A proxy of the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY) is used as it is everywhere else, with two
exceptions: this machine's own servers are never asked through one, and one that cannot be used is an error of one
line before anything is sent. The openai package is imported only when a client is built (0.5 s CPU).
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from harness.errors import EndpointError

if TYPE_CHECKING:
    import openai

    from harness.models.connect import Endpoint

CONNECT_TIMEOUT_S = 10.0
TRANSFER_TIMEOUT_S = 600.0  # 200 MB at 3 Mbit/s
_PROXY_SCHEMES = ("http", "https")


def open_client(endpoint: Endpoint, timeout_s: float = TRANSFER_TIMEOUT_S) -> openai.OpenAI:
    """A client for calls one by one: lists, files, batches, jobs. Its own retries are off.

    Raises:
        EndpointError: the environment's proxy or certificates cannot be used.
    """
    import openai

    http = openai.DefaultHttpxClient(timeout=timeout_s, **_http_options(endpoint.base_url))
    kind = openai.AzureOpenAI if endpoint.azure else openai.OpenAI
    client = kind(**_options(endpoint), timeout=timeout_s, http_client=http)
    if not endpoint.own_organization:
        client.organization = client.project = None
    return client


def open_async_client(endpoint: Endpoint) -> openai.AsyncOpenAI:
    """A client for many calls at once, on aiohttp. Its own retries are off: `harness.models.retry` has them.

    Raises:
        EndpointError: the environment's proxy or certificates cannot be used.
    """
    import httpx2
    import openai

    timeout = httpx2.Timeout(endpoint.timeout_s, connect=CONNECT_TIMEOUT_S)
    limits = httpx2.Limits(max_connections=endpoint.concurrency, max_keepalive_connections=endpoint.concurrency)
    http = openai.DefaultAioHttpClient(timeout=timeout, limits=limits, **_http_options(endpoint.base_url))
    kind = openai.AsyncAzureOpenAI if endpoint.azure else openai.AsyncOpenAI
    client = kind(**_options(endpoint), timeout=timeout, http_client=http)
    if not endpoint.own_organization:
        client.organization = client.project = None
    return client


def _options(endpoint: Endpoint) -> dict[str, Any]:
    version = {"api_version": endpoint.query.get("api-version", "")} if endpoint.azure else {}
    return {
        **version,
        "api_key": endpoint.key,
        "default_headers": dict(endpoint.headers),
        "default_query": dict(endpoint.query),
        "base_url": endpoint.base_url,
        "max_retries": 0,
        "_strict_response_validation": endpoint.strict,
    }


def _http_options(base_url: str) -> dict[str, Any]:
    """Proxy and certificates; what the HTTP library would read of the environment by itself is off."""
    import httpx2

    try:
        certificates = httpx2.create_ssl_context(trust_env=True)  # reads SSL_CERT_FILE and SSL_CERT_DIR
    except OSError as error:
        raise EndpointError(
            f"the certificates of SSL_CERT_FILE or SSL_CERT_DIR cannot be read ({error.strerror or error})\n"
            "  name a file of certificates in PEM form, or unset the variable"
        ) from None
    return {"proxy": proxy_for(base_url), "verify": certificates, "trust_env": False}


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
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in _PROXY_SCHEMES and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # brackets left open, a port that is none
        usable = False
    if not usable:
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
