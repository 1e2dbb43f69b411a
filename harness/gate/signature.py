"""Who made a recording: an SSH signature of its manifest, which holds the hash of the answers.

`ssh-keygen -Y sign -f ~/.ssh/id_ed25519 -n gonogo REC.jsonl.manifest.json` signs; OpenSSH itself checks it here, so
that no cryptography is gonogo's own.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from harness.answers import MANIFEST_SUFFIX
from harness.errors import EvidenceError, InputError
from harness.files import open_file, read_whole

_NAME = "gonogo"  # the namespace of the signatures, and what their makers are called here


def require_signature(recording: Path, keys: Path) -> None:
    """Refuse a recording whose manifest nobody signed who is trusted.

    Args:
        recording: The file of answers.
        keys: Public keys that are trusted, one a line, as in `id_ed25519.pub`.

    Raises:
        InputError: the keys cannot be read, or OpenSSH is not installed.
        EvidenceError: no manifest, no signature, or none by one of these keys.
    """
    program = shutil.which("ssh-keygen")
    if program is None:
        raise InputError("--require-signature needs ssh-keygen", hint="install OpenSSH 8.2 or later")
    trusted = [f"{_NAME} {line.strip()}\n" for line in read_whole(keys).splitlines() if line.strip()]
    manifest = recording.with_name(recording.name + MANIFEST_SUFFIX)
    with tempfile.TemporaryDirectory() as folder:
        signers = Path(folder, "signers")
        signers.write_text("".join(trusted), encoding="utf-8")
        command = [program, "-Y", "verify", "-f", str(signers), "-I", _NAME, "-n", _NAME, "-s", f"{manifest}.sig"]
        try:
            with open_file(manifest) as file:
                done = subprocess.run(command, stdin=file, capture_output=True, timeout=30, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EvidenceError(f"{manifest}: the signature cannot be checked: {error}") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip() or "no reason given"
        raise EvidenceError(
            f"{manifest}: no signature by a key of {keys} ({said})\n"
            f"  whoever made it signs it: ssh-keygen -Y sign -f KEY -n {_NAME} {manifest.name}"
        )
