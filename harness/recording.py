"""Answers written to a file that a later comparison can use when the model itself is gone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import InputError
from harness.models.outcomes import Completion


def write_recording(path: Path, completions: Sequence[Completion], manifest: Mapping[str, object]) -> None:
    """Write one journal record a line, and `<path>.manifest.json` with what they were made from.

    Args:
        path: Of the recording; replaced if it exists.
        completions: Scored outcomes only, in the order of the cases.
        manifest: Provenance: hashes of cases, prompt, profile and decoding, dates, versions. The hash of the recording
            itself is added, so that a changed line is found.

    Raises:
        InputError: the file cannot be written.
    """
    body = "".join(json.dumps(completion.to_record()) + "\n" for completion in completions).encode()
    stated = {**manifest, "recording_sha256": hashlib.sha256(body).hexdigest()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        path.with_name(path.name + ".manifest.json").write_text(
            json.dumps(stated, indent=1, ensure_ascii=True) + "\n", encoding="utf-8"
        )
    except OSError as error:
        raise InputError(
            f"cannot write the recording: {error.strerror}", path=path, hint="choose a folder that can be written"
        ) from None
