"""Downloads one wheel, alone, from the user's package registry, with a progress bar on stderr.

pip does it where this interpreter has pip, because pip knows the user's mirrors, proxies and certificates. An
environment made by uv has none: then the registry's simple index (PEP 503 and 691) is read directly, from the
address in UV_DEFAULT_INDEX, UV_INDEX_URL or PIP_INDEX_URL, or from PyPI.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

from harness.errors import EndpointError

_POLL_S = 0.1
_PIP_LOG = "pip.log"
_TIMEOUT_S = 30
_CHUNK = 1 << 18
_MAX_INDEX_BYTES = 20 << 20
_INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
_PYPI = "https://pypi.org/simple"
_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"

Report = Callable[[int], None]


def download_wheel(package: str, version: str, into: Path, *, expected_size: int) -> Path:
    """Download the wheel of `package` at `version`, without its dependencies, into the folder `into`.

    Args:
        package: Name on the registry.
        version: Exact version.
        into: An empty folder of the caller's; also used for temporary files.
        expected_size: Bytes, for the progress bar only.

    Raises:
        EndpointError: The registry cannot be reached or does not have that wheel.
        OSError: `into` cannot be written.
    """
    fetch = _with_pip if _has_pip() else _without_pip
    with _progress(f"{package} {version}", expected_size) as report:
        return fetch(package, version, into, report)


def _has_pip() -> bool:
    return importlib.util.find_spec("pip") is not None


def _with_pip(package: str, version: str, into: Path, report: Report) -> Path:
    """Let pip download; it reports nothing useful to a pipe, so the growing file is watched instead."""
    log = into / _PIP_LOG
    # -P: a folder named pip where the user happens to stand must not be run.
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar=off", "--retries=2"]
    command += ["--dest", str(into), f"{package}=={version}"]
    # TMPDIR: pip's partial file is then ours to watch and to remove. Nothing is installed: no virtualenv needed.
    environment = os.environ | {"TMPDIR": str(into), "PIP_REQUIRE_VIRTUALENV": "0"}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)
        try:
            while process.poll() is None:
                report(_largest_file(into))
                time.sleep(_POLL_S)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
    wheel = next(into.glob("*.whl"), None)
    if process.returncode != 0 or wheel is None:
        raise EndpointError(f"pip could not download {package} {version}: {_pip_reason(log)}")
    report(wheel.stat().st_size)
    return wheel


def _largest_file(folder: Path) -> int:
    """Bytes of the largest file below `folder`: pip's partial download."""
    largest = 0
    for parent, _, names in os.walk(folder):
        for name in set(names) - {_PIP_LOG}:
            try:
                largest = max(largest, (Path(parent) / name).stat().st_size)
            except OSError:  # moved or removed by pip in between
                continue
    return largest


def _pip_reason(log: Path) -> str:
    """The last error line that pip wrote, without any password in an address."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith("ERROR")] or lines or ["it gave no reason"]
    warnings = [line for line in lines if "Errno" in line or "timed out" in line or "SSL" in line]
    return _without_secrets(" | ".join([*warnings[-1:], telling[-1]]))[:600]


def _without_pip(package: str, version: str, into: Path, report: Report) -> Path:
    """Read the simple index and download the wheel that it names, over plain HTTPS."""
    chosen = next((os.environ[name] for name in _INDEX_VARIABLES if os.environ.get(name)), _PYPI)
    page = f"{chosen.rstrip('/')}/{package}/"
    try:
        name, address = _find_wheel(page, package, version)
        target = into / name
        with _open(address) as reply, target.open("wb") as sink:
            while chunk := reply.read(_CHUNK):
                sink.write(chunk)
                report(sink.tell())
            announced = reply.headers.get("Content-Length")
            if announced is not None and sink.tell() != int(announced):
                raise EndpointError(f"the download of {name} stopped at {sink.tell()} of {announced} bytes")
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        reason = _without_secrets(str(error))
        raise EndpointError(
            f"{package} {version} cannot be downloaded from {_without_secrets(page)}: {reason}"
        ) from error
    return target


def _find_wheel(page: str, package: str, version: str) -> tuple[str, str]:
    """File name and absolute address of the wheel on the index page `page`."""
    with _open(page) as reply:
        kind, body = reply.headers.get_content_type(), reply.read(_MAX_INDEX_BYTES).decode(errors="replace")
        base = reply.geturl()
    try:
        addresses = [str(file["url"]) for file in json.loads(body)["files"]] if kind.endswith("json") else None
    except (ValueError, KeyError, TypeError):
        addresses = []
    if addresses is None:
        addresses = [unescape(link) for link in re.findall(r"""href\s*=\s*["']([^"']+)["']""", body)]
    prefix = f"{re.sub(r'[-_.]+', '_', package)}-{version}-"
    for address in addresses:
        name = urllib.parse.unquote(urllib.parse.urlsplit(address).path.rsplit("/", 1)[-1])
        if name.startswith(prefix) and name.endswith(".whl"):
            return name, urllib.parse.urljoin(base, address)
    raise EndpointError(f"{_without_secrets(page)} lists no wheel of {package} {version}")


def _open(address: str) -> http.client.HTTPResponse:
    """GET `address`; only web addresses, whatever an environment variable or an index page may say."""
    if not address.startswith(("https://", "http://")):
        raise EndpointError(f"not a web address: {_without_secrets(address)}")
    request = urllib.request.Request(address, headers={"Accept": _ACCEPT, "User-Agent": "gonogo"})  # noqa: S310 - checked above
    reply: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=_TIMEOUT_S)  # noqa: S310 - the same
    return reply


def _without_secrets(text: str) -> str:
    """`text` with user names and passwords taken out of addresses."""
    return re.sub(r"://[^/@\s]+@", "://****@", text)


@contextmanager
def _progress(label: str, total: int) -> Iterator[Report]:
    """A progress bar on stderr; yields the function that is told the bytes so far."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total)
        yield lambda done: bar.update(task, completed=done)
